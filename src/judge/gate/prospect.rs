//! What a plan can decide of a gate, before anything is sent.

use super::evidence::ProportionTest;
use super::planned::Planned;
use super::spec::{ALPHA, Gate};
use crate::run::plan::Design;
use crate::stats::binomial;
use crate::stats::cluster::Clusters;
use crate::stats::interim_looks::InterimLooks;
use crate::stats::sequential::Mixture;
use crate::verdict::Verdict;

/// Where the search ends for the moment at which a service that is always beyond the limit has failed.
const MOST_SEARCHED: u64 = 100_000;

/// What a plan can decide of a gate on one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// Fewest requests with which it passes, none of them beyond the limit.
    pub passes_from: u64,
    /// Fewest requests with which an adaptive run fails, all of them beyond the limit.
    pub fails_from: Option<u64>,
    /// Most exceedances among all planned requests with which it passes, each alone.
    pub pass_up_to: Option<u64>,
    /// Fewest exceedances among all planned requests with which it fails, each alone.
    pub fail_from: Option<u64>,
}

impl Prospect {
    /// `None` for a gate on two runs.
    pub fn of(gate: &Gate, planned: &Planned<'_>) -> Option<Prospect> {
        let test = ProportionTest {
            theta0: gate.condition.allowed_share()?,
            design: planned.design,
            episode: planned.guard.requests(planned.rate_per_s),
        };
        Some(Prospect {
            passes_from: test.min_samples(),
            fails_from: test.min_samples_to_fail(),
            pass_up_to: planned.samples.and_then(|n| test.max_isolated_to_pass(n)),
            fail_from: planned.samples.and_then(|n| test.min_isolated_to_fail(n)),
        })
    }
}

impl ProportionTest {
    fn min_samples_to_fail(&self) -> Option<u64> {
        let all = |n: u64| Clusters::of(std::iter::repeat_n(true, n as usize));
        let mut looking = InterimLooks::new(self.theta0, ALPHA, self.episode);
        while looking.verdict() != Verdict::Fail {
            let n = looking.next();
            if n > MOST_SEARCHED {
                return None;
            }
            looking.advance(n, all);
        }
        looking.latest().map(Clusters::samples)
    }

    fn max_isolated_to_pass(&self, n: u64) -> Option<u64> {
        let most = match self.design {
            Design::Fixed => binomial::max_exceedances_to_pass(n, self.theta0, ALPHA),
            Design::Adaptive => Mixture::new(self.theta0).max_exceedances_to_pass(n, ALPHA),
        }?;
        // The guard asks for more only where there are few of them.
        (0..=most)
            .rev()
            .find(|&k| self.isolated(n, k).verdict() == Verdict::Pass)
    }

    fn min_isolated_to_fail(&self, n: u64) -> Option<u64> {
        let fewest = match self.design {
            Design::Fixed => binomial::min_exceedances_to_fail(n, self.theta0, ALPHA),
            Design::Adaptive => Mixture::new(self.theta0).min_exceedances_to_fail(n, ALPHA),
        }?;
        (fewest..=n).find(|&k| self.isolated(n, k).verdict() == Verdict::Fail)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Prospect;
    use crate::judge::gate::{Gate, Planned};
    use crate::run::plan::{Design, Guard, LoadShape, Size};

    fn prospect(gate: &str, samples: u64, guard: Guard, design: Design) -> Prospect {
        let planned = Planned {
            endpoint: "health",
            samples: Some(samples),
            rate_per_s: Some(20.0),
            shape: LoadShape::Steady,
            guard,
            design,
            size: Size::Requests(samples),
        };
        Prospect::of(&gate.parse::<Gate>().unwrap(), &planned).unwrap()
    }

    #[test]
    fn a_clean_p99_takes_300_episodes_of_time_at_any_size_of_plan() {
        let guard = Guard::Episode(Duration::from_millis(100));
        for (gate, needed) in [("p95 <= 150ms", 120), ("p99 <= 150ms", 600)] {
            for design in [Design::Fixed, Design::Adaptive] {
                assert_eq!(
                    prospect(gate, 2_400, guard, design).passes_from,
                    needed,
                    "{gate}"
                );
            }
        }
    }

    #[test]
    fn without_the_guard_the_limits_are_those_of_method() {
        let fixed = prospect("p95 <= 150ms", 1_000, Guard::Iid, Design::Fixed);
        assert_eq!(
            (fixed.passes_from, fixed.pass_up_to, fixed.fail_from),
            (59, Some(38), Some(63))
        );
        let adaptive = prospect("p95 <= 150ms", 1_000, Guard::Iid, Design::Adaptive);
        assert_eq!((adaptive.passes_from, adaptive.fails_from), (82, Some(4)));
        assert_eq!(
            (adaptive.pass_up_to, adaptive.fail_from),
            (Some(30), Some(72))
        );
    }
}
