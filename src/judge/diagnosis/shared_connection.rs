//! A shared HTTP/2 connection: do requests that share it wait for each other, and not so on connections of their own?
//!
//! Bursts of as many requests are due at once, over one connection and over one each. What a burst takes, until its last
//! answer, is one independent value. A service that serves one request at a time whatever the connection takes as long
//! both ways; so does one that serves them side by side.

use std::time::Duration;

use super::cause::{CauseFinding, CauseNextStep, RootCause, Support};
use super::evidence::{BurstTimes, CauseEvidence, EndpointRole, MissedStep, SampleKind};
use super::observation::Observation;
use super::observations::{BurstSteps, ConnectionSharing, Observations};
use crate::judge::comparison::{ChangeRange, ChangeRanges};
use crate::judge::summary::CONFIDENCE;
use crate::stats::profile::{self, CUT_95};
use crate::stats::rank::{Quantile, min_samples_for_interval};

/// The first burst opens the connections.
const OPENING: usize = 1;

pub(super) fn test(observed: &Observations) -> CauseFinding {
    let steps = match &observed.sharing {
        ConnectionSharing::None(why) => {
            return CauseFinding {
                cause: RootCause::SharedConnection,
                support: Support::NotSupported,
                cost: None,
                evidence: vec![CauseEvidence::NotShared(*why)],
                next: None,
            };
        }
        ConnectionSharing::Bursts(steps) => steps,
    };
    let (Some(one), Some(many)) = (&steps.one, &steps.many) else {
        return CauseFinding::without(RootCause::SharedConnection, MissedStep::Bursts);
    };
    let failed = [one, many]
        .into_iter()
        .find_map(|observation| observation.failed(EndpointRole::Load));
    if let Some(failed) = failed {
        return CauseFinding::failing(RootCause::SharedConnection, failed);
    }
    compared(
        steps,
        [one, many].map(|step| burst_times(step, steps.burst)),
        observed,
    )
}

fn compared(
    steps: &BurstSteps,
    [one, many]: [Vec<f64>; 2],
    observed: &Observations,
) -> CauseFinding {
    let (present, needed) = (
        one.len().min(many.len()) as u64,
        min_samples_for_interval(Quantile::P50, CONFIDENCE),
    );
    let change = (present >= needed)
        .then(|| profile::change(many.as_slice(), one.as_slice(), Quantile::P50, CUT_95));
    let Some(change) = change.flatten() else {
        return CauseFinding::too_few(
            RootCause::SharedConnection,
            SampleKind::Bursts,
            present,
            needed,
        );
    };
    let ChangeRange { low, high } = ChangeRanges::of(change, change).difference_ns;
    let support = Support::of_effect(low, high, observed.material_ns());
    let times = BurstTimes {
        burst: steps.burst,
        bursts: present,
        one_ns: median(&one),
        many_ns: median(&many),
        longer_ns: ChangeRange { low, high },
    };
    let cost = (times.one_ns - times.many_ns).max(0.0);
    let limit = steps
        .allowed
        .filter(|allowed| *allowed < steps.burst as u64);
    CauseFinding {
        cause: RootCause::SharedConnection,
        support,
        cost: cost.is_finite().then(|| Duration::from_nanos(cost as u64)),
        evidence: std::iter::once(CauseEvidence::BurstTimes(times))
            .chain(limit.map(CauseEvidence::StreamLimit))
            .collect(),
        next: support.next(CauseNextStep::MoreConnections),
    }
}

/// What each burst took from the moment at which it was due to its last answer, without our own lag, in ns; +∞ where a
/// request did not end ok. Bursts that were cut are left out.
fn burst_times(step: &Observation, burst: usize) -> Vec<f64> {
    let Some(sequence) = step.recording.sequence() else {
        return Vec::new();
    };
    let unsent = step.recording.counts.unsent;
    let sent = step.requests().saturating_sub(unsent) as usize;
    let times: Vec<f64> = { sequence.places().take(sent) }
        .map(|(_, entry)| entry.without_lag_ns())
        .collect();
    let bursts = times.chunks_exact(burst).skip(OPENING);
    bursts
        .map(|burst| burst.iter().copied().fold(0.0, f64::max))
        .collect()
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[sorted.len().div_ceil(2) - 1]
}

/// Other causes that a shared connection explains as well: its requests wait as those of a blocked loop and of a queue
/// do. They stay open until the service is measured without it.
pub(super) fn leave_open(findings: &mut [CauseFinding]) {
    let is_shown = |finding: &CauseFinding| {
        finding.cause == RootCause::SharedConnection && finding.support == Support::Supported
    };
    if !findings.iter().any(is_shown) {
        return;
    }
    for finding in findings {
        let looks_alike = matches!(finding.cause, RootCause::BlockedLoop | RootCause::Queueing);
        if looks_alike && finding.support == Support::Supported {
            finding.support = Support::NotEnough;
            finding.evidence.insert(0, CauseEvidence::SharedConnection);
            finding.next = Some(CauseNextStep::SeparateConnections);
        }
    }
}
