//! Gates as text: the one spelling that [`Gate::parse`] reads back to the same gate.

use std::fmt;

use super::condition::Condition;
use super::spec::{Gate, Selector, Severity};
use crate::units::Exact;

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
            Condition::Count { at_most, .. } | Condition::Backlog { at_most, .. } => {
                write!(f, "{metric} <= {at_most}")
            }
            Condition::Reduction { at_least, .. } => {
                write!(f, "{metric} reduction >= {at_least}")
            }
            Condition::Baseline { allowance, .. } => {
                write!(f, "{metric} <= baseline + {allowance}")
            }
        }
    }
}
