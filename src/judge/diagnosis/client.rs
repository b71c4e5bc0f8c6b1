//! Client-limited: is it this machine that is slow?

use std::time::Duration;

use super::{ALPHA, CauseEvidence, CauseFinding, LARGER, Observations, RootCause, Support};
use crate::run::histogram::{Histogram, Precision};
use crate::stats::binomial::{self, reaches};
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped, millis, trimmed};

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
    let n = lags.count();
    if n < MIN_SENDS {
        let why = format!("{n} sends are too few: {MIN_SENDS} are the least");
        return CauseFinding::open(
            RootCause::Client,
            why,
            [("sends", n as f64), ("least", MIN_SENDS as f64)],
        );
    }
    let limit = Duration::from_millis(1).max(observed.target.mul_f64(0.01));
    let (late, _) = lags.count_above(limit.as_nanos() as u64);
    let p99_ns = lags.value_at_rank(Quantile::P99.rank(n)).unwrap_or(0);
    let busiest = observed
        .all()
        .filter_map(|step| step.cpu_share)
        .fold(0.0, f64::max);
    let is_late = reaches(binomial::p_fail(n, late, LATE), ALPHA);
    let matters = p99_ns as f64 > observed.material_ns() || busiest > BUSY;
    let (beyond, _) = lags.count_above(observed.material_ns() as u64);
    let beyond_high = binomial::upper_bound(n, beyond, ALPHA);
    let caution = match (is_late, matters) {
        (true, false) => "; that is late, but less than matters here",
        _ => "",
    };
    let evidence = CauseEvidence::new(
        format!(
            "send lag P99 {} (limit {}), {} of {} sends later than that; {} % of the processor time of the sending threads \
             used{caution}; later than {}: {}, at most {} % (95 %)",
            Pretty(Duration::from_nanos(p99_ns)),
            Pretty(limit),
            grouped(late),
            grouped(n),
            trimmed(busiest * 100.0, 0),
            Pretty(Duration::from_nanos(observed.material_ns() as u64)),
            grouped(beyond),
            trimmed(beyond_high * 100.0, 1),
        ),
        [
            ("share_beyond_high", beyond_high),
            ("send_lag_p99_ms", p99_ns as f64 / 1e6),
            ("limit_ms", millis(limit)),
            ("cpu_share", busiest),
        ],
    );
    let support = match is_late && matters {
        true => Support::Supported,
        false if beyond_high <= BEYOND && busiest <= BUSY => Support::NotSupported,
        false => Support::NotEnough,
    };
    CauseFinding {
        cause: RootCause::Client,
        support,
        cost: Some(Duration::from_nanos(p99_ns)),
        evidence: vec![evidence],
        next: match support {
            Support::Supported => Some(
                "measure from a quieter or larger machine, or at a lower rate with -q".to_owned(),
            ),
            Support::NotEnough => Some(LARGER.to_owned()),
            Support::NotSupported => None,
        },
    }
}
