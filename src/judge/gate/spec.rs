//! A gate: its endpoints, what must hold there, and what follows if it does not.

use std::time::Duration;

use super::condition::{Condition, LimitOperator};
use crate::stats::rank::Quantile;

/// Level of every test: a verdict that is wrong at the limit itself comes at most this often.
pub const ALPHA: f64 = 0.05;

/// One condition on one endpoint or on all.
///
/// Text is `health p95 <= 150ms`; [`Gate::parse`] reads every spelling and `Display` writes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The endpoints that it is about.
    pub selector: Selector,
    /// What must hold.
    pub condition: Condition,
    /// What follows if it does not.
    pub severity: Severity,
}

/// The endpoints that a gate is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Every endpoint, each on its own.
    Every,
    /// The endpoint of this name.
    Named(String),
}

impl Selector {
    /// Whether the gate is about this endpoint.
    pub fn selects(&self, endpoint: &str) -> bool {
        match self {
            Selector::Every => true,
            Selector::Named(name) => name == endpoint,
        }
    }
}

/// What follows if a gate does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It decides the exit code.
    Decides,
    /// It is reported and decides nothing (suffix `warn`).
    Warns,
}

impl Severity {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Decides => "fail",
            Severity::Warns => "warn",
        }
    }
}

impl Gate {
    /// The same gate for one endpoint alone.
    pub fn for_endpoint(&self, endpoint: &str) -> Gate {
        Gate {
            selector: Selector::Named(endpoint.to_owned()),
            ..self.clone()
        }
    }
}

/// The gates of a run that was given none: P50, P95 and P99 within a target, on every endpoint.
pub fn default_gates(target: Duration) -> Vec<Gate> {
    [Quantile::P50, Quantile::P95, Quantile::P99]
        .into_iter()
        .map(|quantile| Gate {
            selector: Selector::Every,
            condition: Condition::Latency {
                quantile,
                operator: LimitOperator::AtMost,
                limit: target,
            },
            severity: Severity::Decides,
        })
        .collect()
}
