//! Exact judgement of a proportion: is the share of exceedances within what the gate allows?
//!
//! `P(latency > T) ≤ θ0` is the same statement as `quantile ≤ T`, so a percentile gate is a test of one
//! binomial proportion, free of any assumption on the shape of the latencies. All probabilities here hold
//! about eleven digits, also in the far tails (see [`super::beta`]).

use super::beta::{self, Tails};
use super::search::{first_where, last_where};
use crate::verdict::Verdict;

/// A probability this close to its limit, relatively, counts as equal to it: `0.1 · 0.1 ≤ 0.01` must
/// hold here as it holds on paper.
const TIE: f64 = 1e-12;

/// A single slow request never fails a gate, however unlikely it is.
pub const MIN_EXCEEDANCES_TO_FAIL: u64 = 2;

/// [`samples_to_decide`] does not look beyond this many samples.
pub const MAX_PROJECTED_SAMPLES: u64 = 100_000_000;

/// The two p-values of a gate and what follows from them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// Probability of so few exceedances if the true share were at the limit, [`p_pass`].
    pub p_pass: f64,
    /// Probability of at least this many exceedances if the true share were at the limit, [`p_fail`].
    pub p_fail: f64,
    /// PASS, FAIL or INCONCLUSIVE at the α that was asked for.
    pub verdict: Verdict,
}

/// When the verdict would come if exceedances continued at the observed rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Projection {
    /// PASS or FAIL.
    pub verdict: Verdict,
    /// Total number of samples at which it would be reached, those already taken included.
    pub samples: u64,
}

/// Judges `k` exceedances among `n` samples against an allowed share `theta0` at level `alpha`:
/// PASS if `p_pass ≤ α`, FAIL if `p_fail ≤ α` and `k ≥ 2`, else INCONCLUSIVE.
///
/// # Panics
/// If `theta0` is not inside (0, 1).
///
/// ```
/// use a7probe::stats::binomial::judge;
/// use a7probe::verdict::Verdict;
///
/// // P95 allows 5 % above the limit. 0.95^59 = 0.0485, 0.95^58 = 0.0510.
/// assert_eq!(judge(59, 0, 0.05, 0.05).verdict, Verdict::Pass);
/// assert_eq!(judge(58, 0, 0.05, 0.05).verdict, Verdict::Inconclusive);
/// // Two of two: 0.05² = 0.0025.
/// let two = judge(2, 2, 0.05, 0.05);
/// assert_eq!(two.verdict, Verdict::Fail);
/// assert!((two.p_fail - 0.0025).abs() < 1e-12);
/// ```
pub fn judge(n: u64, k: u64, theta0: f64, alpha: f64) -> Judgement {
    let (p_pass, p_fail) = (p_pass(n, k, theta0), p_fail(n, k, theta0));
    let verdict = if reaches(p_pass, alpha) {
        Verdict::Pass
    } else if reaches(p_fail, alpha) && k >= MIN_EXCEEDANCES_TO_FAIL {
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

/// Whether a p-value is small enough; equality up to rounding is enough.
pub fn reaches(p_value: f64, alpha: f64) -> bool {
    p_value <= alpha * (1.0 + TIE)
}

/// `P(Bin(n, θ0) ≤ k)`: the p-value for "the share is within the limit".
///
/// # Panics
/// If `theta0` is not inside (0, 1).
pub fn p_pass(n: u64, k: u64, theta0: f64) -> f64 {
    at_most(n, k, theta0).upper()
}

/// `P(Bin(n, θ0) ≥ k)`: the p-value for "the share is beyond the limit".
///
/// # Panics
/// If `theta0` is not inside (0, 1).
pub fn p_fail(n: u64, k: u64, theta0: f64) -> f64 {
    match k.checked_sub(1) {
        None => 1.0,
        Some(below) => at_most(n, below, theta0).lower(),
    }
}

/// Tails of Beta(k+1, n−k) at `theta`; the upper one is `P(Bin(n, θ) ≤ k)`, the lower one `P(Bin(n, θ) >
/// k)`.
fn at_most(n: u64, k: u64, theta: f64) -> Tails {
    assert!(
        theta > 0.0 && theta < 1.0,
        "the allowed share must be inside (0, 1): {theta}"
    );
    beta::tails(k as f64 + 1.0, n.saturating_sub(k) as f64, theta)
}

/// The one-sided Clopper–Pearson upper bound of the share: the θ at which `P(Bin(n, θ) ≤ k) = α`; 1 if
/// `k = n`.
///
/// # Panics
/// If `k > n` or `alpha` is not inside (0, 1).
pub fn upper_bound(n: u64, k: u64, alpha: f64) -> f64 {
    assert!(k <= n, "more exceedances than samples: {k} of {n}");
    beta::upper_quantile(alpha, k as f64 + 1.0, (n - k) as f64)
}

/// The one-sided Clopper–Pearson lower bound of the share: the θ at which `P(Bin(n, θ) ≥ k) = α`; 0 if
/// `k = 0`.
///
/// # Panics
/// If `k > n` or `alpha` is not inside (0, 1).
pub fn lower_bound(n: u64, k: u64, alpha: f64) -> f64 {
    assert!(k <= n, "more exceedances than samples: {k} of {n}");
    beta::lower_quantile(alpha, k as f64, (n - k) as f64 + 1.0)
}

/// The smallest k with `P(Bin(n, θ) ≤ k) ≥ p`.
///
/// # Panics
/// If `theta` is not inside (0, 1).
pub fn ppf(p: f64, n: u64, theta: f64) -> u64 {
    // For p close to 1 the complement is compared: it has more digits.
    let reached = |k| {
        let tails = at_most(n, k, theta);
        if p <= 0.5 {
            reaches(p, tails.upper())
        } else {
            reaches(tails.lower(), 1.0 - p)
        }
    };
    first_where(0..=n, reached).unwrap_or(n)
}

/// The most exceedances with which `n` samples still pass; `None` if even none would not be enough
/// evidence.
///
/// # Panics
/// If `theta0` is not inside (0, 1).
pub fn max_exceedances_to_pass(n: u64, theta0: f64, alpha: f64) -> Option<u64> {
    last_where(0..=n, |k| reaches(p_pass(n, k, theta0), alpha))
}

/// The fewest exceedances with which `n` samples fail; `None` if they cannot.
///
/// # Panics
/// If `theta0` is not inside (0, 1).
pub fn min_exceedances_to_fail(n: u64, theta0: f64, alpha: f64) -> Option<u64> {
    first_where(MIN_EXCEEDANCES_TO_FAIL..=n, |k| {
        reaches(p_fail(n, k, theta0), alpha)
    })
}

/// When a verdict would come if exceedances continued at the observed share `k/n`: the basis of "about N more samples
/// would decide it". `None` without samples, with a share exactly at the limit, or beyond [`MAX_PROJECTED_SAMPLES`].
///
/// Expected exceedances are taken as a real number in the incomplete beta function, so the answer is a
/// smooth estimate and does not saw-tooth with the rounding of counts.
///
/// # Panics
/// If `theta0` is not inside (0, 1).
pub fn samples_to_decide(n: u64, k: u64, theta0: f64, alpha: f64) -> Option<Projection> {
    assert!(
        theta0 > 0.0 && theta0 < 1.0,
        "the allowed share must be inside (0, 1): {theta0}"
    );
    let share = k as f64 / n as f64;
    let decided_at = |samples: u64| {
        let (size, slow) = (samples as f64, share * samples as f64);
        if share < theta0 {
            reaches(beta::tails(slow + 1.0, size - slow, theta0).upper(), alpha)
        } else {
            slow >= MIN_EXCEEDANCES_TO_FAIL as f64
                && reaches(beta::tails(slow, size - slow + 1.0, theta0).lower(), alpha)
        }
    };
    if n == 0 || share == theta0 {
        return None;
    }
    let samples = first_where(n..=MAX_PROJECTED_SAMPLES, decided_at)?;
    let verdict = if share < theta0 {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    Some(Projection { verdict, samples })
}

/// Holm's step-down procedure: which of several p-values stay significant at a family-wise level
/// `alpha`, in the order given (Holm, Scand. J. Statist. 6, 1979). A gate that may not fail for another
/// reason is entered with p = 1; a NaN counts as 1.
pub fn holm(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let p_value = |index: usize| {
        if p_values[index].is_nan() {
            1.0
        } else {
            p_values[index]
        }
    };
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_value(a).total_cmp(&p_value(b)));
    let mut significant = vec![false; p_values.len()];
    for (step, &index) in order.iter().enumerate() {
        if !reaches(p_value(index), alpha / (p_values.len() - step) as f64) {
            break;
        }
        significant[index] = true;
    }
    significant
}

#[cfg(test)]
mod tests {
    use super::{
        Projection, holm, judge, lower_bound, max_exceedances_to_pass, min_exceedances_to_fail,
        p_fail, p_pass, ppf, samples_to_decide, upper_bound,
    };
    use crate::verdict::Verdict;

    #[test]
    fn no_samples_decide_nothing() {
        let judged = judge(0, 0, 0.05, 0.05);
        assert_eq!(
            (judged.p_pass, judged.p_fail, judged.verdict),
            (1.0, 1.0, Verdict::Inconclusive)
        );
        assert_eq!(max_exceedances_to_pass(0, 0.05, 0.05), None);
        assert_eq!(min_exceedances_to_fail(0, 0.05, 0.05), None);
        assert_eq!(samples_to_decide(0, 0, 0.05, 0.05), None);
    }

    #[test]
    fn one_slow_request_never_fails_a_gate() {
        assert!(p_fail(1, 1, 0.001) <= 0.05);
        assert_eq!(judge(1, 1, 0.001, 0.05).verdict, Verdict::Inconclusive);
        assert_eq!(judge(2, 2, 0.001, 0.05).verdict, Verdict::Fail);
    }

    #[test]
    fn a_tie_on_paper_is_a_tie_here() {
        // 0.1² is 0.01, but 0.010000000000000002 in floating point.
        assert_eq!(judge(2, 2, 0.1, 0.01).verdict, Verdict::Fail);
        // 0.5⁴ = 0.0625.
        assert_eq!(judge(4, 0, 0.5, 0.0625).verdict, Verdict::Pass);
    }

    #[test]
    fn ten_samples_of_the_evidence() {
        // All ten above 150 ms fail P95 and P99; six of ten leave P50 open.
        assert_eq!(judge(10, 6, 0.5, 0.05).verdict, Verdict::Inconclusive);
        assert_eq!(judge(10, 6, 0.05, 0.05).verdict, Verdict::Fail);
        assert_eq!(judge(10, 6, 0.01, 0.05).verdict, Verdict::Fail);
    }

    #[test]
    fn tails_are_sums_of_the_binomial_formula() {
        // Bin(5, 0.2): 0.32768, 0.4096, 0.2048, 0.0512, 0.0064, 0.00032.
        let cumulative = [0.32768, 0.73728, 0.94208, 0.99328, 0.99968, 1.0];
        for (k, expected) in (0..).zip(cumulative) {
            assert!((p_pass(5, k, 0.2) - expected).abs() < 1e-14, "k {k}");
            assert!(
                (p_fail(5, k + 1, 0.2) - (1.0 - expected)).abs() < 1e-14,
                "k {k}"
            );
        }
        assert_eq!(p_fail(5, 0, 0.2), 1.0);
    }

    #[test]
    fn ppf_is_the_smallest_count_that_reaches() {
        for p in [0.001, 0.025, 0.32768, 0.5, 0.73728, 0.975, 0.9999] {
            let k = ppf(p, 5, 0.2);
            assert!(p_pass(5, k, 0.2) >= p - 1e-12, "p {p}");
            assert!(k == 0 || p_pass(5, k - 1, 0.2) < p, "p {p}");
        }
    }

    #[test]
    fn bounds_of_nothing_and_everything_are_closed_forms() {
        // k = 0: 1 − α^(1/n); k = n: α^(1/n).
        assert_eq!(lower_bound(59, 0, 0.05), 0.0);
        assert!((upper_bound(59, 0, 0.05) - (1.0 - 0.05_f64.powf(1.0 / 59.0))).abs() < 1e-14);
        assert_eq!(upper_bound(59, 59, 0.05), 1.0);
        assert!((lower_bound(59, 59, 0.05) - 0.05_f64.powf(1.0 / 59.0)).abs() < 1e-14);
    }

    #[test]
    fn the_projection_is_where_the_verdict_turns() {
        assert_eq!(
            samples_to_decide(20, 0, 0.05, 0.05),
            Some(Projection {
                verdict: Verdict::Pass,
                samples: 59
            })
        );
        let pass = samples_to_decide(100, 3, 0.05, 0.05).expect("3 % is under 5 %");
        assert_eq!(pass.verdict, Verdict::Pass);
        // At multiples of 100 the projected count is whole, and the judgement must agree.
        let judged = |n: u64| judge(n, n * 3 / 100, 0.05, 0.05).verdict;
        assert_eq!(judged(pass.samples / 100 * 100), Verdict::Inconclusive);
        assert_eq!(judged(pass.samples.next_multiple_of(100)), Verdict::Pass);
    }

    #[test]
    fn a_share_at_the_limit_is_never_decided() {
        assert_eq!(samples_to_decide(100, 5, 0.05, 0.05), None);
        assert_eq!(
            samples_to_decide(1_000_000, 49_999, 0.05, 0.05),
            None,
            "too close to the limit"
        );
    }

    #[test]
    fn the_projected_failure_waits_for_a_second_exceedance() {
        let projected = samples_to_decide(1, 1, 0.001, 0.05).expect("far above the limit");
        assert_eq!(
            projected,
            Projection {
                verdict: Verdict::Fail,
                samples: 2
            }
        );
    }

    #[test]
    fn holm_steps_down_and_stops_at_the_first_that_stays() {
        // Limits 0.0125, 0.01667, 0.025, 0.05: the third smallest stays, and so does the fourth.
        assert_eq!(
            holm(&[0.01, 0.04, 0.03, 0.005], 0.05),
            [true, false, false, true]
        );
        assert_eq!(holm(&[0.04], 0.05), [true]);
        assert_eq!(holm(&[0.025, 0.05], 0.05), [true, true]);
        assert_eq!(holm(&[f64::NAN, 0.001], 0.05), [false, true]);
        assert!(holm(&[], 0.05).is_empty());
    }
}
