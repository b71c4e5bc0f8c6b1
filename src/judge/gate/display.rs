//! Gates as text: the one spelling that [`Gate::parse`] reads back to the same gate.

use std::fmt;
use std::time::Duration;

use super::condition::Condition;
use super::spec::{Gate, Selector, Severity};

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Selector::Every => write!(f, "* {}", self.condition)?,
            Selector::Named(name) => write!(f, "{name} {}", self.condition)?,
        }
        match self.severity {
            Severity::Decides => Ok(()),
            Severity::Warns => f.write_str(" warn"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = self.metric();
        match self {
            Condition::Latency {
                operator, limit, ..
            }
            | Condition::Done {
                operator, limit, ..
            } => write!(f, "{metric} {} {}", operator.as_str(), Exact(*limit)),
            Condition::ErrorRate { operator, limit } => {
                write!(f, "{metric} {} {limit}", operator.as_str())
            }
            Condition::Count { at_most, .. } => write!(f, "{metric} <= {at_most}"),
            Condition::Reduction { at_least, .. } => {
                write!(f, "{metric} reduction >= {at_least}")
            }
            Condition::Baseline { allowance, .. } => {
                write!(f, "{metric} <= baseline + {allowance}")
            }
        }
    }
}

/// A duration to the nanosecond in the largest of its units that leaves a whole part: `163.2ms`.
struct Exact(Duration);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_nanos();
        let (unit_ns, digits, unit) = match ns {
            0..1_000 => (1, 0, "ns"),
            1_000..1_000_000 => (1_000, 3, "us"),
            1_000_000..1_000_000_000 => (1_000_000, 6, "ms"),
            _ => (1_000_000_000, 9, "s"),
        };
        let decimals = format!("{:0digits$}", ns % unit_ns);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}{unit}", ns / unit_ns),
            decimals => write!(f, "{}.{decimals}{unit}", ns / unit_ns),
        }
    }
}
