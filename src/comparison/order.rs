//! A recording's requests in ascending order, as far as its histogram tells.

use crate::histogram::Levels;
use crate::recording::{Latency, Recording};
use crate::stats::profile::OrderStatistics;

/// Half a bucket of a histogram with four significant digits, relative to the value, rounded up.
const HALF_BUCKET: f64 = 1.0 / 32_768.0;

/// The ascending latencies of the requests that ended ok, and above them everything else.
pub(super) struct Orders {
    levels: Levels,
    planned: u64,
    /// How far a value may be from the one that stands for it, relative to it.
    error: f64,
}

impl Orders {
    pub(super) fn of(recording: &Recording) -> Orders {
        Orders {
            levels: recording.latency.levels(),
            planned: recording.planned(),
            error: match recording.latency {
                Latency::Histogram(_) => HALF_BUCKET,
                Latency::Exact(_) => 0.0,
            },
        }
    }

    /// Every value as low as its bucket allows.
    pub(super) fn lowest(&self) -> Edge<'_> {
        Edge {
            orders: self,
            factor: 1.0 - self.error,
        }
    }

    /// Every value as high as its bucket allows.
    pub(super) fn highest(&self) -> Edge<'_> {
        Edge {
            orders: self,
            factor: 1.0 + self.error,
        }
    }
}

/// The order at one edge of the buckets; values in ns.
pub(super) struct Edge<'a> {
    orders: &'a Orders,
    factor: f64,
}

impl OrderStatistics for Edge<'_> {
    fn count(&self) -> u64 {
        self.orders.planned
    }

    fn value(&self, rank: u64) -> f64 {
        let latency_ns = self.orders.levels.at_rank(rank);
        latency_ns.map_or(f64::INFINITY, |ns| ns as f64 * self.factor)
    }
}
