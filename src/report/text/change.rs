//! A change and its interval, as tables and headlines show them.

use crate::judge::comparison::{Change, ChangeRange};
use crate::report::figures::thousands;
use crate::report::row::NOTHING;
use crate::units::trimmed;

/// A percentile was a latency and stands among failures now.
const NOW_FAILS: &str = "now fails";

/// A percentile stood among failures and is a latency now.
const FAILS_NO_MORE: &str = "no longer fails";

/// From this factor on a change is shown as a multiple.
const MULTIPLE: f64 = 2.0;

/// Below this change, what is left of the latency is small and needs a decimal.
const NEARLY_ALL: f64 = -0.9;

/// More than any measurement bears out.
const MOST_DECIMALS: usize = 9;

/// `103× faster`, `−1.8%`, `now fails`; nothing where there is no interval that bears it out.
pub(in crate::report) fn change_of(change: &Change) -> String {
    if change.ratio_interval().is_none() {
        return NOTHING.to_owned();
    }
    let numbers = change.observed.map(|observed| observed.value().is_some());
    match (change.ratio(), numbers.before, numbers.after) {
        (Some(ratio), _, _) => of_ratio(ratio),
        (None, true, false) => NOW_FAILS.to_owned(),
        (None, false, true) => FAILS_NO_MORE.to_owned(),
        (None, _, _) => NOTHING.to_owned(),
    }
}

/// `103× faster` from a factor of 2 on, else `−1.8%`.
pub(in crate::report) fn of_ratio(ratio: f64) -> String {
    multiple(ratio).unwrap_or_else(|| signed_percent(ratio - 1.0))
}

/// `103× faster`, `2.4× slower`; `None` below a factor of 2.
pub(in crate::report) fn multiple(ratio: f64) -> Option<String> {
    let word = if ratio < 1.0 { "faster" } else { "slower" };
    let times = times(ratio)?;
    Some(format!("{times} {word}"))
}

/// `103×` of a ratio and of its inverse; `None` below a factor of 2, and without an end.
fn times(ratio: f64) -> Option<String> {
    let factor = ratio.max(1.0 / ratio);
    (factor >= MULTIPLE && factor.is_finite()).then(|| format!("{}×", three_digits(factor)))
}

/// Two decimals below 10, one below 100, none above.
fn three_digits(value: f64) -> String {
    match value {
        v if v < 10.0 => trimmed(v, 2),
        v if v < 100.0 => trimmed(v, 1),
        v => thousands(v.round() as u64),
    }
}

/// `116× to 131×` where both ends are multiples in one direction, else `−7.1 to +3.8%`.
pub(in crate::report) fn interval(ratio: ChangeRange) -> String {
    let (low, high) = (ratio.low, ratio.high);
    // The change says it already.
    if low.is_infinite() || high == 0.0 {
        return NOTHING.to_owned();
    }
    match (low > 0.0, high.is_finite()) {
        (false, false) => return "not bounded".to_owned(),
        (true, false) => {
            let end = times(low).filter(|_| low > 1.0);
            let end = end.unwrap_or_else(|| signed_percent(low - 1.0));
            return format!("{end} or more");
        }
        (false, true) => {
            return match times(high).filter(|_| high < 1.0) {
                Some(end) => format!("{end} or more"),
                None => format!("{} or less", signed_percent(high - 1.0)),
            };
        }
        (true, true) => {}
    }
    let factors = [low, high].map(times);
    if let ([Some(a), Some(b)], true) = (factors, (low < 1.0) == (high < 1.0)) {
        let (near, far) = if low < 1.0 { (b, a) } else { (a, b) };
        return if near == far {
            near
        } else {
            format!("{near} to {far}")
        };
    }
    let (low, high) = (signed_percent(low - 1.0), signed_percent(high - 1.0));
    if low == high {
        low
    } else {
        format!("{} to {high}", low.trim_end_matches('%'))
    }
}

/// `−1.8%`, `+147%`, `−99.0%`, `0%`.
pub(in crate::report) fn signed_percent(share: f64) -> String {
    let size = share.abs() * 100.0;
    // All of a latency is never gone.
    let is_all = |decimals: i32| size >= 100.0 - 0.5 * 10f64.powi(-decimals);
    let fewest = usize::from(size < 9.95 || share <= NEARLY_ALL);
    let decimals = (fewest..MOST_DECIMALS)
        .find(|&decimals| share <= -1.0 || share > 0.0 || !is_all(decimals as i32));
    with_decimals(share, decimals.unwrap_or(fewest))
}

/// A change next to the one that a gate needs: with more digits where both would print the same and are not.
pub(in crate::report) fn signed_against(share: f64, asked: f64) -> String {
    let usual = signed_percent(share);
    let is_met = (share - asked).abs() < 1e-9;
    let is_told_apart = |text: &String| {
        let shown = text.trim_matches(['+', '−', '%']).parse::<f64>();
        is_met || shown.is_ok_and(|shown| (shown - asked.abs() * 100.0).abs() > 1e-9)
    };
    if is_told_apart(&usual) {
        return usual;
    }
    let mut longer = (1..MOST_DECIMALS).map(|decimals| with_decimals(share, decimals));
    longer.find(is_told_apart).unwrap_or(usual)
}

fn with_decimals(share: f64, decimals: usize) -> String {
    let size = share.abs() * 100.0;
    let number = match decimals {
        0 => thousands(size.round() as u64),
        _ => format!("{size:.decimals$}"),
    };
    format!("{}%", with_sign(share, &number))
}

/// `−0.5 points`: percentage points, so that no reader confuses them with percent of the rate.
pub(in crate::report) fn points(share: f64) -> String {
    match signed_points(share).as_str() {
        one @ ("−1" | "+1") => format!("{one} point"),
        several => format!("{several} points"),
    }
}

/// `−0.6 to +0.6`, in points.
pub(in crate::report) fn points_interval(range: ChangeRange) -> String {
    format!(
        "{} to {}",
        signed_points(range.low),
        signed_points(range.high)
    )
}

fn signed_points(share: f64) -> String {
    with_sign(share, &trimmed(share.abs() * 100.0, 1))
}

/// Zero has no sign.
fn with_sign(value: f64, number: &str) -> String {
    let is_zero = number.chars().all(|c| matches!(c, '0' | '.'));
    match value {
        _ if is_zero => "0".to_owned(),
        v if v < 0.0 => format!("−{number}"),
        _ => format!("+{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        ChangeRange, interval, of_ratio, points, points_interval, signed_against, signed_percent,
    };

    #[test]
    fn intervals_read_in_the_words_of_their_change() {
        let open = f64::INFINITY;
        for ((low, high), words) in [
            ((1.0 / 131.0, 1.0 / 116.0), "116× to 131×"),
            ((0.25, 0.4), "2.5× to 4×"),
            ((0.25, 0.25), "4×"),
            ((2.0, 3.5), "2× to 3.5×"),
            ((0.4, 0.6), "−60 to −40%"),
            ((0.929, 1.038), "−7.1 to +3.8%"),
            ((0.54, 2.47), "−46 to +147%"),
            ((0.3, 3.0), "−70 to +200%"),
            ((1.0, 1.0), "0%"),
            ((1.5, open), "+50% or more"),
            ((2.5, open), "2.5× or more"),
            ((0.0, 0.3), "3.33× or more"),
            ((0.0, 1.3), "+30% or less"),
            ((0.0, open), "not bounded"),
            ((open, open), "–"),
            ((0.0, 0.0), "–"),
        ] {
            assert_eq!(
                interval(ChangeRange { low, high }),
                words,
                "{low} to {high}"
            );
        }
    }

    #[test]
    fn a_change_is_a_multiple_from_a_factor_of_two_on() {
        for (ratio, words) in [
            (100.0 / 320.5, "3.21× faster"),
            (1.0 / 246.0, "246× faster"),
            (0.5, "2× faster"),
            (0.501, "−50%"),
            (0.982, "−1.8%"),
            (1.0, "0%"),
            (1.0004, "0%"),
            (1.999, "+100%"),
            (2.0, "2× slower"),
            (12.34, "12.3× slower"),
            (1.0 / 1_246.0, "1,246× faster"),
        ] {
            assert_eq!(of_ratio(ratio), words, "{ratio}");
        }
    }

    #[test]
    fn what_is_left_of_a_latency_is_not_rounded_away() {
        for (share, words) in [
            (-0.38, "−38%"),
            (-0.9903, "−99.0%"),
            (-0.9996, "−99.96%"),
            (-0.999_99, "−99.999%"),
            (-1.0, "−100.0%"),
            (1.47, "+147%"),
            (23.4, "+2,340%"),
            (0.0, "0%"),
        ] {
            assert_eq!(signed_percent(share), words);
        }
    }

    #[test]
    fn a_change_beside_its_limit_never_prints_the_same_unless_it_is() {
        for (share, asked, words) in [
            (-0.7002, -0.7, "−70.02%"),
            (-0.7, -0.7, "−70%"),
            (-0.72, -0.7, "−72%"),
            (0.1003, 0.1, "+10.03%"),
            (0.098, 0.1, "+9.8%"),
        ] {
            assert_eq!(signed_against(share, asked), words);
        }
    }

    #[test]
    fn points_are_no_percent() {
        assert_eq!(points(-0.00523), "−0.5 points");
        assert_eq!(points(0.0), "0 points");
        assert_eq!(points(0.01), "+1 point");
        let range = ChangeRange {
            low: -0.0061,
            high: 0.0061,
        };
        assert_eq!(points_interval(range), "−0.6 to +0.6");
    }
}
