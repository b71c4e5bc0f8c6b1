//! How often verdicts and intervals are wrong, of simulated services of known truth.

#[expect(dead_code, reason = "the bench prints more than is promised here")]
#[path = "../../benches/operating/simulation.rs"]
mod simulation;

use a7probe::stats::cluster::Clusters;
use a7probe::stats::dependence;
use a7probe::stats::profile::{CUT_95, OrderStatistics, change, judge_reduction};
use a7probe::stats::rank::Quantile;
use a7probe::verdict::Verdict;

use simulation::{Bursts, Guard, Looks, Outcomes, Scenario, SplitMix64, allowed};

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
            limit.pass_rate() <= allowed(RUNS),
            "bursts of {burst}: {limit:?}"
        );
        assert!(
            limit.fail_rate() <= allowed(RUNS),
            "bursts of {burst}: {limit:?}"
        );
        let beyond = p99(2.0, burst);
        assert!(
            beyond.pass_rate() <= allowed(RUNS),
            "bursts of {burst}: {beyond:?}"
        );
        assert_eq!(p99(0.5, burst).failed, 0, "bursts of {burst}");
    }
}

#[test]
fn looking_as_often_as_a_real_run_keeps_the_level() {
    let found = Scenario::of_gate(0.05, 1.0, 1).adaptive(RUNS, 2024);
    assert!(
        found.pass_rate() <= allowed(RUNS) && found.fail_rate() <= allowed(RUNS),
        "{found:?}"
    );
}

fn outcomes(times_the_limit: f64, burst: usize) -> Outcomes {
    at(times_the_limit, burst).adaptive(RUNS, 2024)
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
            found.pass_rate() <= allowed(RUNS),
            "bursts of {burst}: {found:?}"
        );
        assert!(
            found.fail_rate() <= allowed(RUNS),
            "bursts of {burst}: {found:?}"
        );
    }
}

#[test]
fn a_service_at_twice_the_limit_fails_and_rarely_passes() {
    for burst in [1, 5, 20] {
        let found = outcomes(2.0, burst);
        assert!(
            found.pass_rate() <= allowed(RUNS),
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
        found.pass_rate() <= allowed(RUNS) && found.fail_rate() <= allowed(RUNS),
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

/// Sorted values with the design effect that their order has.
struct Series {
    sorted: Vec<f64>,
    design_effect: f64,
}

impl OrderStatistics for Series {
    fn count(&self) -> u64 {
        self.sorted.len() as u64
    }

    fn value(&self, rank: u64) -> f64 {
        self.sorted[rank as usize - 1]
    }

    fn design_effect(&self) -> f64 {
        self.design_effect
    }
}

impl Series {
    fn of(values: &[f64]) -> Series {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let above = |limit: f64| Clusters::of(values.iter().map(|&v| v > limit)).excess_effect();
        let design_effect = dependence::at(sorted.as_slice(), Quantile::P95, above);
        Series {
            sorted,
            design_effect,
        }
    }

    fn is_resolved(&self) -> bool {
        dependence::worth(self.count(), self.design_effect) >= 72
    }
}

/// 5 % slow at 200 to 300 ms in runs of this mean length, geometric as the gaps, else 20 ms.
fn series(random: &mut SplitMix64, n: usize, length: f64, factor: f64) -> Series {
    let mut slow = random.uniform() < 0.05;
    let mut values = Vec::with_capacity(n);
    while values.len() < n {
        values.push(
            factor
                * if slow {
                    200.0 + 100.0 * random.uniform()
                } else {
                    20.0
                },
        );
        let end = if slow {
            1.0 / length
        } else {
            0.05 / (0.95 * length)
        };
        slow = if length == 1.0 {
            random.uniform() < 0.05
        } else {
            slow != (random.uniform() < end)
        };
    }
    Series::of(&values)
}

/// How many of the pairs of one law PASS a reduction of 70 %, show a change beyond 5 %, and are resolved.
fn found(length: f64, factor: f64, runs: u64) -> [u64; 3] {
    let mut random = SplitMix64(20_240_611);
    let mut found = [0; 3];
    for _ in 0..runs {
        let before = series(&mut random, 2_000, length, 1.0);
        let after = series(&mut random, 2_000, length, factor);
        if !before.is_resolved() || !after.is_resolved() {
            continue;
        }
        let change = change(&before, &after, Quantile::P95, CUT_95).expect("samples");
        let (low, high) = (change.ratio.low.value, change.ratio.high.value);
        found[0] += u64::from(judge_reduction(low, high, 0.7) == Verdict::Pass);
        found[1] += u64::from(high < 0.95 || low > 1.05);
        found[2] += 1;
    }
    found
}

#[test]
fn bursts_of_one_law_are_no_change_more_often_than_one_in_twenty() {
    // 400 pairs: 5 % and three standard errors are 33.
    for length in [1.0, 5.0, 20.0] {
        let [passed, changed, resolved] = found(length, 1.0, 400);
        assert!(
            passed <= 33 && changed <= 33,
            "length {length}: {passed} and {changed} of {resolved} resolved"
        );
    }
}

#[test]
fn what_is_not_in_bursts_shows_that_everything_doubled() {
    // A percentile at the foot of a cliff has no interval to speak of; P95 of evenly spread values has.
    let even = |factor: f64| {
        Series::of(
            &(0..2_000)
                .map(|i| factor * f64::from(20 + i * 7919 % 2_000))
                .collect::<Vec<_>>(),
        )
    };
    let change = change(&even(1.0), &even(2.0), Quantile::P95, CUT_95).expect("samples");
    assert!(change.ratio.low.value > 1.8 && change.ratio.high.value < 2.2);
}
