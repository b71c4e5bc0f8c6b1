//! Network or connection set-up: does a new connection cost what a reused one does not?

use std::time::Duration;

use super::observation::{LatencyOrigin, Observation};
use super::{CauseEvidence, CauseFinding, LARGER, Observations, RootCause, Support};
use crate::judge::summary::CONFIDENCE;
use crate::run::histogram::Histogram;
use crate::stats::rank::{Quantile, min_samples_for_interval};
use crate::units::{Pretty, millis};

pub(super) fn test(observed: &Observations) -> CauseFinding {
    let (Some(reused), Some(new)) = (&observed.alone, &observed.new_connections) else {
        return CauseFinding::without(
            RootCause::Connection,
            format!("{} on new connections", observed.probe),
        );
    };
    let failed = [reused, new]
        .into_iter()
        .find_map(|o| o.failed(&observed.probe));
    if let Some(failed) = failed {
        return CauseFinding::failing(RootCause::Connection, &failed);
    }
    let material = observed.material_ns();
    let Some(change) = reused.change_to(new, Quantile::P50, LatencyOrigin::Start, material) else {
        let n = reused.requests().min(new.requests());
        let why = format!("{n} requests are too few for an interval of P50");
        return CauseFinding::too_few(
            RootCause::Connection,
            why,
            n,
            min_samples_for_interval(Quantile::P50, CONFIDENCE),
        );
    };
    let (low, high) = change.difference_ns;
    let support = match (low > material, high < material) {
        (true, _) => Support::Supported,
        (_, true) => Support::NotSupported,
        _ => Support::NotEnough,
    };
    let compared = CauseEvidence::new(
        format!(
            "{} on new connections {}, on reused ones {}: P50 changes by {} (95 %)",
            observed.probe,
            shown(new.at(Quantile::P50, LatencyOrigin::Start)),
            shown(reused.at(Quantile::P50, LatencyOrigin::Start)),
            change.difference_in_words(),
        ),
        [
            ("difference_low_ms", low / 1e6),
            ("difference_high_ms", high / 1e6),
        ],
    );
    CauseFinding {
        cause: RootCause::Connection,
        support,
        cost: change.middle(),
        evidence: vec![compared, phases(new)],
        next: match support {
            Support::Supported => Some(
            "keep connections alive in the clients; look where the time goes: distance (connect), certificates (tls), \
             a proxy or a slow accept (first_byte)".to_owned(),
            ),
            Support::NotEnough => Some(LARGER.to_owned()),
            Support::NotSupported => None,
        },
    }
}

fn shown(latency: Option<Duration>) -> String {
    latency.map_or("no answer".to_owned(), |latency| {
        format!("P50 {}", Pretty(latency))
    })
}

/// P50 of every phase of a request on a new connection.
fn phases(new: &Observation) -> CauseEvidence {
    let median = |histogram: &Histogram| {
        let rank = Quantile::P50.rank(histogram.count());
        histogram.value_at_rank(rank).map(Duration::from_nanos)
    };
    let medians: Vec<(&'static str, Duration)> = new
        .recording
        .phases
        .named()
        .into_iter()
        .filter_map(|(name, histogram)| Some((name, median(histogram)?)))
        .collect();
    let text: Vec<String> = medians
        .iter()
        .map(|(name, median)| format!("{name} {}", Pretty(*median)))
        .collect();
    let numbers = medians
        .iter()
        .map(|(name, median)| (*name, millis(*median)));
    CauseEvidence::new(format!("phases, P50 each: {}", text.join(", ")), numbers)
}
