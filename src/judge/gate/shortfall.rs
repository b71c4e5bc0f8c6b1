//! A plan that is too small for a gate: what it sends, what the gate needs, and the flag that gives it.

use std::fmt;
use std::time::Duration;

use super::condition::Condition;
use super::planned::Planned;
use super::spec::Gate;
use crate::run::plan::{Design, Size};
use crate::units::{Exact, Pretty, grouped};

/// From here on a hint names whole seconds.
const WHOLE_SECONDS_FROM: Duration = Duration::from_secs(10);

/// A gate that cannot pass with this plan, whatever the requests return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The gate.
    pub gate: String,
    /// Planned requests.
    pub planned: u64,
    /// Fewest that can pass.
    pub needed: u64,
    /// The same as times, where a time bounds the plan.
    times: Option<PlanTimes>,
    /// Whether a higher limit would need fewer requests.
    is_rate: bool,
}

/// Times of a plan at its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PlanTimes {
    planned: Duration,
    needed: Duration,
    design: Design,
}

impl Shortfall {
    /// Of a plan that sends this number, where the gate needs another.
    pub(super) fn of(gate: &Gate, plan: &Planned<'_>, planned: u64, needed: u64) -> Shortfall {
        let times = match (plan.size, plan.rate_per_s) {
            (Size::Duration(_), Some(rate)) => Some(PlanTimes {
                planned: tenths_of_a_second(planned as f64 / rate),
                needed: tenths_of_a_second(needed as f64 / rate),
                design: plan.design,
            }),
            _ => None,
        };
        Shortfall {
            gate: gate.for_endpoint(plan.endpoint).to_string(),
            planned,
            needed,
            times,
            is_rate: matches!(gate.condition, Condition::ErrorRate { .. }),
        }
    }

    /// The same with the gate as it was typed.
    pub(super) fn with_gate_of(self, gate: &Gate) -> Shortfall {
        Shortfall {
            gate: typed(gate),
            ..self
        }
    }

    /// The error without its hint.
    pub fn what(&self) -> String {
        let (planned, needed) = match self.times {
            Some(times) => (
                format!("in {}", Pretty(times.planned)),
                Pretty(times.needed).to_string(),
            ),
            None => (
                format!("with {} requests", grouped(self.planned)),
                grouped(self.needed),
            ),
        };
        let why = self.times.map_or("", |_| ": too few requests");
        format!(
            "gate '{}' cannot pass {planned}{why} (needs {needed})",
            self.gate
        )
    }

    /// `-n 600`, `-z 30s`, `--budget 300s`.
    fn flag(&self) -> String {
        match self.times {
            None => format!("-n {}", self.needed),
            Some(times) => {
                let needed = Exact(whole_seconds(times.needed));
                match times.design {
                    Design::Fixed => format!("-z {needed}"),
                    Design::Adaptive => format!("--budget {needed}"),
                }
            }
        }
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let otherwise = if self.is_rate {
            "or a higher limit"
        } else {
            "or gate a lower percentile; --no-gates measures without a verdict"
        };
        write!(f, "{}\nhint: use {}, {otherwise}", self.what(), self.flag())
    }
}

/// The text of a gate; without the selector that stands for every endpoint.
pub(super) fn typed(gate: &Gate) -> String {
    let text = gate.to_string();
    text.strip_prefix("* ").unwrap_or(&text).to_owned()
}

/// Rounded up, but for what rounding itself adds.
pub(super) fn tenths_of_a_second(seconds: f64) -> Duration {
    Duration::from_millis(((seconds * 10.0 - 1e-6).ceil() as u64).saturating_mul(100))
}

fn whole_seconds(time: Duration) -> Duration {
    if time < WHOLE_SECONDS_FROM {
        return time;
    }
    let is_whole = time.subsec_nanos() == 0;
    Duration::from_secs(time.as_secs() + u64::from(!is_whole))
}
