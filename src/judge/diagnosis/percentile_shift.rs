//! The change of a percentile from one step to another.

use std::time::Duration;

use crate::judge::comparison::{ChangeRange, ChangeRanges};
use crate::stats::rank::Quantile;

/// The change of a percentile from one sample to another: 95 % profile intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PercentileShift {
    pub(crate) quantile: Quantile,
    /// Every change in these ranges is compatible with the data.
    pub(crate) ranges: ChangeRanges,
}

impl PercentileShift {
    pub(super) fn middle(&self) -> Option<Duration> {
        let ChangeRange { low, high } = self.ranges.difference_ns;
        let middle = (low + high) / 2.0;
        (middle.is_finite() && middle > 0.0).then(|| Duration::from_nanos(middle as u64))
    }
}
