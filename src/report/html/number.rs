//! Numbers as the report shows them: three significant digits, ms below one second, seconds from there.

use std::time::Duration;

use crate::judge::summary::{Observed, ObservedInterval};
use crate::report::figures::thousands;
use crate::units::Pretty;

/// Keeps a number and what belongs to it on one line.
pub(super) const NO_BREAK: char = '\u{a0}';

/// `39.1 ms`, `340 ms`, `1.42 s`, `0.611 ms`; 999.6 ms is `1.00 s`.
pub(super) fn latency(time: Duration) -> String {
    latency_with(time, 0)
}

fn latency_with(time: Duration, more: usize) -> String {
    let (number, unit) = parts(time, more);
    format!("{number}{NO_BREAK}{unit}")
}

fn parts(time: Duration, more: usize) -> (String, &'static str) {
    let ms = time.as_secs_f64() * 1e3;
    // What would be rounded up to 1,000 ms is a second.
    if ms >= 999.5 {
        (three_digits(ms / 1e3, more), "s")
    } else {
        (three_digits(ms, more), "ms")
    }
}

/// Three significant digits, groups of three.
fn three_digits(value: f64, more: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    // 9.996 has four digits before it is rounded and three after.
    let unit = 10f64.powf(magnitude - 2.0);
    let magnitude = ((value.abs() / unit).round() * unit).log10().floor();
    let decimals = (2.0 - magnitude).max(0.0) as usize + more;
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), thousands);
    if fraction.is_empty() {
        whole
    } else {
        format!("{whole}.{fraction}")
    }
}

/// A limit as it was typed: `150 ms`, `1 s`.
pub(super) fn limit(time: Duration) -> String {
    Pretty(time).to_string().replace(' ', "\u{a0}")
}

/// A value next to its limit: with more digits where both would read the same and are not.
pub(super) fn latency_against(time: Duration, limit: Duration) -> String {
    let same = |more| {
        let (number, unit) = parts(time, more);
        let number = number.replace(',', "").parse::<f64>().unwrap_or(f64::NAN);
        let unit_s = if unit == "s" { 1.0 } else { 1e-3 };
        (number * unit_s - limit.as_secs_f64()).abs() < limit.as_secs_f64() * 1e-9
    };
    let more = (0..7).find(|&more| time == limit || !same(more));
    latency_with(time, more.unwrap_or(0))
}

/// What stands at a rank: `340 ms`, `> 10 s`, `failed`.
pub(super) fn observed(value: Observed) -> String {
    match value {
        Observed::Value(time) => latency(time),
        Observed::BeyondTimeout(timeout) => format!(">{NO_BREAK}{}", limit(timeout)),
        other => other.to_string(),
    }
}

/// `283 to 961 ms`, `278 ms to 1.02 s`, `≥ 386 ms`, `not resolved`.
pub(super) fn interval(interval: ObservedInterval) -> String {
    match (interval.lower, interval.upper) {
        (None, None) => "not resolved".to_owned(),
        (Some(lower @ Observed::Value(_)), None) => format!("≥{NO_BREAK}{}", observed(lower)),
        (Some(lower), None) => observed(lower),
        (None, Some(upper)) => format!("≤{NO_BREAK}{}", observed(upper)),
        (Some(Observed::Value(lower)), Some(Observed::Value(upper))) => range(lower, upper),
        (Some(lower), Some(upper)) if lower == upper => observed(lower),
        (Some(lower), Some(upper)) => format!("{} to {}", observed(lower), observed(upper)),
    }
}

/// One unit where both have the same.
pub(super) fn range(low: Duration, high: Duration) -> String {
    let (from, from_unit) = parts(low, 0);
    let (to, to_unit) = parts(high, 0);
    if from_unit == to_unit {
        format!("{from} to {to}{NO_BREAK}{to_unit}")
    } else {
        format!("{from}{NO_BREAK}{from_unit} to {to}{NO_BREAK}{to_unit}")
    }
}

/// A time of the run in the unit of its axis: `70.4 s`.
pub(super) fn seconds(time_s: f64) -> String {
    format!("{}{NO_BREAK}s", Tick(time_s, usize::from(time_s < 1_000.0)))
}

/// A number of an axis without trailing zeros.
pub(super) struct Tick(pub(super) f64, pub(super) usize);

impl std::fmt::Display for Tick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::units::trimmed(self.0, self.1))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn latencies_have_three_digits_and_are_seconds_from_one_second_on() {
        for (micros, shown) in [
            (39_100, "39.1 ms"),
            (340_400, "340 ms"),
            (999_400, "999 ms"),
            (999_600, "1.00 s"),
            (1_420_000, "1.42 s"),
            (12_340_000, "12.3 s"),
            (611, "0.611 ms"),
            (42, "0.0420 ms"),
            (9_996, "10.0 ms"),
            (99_960, "100 ms"),
            (0, "0 ms"),
            (3_600_000_000, "3,600 s"),
        ] {
            assert_eq!(latency(us(micros)), shown.replace(' ', "\u{a0}"));
        }
    }

    #[test]
    fn a_value_never_reads_like_a_limit_that_it_is_not() {
        let limit = Duration::from_millis(150);
        for (micros, shown) in [
            (150_040, "150.04\u{a0}ms"),
            (150_000, "150\u{a0}ms"),
            (340_000, "340\u{a0}ms"),
            (149_600, "149.6\u{a0}ms"),
        ] {
            assert_eq!(latency_against(us(micros), limit), shown);
        }
        let second = Duration::from_secs(1);
        assert_eq!(latency_against(us(999_800), second), "0.9998\u{a0}s");
    }

    #[test]
    fn an_interval_names_its_unit_once_and_says_which_end_is_open() {
        let value = |micros| Some(Observed::Value(us(micros)));
        let timeout = Some(Observed::BeyondTimeout(Duration::from_secs(10)));
        for (lower, upper, shown) in [
            (value(283_000), value(961_000), "283 to 961 ms"),
            (value(278_000), value(1_020_000), "278 ms to 1.02 s"),
            (value(386_000), None, "≥ 386 ms"),
            (None, None, "not resolved"),
            (value(17_400), timeout, "17.4 ms to > 10 s"),
            (timeout, timeout, "> 10 s"),
        ] {
            let text = interval(ObservedInterval { lower, upper });
            assert_eq!(text.replace('\u{a0}', " "), shown);
        }
    }

    #[test]
    fn limits_stay_as_they_were_typed() {
        assert_eq!(limit(Duration::from_millis(150)), "150\u{a0}ms");
        assert_eq!(limit(Duration::from_secs(1)), "1\u{a0}s");
    }
}
