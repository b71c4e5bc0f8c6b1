//! Numbers as screens for people show them: three significant digits, one unit a table, percent without a space.

use std::time::Duration;

use crate::judge::summary::{Observed, ObservedInterval};
use crate::units::{Pretty, trimmed};

pub(super) use crate::units::grouped as thousands;

/// From here on a latency is shown in seconds.
const SECONDS_FROM: Duration = Duration::from_secs(10);

/// The unit of the latencies of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LatencyScale {
    /// Every value is below 1 ms.
    Micros,
    /// Milliseconds; seconds from 10,000 ms on.
    Millis,
    /// Latencies of a file keep its digits.
    AsGiven,
}

impl LatencyScale {
    /// The unit in which all these values are readable.
    pub(super) fn of(values: impl IntoIterator<Item = Duration>) -> LatencyScale {
        let below = Duration::from_millis(1);
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() && values.all(|value| value < below) {
            LatencyScale::Micros
        } else {
            LatencyScale::Millis
        }
    }

    /// `17.3 ms`, `236 ms`, `12.4 s`.
    pub(super) fn latency(self, value: Duration) -> String {
        let (number, unit) = self.parts(value, 0);
        format!("{number} {unit}")
    }

    /// Three significant digits below 1 ms too: of two latencies that stand side by side.
    pub(super) fn precise(self, value: Duration) -> String {
        let (number, unit) = self.precise_parts(value);
        format!("{number} {unit}")
    }

    /// Like [`Self::precise`], of what stands at a rank.
    pub(super) fn precise_rank(self, observed: Observed) -> String {
        match observed {
            Observed::Value(value) => self.precise(value),
            other => other.to_string(),
        }
    }

    /// `323 → 3.14 ms`, `95.0 ms → failed`: the unit once where it is the same.
    pub(super) fn both_ranks(self, before: Observed, after: Observed) -> String {
        if let (Observed::Value(before), Observed::Value(after)) = (before, after) {
            let (from, from_unit) = self.precise_parts(before);
            let (to, to_unit) = self.precise_parts(after);
            if from_unit == to_unit {
                return format!("{from} → {to} {to_unit}");
            }
        }
        format!(
            "{} → {}",
            self.precise_rank(before),
            self.precise_rank(after)
        )
    }

    fn precise_parts(self, value: Duration) -> (String, &'static str) {
        let is_small = !value.is_zero() && value < Duration::from_micros(995);
        self.parts(value, usize::from(is_small && self == LatencyScale::Millis))
    }

    /// A value and a limit that it is compared with: with more digits where both would print the same and are not.
    pub(super) fn against(self, value: Duration, limit: Duration) -> String {
        let limit_shown = Pretty(limit).to_string();
        let mut text = self.latency(value);
        for more in 1..8 {
            if value == limit || without_zeros(&text) != limit_shown {
                break;
            }
            let (number, unit) = self.parts(value, more);
            text = format!("{number} {unit}");
        }
        text
    }

    /// What stands at a rank.
    pub(super) fn observed(self, observed: Observed) -> String {
        match observed {
            Observed::Value(value) => self.latency(value),
            other => other.to_string(),
        }
    }

    /// `16.8 to 18.0 ms`, `361 ms or more`.
    pub(super) fn interval(self, interval: ObservedInterval) -> String {
        match (interval.lower, interval.upper) {
            (None, None) => "–".to_owned(),
            (Some(lower @ Observed::Value(_)), None) => format!("{} or more", self.observed(lower)),
            (Some(lower), None) => self.observed(lower),
            (None, Some(upper)) => format!("{} or less", self.observed(upper)),
            (Some(Observed::Value(lower)), Some(Observed::Value(upper))) => {
                let (low, low_unit) = self.parts(lower, 0);
                let (high, high_unit) = self.parts(upper, 0);
                if low_unit == high_unit {
                    format!("{low} to {high} {high_unit}")
                } else {
                    format!("{low} {low_unit} to {high} {high_unit}")
                }
            }
            (Some(lower), Some(upper)) if self.observed(lower) == self.observed(upper) => {
                self.observed(lower)
            }
            (Some(lower), Some(upper)) => {
                format!("{} to {}", self.observed(lower), self.observed(upper))
            }
        }
    }

    /// The number and its unit, with that many decimals more than three significant digits have.
    fn parts(self, value: Duration, more: usize) -> (String, &'static str) {
        let ns = value.as_nanos() as f64;
        let (number, unit) = match self {
            LatencyScale::AsGiven => {
                let shown = Pretty(value).to_string();
                return match shown.rsplit_once(' ') {
                    Some((number, "ms")) => (number.to_owned(), "ms"),
                    Some((number, "s")) => (number.to_owned(), "s"),
                    Some((number, "µs")) => (number.to_owned(), "µs"),
                    Some((number, "ns")) => (number.to_owned(), "ns"),
                    Some((number, _)) => (number.to_owned(), "min"),
                    None => (shown, ""),
                };
            }
            LatencyScale::Micros => (ns / 1e3, "µs"),
            LatencyScale::Millis if value >= SECONDS_FROM => (ns / 1e9, "s"),
            LatencyScale::Millis => (ns / 1e6, "ms"),
        };
        (significant(number, more), unit)
    }
}

/// `150 ms` for `150.0 ms`.
fn without_zeros(latency: &str) -> String {
    match latency.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => latency.to_owned(),
    }
}

/// Three significant digits, at most two decimals from 0.1 on; groups of three digits.
fn significant(number: f64, more: usize) -> String {
    let decimals = match number {
        n if n >= 99.95 => 0,
        n if n >= 9.995 => 1,
        n if n >= 0.095 || n == 0.0 => 2,
        n if n >= 0.0095 => 3,
        _ => 4,
    };
    let text = format!("{number:.0$}", decimals + more);
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.as_str(), None),
    };
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), thousands);
    match fraction {
        Some(fraction) => format!("{whole}.{fraction}"),
        None => whole,
    }
}

/// A fraction of one: `12.5%`, `0.3%`, `0.04%`.
pub(super) fn share(fraction: f64) -> String {
    percent_with(fraction, 0)
}

/// A fraction next to the one that it is compared with: with more digits where both would print the same and are not.
pub(super) fn share_against(fraction: f64, allowed: f64) -> String {
    let other = share(allowed);
    let same = (fraction - allowed).abs() < 1e-12;
    let digits = (0..8).find(|&more| same || percent_with(fraction, more) != other);
    percent_with(fraction, digits.unwrap_or(8))
}

fn percent_with(fraction: f64, more: usize) -> String {
    let value = fraction * 100.0;
    let digits = match value {
        v if v > 0.0 && v < 0.1 => (-v.log10().floor()).min(15.0) as usize,
        _ => 1,
    };
    format!("{}%", crate::units::trimmed(value, digits + more))
}

/// `1.9 MB`, `24 kB`, `512 B`.
pub(super) fn bytes(count: u64) -> String {
    let count = count as f64;
    for (unit, size) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] {
        // What would round up to the next unit is shown in it.
        if count >= size * 0.9995 {
            let number = count / size;
            return format!("{number:.0$} {unit}", usize::from(number < 9.95));
        }
    }
    format!("{count} B")
}

/// A rate in requests per second: `414/s`, `9,000/s`, `0.5/s`.
pub(super) fn per_second(rate: f64) -> String {
    if rate >= 1_000.0 {
        format!("{}/s", thousands(rate.round() as u64))
    } else {
        format!("{}/s", trimmed(rate, 2))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LatencyScale, bytes, share, share_against, thousands};
    use crate::judge::summary::{Observed, ObservedInterval};

    fn us(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn latencies_have_three_significant_digits_and_one_unit() {
        for (micros, shown) in [
            (17_300, "17.3 ms"),
            (236_400, "236 ms"),
            (1_812, "1.81 ms"),
            (170, "0.17 ms"),
            (42, "0.042 ms"),
            (99_960, "100 ms"),
            (1_840_000, "1,840 ms"),
            (9_999_000, "9,999 ms"),
            (12_340_000, "12.3 s"),
            (0, "0.00 ms"),
        ] {
            assert_eq!(LatencyScale::Millis.latency(us(micros)), shown);
        }
        let scale = LatencyScale::of([us(312), us(999)]);
        assert_eq!(scale.latency(us(312)), "312 µs");
        assert_eq!(LatencyScale::of([us(312), us(1000)]), LatencyScale::Millis);
        assert_eq!(LatencyScale::of([]), LatencyScale::Millis);
    }

    #[test]
    fn latencies_side_by_side_keep_three_digits_below_a_millisecond() {
        let scale = LatencyScale::Millis;
        for (micros, shown) in [
            (264, "0.264 ms"),
            (42, "0.0420 ms"),
            (999, "1.00 ms"),
            (2_640, "2.64 ms"),
            (0, "0.00 ms"),
        ] {
            assert_eq!(scale.precise(us(micros)), shown);
        }
        let value = |micros| Observed::Value(us(micros));
        for (before, after, shown) in [
            (value(323_000), value(3_140), "323 → 3.14 ms"),
            (value(12_000_000), value(3_140), "12.0 s → 3.14 ms"),
            (value(95_000), Observed::Failed, "95.0 ms → failed"),
        ] {
            assert_eq!(scale.both_ranks(before, after), shown);
        }
    }

    #[test]
    fn a_value_beside_its_limit_never_prints_the_same_unless_it_is() {
        let limit = Duration::from_millis(150);
        let scale = LatencyScale::Millis;
        assert_eq!(scale.against(us(150_040), limit), "150.04 ms");
        assert_eq!(scale.against(us(150_000), limit), "150 ms");
        assert_eq!(scale.against(us(149_999), limit), "149.999 ms");
        assert_eq!(share_against(0.0504, 0.05), "5.04%");
        assert_eq!(share_against(0.05, 0.05), "5%");
        assert_eq!(share_against(0.125, 0.05), "12.5%");
    }

    #[test]
    fn an_interval_names_its_unit_once_and_says_which_end_is_open() {
        let value = |micros| Some(Observed::Value(us(micros)));
        for (lower, upper, shown) in [
            (value(16_800), value(18_000), "16.8 to 18.0 ms"),
            (value(361_000), None, "361 ms or more"),
            (None, value(361_000), "361 ms or less"),
            (value(9_000_000), value(12_000_000), "9,000 ms to 12.0 s"),
            (value(17_400), Some(Observed::Failed), "17.4 ms to failed"),
            (Some(Observed::Failed), Some(Observed::Failed), "failed"),
            (None, None, "–"),
        ] {
            let interval = ObservedInterval { lower, upper };
            assert_eq!(LatencyScale::Millis.interval(interval), shown);
        }
    }

    #[test]
    fn shares_and_sizes_are_short() {
        for (fraction, shown) in [
            (0.125, "12.5%"),
            (14.0 / 600.0, "2.3%"),
            (0.0, "0%"),
            (1.0, "100%"),
            (0.0004, "0.04%"),
            (0.000_001_23, "0.0001%"),
        ] {
            assert_eq!(share(fraction), shown);
        }
        for (count, shown) in [
            (0, "0 B"),
            (512, "512 B"),
            (24_000, "24 kB"),
            (1_900_000, "1.9 MB"),
            (999_900, "1.0 MB"),
        ] {
            assert_eq!(bytes(count), shown);
        }
        assert_eq!(thousands(3_688), "3,688");
        assert_eq!(thousands(12), "12");
    }
}
