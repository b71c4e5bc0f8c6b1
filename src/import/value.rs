//! One value of a file: a latency or a failure.

use std::time::Duration;

use super::Unit;
use crate::units::{MAX_DURATION, UnitError, parse_duration};

/// Words for a request that did not end ok.
const FAILURES: [&str; 6] = ["failed", "fail", "failure", "error", "timeout", "timed out"];

/// A value that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A number whose unit nobody gave.
    #[error(
        "'{0}' has no unit; write {0}ms, name the unit with --unit ms, or title the column latency_ms"
    )]
    NoUnit(String),
    /// Not a time that can pass.
    #[error("'{0}' is not a latency; write 'failed' for a request that was not answered")]
    NotALatency(String),
    /// Neither a number nor a known word.
    #[error("'{text}' is neither a latency nor 'failed'{}", mend(.suggestion))]
    Unknown {
        /// What stands there.
        text: String,
        /// What may be meant.
        suggestion: Option<&'static str>,
    },
    /// A number with something wrong about its unit.
    #[error(transparent)]
    Unit(UnitError),
    /// Nothing at all.
    #[error("the value is missing; write 'failed' for a request that was not answered")]
    Missing,
    /// Longer than a week: the unit must be wrong.
    #[error("'{text}' in {unit} is longer than 7 days; check the unit")]
    TooLong {
        /// The number.
        text: String,
        /// Its supposed unit.
        unit: Unit,
    },
}

fn mend(suggestion: &Option<&'static str>) -> String {
    match suggestion {
        Some(word) => format!("; did you mean '{word}'?"),
        None => ", such as 163.2ms".to_owned(),
    }
}

/// Reads a value; a number alone is in `unit`.
pub(super) fn parse(text: &str, unit: Option<Unit>) -> Result<Option<Duration>, ValueError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ValueError::Missing);
    }
    if FAILURES.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(number) => of_number(number, text, unit).map(Some),
        Err(_) => with_unit(text).map(Some),
    }
}

/// Whether a text is meant as a value, be it a wrong one: what a heading is not.
pub(super) fn is_meant(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        || text.parse::<f64>().is_ok()
        || FAILURES.iter().any(|word| word.eq_ignore_ascii_case(text))
        || near_failure(text).is_some()
}

/// The unit that stands on a value.
pub(super) fn unit_on(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_alphabetic())
}

pub(super) fn of_number(
    number: f64,
    text: &str,
    unit: Option<Unit>,
) -> Result<Duration, ValueError> {
    if !number.is_finite() || number < 0.0 {
        return Err(ValueError::NotALatency(text.to_owned()));
    }
    let unit = unit.ok_or_else(|| ValueError::NoUnit(text.to_owned()))?;
    let ns = (number * unit.nanoseconds()).round();
    match ns <= MAX_DURATION.as_nanos() as f64 {
        true => Ok(Duration::from_nanos(ns as u64)),
        false => Err(ValueError::TooLong {
            text: text.to_owned(),
            unit,
        }),
    }
}

fn with_unit(text: &str) -> Result<Duration, ValueError> {
    if text.starts_with('-') {
        return Err(ValueError::NotALatency(text.to_owned()));
    }
    parse_duration(text).map_err(|error| match error {
        UnitError::NotANumber { .. } => ValueError::Unknown {
            text: text.to_owned(),
            suggestion: near_failure(text),
        },
        error => ValueError::Unit(error),
    })
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

    use super::{Unit, parse};

    #[test]
    fn values_are_exact_to_the_nanosecond() {
        let tenth = Some(Duration::from_nanos(163_200_000));
        for text in ["163.2ms", "163.2 ms", "0.1632s", "0.1632 s", "163200us"] {
            assert_eq!(parse(text, None), Ok(tenth), "{text}");
        }
        assert_eq!(parse("163.2", Some(Unit::Milliseconds)), Ok(tenth));
        assert_eq!(parse("1.632e-1", Some(Unit::Seconds)), Ok(tenth));
        assert_eq!(parse("0.1632s", Some(Unit::Milliseconds)), Ok(tenth));
    }

    #[test]
    fn failures_are_words() {
        for text in ["failed", "FAILED", "error", "timeout", "Timed out"] {
            assert_eq!(parse(text, None), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_latency_is_refused_with_its_mend() {
        let ms = Some(Unit::Milliseconds);
        for (text, unit, message) in [
            (
                "163.2",
                None,
                "'163.2' has no unit; write 163.2ms, name the unit with --unit ms, or title the column latency_ms",
            ),
            (
                "NaN",
                ms,
                "'NaN' is not a latency; write 'failed' for a request that was not answered",
            ),
            (
                "-3",
                ms,
                "'-3' is not a latency; write 'failed' for a request that was not answered",
            ),
            (
                "-3ms",
                None,
                "'-3ms' is not a latency; write 'failed' for a request that was not answered",
            ),
            (
                "inf",
                ms,
                "'inf' is not a latency; write 'failed' for a request that was not answered",
            ),
            (
                "fialed",
                None,
                "'fialed' is neither a latency nor 'failed'; did you mean 'failed'?",
            ),
            (
                "slow",
                None,
                "'slow' is neither a latency nor 'failed', such as 163.2ms",
            ),
            (
                "163.2mz",
                None,
                "'163.2mz' has an unknown unit 'mz'; use ns, us, ms, s, m or h",
            ),
            (
                "1e12",
                ms,
                "'1e12' in ms is longer than 7 days; check the unit",
            ),
            (
                "",
                ms,
                "the value is missing; write 'failed' for a request that was not answered",
            ),
        ] {
            let error = parse(text, unit).expect_err(text);
            assert_eq!(error.to_string(), message, "{text}");
        }
    }
}
