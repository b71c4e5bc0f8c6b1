//! What the data say about the change of a percentile: the ranges of changes that are compatible with them.

use crate::judge::gate::UnresolvedChange;
use crate::stats::profile;

/// What the data say about the change of a percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ChangeEvidence {
    /// Every change in these ranges is compatible with the data, at [`CONFIDENCE`](crate::judge::summary::CONFIDENCE).
    Interval {
        /// With the latencies as they were measured.
        measured: ChangeRanges,
        /// The same, widened to the changes without this machine's send lag, on either side.
        without_lag: ChangeRanges,
    },
    /// One side has too few requests, or they are worth too few because they come in spells, for an interval of this percentile with two ends.
    Unresolved(UnresolvedChange),
}

/// The changes that are compatible with the data, in two measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangeRanges {
    /// After divided by before: 0.3 is a reduction of 70 %. Ends may be 0 and ∞.
    pub ratio: ChangeRange,
    /// After minus before, in ns. Ends may be ±∞.
    pub difference_ns: ChangeRange,
}

/// From `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangeRange {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl ChangeRanges {
    /// The low ends of one change and the high ends of another.
    pub(in crate::judge) fn of(
        lowest: profile::QuantileChange,
        highest: profile::QuantileChange,
    ) -> ChangeRanges {
        ChangeRanges {
            ratio: ChangeRange {
                low: lowest.ratio.low.value,
                high: highest.ratio.high.value,
            },
            difference_ns: ChangeRange {
                low: lowest.difference.low.value,
                high: highest.difference.high.value,
            },
        }
    }
}
