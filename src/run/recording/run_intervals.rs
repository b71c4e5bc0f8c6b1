//! A run in intervals of the same width, which are wider in a long run: their number is bounded, so that neither memory nor
//! the run file grows with the hours.

use std::collections::BTreeMap;

use super::run_interval::RunInterval;

/// Most intervals: a run of up to 16 minutes has one a second, a run of an hour one in 5 s. As many of any width are a whole
/// number of the next one, so the start of the last interval gives the width as well.
const MOST_INTERVALS: u64 = 960;

/// How long an interval may be, in s. Each is a multiple of the one before, so that wider intervals are sums of narrower
/// ones, and people read time in these steps.
const WIDTHS_S: [u64; 9] = [1, 5, 10, 30, 60, 300, 600, 3_600, DAY_S];

const DAY_S: u64 = 86_400;

/// The width of the intervals of a run with this last second.
fn width_s(last_second: u64) -> u64 {
    let fits = |width: &u64| last_second / width < MOST_INTERVALS;
    let days = || (last_second / DAY_S / MOST_INTERVALS + 1).next_power_of_two();
    let found = WIDTHS_S.into_iter().find(fits);
    found.unwrap_or_else(|| DAY_S.saturating_mul(days()))
}

/// The intervals of a run by their start, in s from t0; those without requests are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunIntervals {
    /// It follows from the last second alone, so that the parts of a run that are put together give the
    /// intervals of the whole run.
    width_s: u64,
    by_start: BTreeMap<u64, RunInterval>,
}

impl Default for RunIntervals {
    fn default() -> RunIntervals {
        RunIntervals {
            width_s: 1,
            by_start: BTreeMap::new(),
        }
    }
}

impl RunIntervals {
    /// How long each interval is.
    pub fn width_s(&self) -> u64 {
        self.width_s
    }

    /// How many have requests.
    pub fn len(&self) -> usize {
        self.by_start.len()
    }

    /// Whether nothing is known of when the requests were due.
    pub fn is_empty(&self) -> bool {
        self.by_start.is_empty()
    }

    /// Start of the first interval with requests, in s.
    pub fn first_s(&self) -> Option<u64> {
        self.by_start.keys().next().copied()
    }

    /// Start of the last interval with requests, in s.
    pub fn last_s(&self) -> Option<u64> {
        self.by_start.keys().next_back().copied()
    }

    /// Start in s and requests, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &RunInterval)> {
        self.by_start.iter().map(|(&start_s, own)| (start_s, own))
    }

    /// The requests of each, ascending.
    pub fn values(&self) -> impl Iterator<Item = &RunInterval> {
        self.by_start.values()
    }

    /// Those that begin at `from_s` or later, and before `to_s`.
    pub fn between(&self, from_s: u64, to_s: u64) -> impl Iterator<Item = &RunInterval> {
        self.by_start.range(from_s..to_s).map(|(_, own)| own)
    }

    /// The one that begins there.
    pub fn get(&self, start_s: u64) -> Option<&RunInterval> {
        self.by_start.get(&start_s)
    }

    /// The interval that holds this second, to be added to.
    pub fn holding(&mut self, second: u64) -> &mut RunInterval {
        self.widen(width_s(second));
        let start_s = second - second % self.width_s;
        self.by_start.entry(start_s).or_default()
    }

    /// Adds the requests of another part of the run.
    pub fn merge(&mut self, other: &RunIntervals) {
        self.widen(other.width_s);
        for (start_s, theirs) in other.iter() {
            self.holding(start_s).merge(theirs);
        }
    }

    /// The same requests, due this much later.
    #[must_use]
    pub fn later(&self, by_s: u64) -> RunIntervals {
        let mut moved = RunIntervals::default();
        moved.widen(self.width_s);
        for (start_s, own) in self.iter() {
            moved.holding(start_s + by_s).merge(own);
        }
        moved
    }

    /// Makes each at least this long, which is a multiple of how long they are.
    fn widen(&mut self, width_s: u64) {
        if width_s <= self.width_s {
            return;
        }
        self.width_s = width_s;
        for (start_s, own) in std::mem::take(&mut self.by_start) {
            let start_s = start_s - start_s % width_s;
            self.by_start.entry(start_s).or_default().merge(&own);
        }
    }
}

impl FromIterator<(u64, RunInterval)> for RunIntervals {
    /// From the second in which each begins, and its requests.
    fn from_iter<I: IntoIterator<Item = (u64, RunInterval)>>(seconds: I) -> RunIntervals {
        let mut intervals = RunIntervals::default();
        for (second, requests) in seconds {
            intervals.holding(second).merge(&requests);
        }
        intervals
    }
}

#[cfg(test)]
mod tests {
    use super::RunIntervals;
    use crate::run::sample::Outcome;

    /// A request in each of these seconds.
    fn run(seconds: impl IntoIterator<Item = u64>) -> RunIntervals {
        let mut intervals = RunIntervals::default();
        for second in seconds {
            intervals.holding(second).add(Outcome::Ok, second);
        }
        intervals
    }

    #[test]
    fn a_long_run_has_wider_intervals_and_the_same_requests() {
        for (length_s, width_s, count) in [
            (1, 1, 1),
            (960, 1, 960),
            (961, 5, 193),
            (3_600, 5, 720),
            (4_801, 10, 481),
            (9_605, 30, 321),
            (40_000, 60, 667),
            (86_400, 300, 288),
        ] {
            let intervals = run(0..length_s);
            assert_eq!((intervals.width_s(), intervals.len()), (width_s, count));
            let requests: u64 = intervals.values().map(|own| own.ok).sum();
            assert_eq!(requests, length_s);
            assert_eq!(
                intervals.last_s(),
                Some((length_s - 1) / width_s * width_s),
                "{length_s} s"
            );
            let again: RunIntervals = intervals
                .iter()
                .map(|(start_s, own)| (start_s, own.clone()))
                .collect();
            assert_eq!(again, intervals, "{length_s} s");
        }
    }

    #[test]
    fn parts_that_are_put_together_are_the_whole_whatever_their_order() {
        let whole = run(0..5_000);
        let parts = [
            run((0..5_000).step_by(3)),
            run((1..5_000).step_by(3)),
            run((2..5_000).step_by(3)),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let mut merged = RunIntervals::default();
            order.iter().for_each(|&part| merged.merge(&parts[part]));
            assert_eq!(merged, whole);
        }
        // A short part takes the width of a long one.
        let mut long = run([4_999]);
        long.merge(&run(0..4_999));
        assert_eq!(long, whole);
    }

    #[test]
    fn a_later_part_continues_an_earlier_one() {
        let mut joined = run(0..10);
        joined.merge(&run(0..10).later(10));
        assert_eq!((joined.len(), joined.last_s()), (20, Some(19)));
        let mut long = run(0..1_000);
        long.merge(&run(0..1_000).later(1_000));
        assert_eq!((long.width_s(), long.len()), (5, 400));
    }

    #[test]
    fn any_second_has_an_interval() {
        let intervals = run([0, 86_400_000, u64::MAX]);
        assert_eq!(intervals.values().map(|own| own.ok).sum::<u64>(), 3);
        assert!(intervals.last_s() > Some(u64::MAX / 2));
    }
}
