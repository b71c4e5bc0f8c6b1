//! The band within which a change is not worth a word.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::units::{Pretty, UnitError, parse_duration, parse_percentage, serialize_ms, trimmed};

/// A change counts only if it exceeds both: a share of the value before, and a duration. A tenth of a millisecond more is
/// nothing however large the share, and so is one percent more however long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Noise {
    /// Share of the value before, from 0; below 1.
    pub share: f64,
    /// Duration.
    #[serde(rename = "duration_ms", serialize_with = "serialize_ms")]
    pub duration: Duration,
}

/// A band that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoiseError {
    /// A part is neither a percentage nor a duration.
    #[error(
        "'{part}' in '{text}' is neither a percentage nor a duration; write for example 5%,1ms"
    )]
    Part {
        /// The typed text.
        text: String,
        /// The part that is wrong.
        part: String,
    },
    /// A number that may be a share or a duration.
    #[error("'{0}' has no unit; write {0}% or {0}ms")]
    NoUnit(String),
    /// A value out of range.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// Two percentages, or two durations.
    #[error(
        "'{0}' gives two values of one kind; write one percentage and one duration, for example 5%,1ms"
    )]
    Twice(String),
    /// Nothing can be faster by 100 %.
    #[error("'{0}' is too large; write a percentage below 100%")]
    TooMuch(String),
}

impl Default for Noise {
    /// 5 % and 1 ms.
    fn default() -> Noise {
        Noise {
            share: 0.05,
            duration: Duration::from_millis(1),
        }
    }
}

impl FromStr for Noise {
    type Err = NoiseError;

    /// Reads `5%,1ms`, in any order; what is left out keeps its default.
    fn from_str(text: &str) -> Result<Noise, NoiseError> {
        let (mut share, mut duration) = (None, None);
        for part in text.split(',').map(str::trim) {
            let twice = match part {
                part if part.ends_with('%') => share.replace(parse_percentage(part)?).is_some(),
                part if part.parse::<f64>().is_ok() => {
                    return Err(NoiseError::NoUnit(part.to_owned()));
                }
                part if part.starts_with(|c: char| c.is_ascii_digit()) => {
                    duration.replace(parse_duration(part)?).is_some()
                }
                part => {
                    return Err(NoiseError::Part {
                        text: text.to_owned(),
                        part: part.to_owned(),
                    });
                }
            };
            if twice {
                return Err(NoiseError::Twice(text.to_owned()));
            }
        }
        if share.is_some_and(|share| share >= 1.0) {
            return Err(NoiseError::TooMuch(text.to_owned()));
        }
        let default = Noise::default();
        Ok(Noise {
            share: share.unwrap_or(default.share),
            duration: duration.unwrap_or(default.duration),
        })
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = trimmed(self.share * 100.0, 4);
        f.pad(&format!("{percent}% and {}", Pretty(self.duration)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Noise, NoiseError};

    fn noise(share: f64, ms: u64) -> Noise {
        Noise {
            share,
            duration: Duration::from_millis(ms),
        }
    }

    #[test]
    fn both_parts_are_read_in_any_order_and_default_where_left_out() {
        for (text, read) in [
            ("5%,1ms", noise(0.05, 1)),
            ("10ms, 2 %", noise(0.02, 10)),
            ("0%,0ms", noise(0.0, 0)),
            ("20%", noise(0.2, 1)),
            ("5ms", noise(0.05, 5)),
        ] {
            assert_eq!(text.parse(), Ok(read), "{text}");
        }
        assert_eq!(Noise::default().to_string(), "5% and 1 ms");
        assert_eq!("5%,1ms".parse(), Ok(Noise::default()));
    }

    #[test]
    fn what_is_no_band_is_refused_with_the_hint() {
        for (text, message) in [
            ("5", "'5' has no unit; write 5% or 5ms"),
            (
                "-5%",
                "'-5%' is out of range for a percentage; it must be 0% or more",
            ),
            (
                "",
                "'' in '' is neither a percentage nor a duration; write for example 5%,1ms",
            ),
            (
                "5%,abc",
                "'abc' in '5%,abc' is neither a percentage nor a duration; write for example 5%,1ms",
            ),
            (
                "5%,6%",
                "'5%,6%' gives two values of one kind; write one percentage and one duration, for example 5%,1ms",
            ),
            (
                "100%,1ms",
                "'100%,1ms' is too large; write a percentage below 100%",
            ),
        ] {
            let error: NoiseError = text.parse::<Noise>().unwrap_err();
            assert_eq!(error.to_string(), message, "{text}");
        }
    }
}
