//! The deviance of a count from its expectation, without cancellation where the two are close.

/// `x·ln(x/mean) + mean − x`: half the Poisson deviance, never negative, zero at `x = mean`.
///
/// The subtraction would lose all digits for large `x` near `mean`, so that region uses the series in
/// `(x − mean)/(x + mean)` of Loader, "Fast and Accurate Computation of Binomial Probabilities" (2000).
/// `x ≥ 0`, `mean > 0`.
pub(super) fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if x == 0.0 {
        return mean;
    }
    if difference.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() - difference;
    }
    let v = difference / (x + mean);
    let mut sum = difference * v;
    let mut power = 2.0 * x * v;
    for odd in (3..).step_by(2) {
        power *= v * v;
        let next = sum + power / f64::from(odd);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::deviance;

    #[test]
    fn is_zero_at_the_mean_and_the_mean_at_zero() {
        assert_eq!(deviance(7.0, 7.0), 0.0);
        assert_eq!(deviance(0.0, 7.0), 7.0);
    }

    #[test]
    fn keeps_its_digits_where_the_plain_formula_cancels() {
        // Near the mean the deviance is d²/2m − d³/6m² + …, with d = 1 and m = 10⁹.
        let expected = 5e-10 - 1.0 / 6e18;
        assert!((deviance(1e9 + 1.0, 1e9) / expected - 1.0).abs() < 1e-12);
    }

    #[test]
    fn both_branches_meet() {
        let mean = 1000.0_f64;
        for x in [1222.0, 1222.4, 818.0, 818.3] {
            let plain = x * (x / mean).ln() + mean - x;
            assert!((deviance(x, mean) / plain - 1.0).abs() < 1e-12, "x {x}");
        }
    }
}
