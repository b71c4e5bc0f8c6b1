//! A blocked event loop: does one endpoint wait while another one is served?

use super::observation::{BoundedShare, LatencyOrigin, Observation, PercentileShift};
use super::{CauseEvidence, CauseFinding, LARGER, Observations, RootCause, Support};
use crate::stats::modes::Modes;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, plural, trimmed};

/// Fewer requests than this on either side tell nothing.
const MIN_REQUESTS: u64 = 20;

/// Fewer episodes could be an accident, as in the cluster guard.
const EPISODES: u64 = 3;

/// Less than this share of delayed requests is no blocked loop at the load that is put on it.
const RARE: f64 = 0.1;

/// Requests that wait for a blocked loop take at least so many times the median of those that do not.
const APART: f64 = 4.0;

/// The share of the requests that may be above a P95.
const SLOWEST: f64 = 0.05;

/// Percentiles by which the interference is told, the highest that is resolved first.
const QUANTILES: [Quantile; 3] = [Quantile::P95, Quantile::P90, Quantile::P50];

pub(super) fn test(observed: &Observations) -> CauseFinding {
    let (Some(alone), Some(beside)) = (&observed.alone, &observed.beside) else {
        return CauseFinding::without(
            RootCause::BlockedLoop,
            during(&observed.probe, &observed.load),
        );
    };
    let failed = [alone, beside]
        .into_iter()
        .find_map(|o| o.failed(&observed.probe));
    if let Some(failed) = failed {
        return CauseFinding::failing(RootCause::BlockedLoop, &failed);
    }
    let n = alone.requests().min(beside.requests());
    if n < MIN_REQUESTS {
        let why = format!("{n} requests are too few: {MIN_REQUESTS} are the least");
        return CauseFinding::too_few(RootCause::BlockedLoop, why, n, MIN_REQUESTS);
    }
    let usual = alone
        .at(Quantile::P95, LatencyOrigin::Send)
        .unwrap_or(observed.target);
    let material = observed.material_ns();
    let late = usual.as_nanos() as f64 + material;
    let (limit, before) = alone.share_above(late);
    let (_, during) = beside.share_above(late);
    let change = QUANTILES
        .iter()
        .find_map(|&q| alone.change_to(beside, q, LatencyOrigin::Send, material));
    // Some requests are as quick as ever, and those that wait are far from them.
    let (_, slowed) = beside.share_above(usual.as_nanos() as f64);
    let median = alone
        .at(Quantile::P50, LatencyOrigin::Send)
        .unwrap_or(observed.target);
    let apart = limit >= median.mul_f64(APART) && slowed.high < 1.0 - RARE;
    let bimodal = apart || matches!(beside.modes(), Modes::Two { .. });
    let support = support(&before, &during, bimodal, change.as_ref());
    let counted = CauseEvidence::new(
        format!(
            "{} above {}: {} alone, {} beside {} at {}/s, in {} {}",
            observed.probe,
            Pretty(limit),
            before.in_words(),
            during.in_words(),
            observed.load,
            rate(observed.meanwhile.as_ref()),
            during.episodes,
            plural(during.episodes, "episode"),
        ),
        [
            ("share_alone_high", before.high),
            ("share_beside_low", during.low),
            ("share_beside_high", during.high),
        ],
    );
    let shapes = CauseEvidence::text(format!(
        "{} alone: {}; beside {}: {}",
        observed.probe,
        alone.shape(),
        observed.load,
        beside.shape()
    ));
    let interference = change.map(|change| {
        CauseEvidence::new(
            format!(
                "{} beside load is {} that alone (95 %)",
                change.quantile,
                change.ratio_in_words()
            ),
            [
                ("ratio_low", change.ratio.0),
                ("ratio_high", change.ratio.1),
            ],
        )
    });
    let p95 = beside.at(Quantile::P95, LatencyOrigin::Send);
    CauseFinding {
        cause: RootCause::BlockedLoop,
        support,
        cost: p95.map(|p95| p95.saturating_sub(usual)),
        evidence: [counted, shapes].into_iter().chain(interference).collect(),
        next: next(support, &observed.load),
    }
}

fn support(
    before: &BoundedShare,
    during: &BoundedShare,
    bimodal: bool,
    change: Option<&PercentileShift>,
) -> Support {
    // A FAIL of the gate "P95 within what is usual", which the probe alone keeps.
    let alone_keeps = before.k as f64 <= SLOWEST * before.n as f64;
    let more = alone_keeps && during.low > SLOWEST && during.episodes >= EPISODES;
    // A percentile that is resolved must not speak against it; the median may be of those that did not wait.
    let contradicted = change.is_some_and(|c| c.quantile != Quantile::P50 && c.ratio.0 <= 1.0);
    match () {
        () if more && bimodal && !contradicted => Support::Supported,
        () if during.high <= RARE => Support::NotSupported,
        // Also if all requests become slower together: that resembles sharing, and the absence of a second mode does
        // not prove sharing.
        () => Support::NotEnough,
    }
}

fn during(probe: &str, load: &str) -> String {
    format!("{probe} during {load}")
}

fn rate(load: Option<&Observation>) -> String {
    let rate = load.and_then(|load| load.rate_per_s);
    rate.map_or("?".to_owned(), |rate| trimmed(rate, 1))
}

fn next(support: Support, load: &str) -> Option<String> {
    match support {
        Support::Supported => Some(format!(
            "take the blocking call of {load} off the event loop: a plain `def` (thread pool) or an asynchronous client in \
             FastAPI, also in BackgroundTasks; or a separate worker, as in a7probe serve --mode background"
        )),
        Support::NotSupported => None,
        Support::NotEnough => Some(LARGER.to_owned()),
    }
}
