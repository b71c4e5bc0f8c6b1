//! One endpoint's percentiles with their intervals, failures counted as slower than everything.

mod observed;

use std::time::Duration;

use crate::histogram::Levels;
use crate::recording::{Clock, Counts, Latency, Recording};
use crate::stats::rank::{self, Quantile};

pub use observed::{Interval, Observed};

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
    pub clock: Clock,
    /// How the planned requests ended.
    pub counts: Counts,
    /// Mean latency of the requests that ended ok; never a substitute for a percentile.
    pub mean: Option<Duration>,
    levels: Levels,
    timeout: Option<Duration>,
}

/// One percentile of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile {
    /// Which one.
    pub quantile: Quantile,
    /// Its nearest rank over all planned requests, from 1; 0 without any.
    pub rank: u64,
    /// What stands at that rank.
    pub value: Observed,
    /// Where the true percentile lies with at least [`CONFIDENCE`].
    pub interval: Interval,
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
            levels: recording.latency.levels(),
            timeout,
        }
    }

    /// How many requests were planned.
    pub fn planned(&self) -> u64 {
        self.counts.total()
    }

    /// What stands at a 1-based rank of all planned requests.
    pub fn at_rank(&self, rank: u64) -> Observed {
        if let Some(latency_ns) = self.levels.at_rank(rank) {
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
        let (lower, upper) = rank::interval_ranks(n, quantile, CONFIDENCE);
        let samples_needed = rank::min_samples_for_interval(quantile, CONFIDENCE);
        Percentile {
            quantile,
            rank,
            value: self.at_rank(rank),
            interval: Interval {
                lower: lower.map(|rank| self.at_rank(rank)),
                upper: upper.map(|rank| self.at_rank(rank)),
            },
            resolution: match n >= samples_needed {
                true => Resolution::Resolved,
                false => Resolution::Unresolved,
            },
            samples_needed,
        }
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
        Latency::Exact(values_ns) if values_ns.is_empty() => return None,
        Latency::Exact(values_ns) => {
            values_ns.iter().map(|&v| v as f64).sum::<f64>() / values_ns.len() as f64
        }
    };
    Some(Duration::from_nanos(mean_ns.round() as u64))
}
