//! Nothing wrong: every cause is shown not to matter, and the latency is within the target.

use super::bounded_share::BoundedShare;
use super::cause::{CauseFinding, CauseNextStep, RootCause, Support};
use super::evidence::{CauseEvidence, OverallReason};
use super::observations::Observations;

/// Share of the requests that may be above the target: P95 within it.
const ALLOWED: f64 = 0.05;

pub(super) fn nothing_wrong(observed: &Observations, causes: &[CauseFinding]) -> CauseFinding {
    let steps = [
        &observed.alone,
        &observed.one_at_a_time,
        &observed.probe_during_load,
        &observed.load_during_probe,
    ];
    let rows = steps
        .into_iter()
        .flatten()
        .map(|step| step.above(observed.target));
    let rows: Vec<_> = rows.collect();
    let share = BoundedShare::of(rows.iter().flat_map(|row| row.iter()));
    let reason = overall(share, causes);
    let support = match reason {
        OverallReason::CauseFound | OverallReason::BeyondTarget => Support::NotSupported,
        OverallReason::CausesOpen | OverallReason::TargetOpen => Support::NotEnough,
        OverallReason::AllRuledOut => Support::Supported,
    };
    let within = CauseEvidence::AboveTarget {
        target: observed.target,
        share,
    };
    CauseFinding {
        cause: RootCause::Nothing,
        support,
        cost: None,
        evidence: vec![within, CauseEvidence::Overall(reason)],
        next: (support == Support::NotEnough).then_some(CauseNextStep::LargerBudget),
    }
}

fn overall(above_target: BoundedShare, causes: &[CauseFinding]) -> OverallReason {
    let any = |support| causes.iter().any(|finding| finding.support == support);
    if any(Support::Supported) {
        OverallReason::CauseFound
    } else if above_target.low > ALLOWED {
        OverallReason::BeyondTarget
    } else if any(Support::NotEnough) {
        OverallReason::CausesOpen
    } else if above_target.high <= ALLOWED {
        OverallReason::AllRuledOut
    } else {
        OverallReason::TargetOpen
    }
}
