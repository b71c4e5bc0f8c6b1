//! How much a percentile may exceed its baseline: a share of it, a time, or the larger of the two.

use std::fmt;
use std::time::Duration;

use super::percentage::Percentage;
use crate::units::Exact;

/// How much a percentile may exceed its baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// A share of the baseline.
    Share(Percentage),
    /// A time.
    Time(Duration),
    /// The larger of the two.
    Larger {
        /// Of the baseline.
        share: Percentage,
        /// On top of it.
        time: Duration,
    },
}

/// One of the two ways in which an allowance is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AllowancePart {
    /// A share of the baseline.
    Share(Percentage),
    /// A time.
    Time(Duration),
}

impl Allowance {
    /// The share, or the time where there is none.
    pub fn first_part(self) -> AllowancePart {
        match self {
            Allowance::Share(share) | Allowance::Larger { share, .. } => {
                AllowancePart::Share(share)
            }
            Allowance::Time(time) => AllowancePart::Time(time),
        }
    }

    /// The share, if it has one.
    pub fn share(self) -> Option<Percentage> {
        match self {
            Allowance::Share(share) | Allowance::Larger { share, .. } => Some(share),
            Allowance::Time(_) => None,
        }
    }

    /// The time, if it has one.
    pub fn time(self) -> Option<Duration> {
        match self {
            Allowance::Time(time) | Allowance::Larger { time, .. } => Some(time),
            Allowance::Share(_) => None,
        }
    }

    /// The part that allows more over this baseline.
    pub fn larger_over(self, baseline: Duration) -> AllowancePart {
        match self {
            Allowance::Share(share) => AllowancePart::Share(share),
            Allowance::Time(time) => AllowancePart::Time(time),
            Allowance::Larger { share, time } => {
                if time > of(baseline, share) {
                    AllowancePart::Time(time)
                } else {
                    AllowancePart::Share(share)
                }
            }
        }
    }
}

impl AllowancePart {
    /// The limit that it makes of a baseline.
    pub fn limit_over(self, baseline: Duration) -> Duration {
        baseline.saturating_add(match self {
            AllowancePart::Share(share) => of(baseline, share),
            AllowancePart::Time(time) => time,
        })
    }
}

/// That share of a latency.
fn of(baseline: Duration, share: Percentage) -> Duration {
    let ns = baseline.as_nanos() as f64 * share.as_fraction();
    Duration::from_nanos(ns.round() as u64)
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Allowance::Share(share) => write!(f, "{share}"),
            Allowance::Time(time) => write!(f, "{}", Exact(time)),
            Allowance::Larger { share, time } => write!(f, "{share} or {}", Exact(time)),
        }
    }
}

impl fmt::Display for AllowancePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            AllowancePart::Share(share) => write!(f, "{share}"),
            AllowancePart::Time(time) => write!(f, "{}", Exact(time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Allowance, AllowancePart, Percentage};

    #[test]
    fn the_larger_part_makes_the_limit() {
        let share = Percentage::of(10.0).unwrap();
        let time = Duration::from_millis(1);
        let both = Allowance::Larger { share, time };
        for (baseline_us, part, limit_us) in [
            (1_320, AllowancePart::Time(time), 2_320),
            (10_000, AllowancePart::Share(share), 11_000),
            (320_000, AllowancePart::Share(share), 352_000),
        ] {
            let baseline = Duration::from_micros(baseline_us);
            assert_eq!(both.larger_over(baseline), part, "{baseline_us}");
            assert_eq!(part.limit_over(baseline), Duration::from_micros(limit_us));
        }
        let only_time = Allowance::Time(time).larger_over(Duration::from_secs(1));
        assert_eq!(only_time, AllowancePart::Time(time));
    }
}
