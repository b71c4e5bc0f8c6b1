//! Nothing wrong: every cause is shown not to matter, and the latency is within the target.

use super::observation::BoundedShare;
use super::{CauseEvidence, CauseFinding, LARGER, Observations, RootCause, Support};
use crate::units::Pretty;

/// Share of the requests that may be above the target: P95 within it.
const ALLOWED: f64 = 0.05;

pub(super) fn nothing_wrong(observed: &Observations, causes: &[CauseFinding]) -> CauseFinding {
    let steps = [
        &observed.alone,
        &observed.one_at_a_time,
        &observed.beside,
        &observed.meanwhile,
    ];
    let rows = steps
        .into_iter()
        .flatten()
        .map(|step| step.above(observed.target));
    let rows: Vec<_> = rows.collect();
    let share = BoundedShare::of(rows.iter().flat_map(|row| row.iter()));
    let within = CauseEvidence::new(
        format!(
            "above {}: {} of all requests at light load",
            Pretty(observed.target),
            share.in_words()
        ),
        [("share_high", share.high)],
    );
    let any = |support| causes.iter().any(|finding| finding.support == support);
    let (support, why) = match () {
        () if any(Support::Supported) => (Support::NotSupported, "a likely cause was found"),
        () if share.low > ALLOWED => (
            Support::NotSupported,
            "the latency is beyond the target, and none of these causes is shown to be why",
        ),
        () if any(Support::NotEnough) => (Support::NotEnough, "not every cause is ruled out"),
        () if share.high <= ALLOWED => (Support::Supported, "every cause is ruled out"),
        () => (
            Support::NotEnough,
            "P95 is not shown to be within the target",
        ),
    };
    CauseFinding {
        cause: RootCause::Nothing,
        support,
        cost: None,
        evidence: vec![within, CauseEvidence::text(why)],
        next: match support {
            Support::NotEnough => Some(LARGER.to_owned()),
            _ => None,
        },
    }
}
