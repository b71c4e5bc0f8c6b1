//! A recording's requests in ascending order, as far as its histogram tells.

use crate::histogram::Levels;
use crate::recording::{Latency, Recording};
use crate::stats::profile::OrderStatistics;

/// Half a bucket of a histogram with four significant digits, relative to the value, rounded up.
const HALF_BUCKET: f64 = 1.0 / 32_768.0;

/// The ascending latencies of the requests that ended ok, and above them everything else.
pub(super) struct Orders {
    lowest: Levels,
    highest: Levels,
    planned: u64,
    /// How far a value may be from the one that stands for it, relative to it.
    error: f64,
}

impl Orders {
    pub(super) fn of(recording: &Recording) -> Orders {
        let (lowest, highest) = recording.latency.bounds().unwrap_or_else(|| {
            let levels = recording.latency.levels();
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
        }
    }

    /// Every value as low as its bucket allows.
    pub(super) fn lowest(&self) -> Edge<'_> {
        Edge {
            levels: &self.lowest,
            planned: self.planned,
            factor: 1.0 - self.error,
        }
    }

    /// Every value as high as its bucket allows.
    pub(super) fn highest(&self) -> Edge<'_> {
        Edge {
            levels: &self.highest,
            planned: self.planned,
            factor: 1.0 + self.error,
        }
    }
}

/// The order at one edge of the buckets; values in ns.
pub(super) struct Edge<'a> {
    levels: &'a Levels,
    planned: u64,
    factor: f64,
}

impl OrderStatistics for Edge<'_> {
    fn count(&self) -> u64 {
        self.planned
    }

    fn value(&self, rank: u64) -> f64 {
        let latency_ns = self.levels.at_rank(rank);
        latency_ns.map_or(f64::INFINITY, |ns| ns as f64 * self.factor)
    }
}
