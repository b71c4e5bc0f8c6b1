//! A slow call inside every request: does a request that meets no other take long?

use std::time::Duration;

use super::observation::{LatencyOrigin, Observation};
use super::{CauseEvidence, CauseFinding, LARGER, Observations, RootCause, Support};
use crate::judge::summary::CONFIDENCE;
use crate::stats::rank::{Quantile, min_samples_for_interval};
use crate::units::{Pretty, millis, trimmed};

/// The metric of `Server-Timing` that holds all the others.
const WHOLE: &str = "total";

pub(super) fn test(observed: &Observations) -> CauseFinding {
    let (Some(probe), Some(load)) = (&observed.alone, &observed.one_at_a_time) else {
        return CauseFinding::without(
            RootCause::SlowCall,
            format!("{} one at a time", observed.load),
        );
    };
    let failed = load
        .failed(&observed.load)
        .or_else(|| probe.failed(&observed.probe));
    if let Some(failed) = failed {
        return CauseFinding::failing(RootCause::SlowCall, &failed);
    }
    let material = observed.material_ns();
    let Some(change) = probe.change_to(load, Quantile::P50, LatencyOrigin::Send, material) else {
        let n = load.requests().min(probe.requests());
        let why = format!("{n} requests are too few for an interval of P50");
        return CauseFinding::too_few(
            RootCause::SlowCall,
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
            "{} one at a time: {}; {}: {}; P50 is {} apart (95 %)",
            observed.load,
            load.shape(),
            observed.probe,
            probe.shape(),
            change.difference_in_words(),
        ),
        [
            ("difference_low_ms", low / 1e6),
            ("difference_high_ms", high / 1e6),
        ],
    );
    let timing = server_timing(load);
    CauseFinding {
        cause: RootCause::SlowCall,
        support,
        cost: change.middle(),
        evidence: std::iter::once(compared).chain(timing).collect(),
        next: match support {
            Support::Supported => Some(format!(
                "answer {} with 202 after a durable commit and make the call after it: a7probe serve --mode background \
                 shows how, and what it gains",
                observed.load
            )),
            Support::NotEnough => Some(LARGER.to_owned()),
            Support::NotSupported => None,
        },
    }
}

/// The metric that takes the largest part of the service time.
fn server_timing(load: &Observation) -> Option<CauseEvidence> {
    let service = load.service(Quantile::P50)?;
    let medians = load.recording.server_timing.iter().filter_map(|(name, h)| {
        let median = h.value_at_rank(Quantile::P50.rank(h.count()))?;
        (name != WHOLE).then(|| (name.as_str(), Duration::from_nanos(median)))
    });
    let (name, median) = medians.max_by_key(|(_, median)| *median)?;
    let share = median.as_secs_f64() / service.as_secs_f64();
    Some(CauseEvidence::new(
        format!(
            "Server-Timing: {name} takes {} at P50, {} % of the service time",
            Pretty(median),
            trimmed(share * 100.0, 0)
        ),
        [
            ("server_timing_p50_ms", millis(median)),
            ("server_timing_share", share),
        ],
    ))
}
