//! When the requests of a run were due, from their order and the counts of its intervals.

use super::latency_code::LatencyCode;
use super::run_intervals::RunIntervals;
use super::sequence::Sequence;

/// A request in the order of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PlacedRequest {
    /// When it was due, in s from t0: within its interval by its place there.
    pub(crate) start_s: f64,
    /// Its response time, in the middle of its code; `None` if it did not end ok.
    pub(crate) ns: Option<u64>,
}

impl PlacedRequest {
    /// Every request that was due in a run of this length, in order.
    pub(crate) fn all(
        sequence: &Sequence,
        intervals: &RunIntervals,
        length_s: f64,
    ) -> Vec<PlacedRequest> {
        let requests = sequence.places().zip(starts(intervals, length_s));
        let requests = requests.map(|((_, entry), start_s)| PlacedRequest {
            start_s,
            ns: middle_ns(entry.code),
        });
        requests.collect()
    }
}

fn middle_ns(code: LatencyCode) -> Option<u64> {
    match code {
        LatencyCode::NOT_OK => None,
        LatencyCode::LONGEST => Some(code.low_ns()),
        code => Some(code.low_ns() + (code.high_ns() - code.low_ns()) / 2),
    }
}

/// Those of an interval at equal distances in it; the last one may be cut.
fn starts(intervals: &RunIntervals, length_s: f64) -> impl Iterator<Item = f64> + '_ {
    let width_s = intervals.width_s() as f64;
    intervals.iter().flat_map(move |(start_s, requests)| {
        let (from, count) = (start_s as f64, requests.ok + requests.not_ok);
        let width = (length_s - from).clamp(0.001, width_s);
        (0..count).map(move |k| from + (k as f64 + 0.5) / count as f64 * width)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{RunInterval, RunIntervals};
    use super::starts;
    use crate::run::sample::Outcome;

    #[test]
    fn requests_of_a_second_lie_evenly_in_it() {
        let mut second = RunInterval::default();
        (0..3).for_each(|_| second.add(Outcome::Ok, 1_000_000));
        second.add(Outcome::Timeout, 0);
        let seconds = RunIntervals::from_iter([(2, second.clone()), (3, second)]);
        let found: Vec<f64> = starts(&seconds, 3.5).collect();
        let expected = [2.125, 2.375, 2.625, 2.875, 3.0625, 3.1875, 3.3125, 3.4375];
        assert_eq!(found, expected);
    }
}
