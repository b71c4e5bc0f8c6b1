//! How often a verdict is wrong: simulated runs of known truth, judged as real ones are.
//!
//! With α = 5 %, a service exactly at the limit passes a guarded adaptive run in 1 % of runs if its
//! exceedances are independent, and in 5 to 6 % if they come in bursts just as long as the episode that the
//! guard excludes: the condition on the number of episodes is a fixed-size bound looked at several
//! times. Bursts longer than that episode are not what the verdict speaks of, and pass more often.

use a7probe::stats::cluster::Clusters;
use a7probe::stats::interim_looks;
use a7probe::stats::sequential::SequentialTest;
use a7probe::verdict::Verdict;

/// A service of known truth and the way it is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scenario {
    /// The share of exceedances that the gate allows.
    pub(crate) theta0: f64,
    /// The level of the gate.
    pub(crate) alpha: f64,
    /// The true share of exceedances, below 1.
    pub(crate) share: f64,
    /// Consecutive exceedances in a burst; 1 makes them independent.
    pub(crate) burst: usize,
    /// ℓ0, the length in requests of the slow episode that the guard excludes.
    pub(crate) episode: f64,
    /// Samples in a full run.
    pub(crate) budget: usize,
    /// When the run is looked at.
    pub(crate) looks: Looks,
    /// Whether bursts are reckoned with.
    pub(crate) guard: Guard,
}

/// When a simulated run is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// As a real run: whenever it has grown by 2 % ([`interim_looks::next`]).
    AsMeasured,
    /// After each further block of this many samples, which is faster to simulate; the budget for a single look.
    Every(usize),
}

impl Looks {
    fn next(self, seen: usize) -> usize {
        match self {
            Looks::AsMeasured => interim_looks::next(seen as u64) as usize,
            Looks::Every(samples) => seen + samples,
        }
    }
}

/// Whether the judgement allows for bursts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The cluster guard, the default of every command.
    On,
    /// Requests are taken as independent, as with `--iid`.
    Off,
}

/// How simulated runs ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Outcomes {
    /// Runs simulated.
    pub(crate) runs: u32,
    /// Runs that passed.
    pub(crate) passed: u32,
    /// Runs that failed.
    pub(crate) failed: u32,
    /// Samples taken over all runs.
    pub(crate) samples: u64,
}

/// The share of false verdicts that is claimed, as `runs` simulated runs may show it: α, and the one point that repeated
/// looks at the number of episodes add, and three standard errors.
pub(crate) fn allowed(runs: u32) -> f64 {
    let rate: f64 = 0.06;
    rate + 3.0 * (rate * (1.0 - rate) / f64::from(runs)).sqrt()
}

impl Outcomes {
    /// The share of runs that passed.
    pub(crate) fn pass_rate(&self) -> f64 {
        f64::from(self.passed) / f64::from(self.runs)
    }

    /// The share of runs that failed.
    pub(crate) fn fail_rate(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.runs)
    }

    /// Mean number of samples until the decision, or the budget.
    pub(crate) fn mean_samples(&self) -> f64 {
        self.samples as f64 / f64::from(self.runs)
    }
}

impl Scenario {
    /// A gate on a service whose slow episodes are as long as the guard excludes, 100 ms, at 20 requests a second or
    /// as many as make its bursts so long: 120 s.
    pub(crate) fn of_gate(theta0: f64, times_the_limit: f64, burst: usize) -> Scenario {
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
    pub(crate) fn adaptive(&self, runs: u32, seed: u64) -> Outcomes {
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
                Verdict::Inconclusive | Verdict::NotJudged => {}
            }
        }
        outcomes
    }

    /// One run, looked at again and again until it is decided or the budget is spent.
    fn run(&self, mut exceedances: impl Iterator<Item = bool>) -> (Verdict, usize) {
        let mut test = SequentialTest::new(self.theta0, self.alpha);
        let mut seen = Vec::with_capacity(self.budget);
        while seen.len() < self.budget {
            let until = self.looks.next(seen.len()).min(self.budget);
            let more = until - seen.len();
            seen.extend(exceedances.by_ref().take(more));
            let verdict = match self.guard {
                Guard::On => test.look_guarded(&Clusters::of(seen.iter().copied()), self.episode),
                Guard::Off => test.look(
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
pub(crate) struct Bursts<'a> {
    random: &'a mut SplitMix64,
    length: usize,
    /// The chance, before each request outside a burst, that a burst begins.
    chance: f64,
    /// What is left of the current burst.
    left: usize,
}

impl<'a> Bursts<'a> {
    pub(crate) fn new(share: f64, length: usize, random: &'a mut SplitMix64) -> Bursts<'a> {
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
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 * (-53.0_f64).exp2()
    }
}
