//! The counts of a completion audit, where they are known.

use crate::judge::gate::AuditCount;
use crate::judge::summary::Summary;
use crate::run::completion::{Completion, EffectReporting};

/// The counts that may be gated; `None` where the audit could not see them.
pub(super) fn counts(completion: &Completion) -> [(AuditCount, Option<u64>); 4] {
    AuditCount::ALL.map(|what| (what, count(completion, what)))
}

pub(super) fn count(completion: &Completion, what: AuditCount) -> Option<u64> {
    let duplicated = completion.duplicated();
    let seen = completion.sees_duplicates() || duplicated > 0;
    match what {
        AuditCount::Lost => Some(completion.lost),
        AuditCount::Duplicated => seen.then_some(duplicated),
        AuditCount::Dead => Some(completion.dead),
        // An event that may belong to the run is not counted as unexpected.
        AuditCount::Unexpected => completion
            .unexpected
            .filter(|them| them.at_least > 0 || them.at_most == 0)
            .map(|them| them.at_least),
    }
}

/// How often events were inserted twice, where that is reported or was seen.
pub(super) fn twice(count: u64, reporting: EffectReporting) -> Option<u64> {
    (reporting == EffectReporting::Reported || count > 0).then_some(count)
}

/// Accepted events in ascending order of the time to completion, those not done above all.
pub(super) fn summary(completion: &Completion) -> Summary {
    Summary::of(&completion.done, Some(completion.patience))
}
