//! What a search was asked for, and the lengths of its trials that follow.

use std::time::Duration;

/// Time before each trial at its rate, not judged.
const WARM_UP: Duration = Duration::from_secs(2);

/// Length of the reference and of each trial while the rate is doubled.
const SCREEN: Duration = Duration::from_secs(5);

/// Least length of a full narrowing trial.
const MIN_NARROW: Duration = Duration::from_secs(20);

/// A narrowing trial may be as long as this many times τ0/θ0.
const NARROW_SPELLS: f64 = 3.0;

/// A block is at least this many times τ0/θ0 long.
const BLOCK_SPELLS: f64 = 6.0;

/// A block is at least this many times T/width long: a queue that fills by less than T in a block is not seen.
const BLOCK_FILLINGS: f64 = 4.0;

/// What the gates say about the lengths of trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapacityGoal {
    /// θ0 of the strictest gate, inside (0, 1).
    pub theta0: f64,
    /// T of the slowest gate; zero without a latency gate.
    pub limit: Duration,
    /// τ0, the slow spell that a PASS excludes; `None` takes requests as independent.
    pub spell: Option<Duration>,
}

/// What a search was asked for. Rates are in requests per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapacityOptions {
    /// The lowest rate, above zero.
    pub from: f64,
    /// The highest rate, at least `from`.
    pub to: f64,
    /// The relative distance of the bounds that is asked for: 0.1 is 10 %.
    pub width: f64,
    /// The time that all trials may take together.
    pub budget: Duration,
    /// The level of all pair tests together.
    pub alpha: f64,
    /// The gates.
    pub goal: CapacityGoal,
    /// How long each trial is.
    pub durations: TrialDurations,
}

/// How long each kind of trial is, warm-up not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialDurations {
    /// Before each of them.
    pub warm_up: Duration,
    /// The reference.
    pub reference: Duration,
    /// While the rate is doubled.
    pub screen: Duration,
    /// A full narrowing trial.
    pub narrow: Duration,
    /// A narrowing trial passes from here on at the earliest.
    pub narrow_pass: Duration,
    /// D, one block; twice that at most.
    pub block: Duration,
}

impl TrialDurations {
    /// `D = max(confirm, 6·τ0/θ0, 4·T/width)`, a narrowing trial of `max(20 s, 3·τ0/θ0)` that passes from half of it and
    /// from `T/width` on.
    ///
    /// # Panics
    /// If `width` or `goal.theta0` is not positive.
    pub fn of(goal: &CapacityGoal, width: f64, confirm: Duration) -> TrialDurations {
        assert!(
            width > 0.0 && goal.theta0 > 0.0,
            "width {width}, share {}",
            goal.theta0
        );
        let spells = |count: f64| goal.spell.unwrap_or_default().mul_f64(count / goal.theta0);
        let narrow = spells(NARROW_SPELLS).max(MIN_NARROW);
        TrialDurations {
            warm_up: WARM_UP,
            reference: SCREEN,
            screen: SCREEN,
            narrow,
            narrow_pass: (narrow / 2).max(goal.limit.div_f64(width)),
            block: confirm
                .max(spells(BLOCK_SPELLS))
                .max(goal.limit.mul_f64(BLOCK_FILLINGS / width)),
        }
    }

    /// The time of the reference and four blocks with their warm-ups: the smallest budget.
    pub fn least_budget(&self) -> Duration {
        self.warm_up + self.reference + 4 * self.with_warm_up(self.block)
    }

    pub(super) fn with_warm_up(&self, duration: Duration) -> Duration {
        self.warm_up + duration
    }
}

impl CapacityOptions {
    /// Whether two bounds are further apart than was asked for. A distance of exactly the width is not.
    pub(super) fn is_wider(&self, lower: f64, upper: f64) -> bool {
        upper / lower - 1.0 > self.width * (1.0 + 1e-9)
    }

    /// The level of test `number` of a search, from 1.
    pub(super) fn level(&self, number: u32) -> f64 {
        self.alpha / (f64::from(number) * f64::from(number + 1))
    }

    /// A block of the only test of one rate, which has the whole level.
    pub fn pair_block(&self) -> Duration {
        self.block_at(self.alpha, self.goal.spell)
    }

    /// A block at this level that can pass without an exceedance where slow spells of such a length must be excluded:
    /// `ln(1/α_j)·ℓ0/(2·λ·θ0)`, at least D and at most 2·D.
    pub(super) fn block_at(&self, level: f64, spell: Option<Duration>) -> Duration {
        let block = self.durations.block;
        let needed = spell
            .unwrap_or_default()
            .mul_f64(-level.ln() / (2.0 * self.goal.theta0));
        needed.clamp(block, 2 * block)
    }
}

#[cfg(test)]
mod tests {
    use super::{CapacityGoal, TrialDurations};
    use std::time::Duration;

    fn goal(theta0: f64, limit_ms: u64) -> CapacityGoal {
        CapacityGoal {
            theta0,
            limit: Duration::from_millis(limit_ms),
            spell: Some(Duration::from_millis(100)),
        }
    }

    /// The lengths that the method names: 30 s for P95, 60 s for P99, 80 s for a limit of 2 s, 10 min for P99.9.
    #[test]
    fn blocks_are_as_long_as_percentile_limit_and_width_ask_for() {
        let block = |theta0, limit_ms, width| {
            let confirm = Duration::from_secs(30);
            let of = TrialDurations::of(&goal(theta0, limit_ms), width, confirm);
            (
                of.block.as_secs_f64(),
                of.narrow.as_secs_f64(),
                of.narrow_pass.as_secs_f64(),
            )
        };
        let near = |(a, b, c): (f64, f64, f64), expected: [f64; 3]| {
            for (found, expected) in [a, b, c].into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        };
        near(block(0.05, 150, 0.1), [30.0, 20.0, 10.0]);
        near(block(0.01, 150, 0.1), [60.0, 30.0, 15.0]);
        near(block(0.05, 2_000, 0.1), [80.0, 20.0, 20.0]);
        near(block(0.001, 150, 0.1), [600.0, 300.0, 150.0]);
        near(block(0.05, 2_000, 0.05), [160.0, 20.0, 40.0]);
    }

    #[test]
    fn the_smallest_budget_holds_the_reference_and_four_blocks() {
        let of = TrialDurations::of(&goal(0.001, 150), 0.1, Duration::from_secs(30));
        assert!((of.least_budget().as_secs_f64() - 2_415.0).abs() < 1e-6);
    }
}
