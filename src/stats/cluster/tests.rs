//! Runs of exceedances and what the guard makes of them.

use super::{Clusters, EpisodeCondition, poisson_upper_bound};
use crate::verdict::Verdict;

const P95: f64 = 0.05;

/// `count` runs of `length` exceedances, evenly spread over `samples`.
fn bursts(samples: usize, count: usize, length: usize) -> Clusters {
    Clusters::of((0..samples).map(|index| count > 0 && index % (samples / count) < length))
}

fn verdict(clusters: &Clusters, theta0: f64, episode: f64) -> Verdict {
    clusters.judge(theta0, 0.05, episode).verdict
}

#[test]
fn no_run_goes_on_across_a_seam() {
    let bits = [false, true, true, true, true, false, true, true];
    let joined = Clusters::of(bits);
    assert_eq!((joined.slow.count, joined.slow.longest), (2, 4));
    let cut = Clusters::with_seams(bits, &[3, 5, 6, 7]);
    assert_eq!(
        (cut.slow.count, cut.slow.longest, cut.slow.total),
        (4, 2, 6)
    );
    assert_eq!((cut.within.count, cut.within.total), (2, 2));
    assert_eq!(Clusters::with_seams(bits, &[]), joined);
}

#[test]
fn a_prefix_of_words_is_that_of_its_bits() {
    let is_slow = |i: u64| i % 10 < 3 || i % 97 == 5;
    let words: Vec<u64> = (0..5)
        .map(|word| {
            (0..64)
                .map(|bit| u64::from(is_slow(64 * word + bit)) << bit)
                .sum()
        })
        .collect();
    for length in [0, 1, 63, 64, 65, 200, 320] {
        let of_bits = Clusters::of((0..length).map(is_slow));
        assert_eq!(Clusters::of_words(&words, length), of_bits, "{length}");
    }
    let of_all = Clusters::of_words(&words, 320);
    assert_eq!(Clusters::of_words(&words, 999), of_all);
}

#[test]
fn poisson_bounds_are_those_of_the_tables() {
    let table = [
        (0, 2.995732273553991),
        (1, 4.743864518390578),
        (3, 7.753656527932727),
        (9, 15.705216422115463),
    ];
    for (count, expected) in table {
        assert!(
            (poisson_upper_bound(count, 0.05) / expected - 1.0).abs() < 1e-12,
            "count {count}"
        );
    }
}

#[test]
fn runs_are_counted_in_order() {
    let text = "..XX.XXX....X";
    let clusters = Clusters::of(text.bytes().map(|byte| byte == b'X'));
    assert_eq!(
        (
            clusters.slow.count,
            clusters.slow.total,
            clusters.slow.longest
        ),
        (3, 6, 3)
    );
    assert_eq!(
        (
            clusters.within.count,
            clusters.within.total,
            clusters.within.longest
        ),
        (3, 7, 4)
    );
    assert_eq!(clusters.slow.typical_length(), 14.0 / 6.0);
    assert_eq!(clusters.samples(), 13);
}

#[test]
fn no_samples_decide_nothing() {
    let clusters = Clusters::of([]);
    assert_eq!(
        (clusters.design_effect, clusters.effective()),
        (1.0, (0.0, 0.0))
    );
    assert_eq!(verdict(&clusters, P95, 2.0), Verdict::Inconclusive);
    assert_eq!(
        (clusters.lower_bound(0.05), clusters.upper_bound(0.05)),
        (0.0, 1.0)
    );
}

#[test]
fn without_exceedances_passing_is_a_law_of_time() {
    // 60·τ0 for P95 and 300·τ0 for P99, whatever the rate: ℓ0 = rate·0.1 s.
    // At 20/s the binomial itself asks for fewer, 59 and 299 samples.
    for (theta0, seconds) in [(P95, 60.0 * 0.1), (0.01, 300.0 * 0.1)] {
        for rate in [20.0, 100.0, 1000.0] {
            let clean = |samples: f64| Clusters::of(std::iter::repeat_n(false, samples as usize));
            let episode = rate * 0.1;
            let exact = (2.995732273553991 * episode / theta0).ceil();
            assert!(exact <= rate * seconds);
            assert_eq!(
                verdict(&clean(exact), theta0, episode),
                Verdict::Pass,
                "{rate}/s"
            );
            assert_eq!(
                verdict(&clean(exact - 1.0), theta0, episode),
                Verdict::Inconclusive,
                "{rate}/s"
            );
        }
    }
}

#[test]
fn ten_clean_requests_never_pass() {
    let clean = Clusters::of([false; 10]);
    for theta0 in [0.05, 0.01, 0.001] {
        assert_eq!(verdict(&clean, theta0, 1.0), Verdict::Inconclusive);
    }
}

#[test]
fn the_same_share_in_bursts_is_worth_less() {
    assert_eq!(verdict(&bursts(1000, 30, 1), P95, 2.0), Verdict::Pass);
    assert_eq!(
        verdict(&bursts(1000, 3, 10), P95, 2.0),
        Verdict::Inconclusive
    );
    assert_eq!(verdict(&bursts(1000, 80, 1), P95, 2.0), Verdict::Fail);
    assert_eq!(
        verdict(&bursts(1000, 4, 20), P95, 2.0),
        Verdict::Inconclusive
    );
}

#[test]
fn two_episodes_never_fail_and_the_condition_says_so() {
    let clusters = bursts(100, 2, 15);
    assert!(clusters.judge(0.01, 0.05, 1.0).p_fail <= 0.05);
    assert_eq!(
        clusters.fail_condition(0.01, 0.05, 1.0),
        EpisodeCondition::NeedsEpisodes(3)
    );
    assert_eq!(verdict(&clusters, 0.01, 1.0), Verdict::Inconclusive);
    assert_eq!(
        bursts(100, 3, 15).fail_condition(0.01, 0.05, 1.0),
        EpisodeCondition::Met
    );
}

#[test]
fn the_condition_says_how_many_samples_a_pass_takes() {
    // One episode of 5: U(1)·5/n ≤ 0.05 from n = 474.4 on.
    let clusters = bursts(400, 1, 5);
    assert_eq!(
        clusters.pass_condition(P95, 0.05, 2.0),
        EpisodeCondition::NeedsSamples(475)
    );
    assert_eq!(
        bursts(475, 1, 5).pass_condition(P95, 0.05, 2.0),
        EpisodeCondition::Met
    );
}

#[test]
fn a_service_that_is_always_too_slow_fails() {
    let all_slow = |samples| Clusters::of(std::iter::repeat_n(true, samples));
    // 0.6 s at 20/s for strict gates; as long as a clean P95 takes to pass for the median.
    for (theta0, enough) in [(0.01, 12), (P95, 12), (0.5, 120)] {
        assert_eq!(
            verdict(&all_slow(enough), theta0, 2.0),
            Verdict::Fail,
            "share {theta0}"
        );
        assert_eq!(
            verdict(&all_slow(enough - 1), theta0, 2.0),
            Verdict::Inconclusive,
            "share {theta0}"
        );
    }
}

#[test]
fn a_service_that_is_nearly_always_too_slow_fails() {
    let one_quick_phase = Clusters::of((0..600).map(|index| !(300..305).contains(&index)));
    assert_eq!(one_quick_phase.slow.count, 2);
    for theta0 in [0.01, P95, 0.5] {
        assert_eq!(
            verdict(&one_quick_phase, theta0, 2.0),
            Verdict::Fail,
            "share {theta0}"
        );
    }
}

#[test]
fn a_slow_second_half_is_one_episode() {
    let half = Clusters::of((0..600).map(|index| index >= 300));
    assert_eq!(verdict(&half, P95, 2.0), Verdict::Inconclusive);
}

#[test]
fn what_passes_or_fails_in_the_worst_order_does_so_in_every_order() {
    // Every order of k among 12, for strict and lax gates.
    let mut decided = 0;
    for k in 0..=12_u32 {
        for theta0 in [0.2, 0.5, 0.9] {
            for episode in [0.1, 1.0] {
                let pass = Clusters::worst_for_pass(12, k.into(), 0.05);
                let fail = Clusters::worst_for_fail(12, k.into(), 0.05);
                let orders = (0..1_u32 << 12).filter(|order| order.count_ones() == k);
                let all: Vec<Verdict> = orders
                    .map(|order| Clusters::of((0..12).map(|i| order >> i & 1 == 1)))
                    .map(|clusters| verdict(&clusters, theta0, episode))
                    .collect();
                if verdict(&pass, theta0, episode) == Verdict::Pass {
                    assert!(all.iter().all(|v| *v == Verdict::Pass), "{k} at {theta0}");
                    decided += 1;
                }
                if verdict(&fail, theta0, episode) == Verdict::Fail {
                    assert!(all.iter().all(|v| *v == Verdict::Fail), "{k} at {theta0}");
                    decided += 1;
                }
            }
        }
    }
    assert!(decided > 3, "{decided}");
}

#[test]
fn bounds_are_those_of_the_effective_sample() {
    // No exceedance: φ = 1, and the upper bound is 1 − α^(1/n).
    let clean = Clusters::of([false; 59]);
    assert!((clean.upper_bound(0.05) - (1.0 - 0.05_f64.powf(1.0 / 59.0))).abs() < 1e-14);
    let bursts = bursts(1000, 4, 5);
    assert_eq!(bursts.effective(), (200.0, 4.0));
}
