//! Counts that many threads add to without waiting for each other, and that anyone may read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of a latency's buckets, in nanoseconds: 0.5 ms to 10 s, with the target of 150 ms among them.
pub const LATENCY_BOUNDS_NS: &[u64] = &[
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    150_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Upper bounds of the sizes of groups, such as what shares a commit.
pub const SIZE_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

/// A count that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds this many.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The count now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How values are spread over fixed buckets.
#[derive(Debug)]
pub struct AtomicHistogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what is above the last.
    buckets: Box<[Counter]>,
    sum: Counter,
}

impl AtomicHistogram {
    /// Empty, with these upper bounds, which belong to their bucket and rise.
    pub fn new(bounds: &'static [u64]) -> AtomicHistogram {
        AtomicHistogram {
            bounds,
            buckets: (0..=bounds.len()).map(|_| Counter::default()).collect(),
            sum: Counter::default(),
        }
    }

    /// Counts one value.
    pub fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].increment();
        self.sum.add(value);
    }

    /// Counts one duration, in nanoseconds.
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The distribution now. Its count is that of its buckets, even while others are added.
    pub fn read(&self) -> HistogramSnapshot {
        let cumulative = self.buckets.iter().scan(0, |count, bucket| {
            *count += bucket.get();
            Some(*count)
        });
        HistogramSnapshot {
            bounds: self.bounds,
            cumulative: cumulative.collect(),
            sum: self.sum.get(),
        }
    }
}

/// An [`AtomicHistogram`] at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// Upper bounds, rising.
    pub bounds: &'static [u64],
    /// How many values were at most the bound of the same index; the last one is the count of all.
    pub cumulative: Vec<u64>,
    /// Of all values.
    pub sum: u64,
}

impl HistogramSnapshot {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.cumulative.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{AtomicHistogram, LATENCY_BOUNDS_NS, SIZE_BOUNDS};

    #[test]
    fn a_value_on_a_bound_belongs_below_it() {
        let sizes = AtomicHistogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11] {
            sizes.observe(value);
        }
        let snapshot = sizes.read();
        assert_eq!(snapshot.cumulative, [2, 4, 5]);
        assert_eq!((snapshot.count(), snapshot.sum), (5, 24));
    }

    #[test]
    fn every_bound_is_above_the_one_before() {
        for bounds in [LATENCY_BOUNDS_NS, SIZE_BOUNDS] {
            assert!(bounds.is_sorted_by(|a, b| a < b), "{bounds:?}");
        }
        assert!(LATENCY_BOUNDS_NS.contains(&(Duration::from_millis(150).as_nanos() as u64)));
    }
}
