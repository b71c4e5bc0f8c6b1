//! The judged latencies: a histogram of a live run, or what another tool kept of them.

use super::ranges::Ranges;
use crate::run::histogram::{Histogram, RankedValues};

/// The judged latencies: a histogram of a live run, or what another tool kept of them.
#[derive(Clone, Debug)]
pub enum Latency {
    /// Four significant digits; constant memory.
    Histogram(Histogram),
    /// Every value in ns, in the order of time; exact.
    Exact(Vec<u64>),
    /// Every value in the order of time, as another tool rounded it. In no run file.
    Rounded {
        /// The values in ns.
        values_ns: Vec<u64>,
        /// How far the truth may be from each, on either side, in ns.
        within_ns: u64,
    },
    /// A range for each value; their order is lost. In no run file.
    Ranges(Ranges),
}

impl Latency {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        match self {
            Latency::Histogram(histogram) => histogram.count(),
            Latency::Exact(values_ns) | Latency::Rounded { values_ns, .. } => {
                values_ns.len() as u64
            }
            Latency::Ranges(ranges) => ranges.ok(),
        }
    }

    /// Order statistics of the values.
    pub fn ranked_values(&self) -> RankedValues {
        match self {
            Latency::Histogram(histogram) => histogram.ranked_values(),
            Latency::Exact(values_ns) | Latency::Rounded { values_ns, .. } => {
                RankedValues::from_values(values_ns.clone())
            }
            Latency::Ranges(ranges) => ranges.ranked_values(),
        }
    }

    /// Every value as high as it may be: the upper bound of its bucket or range.
    pub fn highest(&self) -> RankedValues {
        match self {
            Latency::Histogram(histogram) => {
                let max_ns = histogram.max_ns().unwrap_or(0);
                let tops = histogram
                    .buckets()
                    .map(|b| (b.high_ns.min(max_ns), b.count));
                RankedValues::from_counts(tops.collect())
            }
            _ => self
                .bounds()
                .map_or_else(|| self.ranked_values(), |(_, highest)| highest),
        }
    }

    /// Order statistics at their lowest and at their highest, where each value is known within a range.
    pub fn bounds(&self) -> Option<(RankedValues, RankedValues)> {
        match self {
            Latency::Histogram(_) | Latency::Exact(_) => None,
            Latency::Rounded {
                values_ns,
                within_ns,
            } => {
                let low = values_ns.iter().map(|v| v.saturating_sub(*within_ns));
                let high = values_ns.iter().map(|v| v.saturating_add(*within_ns));
                let levels = |values: Vec<u64>| RankedValues::from_values(values);
                Some((levels(low.collect()), levels(high.collect())))
            }
            Latency::Ranges(ranges) => Some(ranges.bounds()),
        }
    }

    /// How many values exceed a limit: certain, and at most.
    pub fn count_above(&self, limit_ns: u64) -> (u64, u64) {
        match self {
            Latency::Histogram(histogram) => histogram.count_above(limit_ns),
            Latency::Exact(values_ns) => {
                let k = values_ns.iter().filter(|&&v| v > limit_ns).count() as u64;
                (k, k)
            }
            Latency::Rounded {
                values_ns,
                within_ns,
            } => {
                let above = |limit_ns: Option<u64>, v: &u64| limit_ns.is_none_or(|l| *v > l);
                // v − within > limit, and v + within > limit.
                let certain = limit_ns.saturating_add(*within_ns);
                let possible = limit_ns.checked_sub(*within_ns);
                let count = |limit| values_ns.iter().filter(|v| above(limit, v)).count() as u64;
                (count(Some(certain)), count(possible))
            }
            Latency::Ranges(ranges) => ranges.count_above(limit_ns),
        }
    }

    pub(super) fn record(&mut self, value_ns: u64) {
        match self {
            Latency::Histogram(histogram) => histogram.record(value_ns),
            Latency::Exact(values_ns) | Latency::Rounded { values_ns, .. } => {
                values_ns.push(value_ns)
            }
            Latency::Ranges(_) => unreachable!("ranges are imported whole"),
        }
    }

    pub(super) fn merge(&mut self, other: &Latency) {
        match (self, other) {
            (Latency::Histogram(a), Latency::Histogram(b)) => a.add(b),
            (Latency::Exact(a), Latency::Exact(b)) => a.extend(b),
            _ => unreachable!("recordings of one run share their form"),
        }
    }
}
