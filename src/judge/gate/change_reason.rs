//! Why a gate on two runs came out as it did.

/// Why a gate on two runs came out as it did; ratios are after divided by before, at 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ChangeReason {
    /// The percentile was not compared.
    NotCompared,
    /// One side has too few requests, or they are worth too few because they come in bursts.
    Unresolved(UnresolvedChange),
    /// Without the send lag of this machine the verdict would be another.
    SentLate {
        /// The smallest ratio without the send lag.
        low: f64,
        /// The largest.
        high: f64,
    },
    /// It passes: the ratio is at most this.
    RatioAtMost(f64),
    /// It fails: the ratio is at least this.
    RatioAtLeast(f64),
    /// It fails: failures stand after where the percentile was.
    FailuresAfter,
    /// The interval lies on both sides of the limit.
    RatioBetween {
        /// The smallest ratio.
        low: f64,
        /// The largest.
        high: f64,
    },
}

/// What an interval of a change lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnresolvedChange {
    /// Requests before and after.
    pub planned: [u64; 2],
    /// The number of independent requests that are worth as much, before and after.
    pub independent: [u64; 2],
    /// Requests that each side needs.
    pub samples_needed: u64,
}

/// Which of two runs were cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutRuns {
    /// The one before.
    Before,
    /// The one after.
    After,
    /// Both.
    Both,
}
