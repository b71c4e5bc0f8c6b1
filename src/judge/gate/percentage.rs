//! A percentage of a gate.

use std::fmt;

/// A percentage as it was written, so that it is shown as it was written.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percentage(f64);

impl Percentage {
    /// From the number before the `%` sign; finite and not negative.
    pub fn of(percent: f64) -> Option<Percentage> {
        (percent.is_finite() && percent >= 0.0).then_some(Percentage(percent))
    }

    /// 5 % is 0.05.
    pub fn as_fraction(self) -> f64 {
        self.0 / 100.0
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", self.0))
    }
}
