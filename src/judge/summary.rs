//! One endpoint's percentiles with their intervals, failures counted as slower than everything.

mod drift;
mod level_change;
mod observed;
mod request_batch;
mod run_position;
mod send_lag;

use std::time::Duration;

use crate::run::histogram::RankedValues;
use crate::run::plan::LoadShape;
use crate::run::recording::{Counts, Latency, Recording, TimeBase};
use crate::stats::rank::{self, Quantile};

pub use drift::{Drift, Growth, GrowthKind, RequestsInFlight, SlowStart};
pub use level_change::{LevelChange, Parts};
pub use observed::{Observed, ObservedInterval};
pub use request_batch::RunWindow;
pub use run_position::RunPosition;
pub use send_lag::SendLag;

/// Confidence of the two-sided interval of a percentile.
pub const CONFIDENCE: f64 = 0.95;

/// The percentiles that every output lists.
pub const PERCENTILES: [Quantile; 5] = [
    Quantile::P50,
    Quantile::P90,
    Quantile::P95,
    Quantile::P99,
    Quantile::P999,
];

/// What one endpoint's planned requests look like in ascending order: the latencies of those that ended
/// ok, then the timeouts, the failures and the unsent ones.
#[derive(Clone, Debug)]
pub struct Summary {
    /// From where the latencies count.
    pub clock: TimeBase,
    /// How the planned requests ended.
    pub counts: Counts,
    /// Mean latency of the requests that ended ok; never a substitute for a percentile.
    pub mean: Option<Duration>,
    levels: RankedValues,
    /// Lowest and highest, where the latencies are known within ranges.
    bounds: Option<(RankedValues, RankedValues)>,
    timeout: Option<Duration>,
    /// Of a ramp there are no percentiles.
    load: SummarizedLoad,
}

/// Whether all requests of a summary were sent at one load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SummarizedLoad {
    One,
    Ramp,
}

/// One percentile of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile {
    /// The percentile.
    pub quantile: Quantile,
    /// Its nearest rank over all planned requests, from 1; 0 without any.
    pub rank: u64,
    /// What stands at that rank.
    pub value: Observed,
    /// Where the true percentile lies with at least [`CONFIDENCE`].
    pub interval: ObservedInterval,
    /// Whether there are enough requests to speak of this percentile at all.
    pub resolution: Resolution,
    /// The fewest requests for an interval with two ends.
    pub samples_needed: u64,
}

/// Whether there are enough requests to bound a percentile on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The interval has two ends.
    Resolved,
    /// It has not, whatever number the percentile shows.
    Unresolved,
}

impl Summary {
    /// Orders the requests of a recording; `timeout` is how long its run waited, where that is known.
    pub fn of(recording: &Recording, timeout: Option<Duration>) -> Summary {
        Summary {
            clock: recording.clock,
            counts: recording.counts.clone(),
            mean: mean(&recording.latency),
            levels: recording.latency.ranked_values(),
            bounds: recording.latency.bounds(),
            timeout,
            load: SummarizedLoad::One,
        }
    }

    /// The same of a load of this shape: a ramp has no percentiles.
    #[must_use]
    pub fn of_shape(self, shape: LoadShape<'_>) -> Summary {
        let load = if shape.has_percentiles() {
            SummarizedLoad::One
        } else {
            SummarizedLoad::Ramp
        };
        Summary { load, ..self }
    }

    /// How many requests were planned.
    pub fn planned(&self) -> u64 {
        self.counts.total()
    }

    /// What stands at a 1-based rank of all planned requests.
    pub fn at_rank(&self, rank: u64) -> Observed {
        self.at_rank_of(&self.levels, rank)
    }

    fn at_rank_of(&self, levels: &RankedValues, rank: u64) -> Observed {
        if let Some(latency_ns) = levels.at_rank(rank) {
            return Observed::Value(Duration::from_nanos(latency_ns));
        }
        let timeouts_end = self.counts.ok + self.counts.timeout;
        let failed_end = timeouts_end + self.counts.failed_total();
        match (rank, self.timeout) {
            (0, _) => Observed::NoData,
            (rank, Some(timeout)) if rank <= timeouts_end => Observed::BeyondTimeout(timeout),
            (rank, _) if rank <= failed_end => Observed::Failed,
            (rank, _) if rank <= self.planned() => Observed::Unsent,
            _ => Observed::NoData,
        }
    }

    /// One percentile by nearest rank, with its interval.
    pub fn percentile(&self, quantile: Quantile) -> Percentile {
        let n = self.planned();
        let rank = quantile.rank(n);
        if self.load == SummarizedLoad::Ramp {
            return Percentile {
                quantile,
                rank,
                value: Observed::AcrossRamp,
                interval: ObservedInterval::UNBOUNDED,
                resolution: Resolution::Unresolved,
                samples_needed: rank::min_samples_for_interval(quantile, CONFIDENCE),
            };
        }
        let (lower, upper) = rank::interval_ranks(n, quantile, CONFIDENCE);
        let samples_needed = rank::min_samples_for_interval(quantile, CONFIDENCE);
        let (lowest, highest) = match &self.bounds {
            Some((lowest, highest)) => (lowest, highest),
            None => (&self.levels, &self.levels),
        };
        Percentile {
            quantile,
            rank,
            value: self.at_rank(rank),
            interval: ObservedInterval {
                lower: lower.map(|rank| self.at_rank_of(lowest, rank)),
                upper: upper.map(|rank| self.at_rank_of(highest, rank)),
            },
            resolution: if n >= samples_needed {
                Resolution::Resolved
            } else {
                Resolution::Unresolved
            },
            samples_needed,
        }
    }

    /// Latencies of the requests that ended ok, ascending.
    pub fn ranked_values(&self) -> &RankedValues {
        &self.levels
    }

    /// The slowest of all planned requests.
    pub fn max(&self) -> Observed {
        self.at_rank(self.planned())
    }

    /// The fastest of the requests that ended ok.
    pub fn min(&self) -> Option<Duration> {
        self.levels.at_rank(1).map(Duration::from_nanos)
    }
}

fn mean(latency: &Latency) -> Option<Duration> {
    let mean_ns = match latency {
        Latency::Histogram(histogram) => histogram.mean_ns()?,
        Latency::Ranges(_) => return None,
        Latency::Exact(values_ns) | Latency::Rounded { values_ns, .. } if values_ns.is_empty() => {
            return None;
        }
        Latency::Exact(values_ns) | Latency::Rounded { values_ns, .. } => {
            values_ns.iter().map(|&v| v as f64).sum::<f64>() / values_ns.len() as f64
        }
    };
    Some(Duration::from_nanos(mean_ns.round() as u64))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Observed, ObservedInterval, Resolution, Summary};
    use crate::run::recording::Recording;
    use crate::stats::rank::Quantile;

    fn of(latencies_ms: &[Option<u64>]) -> Summary {
        let latencies: Vec<Option<Duration>> = latencies_ms
            .iter()
            .map(|ms| ms.map(Duration::from_millis))
            .collect();
        Summary::of(&Recording::from_latencies(&latencies, &[]), None)
    }

    fn ms(number: u64) -> Observed {
        Observed::Value(Duration::from_millis(number))
    }

    #[test]
    fn ten_samples_have_the_ranks_and_intervals_of_the_reference() {
        let summary = of(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1].map(Some));
        let p50 = summary.percentile(Quantile::P50);
        assert_eq!((p50.rank, p50.value), (5, ms(5)));
        assert_eq!(
            p50.interval,
            ObservedInterval {
                lower: Some(ms(2)),
                upper: Some(ms(9))
            }
        );
        assert_eq!(p50.resolution, Resolution::Resolved);
        let p95 = summary.percentile(Quantile::P95);
        assert_eq!((p95.rank, p95.value), (10, ms(10)));
        assert_eq!(
            p95.interval,
            ObservedInterval {
                lower: Some(ms(8)),
                upper: None
            }
        );
        assert_eq!(
            (p95.resolution, p95.samples_needed),
            (Resolution::Unresolved, 72)
        );
        assert_eq!(
            summary.percentile(Quantile::P999).interval.lower,
            Some(ms(10))
        );
    }

    #[test]
    fn failures_take_the_highest_ranks() {
        let summary = of(&[Some(3), None, Some(1), None, Some(2)]);
        let ascending: Vec<Observed> = (0..=6).map(|rank| summary.at_rank(rank)).collect();
        let (failed, none) = (Observed::Failed, Observed::NoData);
        assert_eq!(ascending, [none, ms(1), ms(2), ms(3), failed, failed, none]);
        assert_eq!(summary.percentile(Quantile::P50).value, ms(3));
        assert_eq!(summary.max(), failed);
        assert_eq!(summary.min(), Some(Duration::from_millis(1)));
        assert_eq!(summary.mean, Some(Duration::from_millis(2)));
    }

    #[test]
    fn nothing_has_no_percentiles() {
        let summary = of(&[]);
        let p50 = summary.percentile(Quantile::P50);
        assert_eq!(
            (p50.rank, p50.value, p50.interval),
            (0, Observed::NoData, ObservedInterval::UNBOUNDED)
        );
        assert_eq!(
            (summary.max(), summary.min(), summary.mean),
            (Observed::NoData, None, None)
        );
    }

    #[test]
    fn latencies_come_before_timeouts_failures_and_unsent_requests() {
        let timeout = Observed::BeyondTimeout(Duration::from_secs(10));
        let ascending = [
            ms(1),
            ms(60_000),
            timeout,
            Observed::Failed,
            Observed::Unsent,
        ];
        assert!(ascending.is_sorted());
        let shown = ascending.map(|observed| observed.to_string());
        assert_eq!(shown, ["1 ms", "60 s", "> 10 s", "failed", "unsent"]);
    }

    #[test]
    fn an_interval_shows_which_end_is_open() {
        for (lower, upper, shown) in [
            (Some(ms(1)), Some(ms(9)), "1 ms – 9 ms"),
            (Some(ms(1)), None, "≥ 1 ms"),
            (None, Some(ms(9)), "≤ 9 ms"),
            (Some(Observed::Failed), None, "failed"),
            (Some(ms(1)), Some(Observed::Failed), "1 ms – failed"),
            (None, None, "unbounded"),
        ] {
            assert_eq!(ObservedInterval { lower, upper }.to_string(), shown);
        }
    }
}
