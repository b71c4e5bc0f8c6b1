//! The sequence of response times as a run file keeps it.

use serde::{Deserialize, Serialize};

use super::borrowed_text::BorrowedText;
use crate::run::recording::Sequence;

/// The response times of the first requests, in order of the intended start.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SequenceDocument<'a> {
    /// Number of requests: all of them, or the first 1,000,000.
    pub(super) length: u64,
    /// zlib in base64 of a code per request, two bytes each, the lower one first. A code is the octave of the latency
    /// in ns, 1 for 2,048 ns, and in its lower 11 bits those that follow the highest one of the latency. 0 stands for
    /// less than 2,048 ns, 65,535 for a request that did not end ok, 65,534 for 2^42 ns less two steps and more.
    #[serde(borrow)]
    pub(super) codes: BorrowedText<'a>,
    /// zlib in base64 of a byte per request: the number of codes by which the send lag raised its code. 255 stands for
    /// that and more, and codes from 1 to 2,047 are not counted, since there are none.
    #[serde(borrow)]
    pub(super) lags: BorrowedText<'a>,
}

impl From<&Sequence> for SequenceDocument<'_> {
    fn from(sequence: &Sequence) -> Self {
        SequenceDocument {
            length: sequence.len(),
            codes: sequence.encode_codes().into(),
            lags: sequence.encode_lags().into(),
        }
    }
}
