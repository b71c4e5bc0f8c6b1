//! P95 of each second of a run, from counters that only grow.

use std::collections::BTreeMap;

use crate::probe::engine::LiveEndpoint;
use crate::report::SecondP95;
use crate::stats::rank::Quantile;

/// Seconds that are kept: more than a panel shows.
const KEPT: usize = 60;

/// The complete seconds of one endpoint.
#[derive(Debug, Default)]
pub(super) struct SecondsSoFar {
    seconds: Vec<SecondP95>,
    /// The second under way.
    current: u64,
    /// Latencies by bucket and requests that were not ok, at its beginning.
    counts: BTreeMap<u64, u64>,
    not_ok: u64,
}

impl SecondsSoFar {
    /// Closes the seconds before this one of the run. Requests count in the second in which they ended.
    pub(super) fn reach(&mut self, second: u64, counted: &LiveEndpoint) {
        if second <= self.current {
            return;
        }
        let counts: BTreeMap<u64, u64> = { counted.latency.buckets() }
            .map(|bucket| (bucket.low_ns, bucket.count))
            .collect();
        let new = counts.iter().map(|(&ns, &count)| {
            let before = self.counts.get(&ns).copied().unwrap_or(0);
            (ns, count.saturating_sub(before))
        });
        let failed = counted.not_ok.saturating_sub(self.not_ok);
        self.seconds.push(p95(new, failed));
        // Seconds without a look at them.
        let missed = (second - self.current - 1).min(KEPT as u64);
        (0..missed).for_each(|_| self.seconds.push(SecondP95::Empty));
        let surplus = self.seconds.len().saturating_sub(KEPT);
        self.seconds.drain(..surplus);
        (self.current, self.counts, self.not_ok) = (second, counts, counted.not_ok);
    }

    /// The latest of them, in order.
    pub(super) fn all(&self) -> &[SecondP95] {
        &self.seconds
    }
}

/// Of latencies by bucket, ascending, and failures.
fn p95(counts: impl Iterator<Item = (u64, u64)> + Clone, failed: u64) -> SecondP95 {
    let ok: u64 = counts.clone().map(|(_, count)| count).sum();
    let mut rank = Quantile::P95.rank(ok + failed);
    if rank == 0 {
        return SecondP95::Empty;
    }
    for (ns, count) in counts {
        if rank <= count {
            return SecondP95::Value(ns);
        }
        rank -= count;
    }
    SecondP95::Failed
}

#[cfg(test)]
mod tests {
    use super::SecondsSoFar;
    use crate::probe::engine::LiveEndpoint;
    use crate::report::SecondP95;
    use crate::run::histogram::{Histogram, Precision};

    #[test]
    fn each_second_has_the_p95_of_the_requests_that_ended_in_it() {
        let mut counted = LiveEndpoint {
            ended: 0,
            not_ok: 0,
            latency: Histogram::new(Precision::Two),
        };
        let mut seconds = SecondsSoFar::default();
        seconds.reach(0, &counted);
        (0..20).for_each(|_| counted.latency.record(1 << 20));
        seconds.reach(0, &counted);
        seconds.reach(1, &counted);
        (0..20).for_each(|_| counted.latency.record(1 << 22));
        seconds.reach(2, &counted);
        counted.latency.record(1 << 20);
        counted.not_ok = 19;
        seconds.reach(3, &counted);
        seconds.reach(5, &counted);
        assert_eq!(
            seconds.all(),
            [
                SecondP95::Value(1 << 20),
                SecondP95::Value(1 << 22),
                SecondP95::Failed,
                SecondP95::Empty,
                SecondP95::Empty,
            ]
        );
    }
}
