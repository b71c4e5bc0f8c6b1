//! Network or connection set-up: does a new connection cost what a reused one does not?

use std::time::Duration;

use super::cause::{CauseFinding, CauseNextStep, RootCause, Support};
use super::evidence::{CauseEvidence, EndpointRole, MissedStep, SampleKind};
use super::observation::{LatencyOrigin, Observation};
use super::observations::Observations;
use crate::judge::summary::CONFIDENCE;
use crate::run::histogram::Histogram;
use crate::stats::rank::{Quantile, min_samples_for_interval};

pub(super) fn test(observed: &Observations) -> CauseFinding {
    let (Some(reused), Some(new)) = (&observed.alone, &observed.new_connections) else {
        return CauseFinding::without(RootCause::Connection, MissedStep::NewConnections);
    };
    let failed = [reused, new]
        .into_iter()
        .find_map(|observation| observation.failed(EndpointRole::Probe));
    if let Some(failed) = failed {
        return CauseFinding::failing(RootCause::Connection, failed);
    }
    let material = observed.material_ns();
    let Some(shift) = reused.change_to(new, Quantile::P50, LatencyOrigin::Start, material) else {
        return CauseFinding::too_few(
            RootCause::Connection,
            SampleKind::RequestsForMedian,
            reused.requests().min(new.requests()),
            min_samples_for_interval(Quantile::P50, CONFIDENCE),
        );
    };
    let difference = shift.ranges.difference_ns;
    let support = Support::of_effect(difference.low, difference.high, material);
    let compared = CauseEvidence::NewConnections {
        new: new.at(Quantile::P50, LatencyOrigin::Start),
        reused: reused.at(Quantile::P50, LatencyOrigin::Start),
        shift,
    };
    CauseFinding {
        cause: RootCause::Connection,
        support,
        cost: shift.middle(),
        evidence: vec![compared, phases(new)],
        next: support.next(CauseNextStep::KeepConnections),
    }
}

/// P50 of every phase of a request on a new connection.
fn phases(new: &Observation) -> CauseEvidence {
    let median = |histogram: &Histogram| {
        let rank = Quantile::P50.rank(histogram.count());
        histogram.value_at_rank(rank).map(Duration::from_nanos)
    };
    let named = new.recording.phases.named().into_iter();
    let medians = named.filter_map(|(name, histogram)| Some((name, median(histogram)?)));
    CauseEvidence::Phases(medians.collect())
}
