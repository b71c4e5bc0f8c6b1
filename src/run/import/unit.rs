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
}

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(text: &str) -> Result<Unit, UnknownUnit> {
        Ok(match text.to_lowercase().as_str() {
            "ns" | "nanos" | "nsec" | "nsecs" | "nanosec" | "nanosecond" | "nanoseconds" => {
                Unit::Nanoseconds
            }
            "us" | "µs" | "μs" | "micros" | "usec" | "usecs" | "microsec" | "microsecond"
            | "microseconds" => Unit::Microseconds,
            "ms" | "millis" | "msec" | "msecs" | "millisec" | "millisecond" | "milliseconds" => {
                Unit::Milliseconds
            }
            "s" | "sec" | "secs" | "second" | "seconds" => Unit::Seconds,
            "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minutes,
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
