//! Units of time as `--unit` and column titles name them.

use std::fmt;
use std::str::FromStr;

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
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

/// An unknown unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown unit '{0}'; use ns, us, ms, s or m")]
pub struct UnknownUnit(pub String);

impl TimeUnit {
    /// How many nanoseconds it has.
    pub(super) fn nanoseconds(self) -> f64 {
        match self {
            TimeUnit::Nanoseconds => 1.0,
            TimeUnit::Microseconds => 1e3,
            TimeUnit::Milliseconds => 1e6,
            TimeUnit::Seconds => 1e9,
            TimeUnit::Minutes => 60e9,
        }
    }
}

impl FromStr for TimeUnit {
    type Err = UnknownUnit;

    fn from_str(text: &str) -> Result<TimeUnit, UnknownUnit> {
        Ok(match text.to_lowercase().as_str() {
            "ns" | "nanos" | "nsec" | "nsecs" | "nanosec" | "nanosecond" | "nanoseconds" => {
                TimeUnit::Nanoseconds
            }
            "us" | "µs" | "μs" | "micros" | "usec" | "usecs" | "microsec" | "microsecond"
            | "microseconds" => TimeUnit::Microseconds,
            "ms" | "millis" | "msec" | "msecs" | "millisec" | "millisecond" | "milliseconds" => {
                TimeUnit::Milliseconds
            }
            "s" | "sec" | "secs" | "second" | "seconds" => TimeUnit::Seconds,
            "m" | "min" | "mins" | "minute" | "minutes" => TimeUnit::Minutes,
            _ => return Err(UnknownUnit(text.to_owned())),
        })
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TimeUnit::Nanoseconds => "ns",
            TimeUnit::Microseconds => "us",
            TimeUnit::Milliseconds => "ms",
            TimeUnit::Seconds => "s",
            TimeUnit::Minutes => "m",
        })
    }
}
