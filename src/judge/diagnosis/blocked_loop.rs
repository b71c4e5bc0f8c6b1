//! A blocked event loop: does one endpoint wait while another one is served?

use std::time::Duration;

use super::bounded_share::BoundedShare;
use super::cause::{CauseFinding, CauseNextStep, RootCause, Support};
use super::evidence::{CauseEvidence, DelayedShare, EndpointRole, MissedStep, SampleKind};
use super::observation::{LatencyOrigin, Observation};
use super::observations::Observations;
use super::percentile_shift::PercentileShift;
use crate::stats::modes::Modes;
use crate::stats::rank::Quantile;

/// Fewer requests than this on either side tell nothing.
const MIN_REQUESTS: u64 = 20;

/// Fewer episodes could be an accident, as in the cluster guard.
const EPISODES: u64 = 3;

/// A smaller share of delayed requests does not show a blocked loop at this load.
const RARE: f64 = 0.1;

/// The least ratio of a request that waits for a blocked loop to the median of those that do not.
const APART: f64 = 4.0;

/// The share of the requests that may be above a P95.
const SLOWEST: f64 = 0.05;

/// Percentiles by which the interference is shown, the highest that is resolved first.
const QUANTILES: [Quantile; 3] = [Quantile::P95, Quantile::P90, Quantile::P50];

pub(super) fn test(observed: &Observations) -> CauseFinding {
    let (Some(alone), Some(during_load)) = (&observed.alone, &observed.probe_during_load) else {
        return CauseFinding::without(RootCause::BlockedLoop, MissedStep::DuringLoad);
    };
    let failed = [alone, during_load]
        .into_iter()
        .find_map(|observation| observation.failed(EndpointRole::Probe));
    if let Some(failed) = failed {
        return CauseFinding::failing(RootCause::BlockedLoop, failed);
    }
    let n = alone.requests().min(during_load.requests());
    if n < MIN_REQUESTS {
        return CauseFinding::too_few(
            RootCause::BlockedLoop,
            SampleKind::Requests,
            n,
            MIN_REQUESTS,
        );
    }
    let interference = Interference::between(alone, during_load, observed);
    let support = interference.support();
    let p95 = during_load.at(Quantile::P95, LatencyOrigin::Send);
    CauseFinding {
        cause: RootCause::BlockedLoop,
        support,
        cost: p95.map(|p95| p95.saturating_sub(interference.usual)),
        evidence: interference.evidence(alone, during_load, observed.load_during_probe.as_ref()),
        next: support.next(CauseNextStep::TakeOffTheLoop),
    }
}

/// The probe's latency during load, compared with its latency alone.
struct Interference {
    /// P95 alone.
    usual: Duration,
    /// What is late: more than matters above the usual.
    limit: Duration,
    alone: BoundedShare,
    during_load: BoundedShare,
    /// Some requests are as quick as ever, and those that wait are far from them.
    bimodal: bool,
    shift: Option<PercentileShift>,
}

impl Interference {
    fn between(
        alone: &Observation,
        during_load: &Observation,
        observed: &Observations,
    ) -> Interference {
        let alone_at = |quantile| {
            alone
                .at(quantile, LatencyOrigin::Send)
                .unwrap_or(observed.target)
        };
        let material = observed.material_ns();
        let usual = alone_at(Quantile::P95);
        let late = usual.as_nanos() as f64 + material;
        let (limit, before) = alone.share_above(late);
        let (_, during) = during_load.share_above(late);
        let (_, slowed) = during_load.share_above(usual.as_nanos() as f64);
        let apart = limit >= alone_at(Quantile::P50).mul_f64(APART) && slowed.high < 1.0 - RARE;
        Interference {
            usual,
            limit,
            alone: before,
            during_load: during,
            bimodal: apart || matches!(during_load.modes(), Modes::Two { .. }),
            shift: QUANTILES
                .iter()
                .find_map(|&q| alone.change_to(during_load, q, LatencyOrigin::Send, material)),
        }
    }

    fn support(&self) -> Support {
        // A FAIL of the gate "P95 within what is usual", which the probe alone keeps.
        let alone_keeps = self.alone.counted as f64 <= SLOWEST * self.alone.requests as f64;
        let more =
            alone_keeps && self.during_load.low > SLOWEST && self.during_load.episodes >= EPISODES;
        // A percentile that is resolved must not speak against it; the median may be of those that did not wait.
        let contradicted = self
            .shift
            .as_ref()
            .is_some_and(|shift| shift.quantile != Quantile::P50 && shift.ranges.ratio.low <= 1.0);
        if more && self.bimodal && !contradicted {
            Support::Supported
        } else if self.during_load.high <= RARE {
            Support::NotSupported
        } else {
            // Also if all requests become slower together: that resembles sharing, and the absence of a second mode
            // does not prove sharing.
            Support::NotEnough
        }
    }

    fn evidence(
        &self,
        alone: &Observation,
        during_load: &Observation,
        load: Option<&Observation>,
    ) -> Vec<CauseEvidence> {
        let delayed = CauseEvidence::Delayed(DelayedShare {
            limit: self.limit,
            alone: self.alone,
            during_load: self.during_load,
            load_per_s: load.and_then(|load| load.rate_per_s),
        });
        let shapes = CauseEvidence::Shapes {
            alone: alone.shape(),
            during_load: during_load.shape(),
        };
        let interference = self.shift.map(|shift| CauseEvidence::Interference {
            quantile: shift.quantile,
            ratio: shift.ranges.ratio,
        });
        [delayed, shapes].into_iter().chain(interference).collect()
    }
}
