//! Durations, rates and percentages as people write them, and back.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// A number with a unit that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// A number stands where a unit is obligatory.
    #[error("'{0}' has no unit; write {unit}", unit = with_units(.0))]
    NoUnit(String),
    /// The unit is not one of ns, us, ms, s, m, h.
    #[error("'{text}' has an unknown unit '{unit}'; use {}", units_like(.unit))]
    UnknownUnit {
        /// The typed text.
        text: String,
        /// The unknown unit.
        unit: String,
    },
    /// Not a number at all.
    #[error("'{text}' is not a {what}, such as {example}")]
    NotANumber {
        /// The typed text.
        text: String,
        /// The expected kind of value, in words.
        what: &'static str,
        /// A valid example.
        example: &'static str,
    },
    /// A share without its sign.
    #[error("'{0}' has no '%'; write {0}%")]
    NoPercent(String),
    /// Negative, infinite, or too large to be meant.
    #[error("'{text}' is out of range for a {what}; it must be {range}")]
    OutOfRange {
        /// The typed text.
        text: String,
        /// The expected kind of value, in words.
        what: &'static str,
        /// The allowed range, in words.
        range: &'static str,
    },
}

/// Below this number a duration without a unit is probably one of seconds.
const PROBABLY_SECONDS: f64 = 100.0;

/// A number with both of the units that it may have, the probable one first: `150ms or 150s`, `1h30m or 1h30s`.
fn with_units(text: &str) -> String {
    let (first, second) = match text.parse::<f64>() {
        Ok(number) if number < PROBABLY_SECONDS => ("s", "ms"),
        Ok(_) => ("ms", "s"),
        Err(_) => ("m", "s"),
    };
    format!("{text}{first} or {text}{second}")
}

/// The units of rates begin with a slash.
fn units_like(unit: &str) -> &'static str {
    if unit.starts_with('/') {
        "/s, /m or /h"
    } else {
        "ns, us, ms, s, m or h"
    }
}

/// Longest duration that is read or recorded: above it a number is a typing error.
pub const MAX_DURATION: Duration = Duration::from_secs(7 * 24 * 3600);

/// Reads `150ms`, `1.5s`, `80us`, `2m`, `1m30s`. A unit is obligatory; zero is allowed.
///
/// # Errors
/// [`UnitError`] if there is no number, no known unit, or more than [`MAX_DURATION`].
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let not_a_number = || UnitError::NotANumber {
        text: text.to_owned(),
        what: "duration",
        example: "150ms or 1.5s",
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(not_a_number());
    }
    let mut total_ns = 0f64;
    let mut last_unit_ns = f64::INFINITY;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| not_a_number())?;
        rest = rest[digits..].trim_start();
        let letters = rest
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(rest.len());
        let (unit, tail) = rest.split_at(letters);
        let unit_ns = nanoseconds_per(unit, text)?;
        // `120ms 130ms` are two durations, not a sum.
        if unit_ns >= last_unit_ns {
            return Err(not_a_number());
        }
        last_unit_ns = unit_ns;
        total_ns += number * unit_ns;
        rest = tail.trim_start();
    }
    if total_ns > MAX_DURATION.as_nanos() as f64 {
        return Err(UnitError::OutOfRange {
            text: text.to_owned(),
            what: "duration",
            range: "at most 7 days",
        });
    }
    Ok(Duration::from_nanos(total_ns.round() as u64))
}

fn nanoseconds_per(unit: &str, text: &str) -> Result<f64, UnitError> {
    Ok(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" | "sec" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        "" => return Err(UnitError::NoUnit(text.to_owned())),
        _ => {
            return Err(UnitError::UnknownUnit {
                text: text.to_owned(),
                unit: unit.to_owned(),
            });
        }
    })
}

/// A duration as a person reads it: four significant digits at the most, one unit.
///
/// ```
/// use a7probe::units::Pretty;
/// use std::time::Duration;
/// assert_eq!(Pretty(Duration::from_micros(163_200)).to_string(), "163.2 ms");
/// assert_eq!(Pretty(Duration::from_nanos(47_300)).to_string(), "47.3 µs");
/// assert_eq!(Pretty(Duration::from_millis(2_500)).to_string(), "2.5 s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pretty(pub Duration);

impl fmt::Display for Pretty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_nanos() as f64;
        let (value, unit) = match ns {
            v if v < 1e3 => (v, "ns"),
            v if v < 999_950.0 => (v / 1e3, "µs"),
            v if v < 999_950_000.0 => (v / 1e6, "ms"),
            v if v < 600e9 => (v / 1e9, "s"),
            v => (v / 60e9, "min"),
        };
        let digits = match value {
            v if v >= 100.0 || unit == "ns" => 1,
            _ if unit == "s" => 3,
            _ => 2,
        };
        let mut number = format!("{value:.digits$}");
        if number.contains('.') {
            number.truncate(number.trim_end_matches('0').trim_end_matches('.').len());
        }
        f.pad(&format!("{number} {unit}"))
    }
}

/// A duration as it is typed: to the nanosecond, in the largest of its units that leaves a whole part.
///
/// ```
/// use a7probe::units::Exact;
/// use std::time::Duration;
/// assert_eq!(Exact(Duration::from_micros(163_200)).to_string(), "163.2ms");
/// assert_eq!(Exact(Duration::from_secs(90)).to_string(), "90s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact(pub Duration);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_nanos();
        let (unit_ns, digits, unit) = match ns {
            0..1_000 => (1, 0, "ns"),
            1_000..1_000_000 => (1_000, 3, "us"),
            1_000_000..1_000_000_000 => (1_000_000, 6, "ms"),
            _ => (1_000_000_000, 9, "s"),
        };
        let decimals = format!("{:0digits$}", ns % unit_ns);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}{unit}", ns / unit_ns),
            decimals => write!(f, "{}.{decimals}{unit}", ns / unit_ns),
        }
    }
}

/// Milliseconds as a floating-point number: the unit of every JSON and CSV output.
pub fn millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

/// A duration as a number of milliseconds, for fields that end in `_ms`.
pub(crate) fn serialize_ms<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(millis(*duration))
}

/// A duration as a number of milliseconds, or `null`.
pub(crate) fn serialize_optional_ms<S: Serializer>(
    duration: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    duration.map(millis).serialize(to)
}

/// Nanoseconds as a number of milliseconds.
pub(crate) fn serialize_ns_as_ms<S: Serializer>(ns: &f64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(ns / 1e6)
}

/// A duration as a number of seconds, for fields that end in `_s`.
pub(crate) fn serialize_s<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}

/// Requests per second, of one endpoint; finite and above zero.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(try_from = "f64")]
pub struct Rate(f64);

/// Highest rate that is accepted: above it a number is a typing error.
pub const MAX_RATE_PER_S: f64 = 10_000_000.0;

impl Rate {
    /// A rate in requests per second; `None` unless within (0, 10 000 000].
    pub fn per_second(value: f64) -> Option<Rate> {
        (value.is_finite() && value > 0.0 && value <= MAX_RATE_PER_S).then_some(Rate(value))
    }

    /// Requests per second.
    pub fn as_per_second(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Rate {
    type Error = String;

    fn try_from(value: f64) -> Result<Rate, String> {
        Rate::per_second(value).ok_or_else(|| {
            format!(
                "{value} is not a valid rate; it must be above 0 and at most 10,000,000 per second"
            )
        })
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    /// Reads `20`, `20/s`, `1200/m`, `0.5/s`.
    fn from_str(text: &str) -> Result<Rate, UnitError> {
        let (number, seconds) = match text.trim().split_once('/') {
            None => (text.trim(), 1.0),
            Some((number, "s")) => (number, 1.0),
            Some((number, "m" | "min")) => (number, 60.0),
            Some((number, "h")) => (number, 3600.0),
            Some((_, unit)) => {
                return Err(UnitError::UnknownUnit {
                    text: text.to_owned(),
                    unit: format!("/{unit}"),
                });
            }
        };
        let value: f64 = number.trim().parse().map_err(|_| UnitError::NotANumber {
            text: text.to_owned(),
            what: "rate",
            example: "20/s or 1200/m",
        })?;
        Rate::per_second(value / seconds).ok_or(UnitError::OutOfRange {
            text: text.to_owned(),
            what: "rate",
            range: "above 0 and at most 10,000,000 per second",
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/s", trimmed(self.0, 2)))
    }
}

/// Reads `70%` or `0.1 %` as a fraction of one; the sign is obligatory.
///
/// # Errors
/// [`UnitError`] if there is no finite number of at least 0, or no sign.
pub fn parse_percentage(text: &str) -> Result<f64, UnitError> {
    let not_a_number = || UnitError::NotANumber {
        text: text.to_owned(),
        what: "percentage",
        example: "70% or 0.1%",
    };
    let number = text.trim().strip_suffix('%').ok_or_else(|| {
        let is_number = text.trim().parse::<f64>().is_ok_and(f64::is_finite);
        if is_number {
            UnitError::NoPercent(text.trim().to_owned())
        } else {
            not_a_number()
        }
    })?;
    let value: f64 = number.trim().parse().map_err(|_| not_a_number())?;
    if !value.is_finite() || value < 0.0 {
        return Err(UnitError::OutOfRange {
            text: text.to_owned(),
            what: "percentage",
            range: "0% or more",
        });
    }
    Ok(value / 100.0)
}

/// A number with at most `digits` decimals and no trailing zeros.
pub fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A fraction of one as people read it: two decimals, or more where they would show nothing.
///
/// ```
/// use a7probe::units::percent;
/// assert_eq!(percent(0.05), "5%");
/// assert_eq!(percent(0.18046), "18.05%");
/// assert_eq!(percent(0.000_000_37), "0.000037%");
/// ```
pub fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    let digits = match value.abs() {
        v if v > 0.0 && v < 0.1 => (1.0 - v.log10().floor()).min(15.0) as usize,
        _ => 2,
    };
    format!("{}%", trimmed(value, digits))
}

/// A word in the number of its count: `request` or `requests`.
pub fn plural(count: u64, word: &str) -> String {
    match count {
        1 => word.to_owned(),
        _ => format!("{word}s"),
    }
}

/// A count with groups of three: `12,000`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Duration, Pretty, Rate, UnitError, grouped, parse_duration, parse_percentage};

    #[test]
    fn durations_are_read_with_their_unit() {
        for (text, ns) in [
            ("150ms", 150_000_000),
            ("1.5s", 1_500_000_000),
            ("80us", 80_000),
            ("80 µs", 80_000),
            ("1m30s", 90_000_000_000),
            ("100ns", 100),
            ("2h", 7_200_000_000_000),
            ("0s", 0),
            ("0.1ms", 100_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(ns)), "{text}");
        }
    }

    #[test]
    fn a_duration_without_a_unit_is_refused_with_the_hint() {
        assert_eq!(
            parse_duration("150").unwrap_err().to_string(),
            "'150' has no unit; write 150ms or 150s"
        );
        assert!(matches!(
            parse_duration("5 parsecs"),
            Err(UnitError::UnknownUnit { .. })
        ));
        for bad in ["", "ms", "-5ms", "1e9s", "..s", "NaNs", "99999h", "5ms-3s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_and_percentages_keep_their_range() {
        assert_eq!("1200/m".parse::<Rate>().unwrap().as_per_second(), 20.0);
        assert_eq!("20".parse::<Rate>().unwrap().to_string(), "20/s");
        for bad in ["0", "-1", "nan", "inf", "1e12", "20/d", ""] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
        assert_eq!(parse_percentage("70%"), Ok(0.7));
        assert_eq!(parse_percentage("0.1 %"), Ok(0.001));
        for bad in ["70", "-1%", "%", "nan%"] {
            assert!(parse_percentage(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_read_well_in_every_decade() {
        for (ns, text) in [
            (0, "0 ns"),
            (1_000, "1 µs"),
            (47_310, "47.31 µs"),
            (1_000_000, "1 ms"),
            (163_200_000, "163.2 ms"),
            (320_500_000, "320.5 ms"),
            (1_000_000_000, "1 s"),
            (1_234_600_000, "1.235 s"),
            (2_500_000_000, "2.5 s"),
            (720_000_000_000, "12 min"),
        ] {
            assert_eq!(Pretty(Duration::from_nanos(ns)).to_string(), text);
        }
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(600), "600");
    }
}
