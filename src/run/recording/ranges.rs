//! Latencies of which each is known within a range: what percentiles and foreign histograms leave of them.

use crate::run::histogram::RankedValues;

/// A number of latencies between two bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least that they can be, in ns.
    pub low_ns: u64,
    /// What outputs show for them, in ns.
    pub shown_ns: u64,
    /// The most that they can be, in ns.
    pub high_ns: u64,
    /// How many they are.
    pub count: u64,
}

/// Latencies in ranges, without order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    ranges: Vec<Range>,
    failures_among: u64,
}

impl Ranges {
    /// Ranges in any order. Of the requests whose latencies they are, `failures_among` failed, and it is not known
    /// which; not more than there are latencies.
    pub fn new(ranges: Vec<Range>, failures_among: u64) -> Ranges {
        let total = ranges.iter().map(|range| range.count).sum();
        Ranges {
            ranges,
            failures_among: failures_among.min(total),
        }
    }

    /// Latencies of requests that ended ok.
    pub fn ok(&self) -> u64 {
        self.total() - self.failures_among
    }

    /// How many of those that ended ok exceed a limit: at least, if the failures were the slowest, and at most,
    /// if they were the fastest.
    pub fn count_above(&self, limit_ns: u64) -> (u64, u64) {
        let above = |bound: fn(&Range) -> u64| -> u64 {
            let above = self.ranges.iter().filter(|range| bound(range) > limit_ns);
            above.map(|range| range.count).sum()
        };
        (
            above(|range| range.low_ns).saturating_sub(self.failures_among),
            above(|range| range.high_ns).min(self.ok()),
        )
    }

    /// What outputs show: the most that the percentiles can be, so the failures count as the fastest.
    pub fn ranked_values(&self) -> RankedValues {
        self.without_fastest(|range| range.shown_ns)
    }

    /// Every order statistic at its lowest and at its highest.
    pub fn bounds(&self) -> (RankedValues, RankedValues) {
        (
            self.without_slowest(|range| range.low_ns),
            self.without_fastest(|range| range.high_ns),
        )
    }

    fn total(&self) -> u64 {
        self.ranges.iter().map(|range| range.count).sum()
    }

    fn without_fastest(&self, value: fn(&Range) -> u64) -> RankedValues {
        let mut counts: Vec<(u64, u64)> = self.ranges.iter().map(|r| (value(r), r.count)).collect();
        counts.sort_unstable();
        remove(counts.iter_mut(), self.failures_among);
        RankedValues::from_counts(counts)
    }

    fn without_slowest(&self, value: fn(&Range) -> u64) -> RankedValues {
        let mut counts: Vec<(u64, u64)> = self.ranges.iter().map(|r| (value(r), r.count)).collect();
        counts.sort_unstable();
        remove(counts.iter_mut().rev(), self.failures_among);
        RankedValues::from_counts(counts)
    }
}

/// Removes this many, from the first on.
fn remove<'a>(counts: impl Iterator<Item = &'a mut (u64, u64)>, mut excess: u64) {
    for (_, count) in counts {
        let taken = excess.min(*count);
        *count -= taken;
        excess -= taken;
    }
}

#[cfg(test)]
mod tests {
    use super::{Range, Ranges};

    fn range(low_ns: u64, high_ns: u64, count: u64) -> Range {
        Range {
            low_ns,
            shown_ns: high_ns,
            high_ns,
            count,
        }
    }

    #[test]
    fn a_limit_inside_a_range_leaves_its_values_open() {
        let ranges = Ranges::new(vec![range(0, 10, 5), range(10, 30, 4), range(30, 40, 1)], 0);
        assert_eq!(ranges.count_above(9), (5, 10));
        assert_eq!(ranges.count_above(10), (1, 5));
        assert_eq!(ranges.count_above(20), (1, 5));
        assert_eq!(ranges.count_above(29), (1, 5));
        assert_eq!(ranges.count_above(30), (0, 1));
        assert_eq!(ranges.count_above(40), (0, 0));
    }

    #[test]
    fn failures_among_the_latencies_may_be_the_slowest_or_the_fastest() {
        // Ten latencies, 1 to 10; three of the requests failed. Of the seven others, above 6 are at least one
        // (8, 9, 10 failed) and at most four (7, 8, 9, 10).
        let ranges = Ranges::new((1..=10).map(|v| range(v, v, 1)).collect(), 3);
        assert_eq!(ranges.ok(), 7);
        assert_eq!(ranges.count_above(6), (1, 4));
        assert_eq!(ranges.count_above(0), (7, 7));
        let (lowest, highest) = ranges.bounds();
        assert_eq!((lowest.at_rank(1), lowest.at_rank(7)), (Some(1), Some(7)));
        assert_eq!(
            (highest.at_rank(1), highest.at_rank(7)),
            (Some(4), Some(10))
        );
        assert_eq!((lowest.count(), highest.count()), (7, 7));
        assert_eq!(ranges.ranked_values(), highest);
    }
}
