//! What a change decides of a gate on two runs.

use crate::judge::gate::{FindingReason, NextStep};
use crate::verdict::Verdict;

/// What a change decides of a gate on two runs.
#[derive(Debug)]
pub(super) struct ChangeDecision {
    pub(super) verdict: Verdict,
    pub(super) reason: FindingReason,
    pub(super) next_step: Option<NextStep>,
}

impl ChangeDecision {
    /// The data do not decide.
    pub(super) fn open(reason: FindingReason, next_step: Option<NextStep>) -> ChangeDecision {
        ChangeDecision {
            verdict: Verdict::Inconclusive,
            reason,
            next_step,
        }
    }
}
