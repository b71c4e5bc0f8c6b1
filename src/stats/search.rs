//! Binary search for the point where a monotone statement turns true.

use std::ops::RangeInclusive;

/// The smallest value in `range` for which `holds` is true, if there is one.
///
/// `holds` must be monotone: once true, true for everything larger.
pub(super) fn first_where(range: RangeInclusive<u64>, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut low, mut high) = range.into_inner();
    if low > high || !holds(high) {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// The largest value in `range` for which `holds` is true, if there is one.
///
/// `holds` must be monotone: once false, false for everything larger.
pub(super) fn last_where(range: RangeInclusive<u64>, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (low, high) = range.into_inner();
    match first_where(low..=high, |value| !holds(value)) {
        Some(first_false) => first_false.checked_sub(1).filter(|&last| last >= low),
        None => (low <= high).then_some(high),
    }
}

/// The point of `range` where `reached` turns true and stays true, to the last bits; the upper end if it
/// never does.
///
/// Bisection cannot be misled, and even an answer near 10⁻⁹ of the range takes fewer than a hundred steps.
pub(super) fn turning_point(range: RangeInclusive<f64>, reached: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = range.into_inner();
    if reached(low) {
        return low;
    }
    while high - low > 2.0 * f64::EPSILON * high {
        let middle = low + (high - low) / 2.0;
        if reached(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::{first_where, last_where, turning_point};

    #[test]
    fn agrees_with_a_linear_scan_for_every_turning_point() {
        for turn in 0..12_u64 {
            let range = 3..=8_u64;
            let first = range.clone().find(|&v| v >= turn);
            let last = range.clone().rev().find(|&v| v < turn);
            assert_eq!(
                first_where(range.clone(), |v| v >= turn),
                first,
                "turn {turn}"
            );
            assert_eq!(last_where(range, |v| v < turn), last, "turn {turn}");
        }
    }

    #[test]
    fn finds_nothing_in_an_empty_range() {
        #[expect(clippy::reversed_empty_ranges, reason = "the empty range is the case")]
        let empty = 5..=4;
        assert_eq!(first_where(empty.clone(), |_| true), None);
        assert_eq!(last_where(empty, |_| true), None);
    }

    #[test]
    fn a_turning_point_is_found_to_the_last_bits() {
        for turn in [1e-9, 0.3, 0.999_999_999, 1.0] {
            let found = turning_point(0.0..=1.0, |x| x >= turn);
            assert!((found / turn - 1.0).abs() < 1e-15, "{found} for {turn}");
        }
        assert_eq!(turning_point(0.0..=1.0, |_| true), 0.0);
        assert_eq!(turning_point(0.0..=1.0, |_| false), 1.0);
    }
}
