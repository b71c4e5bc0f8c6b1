//! One value of a file: a latency or a failure.

use std::time::Duration;

use super::numbers::{self, Numbers};
use super::{TimeUnit, ValueError};
use crate::units::{MAX_DURATION, UnitError, parse_duration};

/// Words for a request that did not end ok.
const FAILURES: [&str; 6] = ["failed", "fail", "failure", "error", "timeout", "timed out"];

impl ValueError {
    pub(super) fn hint(&self) -> String {
        match self {
            ValueError::NoUnit(_) => "add --unit s, ms, us or ns".to_owned(),
            ValueError::Unknown {
                suggestion: Some(word),
                ..
            } => format!("did you mean '{word}'?"),
            ValueError::NotALatency(_)
            | ValueError::Unknown { .. }
            | ValueError::Several { .. } => {
                "one value per line, such as 163.2ms, or 'failed'".to_owned()
            }
            ValueError::UnknownUnit { .. } => "write the unit as ns, us, ms, s, m or h".to_owned(),
            // A quoted 1,234 would still be ambiguous.
            ValueError::TwoFields { text } if numbers::is_ambiguous(split_unit(text).0) => {
                "save it with decimal points, or separate the fields with semicolons".to_owned()
            }
            ValueError::TwoFields { .. } => {
                "save it with decimal points, or quote the field".to_owned()
            }
            ValueError::AmbiguousNumber { .. } => {
                "save it with decimal points and the same number of decimals in every value"
                    .to_owned()
            }
            ValueError::MixedDecimals(_) => "save all numbers with decimal points".to_owned(),
            ValueError::Missing => "write 'failed' for a request that was not answered".to_owned(),
            ValueError::TooLong { .. } => {
                "check the unit; the column may hold time stamps".to_owned()
            }
        }
    }
}

/// Reads a value of a tool's file; a number alone is in `unit`.
pub(super) fn parse(text: &str, unit: Option<TimeUnit>) -> Result<Option<Duration>, ValueError> {
    read(text, unit, 0, &mut Numbers::default())
}

/// Reads a value; `numbers` knows how the column writes them.
pub(super) fn read(
    text: &str,
    unit: Option<TimeUnit>,
    line: u64,
    numbers: &mut Numbers,
) -> Result<Option<Duration>, ValueError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ValueError::Missing);
    }
    if is_failure(text) {
        return Ok(None);
    }
    if let Some(number) = numbers.read(line, text) {
        return of_number(number?, text, unit).map(Some);
    }
    with_unit(text, line, numbers).map(Some)
}

/// Whether a text is a word for a request that did not end ok.
pub(super) fn is_failure(text: &str) -> bool {
    FAILURES.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether a text is a number, with or without a unit of time. A title is not.
pub(super) fn is_value(text: &str) -> bool {
    numbers::is_number(text) || has_unit(text)
}

/// Whether a text is a number with a unit of time.
pub(super) fn has_unit(text: &str) -> bool {
    let (number, suffix) = split_unit(text);
    numbers::is_number(number) && unit_named(suffix).is_some() || parse_duration(text).is_ok()
}

/// Whether a line of a list is meant as a value, even a wrong one. A heading is not.
pub(super) fn is_meant(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        || numbers::is_number(text)
        || is_failure(text)
        || near_failure(text).is_some()
}

/// The unit that stands on a value.
pub(super) fn unit_on(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_alphabetic())
}

pub(super) fn of_number(
    number: f64,
    text: &str,
    unit: Option<TimeUnit>,
) -> Result<Duration, ValueError> {
    if !number.is_finite() || number < 0.0 {
        return Err(ValueError::NotALatency(text.to_owned()));
    }
    let unit = unit.ok_or_else(|| ValueError::NoUnit(text.to_owned()))?;
    let ns = (number * unit.nanoseconds()).round();
    if ns <= MAX_DURATION.as_nanos() as f64 {
        Ok(Duration::from_nanos(ns as u64))
    } else {
        Err(ValueError::TooLong {
            text: text.to_owned(),
            unit,
        })
    }
}

/// The number and the letters behind it.
pub(super) fn split_unit(text: &str) -> (&str, &str) {
    let number = text.trim_end_matches(char::is_alphabetic);
    (number.trim_end(), &text[number.len()..])
}

/// Nanoseconds of a unit as values carry it.
fn unit_named(suffix: &str) -> Option<f64> {
    let of_unit = || suffix.parse::<TimeUnit>().ok().map(TimeUnit::nanoseconds);
    match suffix {
        // 'M' stands for a million.
        "" | "M" => None,
        "h" => Some(3600e9),
        _ => of_unit(),
    }
}

fn with_unit(text: &str, line: u64, numbers: &mut Numbers) -> Result<Duration, ValueError> {
    let (number, suffix) = split_unit(text);
    if let Some(ns_per_unit) = unit_named(suffix)
        && let Some(number) = numbers.read(line, number)
    {
        return of_nanoseconds(number? * ns_per_unit, text);
    }
    let count = text
        .split_whitespace()
        .filter(|part| is_value(part))
        .count();
    if count > 1 {
        return Err(ValueError::Several {
            text: text.to_owned(),
            count,
        });
    }
    parse_duration(text).map_err(|error| match error {
        UnitError::UnknownUnit { text, unit } if numbers::is_number(number) => {
            ValueError::UnknownUnit { text, unit }
        }
        UnitError::OutOfRange { text, .. } => ValueError::NotALatency(text),
        _ if text.starts_with('-') => ValueError::NotALatency(text.to_owned()),
        _ => ValueError::Unknown {
            text: text.to_owned(),
            suggestion: near_failure(text),
        },
    })
}

fn of_nanoseconds(ns: f64, text: &str) -> Result<Duration, ValueError> {
    let ns = ns.round();
    if (0.0..=MAX_DURATION.as_nanos() as f64).contains(&ns) {
        Ok(Duration::from_nanos(ns as u64))
    } else {
        Err(ValueError::NotALatency(text.to_owned()))
    }
}

/// The failure word that a text may be a slip of.
fn near_failure(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    ["failed", "error", "timeout"]
        .into_iter()
        .find(|word| strsim::damerau_levenshtein(&text, word) <= 2)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{TimeUnit, parse};

    #[test]
    fn values_are_exact_to_the_nanosecond() {
        let tenth = Some(Duration::from_nanos(163_200_000));
        for text in ["163.2ms", "163.2 ms", "0.1632s", "0.1632 s", "163200us"] {
            assert_eq!(parse(text, None), Ok(tenth), "{text}");
        }
        assert_eq!(parse("163.2", Some(TimeUnit::Milliseconds)), Ok(tenth));
        assert_eq!(parse("1.632e-1", Some(TimeUnit::Seconds)), Ok(tenth));
        assert_eq!(parse("0.1632s", Some(TimeUnit::Milliseconds)), Ok(tenth));
    }

    #[test]
    fn failures_are_words() {
        for text in ["failed", "FAILED", "error", "timeout", "Timed out"] {
            assert_eq!(parse(text, None), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_latency_is_refused_with_its_hint() {
        let ms = Some(TimeUnit::Milliseconds);
        for (text, unit, message) in [
            ("163.2", None, "'163.2' has no unit"),
            ("NaN", ms, "'NaN' is not a latency"),
            ("-3", ms, "'-3' is not a latency"),
            ("-3ms", None, "'-3ms' is not a latency"),
            ("inf", ms, "'inf' is not a latency"),
            ("fialed", None, "'fialed' is not a latency"),
            ("slow", None, "'slow' is not a latency"),
            ("163.2mz", None, "'163.2mz' has an unknown unit 'mz'"),
            ("1e12", ms, "'1e12' in ms is longer than 7 days"),
            ("", ms, "the value is missing"),
        ] {
            let error = parse(text, unit).expect_err(text);
            assert_eq!(error.to_string(), message, "{text}");
        }
    }
}
