//! The measurement overhead before a run: from null latencies to the record in the run file.

use std::time::Duration;

use crate::probe::engine::{self, Calibrated, StopSignal};
use crate::run::plan::{Model, Plan};
use crate::run::recording::Recording;
use crate::run::run_file::{Calibration, CalibrationFailure, MeasurementOverhead};
use crate::stats::rank::{Quantile, interval_ranks};

/// A two-sided interval of this confidence has 5 % beyond its upper end: the one-sided bound of METHOD §7.
const CONFIDENCE: f64 = 0.90;

/// How the null server is reached.
fn transport(plan: &Plan) -> String {
    format!("{} over TCP on loopback", plan.connections.version.as_str())
}

/// Measures the null server as the plan's service will be; `None` if it was interrupted. If that fails, the service is
/// measured anyway.
pub(in crate::command) fn calibrated(plan: &Plan, stop: &StopSignal) -> Option<Calibration> {
    Some(match engine::calibrate(plan, stop) {
        Ok(Some(calibrated)) => record(plan, &calibrated),
        Ok(None) => return None,
        Err(error) => Calibration::Failed {
            why: CalibrationFailure::Stated(format!("{error:#}")),
        },
    })
}

fn record(plan: &Plan, calibrated: &Calibrated) -> Calibration {
    let Calibrated { recording, rate } = calibrated;
    let not_ok = recording.counts.not_ok();
    let latency = recording.latency.ranked_values();
    let lag = recording.send_lag.ranked_values();
    let at = |quantile: Quantile| latency.at_rank(quantile.rank(latency.count()));
    let lag_at = |quantile: Quantile| lag.at_rank(quantile.rank(lag.count()));
    let (0, Some(p50), Some(p99), Some(own_error)) = (
        not_ok,
        at(Quantile::P50),
        at(Quantile::P99),
        bound(recording),
    ) else {
        return Calibration::Failed {
            why: CalibrationFailure::Requests {
                not_ok,
                planned: recording.planned(),
            },
        };
    };
    Calibration::Measured(MeasurementOverhead {
        transport: transport(plan),
        requests: recording.planned(),
        rate_per_s: *rate,
        concurrency: match plan.model {
            Model::Open { .. } => None,
            Model::Closed { concurrency } => Some(concurrency),
        },
        p50: Duration::from_nanos(p50),
        p99: Duration::from_nanos(p99),
        own_error: Duration::from_nanos(own_error),
        send_lag_p50: Duration::from_nanos(lag_at(Quantile::P50).unwrap_or(0)),
        send_lag_p99: Duration::from_nanos(lag_at(Quantile::P99).unwrap_or(0)),
    })
}

/// e: the upper 95 % bound of the null latency's P99, in ns; at the most the largest that was seen.
fn bound(recording: &Recording) -> Option<u64> {
    let highest = recording.latency.highest();
    let (_, upper) = interval_ranks(highest.count(), Quantile::P99, CONFIDENCE);
    highest.at_rank(upper?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::bound;
    use crate::run::recording::Recording;

    #[test]
    fn the_own_error_is_the_second_largest_of_475_null_latencies_and_too_few_have_none() {
        // P(Bin(475, 0.01) ≤ 1) = 4.9 %, ≤ 2: 14 %.
        // P(Bin(1000, 0.01) ≤ 4) = 2.9 %, ≤ 5: 6.7 %.
        let latencies = |n| -> Vec<_> { (1..=n).map(|i| Some(Duration::from_micros(i))).collect() };
        let of = |n| bound(&Recording::from_latencies(&latencies(n), &[]));
        assert_eq!(of(475), Some(474_000));
        assert_eq!(of(1_000), Some(996_000));
        // (0.99)^298 = 5.003 %.
        assert_eq!(of(298), None);
        assert_eq!(of(299), Some(299_000));
    }
}
