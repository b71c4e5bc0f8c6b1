//! A slow call inside every request: does a request that meets no other take long?

use std::time::Duration;

use super::cause::{CauseFinding, CauseNextStep, RootCause, Support};
use super::evidence::{CauseEvidence, EndpointRole, MissedStep, SampleKind};
use super::observation::{LatencyOrigin, Observation};
use super::observations::Observations;
use crate::judge::summary::CONFIDENCE;
use crate::stats::rank::{Quantile, min_samples_for_interval};

/// The metric of `Server-Timing` that holds all the others.
const WHOLE: &str = "total";

pub(super) fn test(observed: &Observations) -> CauseFinding {
    let (Some(probe), Some(load)) = (&observed.alone, &observed.one_at_a_time) else {
        return CauseFinding::without(RootCause::SlowCall, MissedStep::OneAtATime);
    };
    let failed = load
        .failed(EndpointRole::Load)
        .or_else(|| probe.failed(EndpointRole::Probe));
    if let Some(failed) = failed {
        return CauseFinding::failing(RootCause::SlowCall, failed);
    }
    let material = observed.material_ns();
    let Some(shift) = probe.change_to(load, Quantile::P50, LatencyOrigin::Send, material) else {
        return CauseFinding::too_few(
            RootCause::SlowCall,
            SampleKind::RequestsForMedian,
            load.requests().min(probe.requests()),
            min_samples_for_interval(Quantile::P50, CONFIDENCE),
        );
    };
    let difference = shift.ranges.difference_ns;
    let support = Support::of_effect(difference.low, difference.high, material);
    let compared = CauseEvidence::OneAtATime {
        load: load.shape(),
        probe: probe.shape(),
        shift,
    };
    CauseFinding {
        cause: RootCause::SlowCall,
        support,
        cost: shift.middle(),
        evidence: std::iter::once(compared)
            .chain(server_timing(load))
            .collect(),
        next: support.next(CauseNextStep::AnswerBeforeTheCall),
    }
}

/// The metric that takes the largest part of the service time.
fn server_timing(load: &Observation) -> Option<CauseEvidence> {
    let service = load.service(Quantile::P50)?;
    let medians = load.recording.server_timing.iter().filter_map(|(name, h)| {
        let median = h.value_at_rank(Quantile::P50.rank(h.count()))?;
        (name != WHOLE).then(|| (name, Duration::from_nanos(median)))
    });
    let (metric, median) = medians.max_by_key(|(_, median)| *median)?;
    Some(CauseEvidence::ServerTiming {
        metric: metric.to_string(),
        median,
        share: median.as_secs_f64() / service.as_secs_f64(),
    })
}
