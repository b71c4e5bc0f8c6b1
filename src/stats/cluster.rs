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
//! the slow spell that the user wants excluded.
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
    /// φ, the design effect: the number of samples that count as one. At least 1.
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
    /// It needs this many spells in total.
    NeedsEpisodes(u64),
}

impl Clusters {
    /// Reads the exceedances, `true` for beyond the target, in intended-start order.
    pub fn of(exceedances: impl IntoIterator<Item = bool>) -> Clusters {
        Clusters::with_seams(exceedances, &[])
    }

    /// The same of a sample in blocks: no run of exceedances crosses a seam, the index of the first request of a later
    /// block. Seams ascend. Correlation is looked for over the whole sequence.
    pub fn with_seams(exceedances: impl IntoIterator<Item = bool>, seams: &[u64]) -> Clusters {
        Clusters::of_sequence(&OutcomeSequence::from_iter(exceedances), seams)
    }

    /// Of the first `length` exceedances in words of 64, the lowest bit first, or of all bits if there are fewer: many times
    /// faster than one by one.
    pub fn of_words(words: &[u64], length: u64) -> Clusters {
        Clusters::of_sequence(&OutcomeSequence::prefix(words, length), &[])
    }

    fn of_sequence(bits: &OutcomeSequence, seams: &[u64]) -> Clusters {
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

    /// Exceedances that all stand alone: the highest count of independent ones.
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
        let rarer = if self.slow.total <= self.within.total {
            &self.slow
        } else {
            &self.within
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
    /// ℓ0, the length in requests of the slow spell to exclude: rate times its duration.
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

    /// The length of the sample from which the condition for a PASS is met if spells of at most the observed length
    /// continue to come as often.
    pub fn pass_condition_from(&self, theta0: f64, alpha: f64, episode: f64) -> u64 {
        let (samples, seen) = (self.samples(), self.slow.count);
        let arrives = |spells: u64| match seen {
            0 if spells > 0 => u64::MAX,
            _ => samples.saturating_mul(spells) / seen.max(1),
        };
        let longest = (self.slow.longest as f64).max(episode);
        for spells in seen..EPISODES_TO_PASS {
            let allowed = poisson_upper_bound(spells, alpha) * longest / theta0;
            let needed = (allowed * (1.0 - 1e-12)).ceil() as u64;
            if needed <= arrives(spells + 1) {
                return needed.max(arrives(spells));
            }
        }
        arrives(EPISODES_TO_PASS.max(seen))
    }

    /// The same of the condition for a FAIL.
    pub fn fail_condition_from(&self, theta0: f64, alpha: f64, episode: f64) -> u64 {
        match self.fail_condition(theta0, alpha, episode) {
            EpisodeCondition::Met => self.samples(),
            EpisodeCondition::NeedsSamples(samples) => samples,
            EpisodeCondition::NeedsEpisodes(_) if self.slow.count == 0 => u64::MAX,
            EpisodeCondition::NeedsEpisodes(spells) => self.samples() * spells / self.slow.count,
        }
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

/// These requests in at most `most` runs, of which the longest is as long as it can be, such that [`possible_length`]
/// is largest.
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

/// How many requests the runs of one kind may make up: the upper Poisson bound of their number times the longest length
/// to allow for.
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
mod tests;
