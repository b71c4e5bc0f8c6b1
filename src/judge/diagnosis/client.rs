//! Client-limited: is it this machine that is slow?

use std::time::Duration;

use super::bounded_share::ALPHA;
use super::cause::{CauseFinding, CauseNextStep, RootCause, Support};
use super::evidence::{CauseEvidence, LateSends, SampleKind};
use super::observations::Observations;
use crate::run::histogram::{Histogram, Precision};
use crate::stats::binomial::{self, reaches};
use crate::stats::rank::Quantile;

/// Share of the sends that may be later than the limit: 1 − 0.99.
const LATE: f64 = 0.01;

/// Part of the processor time of the sending threads above which they were short of it.
const BUSY: f64 = 0.8;

/// Ruled out if at most this share of the sends is later than the material delay. Such a share does not move a P95.
const BEYOND: f64 = 0.05;

/// Fewer sends tell nothing.
const MIN_SENDS: u64 = 50;

/// A P99 of the send lag above max(1 ms, 1 % of the target) is late (METHOD §7); it is the cause if that is shown and it
/// is as much as matters here, or the processor was busy.
pub(super) fn test(observed: &Observations) -> CauseFinding {
    let mut lags = Histogram::new(Precision::Three);
    observed
        .all()
        .for_each(|step| lags.add(&step.recording.send_lag));
    if lags.count() < MIN_SENDS {
        return CauseFinding::too_few(
            RootCause::Client,
            SampleKind::Sends,
            lags.count(),
            MIN_SENDS,
        );
    }
    let cpu_shares = observed.all().filter_map(|step| step.cpu_share);
    let busiest = cpu_shares.fold(0.0, f64::max);
    let (sends, support) = judged(&lags, observed, busiest);
    CauseFinding {
        cause: RootCause::Client,
        support,
        cost: Some(sends.p99),
        evidence: vec![CauseEvidence::LateSends(sends)],
        next: support.next(CauseNextStep::QuieterMachine),
    }
}

fn judged(lags: &Histogram, observed: &Observations, cpu_share: f64) -> (LateSends, Support) {
    let n = lags.count();
    let material_ns = observed.material_ns();
    let limit = Duration::from_millis(1).max(observed.target.mul_f64(0.01));
    let (late, _) = lags.count_above(limit.as_nanos() as u64);
    let (beyond, _) = lags.count_above(material_ns as u64);
    let beyond_high = binomial::upper_bound(n, beyond, ALPHA);
    let p99_ns = lags.value_at_rank(Quantile::P99.rank(n)).unwrap_or(0);
    let is_late = reaches(binomial::p_fail(n, late, LATE), ALPHA);
    let matters = p99_ns as f64 > material_ns || cpu_share > BUSY;
    let support = if is_late && matters {
        Support::Supported
    } else if beyond_high <= BEYOND && cpu_share <= BUSY {
        Support::NotSupported
    } else {
        Support::NotEnough
    };
    let sends = LateSends {
        p99: Duration::from_nanos(p99_ns),
        limit,
        late,
        sends: n,
        cpu_share,
        is_minor: is_late && !matters,
        material: Duration::from_nanos(material_ns as u64),
        beyond,
        beyond_high,
    };
    (sends, support)
}
