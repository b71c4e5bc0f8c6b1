//! One interval of a run: how many requests it planned, how they ended, and how long they took.

use std::collections::BTreeMap;

use crate::run::histogram::{Histogram, Precision};
use crate::run::sample::{FailureKind, Outcome};

/// The requests of one interval, by intended start; two significant digits, held sparsely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunInterval {
    /// Requests that ended ok.
    pub ok: u64,
    /// Requests that did not: failed or timed out.
    pub not_ok: u64,
    /// Of these, the failures by kind. Files of before there was this field have none.
    pub failed: BTreeMap<FailureKind, u64>,
    /// Of these, those without a complete answer in time.
    pub timeout: u64,
    /// Lower bucket bound in ns and count, ascending, of the requests that ended ok: a list, because a run keeps many
    /// intervals with few buckets in each.
    buckets: Vec<(u64, u64)>,
}

/// Two digits: 256 steps an octave pair, so values keep their highest 8 bits.
const KEPT_BITS: u32 = 8;

impl RunInterval {
    /// Adds one request.
    pub fn add(&mut self, outcome: Outcome, latency_ns: u64) {
        if outcome != Outcome::Ok {
            self.not_ok += 1;
            match outcome {
                Outcome::Failed(kind) => *self.failed.entry(kind).or_default() += 1,
                Outcome::Timeout => self.timeout += 1,
                Outcome::Ok | Outcome::Unsent => {}
            }
            return;
        }
        self.ok += 1;
        self.count(bucket_floor(latency_ns), 1);
    }

    fn count(&mut self, floor_ns: u64, n: u64) {
        match self
            .buckets
            .binary_search_by_key(&floor_ns, |&(floor, _)| floor)
        {
            Ok(at) => self.buckets[at].1 += n,
            Err(at) => self.buckets.insert(at, (floor_ns, n)),
        }
    }

    /// Adds the requests of the same interval from another recording.
    pub fn merge(&mut self, other: &RunInterval) {
        self.ok += other.ok;
        self.not_ok += other.not_ok;
        self.timeout += other.timeout;
        for (&kind, &n) in &other.failed {
            *self.failed.entry(kind).or_default() += n;
        }
        for &(floor_ns, n) in &other.buckets {
            self.count(floor_ns, n);
        }
    }

    /// How many requests were certainly above a limit in ns, or did not end ok.
    pub fn count_above(&self, limit_ns: f64) -> u64 {
        let above = self.buckets.iter().rev();
        let above = above.take_while(|&&(floor_ns, _)| floor_ns as f64 > limit_ns);
        self.not_ok + above.map(|&(_, n)| n).sum::<u64>()
    }

    /// Lower bucket bounds in ns with their counts, ascending, of the requests that ended ok.
    pub fn buckets(&self) -> &[(u64, u64)] {
        &self.buckets
    }

    /// Latencies of the requests that ended ok.
    pub fn histogram(&self) -> Histogram {
        let mut histogram = Histogram::new(Precision::Two);
        self.buckets
            .iter()
            .for_each(|&(floor_ns, n)| histogram.record_n(floor_ns, n));
        histogram
    }

    /// The interval that a histogram of this precision came from.
    pub fn from_histogram(histogram: &Histogram, not_ok: u64) -> RunInterval {
        let buckets = histogram.buckets().map(|b| (b.low_ns, b.count));
        let mut buckets: Vec<(u64, u64)> = buckets.collect();
        buckets.shrink_to_fit();
        RunInterval {
            ok: histogram.count(),
            not_ok,
            buckets,
            ..RunInterval::default()
        }
    }

    /// The same with the kinds of its failures.
    #[must_use]
    pub fn with_failures(self, failed: BTreeMap<FailureKind, u64>, timeout: u64) -> RunInterval {
        RunInterval {
            failed,
            timeout,
            ..self
        }
    }
}

/// The lower bound of HdrHistogram's bucket at two digits.
fn bucket_floor(value_ns: u64) -> u64 {
    let shift = (u64::BITS - value_ns.leading_zeros()).saturating_sub(KEPT_BITS);
    value_ns >> shift << shift
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{RunInterval, bucket_floor};
    use crate::run::histogram::{Histogram, Precision};
    use crate::run::sample::{FailureKind, Outcome};

    #[test]
    fn buckets_are_those_of_the_histogram() {
        for value_ns in (0..64).flat_map(|shift| {
            [
                1u64 << shift,
                (1u64 << shift) - 1,
                (1u64 << shift) / 3 * 2 + 5,
            ]
        }) {
            let value_ns = value_ns.min(crate::run::histogram::MAX_NS);
            let mut histogram = Histogram::new(Precision::Two);
            histogram.record(value_ns);
            assert_eq!(
                histogram.buckets().next().map(|b| b.low_ns),
                Some(bucket_floor(value_ns)),
                "{value_ns}"
            );
        }
    }

    #[test]
    fn an_interval_survives_its_histogram() {
        let mut interval = RunInterval::default();
        (0..1000u64).for_each(|i| interval.add(Outcome::Ok, i * i * 997));
        interval.add(Outcome::Timeout, 0);
        interval.add(Outcome::Failed(FailureKind::Status), 0);
        let failed = BTreeMap::from([(FailureKind::Status, 1)]);
        let restored = RunInterval::from_histogram(&interval.histogram(), 2);
        assert_eq!(restored.with_failures(failed, 1), interval);
    }
}
