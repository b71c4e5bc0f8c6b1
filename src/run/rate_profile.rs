//! The intended rate of an endpoint over time: steps and ramps, or the instants of a replay. Everything that depends on
//! when requests are due is derived from it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::replay::PlannedReplay;
use crate::units::{Rate, UnitError, parse_duration, trimmed};

/// More steps than this are a typing error; each has histograms of its own.
pub const MOST_PARTS: usize = 100;

/// The intended rate of an endpoint over time.
#[derive(Clone, Debug, PartialEq)]
pub enum RateProfile {
    /// Steps and ramps, each of which is a segment.
    Parts(RateParts),
    /// The planned instants themselves, which are one segment.
    Replay(Arc<PlannedReplay>),
}

/// Steps and ramps in their order: `50/s@30s,50/s..500/s@1m`. At least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(test, schemars(with = "String"))]
pub struct RateParts(Vec<RatePart>);

/// A time at one rate, or from one rate to another in a straight line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePart {
    /// Requests per second at its beginning.
    pub from_per_s: f64,
    /// Requests per second at its end.
    pub to_per_s: f64,
    /// How long it lasts; above zero.
    pub length: Duration,
}

impl RatePart {
    /// Whether its rate changes.
    pub fn is_ramp(&self) -> bool {
        self.from_per_s != self.to_per_s
    }

    /// The higher of its rates.
    pub fn highest(&self) -> f64 {
        self.from_per_s.max(self.to_per_s)
    }

    /// Requests per second on average.
    pub fn mean(&self) -> f64 {
        (self.from_per_s + self.to_per_s) / 2.0
    }

    /// Requests that are due in the first seconds of it: the integral of its rate.
    pub fn due_after(&self, seconds: f64) -> f64 {
        let growth = (self.to_per_s - self.from_per_s) / self.length.as_secs_f64();
        self.from_per_s * seconds + growth * seconds * seconds / 2.0
    }

    /// Requests that are due in all of it.
    pub fn due(&self) -> f64 {
        self.mean() * self.length.as_secs_f64()
    }

    /// When this number of requests is due, in ns from its beginning: the inverse of the cumulative rate.
    pub fn at_ns(&self, requests: f64) -> u64 {
        let from = self.from_per_s;
        let growth = (self.to_per_s - from) / self.length.as_secs_f64();
        let seconds = if self.is_ramp() {
            // In this form nothing cancels, whether the rate rises or falls.
            let under_root = (from * from + 2.0 * growth * requests).max(0.0);
            2.0 * requests / (from + under_root.sqrt())
        } else {
            requests / from
        };
        let last_ns = (self.length.as_nanos() as u64).saturating_sub(1);
        // 0/0 at the first instant of a ramp from zero.
        let ns = if requests > 0.0 { seconds * 1e9 } else { 0.0 };
        (ns as u64).min(last_ns)
    }
}

/// `50/s` or `50/s..500/s`, as in the name of a segment.
impl fmt::Display for RatePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |per_s: f64| format!("{}/s", trimmed(per_s, 2));
        if self.is_ramp() {
            f.pad(&format!(
                "{}..{}",
                rate(self.from_per_s),
                rate(self.to_per_s)
            ))
        } else {
            f.pad(&rate(self.from_per_s))
        }
    }
}

impl RateParts {
    /// Parts in their order; `None` without any, with too many, or with a part in which nothing is due.
    pub fn new(parts: Vec<RatePart>) -> Option<RateParts> {
        let is_valid = |part: &RatePart| {
            let rates = [part.from_per_s, part.to_per_s];
            let is_rate = |&per_s: &f64| per_s == 0.0 || Rate::per_second(per_s).is_some();
            rates.iter().all(is_rate) && part.highest() > 0.0 && !part.length.is_zero()
        };
        let fits = (1..=MOST_PARTS).contains(&parts.len()) && parts.iter().all(is_valid);
        fits.then_some(RateParts(parts))
    }

    /// In their order.
    pub fn parts(&self) -> &[RatePart] {
        &self.0
    }

    /// From t0 to the beginning of a part, by its number from 0.
    pub fn start_of(&self, number: usize) -> Duration {
        self.0.iter().take(number).map(|part| part.length).sum()
    }

    /// How long all of it lasts.
    pub fn length(&self) -> Duration {
        self.start_of(self.0.len())
    }

    /// Requests that are due before a part: the integral of the rate, to a billionth of a request, so that 0.1/s for 30 s
    /// are three.
    pub fn due_before(&self, number: usize) -> f64 {
        let sum: f64 = self.0.iter().take(number).map(RatePart::due).sum();
        (sum * 1e9).round() / 1e9
    }

    /// Requests that are due in all of it.
    pub fn due(&self) -> f64 {
        self.due_before(self.0.len())
    }

    /// The highest of its rates.
    pub fn highest(&self) -> f64 {
        self.0.iter().map(RatePart::highest).fold(0.0, f64::max)
    }

    /// Requests that are due until an instant, in seconds from t0.
    pub fn due_until(&self, seconds: f64) -> f64 {
        let mut due = 0.0;
        let mut begins = 0.0;
        for part in &self.0 {
            let length = part.length.as_secs_f64();
            due += part.due_after((seconds - begins).clamp(0.0, length));
            begins += length;
        }
        due
    }
}

/// The exact text: every number reads back the same.
impl fmt::Display for RateParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |part: &RatePart| {
            let seconds = part.length.as_secs_f64();
            if part.is_ramp() {
                format!("{}/s..{}/s@{seconds}s", part.from_per_s, part.to_per_s)
            } else {
                format!("{}/s@{seconds}s", part.from_per_s)
            }
        };
        let parts: Vec<String> = self.0.iter().map(text).collect();
        f.pad(&parts.join(","))
    }
}

impl From<RateParts> for String {
    fn from(parts: RateParts) -> String {
        parts.to_string()
    }
}

impl TryFrom<String> for RateParts {
    type Error = String;

    fn try_from(text: String) -> Result<RateParts, String> {
        let parts = text.split(',').map(|part| {
            let part: TypedPart = part.parse().ok()?;
            part.with_length(part.length?)
        });
        let parts: Option<Vec<RatePart>> = parts.collect();
        parts
            .and_then(RateParts::new)
            .ok_or_else(|| "it is not a rate profile, such as 50/s@30s,50/s..500/s@60s".to_owned())
    }
}

/// A part as it is typed: without `@TIME`, its length is that of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TypedPart {
    from_per_s: f64,
    to_per_s: f64,
    /// After the `@`.
    pub length: Option<Duration>,
}

/// A part of a profile that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// A rate.
    #[error("{0}")]
    Rate(UnitError),
    /// The time after the `@`.
    #[error("the time after the @ of '{text}': {error}")]
    Length {
        /// The part.
        text: String,
        /// What is wrong with its time.
        error: UnitError,
    },
    /// A time of zero.
    #[error("'{0}' lasts 0 s")]
    NoLength(String),
    /// A ramp from zero to zero.
    #[error("'{0}' sends nothing")]
    Nothing(String),
}

impl TypedPart {
    /// Whether a text is meant as a part of a profile rather than as a rate. Any other text may hold a secret, such as
    /// `user:password@host`, and is not quoted part by part.
    pub fn is_meant(text: &str) -> bool {
        let is_of_part = |c: char| c.is_ascii_digit() || "./@,-+ nuµsecmih".contains(c);
        (text.contains('@') || text.contains("..")) && text.chars().all(is_of_part)
    }

    /// Requests per second on average.
    pub fn mean(&self) -> f64 {
        (self.from_per_s + self.to_per_s) / 2.0
    }

    /// The part with this length; `None` if the length is zero.
    pub fn with_length(&self, length: Duration) -> Option<RatePart> {
        (!length.is_zero()).then_some(RatePart {
            from_per_s: self.from_per_s,
            to_per_s: self.to_per_s,
            length,
        })
    }
}

impl FromStr for TypedPart {
    type Err = PartError;

    /// Reads `50/s@30s`, `50/s..500/s@1m`, `50..500`. A ramp may begin or end at 0.
    fn from_str(text: &str) -> Result<TypedPart, PartError> {
        let text = text.trim();
        let (rates, length) = match text.split_once('@') {
            None => (text, None),
            Some((rates, length)) => (rates, Some(length)),
        };
        let (from_per_s, to_per_s) = match rates.split_once("..") {
            None => {
                let rate: Rate = rates.parse().map_err(PartError::Rate)?;
                (rate.as_per_second(), rate.as_per_second())
            }
            Some((from, to)) => (end_of_ramp(from)?, end_of_ramp(to)?),
        };
        if from_per_s == 0.0 && to_per_s == 0.0 {
            return Err(PartError::Nothing(text.to_owned()));
        }
        let length = length.map(parse_duration).transpose();
        let length = length.map_err(|error| PartError::Length {
            text: text.to_owned(),
            error,
        })?;
        if length.is_some_and(|length| length.is_zero()) {
            return Err(PartError::NoLength(text.to_owned()));
        }
        Ok(TypedPart {
            from_per_s,
            to_per_s,
            length,
        })
    }
}

fn end_of_ramp(text: &str) -> Result<f64, PartError> {
    let number = text.trim();
    let number = number.split_once('/').map_or(number, |(number, _)| number);
    if number.parse() == Ok(0.0) {
        return Ok(0.0);
    }
    let rate: Rate = text.parse().map_err(PartError::Rate)?;
    Ok(rate.as_per_second())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{RatePart, RateParts, TypedPart};

    fn parts(text: &str) -> RateParts {
        RateParts::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn steps_and_ramps_are_read_and_written() {
        let steps = parts("50/s@30s,1200/m@1m30s,0..500@500ms");
        assert_eq!(steps.to_string(), "50/s@30s,20/s@90s,0/s..500/s@0.5s");
        assert_eq!(parts(&steps.to_string()), steps);
        assert_eq!(steps.length(), Duration::from_millis(120_500));
        assert_eq!(steps.due(), 1500.0 + 1800.0 + 125.0);
        assert_eq!(steps.parts()[2].to_string(), "0/s..500/s");
        for bad in [
            "",
            "50/s",
            "@30s",
            "50/s@",
            "50/s@0s",
            "0/s@1s",
            "0..0@1s",
            "5..@1s",
            "..5@1s",
            "50/s@30",
            "50/s@30s,",
            "-5@1s",
            "1e9/s@1s",
            "nan..5@1s",
            "50/s@1s@2s",
        ] {
            assert!(RateParts::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_typed_part_may_leave_its_length_to_the_run() {
        let ramp: TypedPart = "50/s..500/s".parse().unwrap();
        assert_eq!((ramp.length, ramp.mean()), (None, 275.0));
        assert!(
            TypedPart::is_meant("5..6")
                && TypedPart::is_meant("5@1s")
                && !TypedPart::is_meant("0.5/s")
                && !TypedPart::is_meant("me:5@1s")
        );
        assert_eq!(
            "50/s@30".parse::<TypedPart>().unwrap_err().to_string(),
            "the time after the @ of '50/s@30': '30' has no unit; write 30s or 30ms"
        );
    }

    #[test]
    fn the_inverse_of_a_ramp_is_exact_where_it_is_known() {
        // From 0 to 100/s in 10 s: 5 t² are due after t seconds.
        let ramp = parts("0..100@10s").parts()[0];
        for (due, seconds) in [(0.0, 0), (5.0, 1), (20.0, 2), (125.0, 5), (405.0, 9)] {
            assert_eq!(ramp.at_ns(due), seconds * 1_000_000_000);
        }
        // The other way round, the time to the end is that of the beginning.
        let fall = parts("100..0@10s").parts()[0];
        assert_eq!(fall.at_ns(500.0 - 125.0), 5_000_000_000);
        assert!(fall.at_ns(500.0) < 10_000_000_000);
    }

    proptest! {
        #[test]
        fn the_inverse_undoes_the_integral(
            from in 0u32..5_000, to in 0u32..5_000, ms in 1u64..100_000, share in 0.0f64..1.0,
        ) {
            prop_assume!(from + to > 0);
            let part = RatePart {
                from_per_s: f64::from(from),
                to_per_s: f64::from(to),
                length: Duration::from_millis(ms),
            };
            let wanted = part.due() * share;
            let at_s = part.at_ns(wanted) as f64 / 1e9;
            // One nanosecond of the highest rate, and what 53 bits leave of the sum.
            let tolerance = part.highest() * 2e-9 + part.due() * 1e-9;
            prop_assert!((part.due_after(at_s) - wanted).abs() <= tolerance);
        }
    }
}
