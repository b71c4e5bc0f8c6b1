//! How often a verdict is wrong: simulated runs of known truth, judged as real ones are.
//!
//! With α = 5 %, a service exactly at the limit passes a guarded adaptive run in 1 % of runs if its
//! exceedances are independent, and in 5 to 6 % if they come in bursts just as long as the episode that the
//! guard excludes: the condition on the number of episodes is a fixed-size bound looked at several
//! times. Bursts longer than that episode are not what the verdict speaks of, and pass more often.

use super::cluster::Clusters;
use super::looks;
use super::sequential::Watch;
use crate::verdict::Verdict;

/// A service of known truth and the way it is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scenario {
    /// The share of exceedances that the gate allows.
    pub theta0: f64,
    /// The level of the gate.
    pub alpha: f64,
    /// The true share of exceedances, below 1.
    pub share: f64,
    /// Exceedances come in bursts of so many; 1 makes them independent.
    pub burst: usize,
    /// ℓ0, the length in requests of the slow episode that the guard excludes.
    pub episode: f64,
    /// Samples in a full run.
    pub budget: usize,
    /// When the run is looked at.
    pub looks: Looks,
    /// Whether bursts are reckoned with.
    pub guard: Guard,
}

/// When a simulated run is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// As a real run: whenever it has grown by 2 % ([`looks::next`]).
    AsMeasured,
    /// After so many samples each time: faster to simulate. The budget, for a run that is looked at once.
    Every(usize),
}

impl Looks {
    fn next(self, seen: usize) -> usize {
        match self {
            Looks::AsMeasured => looks::next(seen as u64) as usize,
            Looks::Every(samples) => seen + samples,
        }
    }
}

/// Whether the judgement reckons with bursts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The cluster guard, the default of every command.
    On,
    /// Requests are taken as independent, as with `--iid`.
    Off,
}

/// How simulated runs ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcomes {
    /// Runs simulated.
    pub runs: u32,
    /// Runs that passed.
    pub passed: u32,
    /// Runs that failed.
    pub failed: u32,
    /// Samples taken over all runs.
    pub samples: u64,
}

impl Outcomes {
    /// The share of runs that passed.
    pub fn pass_rate(&self) -> f64 {
        f64::from(self.passed) / f64::from(self.runs)
    }

    /// The share of runs that failed.
    pub fn fail_rate(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.runs)
    }

    /// Mean number of samples until the decision, or the budget.
    pub fn mean_samples(&self) -> f64 {
        self.samples as f64 / f64::from(self.runs)
    }
}

impl Scenario {
    /// A gate on a service whose slow episodes are as long as the guard excludes, 100 ms, at 20 requests a second or
    /// as many as make its bursts so long: 120 s.
    pub fn of_gate(theta0: f64, times_the_limit: f64, burst: usize) -> Scenario {
        let episode = burst.max(2);
        Scenario {
            theta0,
            alpha: 0.05,
            share: theta0 * times_the_limit,
            burst,
            episode: episode as f64,
            budget: 1200 * episode,
            looks: Looks::AsMeasured,
            guard: Guard::On,
        }
    }

    /// Simulates `runs` adaptive runs; the same seed gives the same outcomes on every machine.
    ///
    /// Each run is a piece of a stationary process: bursts of a fixed length, gaps of geometric length
    /// between them (possibly none), begun at a random moment. With bursts of 1 that is a sequence of
    /// independent draws.
    ///
    /// # Panics
    /// If `theta0` or `alpha` is not inside (0, 1), `share` not in [0, 1), or `burst` or the samples between looks are 0.
    pub fn adaptive(&self, runs: u32, seed: u64) -> Outcomes {
        let mut random = SplitMix64(seed);
        let mut outcomes = Outcomes {
            runs,
            ..Outcomes::default()
        };
        for _ in 0..runs {
            let (verdict, samples) = self.run(Bursts::new(self.share, self.burst, &mut random));
            outcomes.samples += samples as u64;
            match verdict {
                Verdict::Pass => outcomes.passed += 1,
                Verdict::Fail => outcomes.failed += 1,
                Verdict::Inconclusive => {}
            }
        }
        outcomes
    }

    /// One run, looked at again and again until it is decided or the budget is spent.
    fn run(&self, mut exceedances: impl Iterator<Item = bool>) -> (Verdict, usize) {
        let mut watch = Watch::new(self.theta0, self.alpha);
        let mut seen = Vec::with_capacity(self.budget);
        while seen.len() < self.budget {
            let until = self.looks.next(seen.len()).min(self.budget);
            let more = until - seen.len();
            seen.extend(exceedances.by_ref().take(more));
            let verdict = match self.guard {
                Guard::On => watch.look_guarded(&Clusters::of(seen.iter().copied()), self.episode),
                Guard::Off => watch.look(
                    seen.len() as u64,
                    seen.iter().filter(|&&slow| slow).count() as u64,
                ),
            };
            if verdict != Verdict::Inconclusive {
                return (verdict, seen.len());
            }
        }
        (Verdict::Inconclusive, self.budget)
    }
}

/// A stationary sequence of bursts.
struct Bursts<'a> {
    random: &'a mut SplitMix64,
    length: usize,
    /// The chance, before each request outside a burst, that a burst begins.
    chance: f64,
    /// What is left of the current burst.
    left: usize,
}

impl<'a> Bursts<'a> {
    fn new(share: f64, length: usize, random: &'a mut SplitMix64) -> Bursts<'a> {
        assert!(
            (0.0..1.0).contains(&share) && length > 0,
            "no such process: share {share}, bursts of {length}"
        );
        // Mean gap g with length/(length + g) = share, and chance 1/(1 + g).
        let chance = if share == 0.0 {
            0.0
        } else {
            1.0 / (1.0 + length as f64 * (1.0 - share) / share)
        };
        let inside = random.uniform() < share;
        let left = if inside {
            1 + (random.uniform() * length as f64) as usize
        } else {
            0
        };
        Bursts {
            random,
            length,
            chance,
            left,
        }
    }
}

impl Iterator for Bursts<'_> {
    type Item = bool;

    fn next(&mut self) -> Option<bool> {
        if self.left == 0 && self.random.uniform() < self.chance {
            self.left = self.length;
        }
        let slow = self.left > 0;
        self.left = self.left.saturating_sub(1);
        Some(slow)
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): the same numbers on
/// every machine and in every version of every crate.
pub(super) struct SplitMix64(pub(super) u64);

impl SplitMix64 {
    /// Uniform in [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 * (-53.0_f64).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::{Bursts, Guard, Looks, Outcomes, Scenario, SplitMix64};
    use crate::stats::cluster::Clusters;

    const RUNS: u32 = 200;

    /// A P95 gate, looked at every 4 s: `cargo bench --bench operating` looks as often as a real run does.
    fn at(times_the_limit: f64, burst: usize) -> Scenario {
        let scenario = Scenario::of_gate(0.05, times_the_limit, burst);
        Scenario {
            looks: Looks::Every(scenario.budget / 30),
            ..scenario
        }
    }

    /// A P99 gate, of which a single burst takes a fifth as much time as of a P95.
    fn p99(times_the_limit: f64, burst: usize) -> Outcomes {
        let scenario = Scenario::of_gate(0.01, times_the_limit, burst);
        let looks = Looks::Every(scenario.budget / 30);
        Scenario { looks, ..scenario }.adaptive(RUNS, 2024)
    }

    #[test]
    fn a_p99_is_judged_as_surely_as_a_p95() {
        for burst in [1, 20] {
            let clean = p99(0.0, burst);
            assert_eq!((clean.passed, clean.failed), (RUNS, 0), "bursts of {burst}");
            let limit = p99(1.0, burst);
            assert!(
                limit.pass_rate() <= allowed(),
                "bursts of {burst}: {limit:?}"
            );
            assert!(
                limit.fail_rate() <= allowed(),
                "bursts of {burst}: {limit:?}"
            );
            let beyond = p99(2.0, burst);
            assert!(
                beyond.pass_rate() <= allowed(),
                "bursts of {burst}: {beyond:?}"
            );
            assert_eq!(p99(0.5, burst).failed, 0, "bursts of {burst}");
        }
    }

    #[test]
    fn looking_as_often_as_a_real_run_keeps_the_level() {
        let found = Scenario::of_gate(0.05, 1.0, 1).adaptive(RUNS, 2024);
        assert!(
            found.pass_rate() <= allowed() && found.fail_rate() <= allowed(),
            "{found:?}"
        );
    }

    fn outcomes(times_the_limit: f64, burst: usize) -> Outcomes {
        at(times_the_limit, burst).adaptive(RUNS, 2024)
    }

    /// α, and the one point that repeated looks at the number of episodes add, and three standard errors.
    fn allowed() -> f64 {
        let rate: f64 = 0.06;
        rate + 3.0 * (rate * (1.0 - rate) / f64::from(RUNS)).sqrt()
    }

    #[test]
    fn a_service_without_exceedances_always_passes() {
        for burst in [1, 5, 20] {
            let found = outcomes(0.0, burst);
            assert_eq!((found.passed, found.failed), (RUNS, 0), "bursts of {burst}");
        }
    }

    #[test]
    fn a_service_at_half_the_limit_passes_and_does_not_fail() {
        for burst in [1, 5, 20] {
            let found = outcomes(0.5, burst);
            assert_eq!(found.failed, 0, "bursts of {burst}: {found:?}");
            assert!(found.pass_rate() > 0.8, "bursts of {burst}: {found:?}");
        }
    }

    #[test]
    fn a_service_at_the_limit_is_rarely_decided_either_way() {
        for burst in [1, 5, 20] {
            let found = outcomes(1.0, burst);
            assert!(
                found.pass_rate() <= allowed(),
                "bursts of {burst}: {found:?}"
            );
            assert!(
                found.fail_rate() <= allowed(),
                "bursts of {burst}: {found:?}"
            );
        }
    }

    #[test]
    fn a_service_at_twice_the_limit_fails_and_rarely_passes() {
        for burst in [1, 5, 20] {
            let found = outcomes(2.0, burst);
            assert!(
                found.pass_rate() <= allowed(),
                "bursts of {burst}: {found:?}"
            );
            assert!(found.fail_rate() > 0.9, "bursts of {burst}: {found:?}");
        }
    }

    #[test]
    fn without_the_guard_bursts_decide_by_accident() {
        let found = Scenario {
            guard: Guard::Off,
            ..at(1.0, 20)
        }
        .adaptive(RUNS, 2024);
        assert!(
            found.pass_rate() > 0.3 && found.fail_rate() > 0.1,
            "{found:?}"
        );
    }

    #[test]
    fn without_the_guard_independent_requests_are_judged_within_the_level() {
        let found = Scenario {
            guard: Guard::Off,
            ..at(1.0, 1)
        }
        .adaptive(RUNS, 2024);
        assert!(
            found.pass_rate() <= allowed() && found.fail_rate() <= allowed(),
            "{found:?}"
        );
    }

    #[test]
    fn the_simulated_service_is_what_it_claims() {
        for (share, burst) in [(0.05, 1), (0.05, 20), (0.5, 5)] {
            let mut random = SplitMix64(1);
            let clusters = Clusters::of(Bursts::new(share, burst, &mut random).take(200_000));
            let found = clusters.slow.total as f64 / 200_000.0;
            assert!((found / share - 1.0).abs() < 0.1, "share {found}");
            assert!(
                clusters.slow.typical_length() >= burst as f64 * 0.99,
                "{clusters:?}"
            );
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_outcomes() {
        let scenario = at(1.0, 5);
        assert_eq!(scenario.adaptive(10, 7), scenario.adaptive(10, 7));
    }
}
