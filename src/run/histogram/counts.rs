//! HdrHistogram's buckets in pages that exist only where something was counted.
//!
//! The crate keeps one array over the whole range: two megabytes for a histogram of four digits that has seen a
//! second, however narrow the latencies are. A run keeps many, and should not disturb what it measures.

use super::bucket::{Bucket, Precision};

/// Counts of a page.
const PAGE: usize = 512;

/// A stretch of the buckets. At four digits few counts are large, so they are narrow until one of them is.
#[derive(Clone, Debug, Default)]
enum CountPage {
    #[default]
    Empty,
    Narrow(Box<[u16; PAGE]>),
    Wide(Box<[u64; PAGE]>),
}

impl CountPage {
    fn get(&self, within: usize) -> u64 {
        match self {
            CountPage::Empty => 0,
            CountPage::Narrow(counts) => u64::from(counts[within]),
            CountPage::Wide(counts) => counts[within],
        }
    }

    fn add(&mut self, within: usize, count: u64) {
        let sum = self.get(within) + count;
        if let CountPage::Empty = self {
            *self = CountPage::Narrow(Box::new([0; PAGE]));
        }
        if let CountPage::Narrow(counts) = self {
            match u16::try_from(sum) {
                Ok(sum) => return counts[within] = sum,
                Err(_) => *self = CountPage::Wide(Box::new(counts.map(u64::from))),
            }
        }
        if let CountPage::Wide(counts) = self {
            counts[within] = sum;
        }
    }

    fn counts(&self) -> impl Iterator<Item = u64> + '_ {
        let length = match self {
            CountPage::Empty => 0,
            _ => PAGE,
        };
        (0..length).map(|within| self.get(within))
    }
}

/// Counts by bucket. A bucket holds the values that agree in their highest bits.
#[derive(Clone, Debug)]
pub(super) struct BucketCounts {
    /// Values below 2^bits have a bucket each; larger ones keep this many of their highest bits.
    bits: u32,
    pages: Vec<CountPage>,
    total: u64,
}

impl BucketCounts {
    pub(super) fn new(precision: Precision) -> BucketCounts {
        // The smallest power of two that holds 2·10^digits (Tene's "sub-bucket count").
        let bits = match precision {
            Precision::Two => 8,
            Precision::Three => 11,
            Precision::Four => 15,
        };
        BucketCounts {
            bits,
            pages: Vec::new(),
            total: 0,
        }
    }

    pub(super) fn add(&mut self, value_ns: u64, count: u64) {
        self.add_at(self.index(value_ns), count);
        self.total += count;
    }

    /// Adds the counts of another of the same precision.
    pub(super) fn merge(&mut self, other: &BucketCounts) {
        for (index, count) in other.occupied() {
            self.add_at(index, count);
        }
        self.total += other.total;
    }

    /// Sum of all counts.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes of memory.
    pub(super) fn footprint(&self) -> u64 {
        let of = |page: &CountPage| match page {
            CountPage::Empty => 0,
            CountPage::Narrow(_) => PAGE * size_of::<u16>(),
            CountPage::Wide(_) => PAGE * size_of::<u64>(),
        };
        let pages: usize = self.pages.iter().map(of).sum();
        (pages + self.pages.len() * size_of::<CountPage>()) as u64
    }

    /// Every occupied bucket, ascending.
    pub(super) fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.occupied().map(|(index, count)| {
            let (low_ns, high_ns) = self.bounds(index);
            Bucket {
                low_ns,
                high_ns,
                count,
            }
        })
    }

    fn occupied(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let pages = self.pages.iter().enumerate();
        let counts = pages.flat_map(|(number, page)| (number * PAGE..).zip(page.counts()));
        counts.filter(|&(_, count)| count > 0)
    }

    fn add_at(&mut self, index: usize, count: u64) {
        let (number, within) = (index / PAGE, index % PAGE);
        if number >= self.pages.len() {
            self.pages.resize_with(number + 1, CountPage::default);
        }
        self.pages[number].add(within, count);
    }

    /// Buckets are numbered upwards: 2^bits of width 1, then 2^(bits-1) of width 2, as many of width 4, and so on.
    fn index(&self, value_ns: u64) -> usize {
        let shift = (u64::BITS - value_ns.leading_zeros()).saturating_sub(self.bits);
        ((u64::from(shift) << (self.bits - 1)) + (value_ns >> shift)) as usize
    }

    /// Smallest and largest value of a bucket, in ns.
    fn bounds(&self, index: usize) -> (u64, u64) {
        let index = index as u64;
        let shift = (index >> (self.bits - 1)).saturating_sub(1);
        let kept = index - (shift << (self.bits - 1));
        (kept << shift, ((kept + 1) << shift) - 1)
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram as Hdr;

    use super::{BucketCounts, CountPage};
    use crate::run::histogram::{MAX_NS, Precision};

    const PRECISIONS: [Precision; 3] = [Precision::Two, Precision::Three, Precision::Four];

    /// Both sides of every power of two, and some in between.
    fn values() -> impl Iterator<Item = u64> {
        (0..42).flat_map(|bit| {
            let power = 1u64 << bit;
            [power - 1, power, power + 1, power + power / 3].map(|value| value.min(MAX_NS))
        })
    }

    #[test]
    fn the_buckets_are_those_of_the_reference_implementation() {
        for precision in PRECISIONS {
            let reference = Hdr::<u64>::new_with_max(MAX_NS, precision.digits()).unwrap();
            for value_ns in values() {
                let mut counts = BucketCounts::new(precision);
                counts.add(value_ns, 3);
                let bucket = counts.buckets().next().unwrap();
                assert_eq!(
                    (bucket.low_ns, bucket.high_ns, bucket.count),
                    (
                        reference.lowest_equivalent(value_ns),
                        reference.highest_equivalent(value_ns),
                        3
                    ),
                    "{value_ns} at {precision:?}"
                );
            }
        }
    }

    #[test]
    fn buckets_ascend_and_lose_nothing() {
        for precision in PRECISIONS {
            let mut counts = BucketCounts::new(precision);
            values().for_each(|value_ns| counts.add(value_ns, 1));
            let buckets: Vec<_> = counts.buckets().collect();
            assert!(buckets.windows(2).all(|w| w[0].high_ns < w[1].low_ns));
            assert_eq!(buckets.iter().map(|b| b.count).sum::<u64>(), counts.total());
            assert_eq!(counts.total(), values().count() as u64);
        }
    }

    #[test]
    fn merging_adds_counts() {
        let (mut odd, mut even) = (
            BucketCounts::new(Precision::Four),
            BucketCounts::new(Precision::Four),
        );
        let mut whole = BucketCounts::new(Precision::Four);
        for (i, value_ns) in values().enumerate() {
            whole.add(value_ns, 2);
            if i % 2 == 0 {
                even.add(value_ns, 2)
            } else {
                odd.add(value_ns, 2)
            }
        }
        odd.merge(&even);
        assert!(odd.buckets().eq(whole.buckets()));
        assert_eq!(odd.total(), whole.total());
    }

    #[test]
    fn counts_grow_beyond_what_a_narrow_page_holds() {
        let mut counts = BucketCounts::new(Precision::Four);
        counts.add(100, 65_535);
        counts.add(101, 7);
        counts.add(100, 1);
        counts.add(100, 1 << 40);
        let mut twice = counts.clone();
        twice.merge(&counts);
        let read: Vec<(u64, u64)> = twice.buckets().map(|b| (b.low_ns, b.count)).collect();
        assert_eq!(read, [(100, 2 * (65_536 + (1 << 40))), (101, 14)]);
    }

    #[test]
    fn memory_follows_the_values_and_not_the_range() {
        let mut counts = BucketCounts::new(Precision::Four);
        (0..1_000_000u64).for_each(|i| counts.add(1_000_000_000 + i * 100, 1));
        // From 1.0 to 1.1 s there are 3 052 buckets of 32.8 µs: 6 pages.
        let used = |page: &&CountPage| !matches!(page, CountPage::Empty);
        assert_eq!(counts.pages.iter().filter(used).count(), 6);
    }
}
