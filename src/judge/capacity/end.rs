//! How a search ended.

use crate::verdict::Verdict;

/// Why no further trial was sent. Rates are in requests per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CapacityEnd {
    /// Both bounds are shown, at most a width apart.
    Claimed,
    /// Both bounds are shown, further apart.
    ClaimedWide,
    /// The lower bound is shown, and no rate up to `--to` failed.
    NeverFailed,
    /// The upper end is a rate that this machine could not offer.
    ClientLimited {
        /// The lowest of them.
        at: f64,
    },
    /// The lowest rate fails.
    LessThanFrom,
    /// Only the lower bound is shown.
    UpperNotShown,
    /// Only the upper bound is shown.
    LowerNotShown,
    /// Neither bound is shown.
    Undecided,
    /// A rate passed that is not below one that failed: the service changed during the search. Both are withheld.
    Contradiction,
    /// The service did not answer again as in the reference.
    DoesNotRecover {
        /// The rate before.
        after: f64,
    },
}

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacityResult {
    /// Why it ended.
    pub end: CapacityEnd,
    /// L, the highest rate that is shown to pass.
    pub lower: Option<f64>,
    /// U, the lowest rate that is shown to fail.
    pub upper: Option<f64>,
    /// Where narrowing ended; `None` if the search ended before.
    pub searched: Option<SearchedRange>,
    /// Rates whose blocks contradicted the short trials: a FAIL at L, a PASS at U, a U far above L.
    pub not_repeatable: Vec<f64>,
    /// Tests of pairs of blocks.
    pub pair_tests: u32,
}

/// The rates between which the short trials point. They claim nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchedRange {
    /// The last good one.
    pub low: f64,
    /// The first bad one; `None` if none was.
    pub high: Option<f64>,
}

impl CapacityResult {
    /// PASS if the lower bound is shown, and the upper one is shown or there is none to show; FAIL if the lowest rate
    /// fails or the service does not recover.
    pub fn verdict(&self) -> Verdict {
        match self.end {
            CapacityEnd::Claimed | CapacityEnd::ClaimedWide | CapacityEnd::NeverFailed => {
                Verdict::Pass
            }
            CapacityEnd::ClientLimited { .. } if self.lower.is_some() => Verdict::Pass,
            CapacityEnd::LessThanFrom | CapacityEnd::DoesNotRecover { .. } => Verdict::Fail,
            CapacityEnd::ClientLimited { .. }
            | CapacityEnd::UpperNotShown
            | CapacityEnd::LowerNotShown
            | CapacityEnd::Undecided
            | CapacityEnd::Contradiction => Verdict::Inconclusive,
        }
    }
}
