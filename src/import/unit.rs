//! Units of time as `--unit` and column titles name them.

use std::fmt;
use std::str::FromStr;

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
}

/// A word that is no unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no unit; use ns, us, ms, s or m")]
pub struct UnknownUnit(pub String);

impl Unit {
    /// How many nanoseconds it has.
    pub(super) fn nanoseconds(self) -> f64 {
        match self {
            Unit::Nanoseconds => 1.0,
            Unit::Microseconds => 1e3,
            Unit::Milliseconds => 1e6,
            Unit::Seconds => 1e9,
            Unit::Minutes => 60e9,
        }
    }

    /// The unit in a column's title, if its last word is one: `latency_ms`, `time (s)`, `duration.seconds`.
    pub(super) fn in_heading(heading: &str) -> Option<Unit> {
        let heading = heading.trim_end_matches([')', ']', ' ']);
        let word = heading
            .rsplit(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or(heading);
        // A title that is one letter long, such as 'm', is a name rather than a unit.
        match word.len() == heading.len() && word.len() == 1 {
            true => None,
            false => word.parse().ok(),
        }
    }
}

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(text: &str) -> Result<Unit, UnknownUnit> {
        Ok(match text.to_lowercase().as_str() {
            "ns" | "nanos" | "nanoseconds" => Unit::Nanoseconds,
            "us" | "µs" | "μs" | "micros" | "microseconds" => Unit::Microseconds,
            "ms" | "millis" | "milliseconds" | "msec" => Unit::Milliseconds,
            "s" | "sec" | "secs" | "seconds" => Unit::Seconds,
            "m" | "min" | "minutes" => Unit::Minutes,
            _ => return Err(UnknownUnit(text.to_owned())),
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Unit::Nanoseconds => "ns",
            Unit::Microseconds => "us",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
            Unit::Minutes => "m",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn the_last_word_of_a_title_may_be_its_unit() {
        for (heading, unit) in [
            ("latency_ms", Some(Unit::Milliseconds)),
            ("Latency (ms)", Some(Unit::Milliseconds)),
            ("duration [s]", Some(Unit::Seconds)),
            ("elapsed.seconds", Some(Unit::Seconds)),
            ("ms", Some(Unit::Milliseconds)),
            ("time_ns", Some(Unit::Nanoseconds)),
            ("latency", None),
            ("items", None),
            ("s", None),
            ("", None),
        ] {
            assert_eq!(Unit::in_heading(heading), unit, "{heading}");
        }
    }
}
