//! Bursts: how much a sample is worth when its exceedances come together.
//!
//! The binomial law takes every request for an independent draw. Slow requests come in episodes, and then a
//! thousand requests may hold three episodes and no more information than that. The guard counts the
//! episodes, divides the sample by its design effect φ, and asks for enough episodes, or enough time
//! without one (Korn and Graubard, Survey Methodology 24, 1998, for the effective sample size; Geyer,
//! Statistical Science 7, 1992, for the autocorrelation time).
//!
//! ```text
//! φ = max(1, Σℓ²/Σℓ, IAT)          ℓ: runs of the rarer outcome in intended-start order
//! PASS needs P(Bin(n/φ, θ0) ≤ k/φ) ≤ α  and  ( M ≥ 10 or U(M)·max(ℓ_max, ℓ0)/n ≤ θ0 )
//! FAIL needs P(Bin(n/φ, θ0) ≥ k/φ) ≤ α  and  ( M ≥ 3 or one slow phase that is the rule, see below )
//! ```
//!
//! M counts the runs of exceedances, `U(M)` is the upper 1 − α Poisson bound of a count M, ℓ0 the length of
//! the slow episode that the user wants excluded.
//!
//! Up to half of the requests beyond the target, the rarer outcome is the exceedance. Beyond it the runs
//! within the target carry the information: a service that is always too slow is one endless run of
//! exceedances, of which three can never be seen, and it must fail all the same. So FAIL also holds for
//! M < 3 if the phases within the target, seen or unseen, are at most a small part: `U(W)·max(w_max,
//! ℓ0)/n ≤ 1/20`. For strict gates, θ0 ≤ α·k/n, half is enough: by the maximal ergodic theorem a
//! stationary service within the limit shows a share of k/n or more, over any stretch from the start,
//! with a probability of at most θ0·n/k, whatever its bursts.

use statrs::function::gamma::gamma_ur;

use super::autocorrelation::OutcomeSequence;
use super::beta;
use super::binomial::{Judgement, MIN_EXCEEDANCES_TO_FAIL, reaches};
use super::search::turning_point;
use crate::verdict::Verdict;

/// With this many episodes, their number speaks for itself and PASS needs no minimal time.
const EPISODES_TO_PASS: u64 = 10;

/// Fewer episodes than this could be an accident.
const EPISODES_TO_FAIL: u64 = 3;

/// A slow phase is the rule if at most this part of the run can lie outside it.
const EXCEPTION: f64 = 1.0 / 20.0;

/// The same, where the share alone already rules out a service within the limit.
const MINORITY: f64 = 1.0 / 2.0;

/// Runs of one outcome in a sequence of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// Number of runs.
    pub count: u64,
    /// Sum of their lengths.
    pub total: u64,
    /// Length of the longest.
    pub longest: u64,
    sum_of_squares: u128,
}

impl Runs {
    fn add(&mut self, length: u64) {
        self.count += 1;
        self.total += length;
        self.longest = self.longest.max(length);
        self.sum_of_squares += u128::from(length).pow(2);
    }

    /// `Σℓ²/Σℓ`: the length of the run that a typical member belongs to; 1 without members.
    pub fn typical_length(&self) -> f64 {
        if self.total == 0 {
            1.0
        } else {
            self.sum_of_squares as f64 / self.total as f64
        }
    }
}

/// What the order of the exceedances says about a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clusters {
    /// Runs of exceedances, the episodes; `total` is k, `count` is M.
    pub slow: Runs,
    /// Runs of requests within the target.
    pub within: Runs,
    /// φ, the design effect: so many samples are worth one. At least 1.
    pub design_effect: f64,
    /// IAT, the integrated autocorrelation time of the exceedances.
    autocorrelation_time: f64,
}

/// Whether the number of episodes allows a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpisodeCondition {
    /// It does.
    Met,
    /// It will, at this many samples in all, if no further episode comes.
    NeedsSamples(u64),
    /// It takes this many episodes in all.
    NeedsEpisodes(u64),
}

impl Clusters {
    /// Reads the exceedances, `true` for beyond the target, in intended-start order.
    pub fn of(exceedances: impl IntoIterator<Item = bool>) -> Clusters {
        Clusters::with_seams(exceedances, &[])
    }

    /// The same of a sample in blocks: no run goes on across a seam, the index of the first request of a later block.
    /// Seams ascend. Correlation is looked for over the whole sequence.
    pub fn with_seams(exceedances: impl IntoIterator<Item = bool>, seams: &[u64]) -> Clusters {
        let bits = OutcomeSequence::from_iter(exceedances);
        let (mut slow, mut within) = (Runs::default(), Runs::default());
        let (mut start, mut seams) = (0, seams.iter().copied().peekable());
        for (outcome, length) in bits.runs() {
            let runs = if outcome { &mut slow } else { &mut within };
            let end = start + length;
            while let Some(seam) = seams.next_if(|&seam| seam < end) {
                if seam > start {
                    runs.add(seam - start);
                    start = seam;
                }
            }
            runs.add(end - start);
            start = end;
        }
        let autocorrelation_time = bits.autocorrelation_time();
        let rarer = if slow.total <= within.total {
            &slow
        } else {
            &within
        };
        let design_effect = rarer.typical_length().max(autocorrelation_time).max(1.0);
        Clusters {
            slow,
            within,
            design_effect,
            autocorrelation_time,
        }
    }

    /// Exceedances that all stand alone: the most that so many can be worth.
    ///
    /// # Panics
    /// If `exceedances > samples`.
    pub fn isolated(samples: u64, exceedances: u64) -> Clusters {
        let single = |count: u64| Runs {
            count,
            total: count,
            longest: count.min(1),
            sum_of_squares: u128::from(count),
        };
        Clusters {
            slow: single(exceedances),
            within: Runs {
                total: samples - exceedances,
                ..single(exceedances.min(samples - exceedances))
            },
            design_effect: 1.0,
            autocorrelation_time: 1.0,
        }
    }

    /// Exceedances whose order is not known, in the order that keeps a PASS at level `alpha` furthest away. A PASS
    /// that holds here holds in every order.
    ///
    /// # Panics
    /// If `exceedances > samples` or `alpha` is not inside (0, 1).
    pub fn worst_for_pass(samples: u64, exceedances: u64, alpha: f64) -> Clusters {
        let slow = worst_runs(exceedances, EPISODES_TO_PASS - 1, alpha);
        Clusters::in_one_burst(slow, one_run(samples - exceedances))
    }

    /// The same for a FAIL: one episode, and the requests within the target where they are most of an excuse.
    ///
    /// # Panics
    /// If `exceedances > samples` or `alpha` is not inside (0, 1).
    pub fn worst_for_fail(samples: u64, exceedances: u64, alpha: f64) -> Clusters {
        let within = worst_runs(samples - exceedances, EPISODES_TO_FAIL, alpha);
        Clusters::in_one_burst(one_run(exceedances), within)
    }

    fn in_one_burst(slow: Runs, within: Runs) -> Clusters {
        Clusters {
            slow,
            within,
            design_effect: (slow.total.min(within.total) as f64).max(1.0),
            autocorrelation_time: 1.0,
        }
    }

    /// φ without what chance alone does: independent bits of share p have runs of typical length (1+p)/(1−p), three at
    /// a median. At least 1.
    pub fn excess_effect(&self) -> f64 {
        let rarer = match self.slow.total <= self.within.total {
            true => &self.slow,
            false => &self.within,
        };
        let share = rarer.total as f64 / (self.samples() as f64).max(1.0);
        let by_chance = (1.0 + share) / (1.0 - share);
        (rarer.typical_length() / by_chance)
            .max(self.autocorrelation_time)
            .max(1.0)
    }

    /// n, the number of samples.
    pub fn samples(&self) -> u64 {
        self.slow.total + self.within.total
    }

    /// (n/φ, k/φ): what the sample is worth.
    pub fn effective(&self) -> (f64, f64) {
        let divide = |count: u64| count as f64 / self.design_effect;
        (divide(self.samples()), divide(self.slow.total))
    }

    /// The one-sided upper bound of the share at level `alpha`: `BetaInv(1−α; k/φ+1, (n−k)/φ)`.
    ///
    /// # Panics
    /// If `alpha` is not inside (0, 1).
    pub fn upper_bound(&self, alpha: f64) -> f64 {
        let (n, k) = self.effective();
        beta::upper_quantile(alpha, k + 1.0, n - k)
    }

    /// The one-sided lower bound of the share at level `alpha`: `BetaInv(α; k/φ, (n−k)/φ+1)`.
    ///
    /// # Panics
    /// If `alpha` is not inside (0, 1).
    pub fn lower_bound(&self, alpha: f64) -> f64 {
        let (n, k) = self.effective();
        beta::lower_quantile(alpha, k, n - k + 1.0)
    }

    /// Judges the whole sample, once, against an allowed share `theta0` at level `alpha`. `episode` is
    /// ℓ0, the length in requests of the slow episode to exclude: rate times its duration.
    ///
    /// # Panics
    /// If `theta0` or `alpha` is not inside (0, 1).
    pub fn judge(&self, theta0: f64, alpha: f64, episode: f64) -> Judgement {
        let (n, k) = self.effective();
        let p_pass = beta::tails(k + 1.0, n - k, theta0).upper();
        let p_fail = beta::tails(k, n - k + 1.0, theta0).lower();
        let allows = |condition| condition == EpisodeCondition::Met;
        let verdict = if reaches(p_pass, alpha)
            && allows(self.pass_condition(theta0, alpha, episode))
        {
            Verdict::Pass
        } else if reaches(p_fail, alpha) && allows(self.fail_condition(theta0, alpha, episode)) {
            Verdict::Fail
        } else {
            Verdict::Inconclusive
        };
        Judgement {
            p_pass,
            p_fail,
            verdict,
        }
    }

    /// Whether there were enough episodes, or enough time without, for a PASS.
    pub fn pass_condition(&self, theta0: f64, alpha: f64, episode: f64) -> EpisodeCondition {
        if self.slow.count >= EPISODES_TO_PASS {
            return EpisodeCondition::Met;
        }
        self.needs(possible_length(&self.slow, alpha, episode) / theta0)
    }

    /// Whether there were enough episodes, or a slow phase that is the rule, for a FAIL.
    pub fn fail_condition(&self, theta0: f64, alpha: f64, episode: f64) -> EpisodeCondition {
        if self.slow.count >= EPISODES_TO_FAIL {
            return EpisodeCondition::Met;
        }
        if self.slow.total < self.within.total || self.slow.total < MIN_EXCEEDANCES_TO_FAIL {
            return EpisodeCondition::NeedsEpisodes(EPISODES_TO_FAIL);
        }
        let share = self.slow.total as f64 / self.samples() as f64;
        let part = if reaches(theta0, alpha * share) {
            MINORITY
        } else {
            EXCEPTION
        };
        self.needs(possible_length(&self.within, alpha, episode) / part)
    }

    fn needs(&self, samples: f64) -> EpisodeCondition {
        // Rounding must not ask for one sample more than the formula.
        let samples = (samples * (1.0 - 1e-12)).ceil() as u64;
        if samples <= self.samples() {
            EpisodeCondition::Met
        } else {
            EpisodeCondition::NeedsSamples(samples)
        }
    }
}

fn one_run(total: u64) -> Runs {
    let mut runs = Runs::default();
    if total > 0 {
        runs.add(total);
    }
    runs
}

/// So many requests in at most `most` runs, of which the longest is as long as it can be, such that
/// [`possible_length`] is largest.
fn worst_runs(total: u64, most: u64, alpha: f64) -> Runs {
    let runs = |count: u64| Runs {
        count,
        total,
        longest: total - (count - 1),
        sum_of_squares: u128::from(total).pow(2),
    };
    (1..=most.min(total))
        .map(runs)
        .max_by(|a, b| possible_length(a, alpha, 0.0).total_cmp(&possible_length(b, alpha, 0.0)))
        .unwrap_or_default()
}

/// How many requests the runs of one kind may make up: the upper Poisson bound of their number times the
/// longest length that one must reckon with.
fn possible_length(runs: &Runs, alpha: f64, episode: f64) -> f64 {
    poisson_upper_bound(runs.count, alpha) * (runs.longest as f64).max(episode)
}

/// `U(M) = ChiSquareInv(1−α; 2M+2)/2`: the expected count at which M or fewer has probability α.
fn poisson_upper_bound(count: u64, alpha: f64) -> f64 {
    let shape = count as f64 + 1.0;
    // P(Poisson(x) ≤ M) = Q(M+1, x), and it is below α at the upper end for every M.
    let bound = 2.0 * shape - 4.0 * alpha.ln();
    turning_point(0.0..=bound, |x| x > 0.0 && gamma_ur(shape, x) <= alpha)
}

#[cfg(test)]
mod tests {
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
                let clean =
                    |samples: f64| Clusters::of(std::iter::repeat_n(false, samples as usize));
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
}
