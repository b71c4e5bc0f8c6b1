//! A histogram as a run file keeps it.

use serde::{Deserialize, Serialize};

use super::borrowed_text::BorrowedText;
use crate::run::histogram::Histogram;

/// A histogram and its exact extremes.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct HistogramDocument<'a> {
    /// Number of values.
    pub(super) count: u64,
    /// Smallest value, exact; absent if there is none.
    pub(super) min_ns: Option<u64>,
    /// Largest value, exact; absent if there is none.
    pub(super) max_ns: Option<u64>,
    /// HdrHistogram's V2 compressed encoding in base64.
    #[serde(borrow)]
    pub(super) hdr: BorrowedText<'a>,
}

impl From<&Histogram> for HistogramDocument<'_> {
    fn from(histogram: &Histogram) -> Self {
        HistogramDocument {
            count: histogram.count(),
            min_ns: histogram.min_ns(),
            max_ns: histogram.max_ns(),
            hdr: histogram.encode().into(),
        }
    }
}
