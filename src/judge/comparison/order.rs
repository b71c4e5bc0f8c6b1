//! A recording's requests in ascending order, as far as its histogram tells.

use crate::run::histogram::RankedValues;
use crate::run::recording::{Latency, Recording, TimeBase};
use crate::stats::profile::OrderStatistics;
use crate::stats::rank::Quantile;

/// Half a bucket of a histogram with four significant digits, relative to the value, rounded up.
const HALF_BUCKET: f64 = 1.0 / 32_768.0;

/// The ascending latencies of the requests that ended ok, and above them everything else.
pub(super) struct Orders {
    lowest: RankedValues,
    highest: RankedValues,
    planned: u64,
    /// How far a value may be from the one that stands for it, relative to it.
    error: f64,
    lags: Vec<Lag>,
}

/// A send lag, and how many requests had a larger one.
#[derive(Clone, Copy)]
struct Lag {
    ns: u64,
    larger: u64,
}

impl Orders {
    pub(super) fn of(recording: &Recording) -> Orders {
        let (lowest, highest) = recording.latency.bounds().unwrap_or_else(|| {
            let levels = recording.latency.ranked_values();
            (levels.clone(), levels)
        });
        Orders {
            lowest,
            highest,
            planned: recording.planned(),
            error: match recording.latency {
                Latency::Histogram(_) => HALF_BUCKET,
                Latency::Exact(_) | Latency::Rounded { .. } | Latency::Ranges(_) => 0.0,
            },
            lags: lags(recording),
        }
    }

    /// How many requests there are.
    pub(super) fn planned(&self) -> u64 {
        self.planned
    }

    /// Every value as low as its bucket allows.
    pub(super) fn lowest(&self) -> Edge<'_> {
        self.edge(&self.lowest, 1.0 - self.error, &[])
    }

    /// Every value as high as its bucket allows.
    pub(super) fn highest(&self) -> Edge<'_> {
        self.edge(&self.highest, 1.0 + self.error, &[])
    }

    /// As [`Orders::lowest`], and as if every request had been sent on time.
    pub(super) fn lowest_without_lag(&self) -> Edge<'_> {
        self.edge(&self.lowest, 1.0 - self.error, &self.lags)
    }

    fn edge<'a>(&'a self, levels: &'a RankedValues, factor: f64, lags: &'a [Lag]) -> Edge<'a> {
        Edge {
            levels,
            planned: self.planned,
            factor,
            lags,
            design_effect: 1.0,
        }
    }
}

/// Where lags are looked at: any lag gives a true bound, and one of these a good one.
const LOOKED_AT: [Quantile; 4] = [Quantile::P50, Quantile::P90, Quantile::P99, Quantile::P999];

/// The tops of the buckets at these percentiles, and the largest; none where latency does not count from the intended start.
fn lags(recording: &Recording) -> Vec<Lag> {
    if recording.clock != TimeBase::IntendedStart {
        return Vec::new();
    }
    let n = recording.send_lag.count();
    let mut ranks: Vec<u64> = LOOKED_AT.iter().map(|quantile| quantile.rank(n)).collect();
    ranks.push(n);
    let mut lags = Vec::new();
    let mut seen = 0;
    for bucket in recording.send_lag.buckets() {
        let before = seen;
        seen += bucket.count;
        if ranks.iter().any(|rank| (before + 1..=seen).contains(rank)) {
            lags.push(Lag {
                ns: bucket.high_ns,
                larger: n - seen,
            });
        }
    }
    lags
}

/// The order at one edge of the buckets; values in ns.
pub(super) struct Edge<'a> {
    levels: &'a RankedValues,
    planned: u64,
    factor: f64,
    lags: &'a [Lag],
    design_effect: f64,
}

impl Edge<'_> {
    /// The same values, of which this many count as one.
    pub(super) fn worth(self, design_effect: f64) -> Self {
        Edge {
            design_effect,
            ..self
        }
    }

    /// By nearest rank; ∞ where it stands among failures.
    pub(super) fn percentile(&self, quantile: Quantile) -> f64 {
        self.value(quantile.rank(self.planned))
    }

    fn measured(&self, rank: u64) -> f64 {
        let latency_ns = self.levels.at_rank(rank);
        latency_ns.map_or(f64::INFINITY, |ns| ns as f64 * self.factor)
    }
}

impl OrderStatistics for Edge<'_> {
    fn count(&self) -> u64 {
        self.planned
    }

    fn design_effect(&self) -> f64 {
        self.design_effect
    }

    /// Without lag: of the r fastest, all but m have a lag of at most L, if m requests have a larger one. So
    /// the r-th value without its lag is at least X(r − m) − L; true for every L, so the best one counts.
    fn value(&self, rank: u64) -> f64 {
        let measured = self.measured(rank);
        let bounds = self
            .lags
            .iter()
            .map(|lag| match rank.saturating_sub(lag.larger) {
                0 => 0.0,
                rank => (self.measured(rank) - lag.ns as f64).max(0.0),
            });
        if measured.is_finite() {
            bounds.reduce(f64::max).unwrap_or(measured).min(measured)
        } else {
            // A failure stays one, however punctual.
            measured
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::proptest;

    use super::Orders;
    use crate::run::recording::{Recording, TimeBase};
    use crate::run::sample::{ConnectionUse, Outcome, Phases, Sample};
    use crate::stats::profile::OrderStatistics;

    /// Requests whose latency holds this send lag, both in µs.
    fn recording(requests: &[(u64, u64)]) -> Recording {
        let mut recording = Recording::new(TimeBase::IntendedStart, &[]);
        for (index, &(service_us, lag_us)) in (0u64..).zip(requests) {
            let start_ns = index * 1_000_000_000;
            recording.add(&Sample {
                index,
                intended_start_ns: Some(start_ns),
                dispatched_ns: start_ns + lag_us * 1000,
                sent_ns: Some(start_ns + lag_us * 1000),
                finished_ns: start_ns + (lag_us + service_us) * 1000,
                outcome: Outcome::Ok,
                status: Some(200),
                connection: Some(ConnectionUse::Reused),
                phases: Phases::default(),
                body_bytes: 0,
                server_timing: Vec::new(),
            });
        }
        recording
    }

    #[test]
    fn a_constant_lag_is_taken_off_and_a_rare_one_costs_a_rank() {
        let punctual: Vec<(u64, u64)> = (1..=100).map(|i| (i * 1000, 50)).collect();
        let orders = Orders::of(&recording(&punctual));
        let without = orders.lowest_without_lag();
        assert!((without.value(50) / 50e6 - 1.0).abs() < 1e-4);

        let mut one_late = punctual;
        one_late[10].1 = 500_000;
        let orders = Orders::of(&recording(&one_late));
        let without = orders.lowest_without_lag();
        assert!(
            (without.value(50) / 49e6 - 1.0).abs() < 0.03,
            "{}",
            without.value(50)
        );
    }

    #[test]
    fn a_list_has_no_lag_and_a_failure_stays_one() {
        let ms = |n: u64| Some(Duration::from_millis(n));
        let listed = Recording::from_latencies(&[ms(3), None, ms(1)], &[]);
        let orders = Orders::of(&listed);
        let values: Vec<f64> = (1..=3)
            .map(|r| orders.lowest_without_lag().value(r))
            .collect();
        assert_eq!(values, [1e6, 3e6, f64::INFINITY]);
    }

    proptest! {
        #[test]
        fn no_request_is_claimed_to_be_slower_than_it_was_without_its_lag(
            requests in proptest::collection::vec((1u64..100_000, 0u64..50_000), 1..80)
        ) {
            let orders = Orders::of(&recording(&requests));
            let mut service_ns: Vec<f64> = requests.iter().map(|&(us, _)| us as f64 * 1000.0).collect();
            service_ns.sort_unstable_by(f64::total_cmp);
            let without = orders.lowest_without_lag();
            for (rank, truth) in (1u64..).zip(service_ns) {
                let claimed = without.value(rank);
                proptest::prop_assert!(claimed <= truth, "rank {rank}: {claimed} above {truth}");
            }
        }
    }
}
