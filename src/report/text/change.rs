//! A change and its interval, as the cells of a table say them.

use super::effect::speed;
use crate::judge::comparison::{Change, ChangeRange};
use crate::report::row::NOTHING;
use crate::units::trimmed;

/// A percentile was a latency and is none any more.
const NOW_FAILS: &str = "now fails";

/// A percentile was no latency and is one now.
const FAILS_NO_MORE: &str = "fails no more";

/// `3.21× faster`; where there is no number on one side, what became of it.
pub(in crate::report) fn change_of(change: &Change) -> String {
    let numbers = change.observed.map(|observed| observed.value().is_some());
    match (change.ratio(), numbers.before, numbers.after) {
        (Some(ratio), _, _) => speed(ratio),
        (None, true, false) => NOW_FAILS.to_owned(),
        (None, false, true) => FAILS_NO_MORE.to_owned(),
        (None, _, _) => NOTHING.to_owned(),
    }
}

/// As times where both ends are at least 2×, else as signed percentages.
pub(in crate::report) fn interval(ratio: ChangeRange) -> String {
    let (low, high) = (ratio.low, ratio.high);
    if low.is_infinite() {
        return NOW_FAILS.to_owned();
    }
    if high == 0.0 {
        return FAILS_NO_MORE.to_owned();
    }
    if low <= 0.0 && high.is_infinite() {
        return "not bounded".to_owned();
    }
    if low >= 2.0 && high.is_finite() {
        return spanned(&speed(low), &speed(high));
    }
    if high <= 0.5 && low > 0.0 {
        return spanned(&speed(high), &speed(low));
    }
    let (lowest, highest) = (signed_percent(low - 1.0), signed_percent(high - 1.0));
    if low > 0.0 && high.is_finite() {
        format!("{lowest} … {highest}")
    } else if low > 0.0 {
        format!("≥ {lowest}")
    } else {
        format!("≤ {highest}")
    }
}

/// `2.9× – 3.5× faster` of `2.9× faster` and `3.5× faster`.
fn spanned(from: &str, to: &str) -> String {
    let number = from.split(' ').next().unwrap_or_default();
    if number.is_empty() || from == to {
        to.to_owned()
    } else {
        format!("{number} – {to}")
    }
}

/// `−12.5 %`.
pub(in crate::report) fn signed_percent(share: f64) -> String {
    signed(share * 100.0, 1, "%")
}

/// `−0.52 points`: percentage points, so that no reader confuses them with percent of the rate.
pub(in crate::report) fn points(share: f64) -> String {
    signed(share * 100.0, 2, "points")
}

pub(in crate::report) fn signed(value: f64, digits: usize, unit: &str) -> String {
    let number = trimmed(value.abs(), digits);
    let sign = match number.as_str() {
        "0" => "±",
        _ if value < 0.0 => "−",
        _ => "+",
    };
    format!("{sign}{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::{ChangeRange, interval, points, signed_percent};

    #[test]
    fn intervals_read_in_the_words_of_their_change() {
        let open = f64::INFINITY;
        for ((low, high), words) in [
            ((0.25, 0.4), "2.5× – 4× faster"),
            ((0.25, 0.25), "4× faster"),
            ((2.0, 3.5), "2× – 3.5× slower"),
            ((0.4, 0.6), "−60 % … −40 %"),
            ((0.95, 1.021), "−5 % … +2.1 %"),
            ((1.0, 1.0), "±0 % … ±0 %"),
            ((1.5, open), "≥ +50 %"),
            ((0.0, 0.3), "≤ −70 %"),
            ((0.0, open), "not bounded"),
            ((open, open), "now fails"),
            ((0.0, 0.0), "fails no more"),
        ] {
            assert_eq!(
                interval(ChangeRange { low, high }),
                words,
                "{low} to {high}"
            );
        }
        assert_eq!(points(-0.00523), "−0.52 points");
        assert_eq!(signed_percent(0.0), "±0 %");
    }
}
