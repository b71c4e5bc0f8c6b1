//! From percentiles with their ranks to a range for every latency.

use crate::run::recording::Range;

/// What one line of a percentile table says of the ascending latencies X(1) … X(n).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RankBound {
    /// X of this rank is at most `high_ns`.
    pub(super) at_most_rank: u64,
    /// X of this rank is at least `low_ns`.
    pub(super) at_least_rank: u64,
    /// Lowest reading of the value.
    pub(super) low_ns: u64,
    /// The value as the table has it.
    pub(super) shown_ns: u64,
    /// Highest reading of the value.
    pub(super) high_ns: u64,
}

impl RankBound {
    /// X(rank) is the value, to within its rounding.
    pub(super) fn at(rank: u64, shown_ns: u64, within_ns: u64) -> RankBound {
        RankBound::between(rank, rank, shown_ns, within_ns)
    }

    /// The value is a percentile of n: one of the values that tools give for it, which count ranks from ⌊fraction·n⌋ to one
    /// more.
    pub(super) fn percentile(n: u64, fraction: f64, shown_ns: u64, within_ns: u64) -> RankBound {
        // Floating point may shift a whole number slightly.
        let position = fraction * n as f64;
        let below = ((position - 1e-6).floor().max(1.0) as u64).min(n);
        let above = ((position + 1e-6).floor() as u64 + 1).min(n);
        RankBound::between(below, above, shown_ns, within_ns)
    }

    /// X(at_most_rank) ≤ value ≤ X(at_least_rank), to within its rounding.
    pub(super) fn between(
        at_most_rank: u64,
        at_least_rank: u64,
        shown_ns: u64,
        within_ns: u64,
    ) -> RankBound {
        RankBound {
            at_most_rank,
            at_least_rank,
            low_ns: shown_ns.saturating_sub(within_ns),
            shown_ns,
            high_ns: shown_ns.saturating_add(within_ns),
        }
    }
}

/// A range for each of n latencies. `None` if the bounds contradict each other, or leave the last without a bound.
pub(super) fn ranges(n: u64, bounds: &[RankBound]) -> Option<Vec<Range>> {
    let starts = segment_starts(n, bounds);
    let lows = lows(&starts, bounds);
    let highs = highs(&starts, bounds);
    let mut ranges = Vec::with_capacity(starts.len());
    for (i, &start) in starts.iter().enumerate() {
        let next = starts.get(i + 1).map_or(n + 1, |&next| next);
        let (shown_ns, high_ns) = highs[i]?;
        if lows[i] > high_ns {
            return None;
        }
        ranges.push(Range {
            low_ns: lows[i],
            shown_ns: shown_ns.clamp(lows[i], high_ns),
            high_ns,
            count: next - start,
        });
    }
    Some(ranges)
}

/// The ranks at which some bound changes, from 1.
fn segment_starts(n: u64, bounds: &[RankBound]) -> Vec<u64> {
    let ends = bounds
        .iter()
        .map(|bound| bound.at_most_rank.saturating_add(1));
    let starts = bounds.iter().map(|bound| bound.at_least_rank);
    let mut starts: Vec<u64> = ends.chain(starts).chain([1]).collect();
    starts.retain(|rank| (1..=n).contains(rank));
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// For each segment, the highest value that a rank up to its first reaches.
fn lows(starts: &[u64], bounds: &[RankBound]) -> Vec<u64> {
    let mut bounds: Vec<(u64, u64)> = bounds.iter().map(|k| (k.at_least_rank, k.low_ns)).collect();
    bounds.sort_unstable();
    let mut bounds = bounds.into_iter().peekable();
    let mut low_ns = 0;
    let lows = starts.iter().map(|&start| {
        while let Some((_, value_ns)) = bounds.next_if(|&(rank, _)| rank <= start) {
            low_ns = low_ns.max(value_ns);
        }
        low_ns
    });
    lows.collect()
}

/// For each segment, the lowest value that a rank from its first on does not exceed, and how it is shown. Every
/// rank at which this changes begins a segment, so it holds for the last of the segment too.
fn highs(starts: &[u64], bounds: &[RankBound]) -> Vec<Option<(u64, u64)>> {
    let mut bounds: Vec<&RankBound> = bounds.iter().collect();
    bounds.sort_unstable_by_key(|bound| std::cmp::Reverse(bound.at_most_rank));
    let mut bounds = bounds.into_iter().peekable();
    let mut least: Option<(u64, u64)> = None;
    let mut highs: Vec<Option<(u64, u64)>> = starts
        .iter()
        .rev()
        .map(|&start| {
            while let Some(bound) = bounds.next_if(|bound| bound.at_most_rank >= start) {
                if least.is_none_or(|(_, high_ns)| bound.high_ns < high_ns) {
                    least = Some((bound.shown_ns, bound.high_ns));
                }
            }
            least
        })
        .collect();
    highs.reverse();
    highs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, proptest};

    use super::{RankBound, ranges};
    use crate::run::recording::{Range, Ranges};

    #[test]
    fn between_two_percentiles_everything_is_possible() {
        let bounds = [
            RankBound::at(1, 4, 0),
            RankBound::at(6, 50, 0),
            RankBound::at(10, 90, 0),
        ];
        let range = |low_ns, high_ns, count| Range {
            low_ns,
            shown_ns: high_ns,
            high_ns,
            count,
        };
        let expected = [
            range(4, 4, 1),
            range(4, 50, 4),
            range(50, 50, 1),
            range(50, 90, 3),
            range(90, 90, 1),
        ];
        assert_eq!(ranges(10, &bounds).expect("bounds that agree"), expected);
    }

    #[test]
    fn knots_that_contradict_each_other_or_bound_nothing_are_refused() {
        assert_eq!(
            ranges(10, &[RankBound::at(5, 50, 0), RankBound::at(10, 40, 0)]),
            None
        );
        assert_eq!(ranges(10, &[RankBound::at(9, 50, 0)]), None);
        assert_eq!(ranges(0, &[]), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn the_true_number_above_a_limit_is_always_within_the_range(
            mut values in proptest::collection::vec(0u64..200, 1..60),
            picks in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
            limit in 0u64..220,
        ) {
            values.sort_unstable();
            let n = values.len() as u64;
            let mut bounds = vec![RankBound::at(n, values[values.len() - 1], 0)];
            bounds.extend(picks.iter().map(|pick| {
                let index = pick.index(values.len());
                // Rounded to tens, as tools do.
                RankBound::at(index as u64 + 1, (values[index] + 5) / 10 * 10, 5)
            }));
            let ranges = Ranges::new(ranges(n, &bounds).expect("bounds of one sample agree"), 0);
            let truth = values.iter().filter(|&&v| v > limit).count() as u64;
            let (least, most) = ranges.count_above(limit);
            prop_assert!(least <= truth && truth <= most, "{least} ≤ {truth} ≤ {most}");
            let (lowest, highest) = ranges.bounds();
            for rank in 1..=n {
                let value = values[rank as usize - 1];
                prop_assert!(lowest.at_rank(rank).expect("a rank") <= value);
                prop_assert!(value <= highest.at_rank(rank).expect("a rank"));
            }
        }
    }
}
