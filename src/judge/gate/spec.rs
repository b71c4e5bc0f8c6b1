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
    /// Whether it was asked for.
    pub origin: GateOrigin,
}

/// Whether a gate was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateOrigin {
    /// Typed, or listed in a file. A plan that it cannot pass is refused.
    Asked,
    /// A default gate. It never refuses a plan; where the plan cannot pass it and the data do not fail it, it is not
    /// judged.
    Implied,
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

    /// The same gate, not asked for; `None` if it is none of those that a run may have by default.
    pub(crate) fn implied(&self) -> Option<Gate> {
        let limit = self.condition.latency_limit()?;
        default_gates(limit)
            .into_iter()
            .find(|gate| gate.is_same_test(self))
    }

    /// Whether both ask for the same thing, wherever they come from.
    pub(super) fn is_same_test(&self, other: &Gate) -> bool {
        (&self.selector, self.condition, self.severity)
            == (&other.selector, other.condition, other.severity)
    }
}

/// The gates of a run that was given none: P50, P95 and P99 within a target, on every endpoint.
pub fn default_gates(target: Duration) -> Vec<Gate> {
    implied_gates(&[Quantile::P50, Quantile::P95, Quantile::P99], target)
}

/// Percentiles within a target on every endpoint, not asked for one by one.
pub fn implied_gates(quantiles: &[Quantile], target: Duration) -> Vec<Gate> {
    quantiles
        .iter()
        .map(|&quantile| Gate {
            origin: GateOrigin::Implied,
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
