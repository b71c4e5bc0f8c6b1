//! Binary search over a range of integers for the point where a monotone statement turns true.

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

#[cfg(test)]
mod tests {
    use super::{first_where, last_where};

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
}
