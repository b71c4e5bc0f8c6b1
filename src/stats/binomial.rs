//! Exact judgement of a proportion: is the share of exceedances within what the gate allows?
//!
//! `P(latency > T) ≤ θ0` is the same statement as `quantile ≤ T`, so a percentile gate is a test of one
//! binomial proportion, free of any assumption on the shape of the latencies. All probabilities here hold
//! about eleven digits, also in the far tails (see [`super::beta`]).

use super::beta::{self, Tails};
use super::search::{first_where, last_where};
use crate::verdict::Verdict;

/// A probability this close to its limit, relatively, counts as equal to it: `0.1 · 0.1 ≤ 0.01` must hold here as
/// it holds on paper.
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
    /// Probability of so many exceedances if the true share were at the limit, [`p_fail`].
    pub p_fail: f64,
    /// PASS, FAIL or INCONCLUSIVE at the α that was asked for.
    pub verdict: Verdict,
}

/// When the verdict would come if exceedances went on at the rate seen so far.
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

/// Tails of Beta(k+1, n−k) at `theta`; the upper one is `P(Bin(n, θ) ≤ k)`, the lower one `P(Bin(n, θ) > k)`.
fn at_most(n: u64, k: u64, theta: f64) -> Tails {
    assert!(
        theta > 0.0 && theta < 1.0,
        "the allowed share must be inside (0, 1): {theta}"
    );
    beta::tails(k as f64 + 1.0, n.saturating_sub(k) as f64, theta)
}

/// The one-sided Clopper–Pearson upper bound of the share: the θ at which `P(Bin(n, θ) ≤ k) = α`; 1 if `k = n`.
///
/// # Panics
/// If `k > n` or `alpha` is not inside (0, 1).
pub fn upper_bound(n: u64, k: u64, alpha: f64) -> f64 {
    assert!(k <= n, "more exceedances than samples: {k} of {n}");
    beta::upper_quantile(alpha, k as f64 + 1.0, (n - k) as f64)
}

/// The one-sided Clopper–Pearson lower bound of the share: the θ at which `P(Bin(n, θ) ≥ k) = α`; 0 if `k = 0`.
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

/// The most exceedances with which `n` samples still pass; `None` if even none would not be enough evidence.
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

/// When a verdict would come if exceedances went on at the observed share `k/n`: the basis of "about N more
/// samples would decide it". `None` without samples, with a share exactly at the limit, or beyond
/// [`MAX_PROJECTED_SAMPLES`].
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

/// Holm's step-down procedure: which of several p-values stay significant at a family-wise level `alpha`, in
/// the order given (Holm, Scand. J. Statist. 6, 1979). A gate that may not fail for another reason is entered
/// with p = 1; a NaN counts as 1.
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
