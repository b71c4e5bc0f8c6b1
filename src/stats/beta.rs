//! The regularised incomplete beta function, both tails in logarithms, and its inverse.
//!
//! `statrs::function::beta` is not used for this: its continued fraction stops after 140 steps and its
//! leading factor subtracts logarithms of gamma functions, which at a million samples leaves too few digits
//! to compare a p-value with α. Here the leading factor is Loader's saddle-point form and the continued
//! fraction runs until it has converged, so that both tails hold about eleven digits up to 10⁹ samples.

use std::f64::consts::PI;

use statrs::function::gamma::ln_gamma;

use super::deviance::deviance;
use super::search::turning_point;

/// The continued fraction takes about `√(a + b)` steps in the worst case; this allows for 10⁹ samples
/// thrice over.
const MAX_STEPS: u32 = 100_000;

/// Both tails of a beta distribution at one point, as natural logarithms: `ln I_x(a,b)` and `ln (1 −
/// I_x(a,b))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tails {
    /// `ln P(Beta(a,b) ≤ x)`.
    pub ln_lower: f64,
    /// `ln P(Beta(a,b) > x)`.
    pub ln_upper: f64,
}

impl Tails {
    /// `P(Beta(a,b) ≤ x)`.
    pub fn lower(self) -> f64 {
        self.ln_lower.exp()
    }

    /// `P(Beta(a,b) > x)`.
    pub fn upper(self) -> f64 {
        self.ln_upper.exp()
    }

    fn swapped(self) -> Tails {
        Tails {
            ln_lower: self.ln_upper,
            ln_upper: self.ln_lower,
        }
    }
}

/// Everything is below `x`.
const ALL_LOWER: Tails = Tails {
    ln_lower: 0.0,
    ln_upper: f64::NEG_INFINITY,
};

/// The tails of Beta(a, b) at `x`.
///
/// `a` or `b` may be 0 (not both): the distribution is then the point 0 or the point 1, which is what
/// an exact bound with no exceedances or with nothing but exceedances needs.
///
/// # Panics
/// If `a` or `b` is negative or not finite, both are 0, or `x` is not in [0, 1].
pub fn tails(a: f64, b: f64, x: f64) -> Tails {
    assert!(
        a >= 0.0 && b >= 0.0 && a + b > 0.0 && (a + b).is_finite(),
        "no beta distribution: a {a}, b {b}"
    );
    assert!((0.0..=1.0).contains(&x), "not a probability: {x}");
    if x == 1.0 || (a == 0.0 && x < 1.0) {
        return ALL_LOWER;
    }
    if x == 0.0 || b == 0.0 {
        return ALL_LOWER.swapped();
    }
    let y = 1.0 - x;
    if x <= (a + 1.0) / (a + b + 2.0) {
        small_lower(a, b, x, y)
    } else {
        small_lower(b, a, y, x).swapped()
    }
}

/// The tails where the lower one is the smaller: computed directly, the upper one as its complement.
fn small_lower(a: f64, b: f64, x: f64, y: f64) -> Tails {
    let ln_lower = ln_leading_factor(a, b, x, y) - continued_fraction(a, b, x, y).ln();
    let ln_lower = ln_lower.min(0.0);
    Tails {
        ln_lower,
        ln_upper: (-ln_lower.exp()).ln_1p(),
    }
}

/// The tails of Beta(a, b) at `x`, each divided by `x^a·(1−x)^b / B(a,b)`, for `a`, `b` above 0 and `x`
/// inside (0, 1).
///
/// The smaller tail is then the bare continued fraction: no large number enters and none has to cancel.
pub(super) fn scaled_tails(a: f64, b: f64, x: f64) -> Tails {
    let y = 1.0 - x;
    if x <= (a + 1.0) / (a + b + 2.0) {
        scaled_small_lower(a, b, x, y)
    } else {
        scaled_small_lower(b, a, y, x).swapped()
    }
}

fn scaled_small_lower(a: f64, b: f64, x: f64, y: f64) -> Tails {
    let ln_factor = ln_leading_factor(a, b, x, y);
    let ln_lower = -continued_fraction(a, b, x, y).ln();
    let ln_complement = (-(ln_factor + ln_lower).min(0.0).exp()).ln_1p();
    Tails {
        ln_lower,
        ln_upper: ln_complement - ln_factor,
    }
}

/// `ln( x^a·y^b / B(a,b) )` in the saddle-point form of Loader (2000), with no difference of large numbers.
fn ln_leading_factor(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    let scale = 0.5 * (a * (b / n) / (2.0 * PI)).ln();
    let correction = stirling_error(n) - stirling_error(a) - stirling_error(b);
    scale + correction - deviance(a, n * x) - deviance(b, n * y)
}

/// `ln Γ(z+1) − (z+½)·ln z + z − ½·ln 2π`: what Stirling's formula leaves out.
fn stirling_error(z: f64) -> f64 {
    if z < 16.0 {
        return ln_gamma(z + 1.0) - (z + 0.5) * z.ln() + z - 0.5 * (2.0 * PI).ln();
    }
    let z2 = z * z;
    (1.0 / 12.0
        - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / z2) / z2) / z2) / z2)
        / z
}

/// The continued fraction F with `I_x(a,b) = x^a·y^b / (B(a,b)·F)`: Didonato and Morris, "Algorithm 708"
/// (ACM TOMS 18, 1992), equation for BFRAC, evaluated by Lentz's method. Converges for `x ≤ (a+1)/(a+b+2)`.
fn continued_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let drift = a * y - b * x + 1.0;
    let term = |m: f64| {
        let odd = a + 2.0 * m + 1.0;
        let even = a + 2.0 * m - 1.0;
        let tail = if m == 0.0 {
            0.0
        } else {
            m * (b - m) * x / even
        };
        m + tail + (a + m) * (drift + m * (2.0 - x)) / odd
    };
    let mut value = term(0.0).max(TINY);
    let (mut c, mut d) = (value, 0.0);
    for step in 1..=MAX_STEPS {
        let m = f64::from(step);
        let even = a + 2.0 * m - 1.0;
        let numerator = (a + m - 1.0) / even * ((a + b + m - 1.0) / even) * m * (b - m) * x * x;
        let denominator = term(m);
        d = 1.0 / nonzero(denominator + numerator * d, TINY);
        c = nonzero(denominator + numerator / c, TINY);
        let factor = c * d;
        value *= factor;
        if (factor - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    value
}

fn nonzero(value: f64, tiny: f64) -> f64 {
    if value == 0.0 { tiny } else { value }
}

/// The x at which the lower tail of Beta(a, b) is `p`.
///
/// # Panics
/// As [`tails`], or if `p` is not inside (0, 1).
pub fn lower_quantile(p: f64, a: f64, b: f64) -> f64 {
    assert!(p > 0.0 && p < 1.0, "not inside (0, 1): {p}");
    turning_point(0.0..=1.0, |x| tails(a, b, x).ln_lower >= p.ln())
}

/// The x at which the upper tail of Beta(a, b) is `p`.
///
/// # Panics
/// As [`tails`], or if `p` is not inside (0, 1).
pub fn upper_quantile(p: f64, a: f64, b: f64) -> f64 {
    assert!(p > 0.0 && p < 1.0, "not inside (0, 1): {p}");
    turning_point(0.0..=1.0, |x| tails(a, b, x).ln_upper <= p.ln())
}

#[cfg(test)]
mod tests {
    use super::{lower_quantile, tails, upper_quantile};

    /// a, b, x, ln lower, ln upper; summed with mpmath at 60 digits.
    const SUMMED: [(f64, f64, f64, f64, f64); 9] = [
        (0.5, 0.5, 0.25, -1.0986122886681098, -0.4054651081081644),
        (1.0, 19.0, 0.05, -0.4737765016428595, -0.9745725933634601),
        (2.5, 40.25, 0.05, -0.734531862481648, -0.653407344522655),
        (51.0, 950.0, 0.05, -0.7711715149230952, -0.6207724910418497),
        (
            10001.0,
            990000.0,
            0.01,
            -0.6984806076295231,
            -0.6878420480941833,
        ),
        (
            9500.0,
            990501.0,
            0.01,
            -1.9787805613480387e-7,
            -15.43561497302878,
        ),
        (
            101.0,
            1e6,
            0.001,
            -3.681893848760821e-293,
            -673.3540049946372,
        ),
        (
            500001.0,
            500000.0,
            0.5,
            -0.6939453834004217,
            -0.6923496143391256,
        ),
        (3000.0, 997001.0, 0.001, -1302.3566375525281, 0.0),
    ];

    #[test]
    fn both_tails_hold_ten_digits_far_out_and_for_large_samples() {
        for (a, b, x, ln_lower, ln_upper) in SUMMED {
            let found = tails(a, b, x);
            // An absolute error of a logarithm is a relative error of the probability.
            assert!(
                (found.ln_lower - ln_lower).abs() < 1e-10,
                "a {a} b {b}: {}",
                found.ln_lower
            );
            assert!(
                (found.ln_upper - ln_upper).abs() < 1e-10,
                "a {a} b {b}: {}",
                found.ln_upper
            );
        }
    }

    #[test]
    fn degenerate_distributions_are_points() {
        assert_eq!(tails(0.0, 5.0, 0.3).lower(), 1.0);
        assert_eq!(tails(5.0, 0.0, 0.3).lower(), 0.0);
        assert_eq!(tails(5.0, 0.0, 1.0).lower(), 1.0);
        assert_eq!(tails(2.0, 3.0, 0.0).upper(), 1.0);
        assert_eq!(
            (
                lower_quantile(0.05, 0.0, 4.0),
                upper_quantile(0.05, 4.0, 0.0)
            ),
            (0.0, 1.0)
        );
    }

    #[test]
    fn quantiles_undo_the_tails() {
        for (a, b) in [
            (0.3, 2.0),
            (1.0, 1.0),
            (39.0, 962.0),
            (1.0, 1e9),
            (5e5, 5e5),
        ] {
            for p in [1e-6, 0.025, 0.05, 0.5, 0.95] {
                let (low, high) = (lower_quantile(p, a, b), upper_quantile(p, a, b));
                assert!(
                    (tails(a, b, low).lower() / p - 1.0).abs() < 1e-9,
                    "a {a} b {b} p {p}: {low}"
                );
                assert!(
                    (tails(a, b, high).upper() / p - 1.0).abs() < 1e-9,
                    "a {a} b {b} p {p}: {high}"
                );
            }
        }
    }

    #[test]
    fn the_tails_of_a_billion_samples_are_complements_and_meet_in_the_middle() {
        let (n, x) = (1e9, 0.05);
        let found = tails(n * x, n * (1.0 - x), x);
        assert!((found.lower() + found.upper() - 1.0).abs() < 1e-12);
        assert!((found.lower() - 0.5).abs() < 1e-4, "{}", found.lower());
    }
}
