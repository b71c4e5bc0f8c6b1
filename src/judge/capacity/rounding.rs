//! Rates of three significant digits.

/// Digits of a rate that is chosen.
const DIGITS: i32 = 3;

/// Relative distance at which a rate counts as one of three digits already: products and roots err in the last bits.
const TIE: f64 = 1e-9;

/// The nearest rate of three significant digits, half up.
pub(super) fn nearest(rate: f64) -> f64 {
    rounded(rate, |units| (units * (1.0 + f64::EPSILON) + 0.5).floor())
}

/// The next one that is not lower.
pub(super) fn upward(rate: f64) -> f64 {
    rounded(rate, |units| (units * (1.0 - TIE)).ceil())
}

/// The next one that is not higher.
pub(super) fn downward(rate: f64) -> f64 {
    rounded(rate, |units| (units * (1.0 + TIE)).floor())
}

/// Counts in units of the last digit. Dividing by a power of ten, not multiplying by its inverse, gives the number that
/// the decimal text means.
fn rounded(rate: f64, to_whole: impl Fn(f64) -> f64) -> f64 {
    let exponent = rate.log10().floor() as i32 - (DIGITS - 1);
    let power = 10_f64.powi(exponent.abs());
    if exponent < 0 {
        to_whole(rate * power) / power
    } else {
        to_whole(rate / power) * power
    }
}

#[cfg(test)]
mod tests {
    use super::{downward, nearest, upward};

    #[test]
    fn three_digits_are_kept_at_every_size_half_up() {
        let cases = [
            (226.27, 226.0),
            (757.5, 758.0),
            (0.12345, 0.123),
            (0.012_355, 0.0124),
            (9.995, 10.0),
            (5.656_85, 5.66),
            (2_468.0, 2_470.0),
            (1_234_567.0, 1_230_000.0),
            (40.0, 40.0),
        ];
        for (rate, expected) in cases {
            assert_eq!(nearest(rate), expected, "{rate}");
        }
    }

    #[test]
    fn bounds_are_rounded_towards_each_other() {
        assert_eq!((upward(189.09), downward(207.998)), (190.0, 207.0));
        assert_eq!((upward(3.984), downward(4.379)), (3.99, 4.37));
        // A rate of three digits stays, whatever its last bits.
        assert_eq!(
            (upward(190.000_000_01), downward(206.999_999_99)),
            (190.0, 207.0)
        );
        assert_eq!((upward(0.1 + 0.2), downward(0.1 * 3.0)), (0.3, 0.3));
    }
}
