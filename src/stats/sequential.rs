//! Judging while the samples come in: evidence that may be looked at after every request.
//!
//! A p-value that is checked repeatedly finds "significance" by chance: with the limits of [`super::binomial`], 39 % of
//! runs at the limit would fail. An e-value does not: it is the wealth of a gambler who bets against the hypothesis at
//! fair odds, and the chance that it *ever* reaches 1/α is at most α (Ville's inequality; Howard, Ramdas et al.,
//! "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021).
//!
//! The bet is a beta mixture. With a = 1, b = 1/θ0 − 1, so that its mean is the limit, cut at θ0:
//!
//! ```text
//! ln E_pass(n,k) = ln I_θ0(a+k, b+n−k) + ln B(a+k, b+n−k) − ln I_θ0(a,b) − ln B(a,b) − k·ln θ0 − (n−k)·ln(1−θ0)
//! ln E_fail(n,k) = the same with 1 − I in place of I
//! ```

use super::beta::{self, Tails};
use super::binomial::{MAX_PROJECTED_SAMPLES, Projection};
use super::cluster::{Clusters, EpisodeCondition};
use super::search::{first_where, last_where};
use crate::verdict::Verdict;

/// Evidence this close to its threshold, relatively, counts as having reached it.
const TIE: f64 = 1e-12;

/// Natural logarithms of the evidence for and against a gate; 0 without samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogEvidence {
    /// For "the share is within the limit".
    pub pass: f64,
    /// For "the share is beyond the limit".
    pub fail: f64,
}

/// The bet against one limit θ0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixture {
    theta0: f64,
    /// The tails before any sample, divided like those after.
    prior: Tails,
}

impl Mixture {
    /// The mixture whose mean is the allowed share `theta0`.
    ///
    /// # Panics
    /// If `theta0` is not inside (0, 1).
    pub fn new(theta0: f64) -> Mixture {
        assert!(
            theta0 > 0.0 && theta0 < 1.0,
            "the allowed share must be inside (0, 1): {theta0}"
        );
        let prior = beta::scaled_tails(1.0, theta0.recip() - 1.0, theta0);
        Mixture { theta0, prior }
    }

    /// The evidence in `k` exceedances among `n` samples. Both may be fractions: a sample that is worth
    /// fewer independent ones is entered as (n/φ, k/φ).
    ///
    /// The powers of θ0 and 1 − θ0 in the formula are the leading factor of the incomplete beta
    /// function; they cancel on paper, so they never enter here.
    ///
    /// # Panics
    /// If not `0 ≤ k ≤ n`.
    pub fn log_evidence(&self, n: f64, k: f64) -> LogEvidence {
        assert!(0.0 <= k && k <= n, "{k} exceedances of {n} samples");
        let posterior = beta::scaled_tails(1.0 + k, self.theta0.recip() - 1.0 + n - k, self.theta0);
        LogEvidence {
            pass: posterior.ln_lower - self.prior.ln_lower,
            fail: posterior.ln_upper - self.prior.ln_upper,
        }
    }

    /// The fewest samples that decide PASS, looked at now, none of them beyond the limit.
    pub fn min_samples_to_pass(&self, alpha: f64) -> u64 {
        // ln E grows like n·θ0, so the search ends long before this.
        let most = ((1_000.0 / self.theta0) as u64).saturating_add(1_000);
        first_where(1..=most, |n| {
            reaches(self.log_evidence(n as f64, 0.0).pass, alpha)
        })
        .unwrap_or(most)
    }

    /// The most exceedances with which `n` samples, looked at now, decide PASS; `None` if even none
    /// would not.
    pub fn max_exceedances_to_pass(&self, n: u64, alpha: f64) -> Option<u64> {
        let evidence = |k| self.log_evidence(n as f64, k as f64).pass;
        last_where(0..=n, |k| reaches(evidence(k), alpha))
    }

    /// When it would be decided, looked at then, if exceedances continued at the observed share; `None` if not within
    /// [`MAX_PROJECTED_SAMPLES`]. Both may be fractions, as in [`Mixture::log_evidence`].
    pub fn samples_to_decide(&self, n: f64, k: f64, alpha: f64) -> Option<Projection> {
        let share = k / n;
        let verdict = if share < self.theta0 {
            Verdict::Pass
        } else {
            Verdict::Fail
        };
        let decided_at = |samples: u64| {
            let size = samples as f64;
            let evidence = self.log_evidence(size, share * size);
            match verdict {
                Verdict::Pass => reaches(evidence.pass, alpha),
                _ => reaches(evidence.fail, alpha),
            }
        };
        if n <= 0.0 || share == self.theta0 {
            return None;
        }
        let samples = first_where(n.ceil() as u64..=MAX_PROJECTED_SAMPLES, decided_at)?;
        Some(Projection { verdict, samples })
    }

    /// The fewest exceedances with which `n` samples, looked at now, decide FAIL; `None` if they cannot.
    pub fn min_exceedances_to_fail(&self, n: u64, alpha: f64) -> Option<u64> {
        let evidence = |k| self.log_evidence(n as f64, k as f64).fail;
        first_where(0..=n, |k| reaches(evidence(k), alpha))
    }
}

/// Whether evidence of `ln E` is at least 1/α.
fn reaches(log_evidence: f64, alpha: f64) -> bool {
    log_evidence >= -alpha.ln() - TIE
}

/// One gate watched through a run: it remembers the best evidence of each kind and when it was enough.
///
/// What has been decided stays decided, because that is what the error bound is about. If the service changes to the
/// extent that both sides reach their evidence, the verdict is INCONCLUSIVE.
#[derive(Clone, Debug, PartialEq)]
pub struct SequentialTest {
    mixture: Mixture,
    alpha: f64,
    latest: LogEvidence,
    best: LogEvidence,
}

impl SequentialTest {
    /// Watches the limit `theta0` at level `alpha`.
    ///
    /// # Panics
    /// If `theta0` or `alpha` is not inside (0, 1).
    pub fn new(theta0: f64, alpha: f64) -> SequentialTest {
        assert!(
            alpha > 0.0 && alpha < 1.0,
            "alpha must be inside (0, 1): {alpha}"
        );
        let none = LogEvidence {
            pass: 0.0,
            fail: 0.0,
        };
        SequentialTest {
            mixture: Mixture::new(theta0),
            alpha,
            latest: none,
            best: none,
        }
    }

    /// Takes in the state of the run, the samples taken as independent.
    ///
    /// # Panics
    /// If `k > n`.
    pub fn look(&mut self, n: u64, k: u64) -> Verdict {
        self.latest = self.mixture.log_evidence(n as f64, k as f64);
        self.keep(self.latest);
        self.verdict()
    }

    /// Takes in the state of the run with its bursts: samples count as n/φ, and evidence counts only
    /// while the conditions on the number of episodes hold. `episode` is the length, in requests, of the
    /// slow spell to exclude.
    pub fn look_guarded(&mut self, clusters: &Clusters, episode: f64) -> Verdict {
        let (n, k) = clusters.effective();
        self.latest = self.mixture.log_evidence(n, k);
        let (theta0, alpha) = (self.mixture.theta0, self.alpha);
        let counts = |condition, evidence: f64| {
            if condition == EpisodeCondition::Met {
                evidence
            } else {
                0.0
            }
        };
        self.keep(LogEvidence {
            pass: counts(
                clusters.pass_condition(theta0, alpha, episode),
                self.latest.pass,
            ),
            fail: counts(
                clusters.fail_condition(theta0, alpha, episode),
                self.latest.fail,
            ),
        });
        self.verdict()
    }

    fn keep(&mut self, evidence: LogEvidence) {
        self.best = LogEvidence {
            pass: self.best.pass.max(evidence.pass),
            fail: self.best.fail.max(evidence.fail),
        };
    }

    /// The decision at this time; INCONCLUSIVE means that the run continues.
    pub fn verdict(&self) -> Verdict {
        match (
            reaches(self.best.pass, self.alpha),
            reaches(self.best.fail, self.alpha),
        ) {
            (true, false) => Verdict::Pass,
            (false, true) => Verdict::Fail,
            _ => Verdict::Inconclusive,
        }
    }

    /// The allowed share.
    pub fn theta0(&self) -> f64 {
        self.mixture.theta0
    }

    /// The bet.
    pub fn mixture(&self) -> &Mixture {
        &self.mixture
    }

    /// The level.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Whether the evidence at the latest look is enough for a PASS and for a FAIL, without the conditions on spells.
    pub fn shown(&self) -> (bool, bool) {
        (
            reaches(self.latest.pass, self.alpha),
            reaches(self.latest.fail, self.alpha),
        )
    }

    /// The evidence at the latest look, before any condition on episodes.
    pub fn latest(&self) -> LogEvidence {
        self.latest
    }

    /// How far the evidence for a PASS is from its threshold: `ln E_pass / ln(1/α)` at the latest look, within 0 ..= 1.
    pub fn progress_to_pass(&self) -> f64 {
        (self.latest.pass / -self.alpha.ln()).clamp(0.0, 1.0)
    }

    /// The same of a FAIL at this level, which many gates make smaller than α.
    pub fn progress_to_fail(&self, level: f64) -> f64 {
        (self.latest.fail / -level.ln()).clamp(0.0, 1.0)
    }

    /// The anytime-valid p-value of "the share is within the limit": `min(1, 1/E)` at its best moment.
    pub fn p_pass(&self) -> f64 {
        (-self.best.pass).exp().min(1.0)
    }

    /// The anytime-valid p-value of "the share is beyond the limit".
    pub fn p_fail(&self) -> f64 {
        (-self.best.fail).exp().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Mixture, SequentialTest};
    use crate::stats::cluster::Clusters;
    use crate::verdict::Verdict;

    #[test]
    fn the_projection_is_the_first_number_that_decides_at_the_share_seen() {
        let mixture = Mixture::new(0.5);
        let at = |n: u64| mixture.log_evidence(n as f64, 0.535 * n as f64).fail >= 20_f64.ln();
        let projected = mixture.samples_to_decide(2_400.0, 1_284.0, 0.05).unwrap();
        assert_eq!(projected.verdict, Verdict::Fail);
        assert!(projected.samples > 2_400);
        assert!(at(projected.samples) && !at(projected.samples - 1));
        assert_eq!(mixture.samples_to_decide(10.0, 5.0, 0.05), None);
        let passes = mixture.samples_to_decide(20.0, 8.0, 0.05).unwrap();
        assert_eq!(passes.verdict, Verdict::Pass);
    }

    #[test]
    fn no_samples_are_no_evidence() {
        for theta0 in [0.5, 0.05, 0.001] {
            let evidence = Mixture::new(theta0).log_evidence(0.0, 0.0);
            assert_eq!((evidence.pass, evidence.fail), (0.0, 0.0));
        }
    }

    #[test]
    fn the_evidence_for_the_median_has_a_closed_form() {
        // θ0 = ½: a = b = 1, and for k = 0 E_pass = 2·2^n·(1 − 2^−(n+1))/(n+1), E_fail = 2/(n+1)·½.
        let mixture = Mixture::new(0.5);
        for n in 1..40_i32 {
            let evidence = mixture.log_evidence(f64::from(n), 0.0);
            let beyond = (-f64::from(n + 1)).exp2();
            let scale = 2.0 * f64::from(n).exp2() / f64::from(n + 1);
            assert!(
                (evidence.pass - (scale * (1.0 - beyond)).ln()).abs() < 1e-12,
                "n {n}"
            );
            assert!(
                (evidence.fail - (scale * beyond).ln()).abs() < 1e-12,
                "n {n}"
            );
        }
    }

    #[test]
    fn evidence_is_a_fair_bet_at_the_limit() {
        // The mean of E after the next sample, at θ0, is E now: that is what makes looking free.
        for theta0 in [0.5, 0.1, 0.01] {
            let mixture = Mixture::new(theta0);
            for (n, k) in [(0.0, 0.0), (10.0, 1.0), (500.0, 9.0), (100_000.0, 1200.0)] {
                let now = mixture.log_evidence(n, k);
                let (slow, within) = (
                    mixture.log_evidence(n + 1.0, k + 1.0),
                    mixture.log_evidence(n + 1.0, k),
                );
                let mean = |slow: f64, within: f64, now: f64| {
                    theta0 * (slow - now).exp() + (1.0 - theta0) * (within - now).exp()
                };
                assert!(
                    (mean(slow.pass, within.pass, now.pass) - 1.0).abs() < 1e-10,
                    "pass at {theta0}, {n}, {k}"
                );
                assert!(
                    (mean(slow.fail, within.fail, now.fail) - 1.0).abs() < 1e-10,
                    "fail at {theta0}, {n}, {k}"
                );
            }
        }
    }

    #[test]
    fn evidence_of_a_hundred_million_samples_is_finite_and_sided() {
        let mixture = Mixture::new(0.05);
        let below = mixture.log_evidence(1e8, 4.9e6);
        let above = mixture.log_evidence(1e8, 5.1e6);
        assert!(
            below.pass > 1000.0 && below.fail < 0.0 && below.fail.is_finite(),
            "{below:?}"
        );
        assert!(
            above.fail > 1000.0 && above.pass < 0.0 && above.pass.is_finite(),
            "{above:?}"
        );
    }

    #[test]
    fn a_decision_stays_and_its_p_value_with_it() {
        let mut watch = SequentialTest::new(0.05, 0.05);
        assert_eq!(
            (watch.look(81, 0), watch.p_fail()),
            (Verdict::Inconclusive, 1.0)
        );
        assert!(watch.p_pass() > 0.05 && watch.progress_to_pass() < 1.0);
        assert_eq!(watch.look(82, 0), Verdict::Pass);
        let p = watch.p_pass();
        assert!(p <= 0.05 && watch.progress_to_pass() == 1.0);
        assert_eq!((watch.look(200, 10), watch.p_pass()), (Verdict::Pass, p));
    }

    #[test]
    fn a_service_that_turns_is_inconclusive() {
        let mut watch = SequentialTest::new(0.05, 0.05);
        assert_eq!(watch.look(100, 0), Verdict::Pass);
        assert_eq!(watch.look(200, 100), Verdict::Inconclusive);
        assert!(watch.p_pass() <= 0.05 && watch.p_fail() <= 0.05);
    }

    #[test]
    fn guarded_evidence_counts_only_with_enough_episodes() {
        let mut watch = SequentialTest::new(0.05, 0.05);
        // Two episodes of 15 in 100 have evidence, but two could be an accident.
        let two = Clusters::of((0..100).map(|index| index % 50 < 15));
        assert_eq!(watch.look_guarded(&two, 1.0), Verdict::Inconclusive);
        assert_eq!(watch.p_fail(), 1.0);
        let many = Clusters::of((0..1000).map(|index| index % 50 < 15));
        assert_eq!(watch.look_guarded(&many, 1.0), Verdict::Fail);
        assert!(watch.p_fail() <= 0.05);
    }

    #[test]
    fn guarded_and_unguarded_agree_on_single_exceedances() {
        let spread = Clusters::of((0..1000).map(|index| index % 40 == 20));
        let (mut guarded, mut plain) = (
            SequentialTest::new(0.05, 0.05),
            SequentialTest::new(0.05, 0.05),
        );
        assert_eq!(guarded.look_guarded(&spread, 2.0), Verdict::Pass);
        assert_eq!(plain.look(1000, 25), Verdict::Pass);
        assert_eq!(guarded.latest(), plain.latest());
    }
}
