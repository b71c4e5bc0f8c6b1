//! Gates: what a run must satisfy, said in one line, checked before it and judged after it.
//!
//! [`Gate`] is what was asked, [`check`] holds it against the plan, [`judge`] holds it against a
//! recording and gives a [`Finding`] with the reason in words.

mod audited;
mod check;
mod display;
mod episodes;
mod evidence;
mod exceedance_count;
mod finding;
mod gate_watch;
mod grammar;
mod halves;
mod instrument_state;
mod judge;
mod parse_error;
mod prospect;
mod reason;

use std::fmt;
use std::time::Duration;

use crate::stats::rank::Quantile;

pub use check::{
    CheckError, Planned, check, check_names, check_recorded, check_scope, done_targets_for,
    targets_for,
};
pub use episodes::{Episodes, ObservedEpisodes};
pub use finding::{ExceedanceRange, Finding, ObservedMetric, run_verdict};
pub use gate_watch::{GateProgress, GateWatch};
pub use instrument_state::{BUSY, InstrumentLoad, InstrumentState, Limitation};
pub use judge::{Subject, judge};
pub use parse_error::{ParseError, ParseErrorKind};
pub use prospect::Prospect;

/// Level of every test: a verdict that is wrong at the limit itself comes at most this often.
pub const ALPHA: f64 = 0.05;

/// One condition on one endpoint or on all.
///
/// Text is `health p95 <= 150ms`; [`Gate::parse`] reads every spelling and `Display` writes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Whom it is about.
    pub selector: Selector,
    /// What must hold.
    pub condition: Condition,
    /// What follows if it does not.
    pub severity: Severity,
}

/// Whom a gate is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Every endpoint, each by itself.
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

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// A percentile of the latency within a limit.
    Latency {
        /// Which percentile.
        quantile: Quantile,
        /// Whether the limit itself is allowed.
        operator: LimitOperator,
        /// The limit, above zero.
        limit: Duration,
    },
    /// The share of requests that did not end ok within a limit.
    ErrorRate {
        /// Whether the limit itself is allowed; a test of a share cannot tell, so it only shows.
        operator: LimitOperator,
        /// The limit, inside (0 %, 100 %).
        limit: Percentage,
    },
    /// A percentile of the time from acceptance to completion within a limit.
    Done {
        /// Which percentile, over all accepted events.
        quantile: Quantile,
        /// Whether the limit itself is allowed.
        operator: LimitOperator,
        /// The limit, above zero.
        limit: Duration,
    },
    /// A count of the completion audit within a limit.
    Count {
        /// What is counted.
        what: AuditCount,
        /// The largest count that is allowed.
        at_most: u64,
    },
    /// Before and after: a percentile shrinks by at least this share, 0 % to 100 %.
    Reduction {
        /// Which percentile.
        quantile: Quantile,
        /// Of the value before.
        at_least: Percentage,
    },
    /// Before and after: a percentile grows by at most this share.
    Baseline {
        /// Which percentile.
        quantile: Quantile,
        /// Of the value before, on top of it.
        allowance: Percentage,
    },
}

impl Condition {
    /// The word of the grammar for what is measured: `p95`, `error_rate`, `done.p95`, `lost`.
    pub fn metric(&self) -> String {
        match *self {
            Condition::Latency { quantile, .. }
            | Condition::Reduction { quantile, .. }
            | Condition::Baseline { quantile, .. } => String::from(quantile),
            Condition::Done { quantile, .. } => format!("done.{}", String::from(quantile)),
            Condition::Count { what, .. } => what.as_str().to_owned(),
            Condition::ErrorRate { .. } => "error_rate".to_owned(),
        }
    }

    /// The percentile of the response time that it is about, if it is about one.
    pub fn quantile(&self) -> Option<Quantile> {
        match *self {
            Condition::Latency { quantile, .. }
            | Condition::Reduction { quantile, .. }
            | Condition::Baseline { quantile, .. } => Some(quantile),
            Condition::ErrorRate { .. } | Condition::Done { .. } | Condition::Count { .. } => None,
        }
    }

    /// The percentile of the time to completion that it is about, if it is about one.
    pub fn done_quantile(&self) -> Option<Quantile> {
        match *self {
            Condition::Done { quantile, .. } => Some(quantile),
            _ => None,
        }
    }

    /// The largest latency that is within the limit; `< 150ms` is `<= 149.999999ms` in whole nanoseconds.
    pub fn target(&self) -> Option<Duration> {
        match *self {
            Condition::Latency {
                operator, limit, ..
            } => Some(operator.largest(limit)),
            _ => None,
        }
    }

    /// The largest time to completion that is within the limit.
    pub fn done_target(&self) -> Option<Duration> {
        match *self {
            Condition::Done {
                operator, limit, ..
            } => Some(operator.largest(limit)),
            _ => None,
        }
    }

    /// Whether it takes a completion audit.
    pub fn needs_audit(&self) -> bool {
        matches!(self, Condition::Done { .. } | Condition::Count { .. })
    }

    /// θ0: the share of requests that may exceed the limit. `None` for conditions that are no test of a share: counts,
    /// and those on two runs.
    pub fn allowed_share(&self) -> Option<f64> {
        match self {
            Condition::Latency { quantile, .. } | Condition::Done { quantile, .. } => {
                Some(quantile.exceedance())
            }
            Condition::ErrorRate { limit, .. } => Some(limit.as_fraction()),
            Condition::Count { .. } | Condition::Reduction { .. } | Condition::Baseline { .. } => {
                None
            }
        }
    }

    /// Whether it takes a run before and a run after.
    pub fn scope(&self) -> Scope {
        match self {
            Condition::Reduction { .. } | Condition::Baseline { .. } => Scope::TwoRuns,
            _ => Scope::OneRun,
        }
    }
}

/// What a gate on the completion audit may count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditCount {
    /// Accepted events that the server does not know.
    Lost,
    /// Events whose effects were had more than once.
    Duplicated,
    /// Accepted events that the server has given up.
    Dead,
    /// Events in the server's listing of the run that it did not send.
    Unexpected,
}

impl AuditCount {
    /// Every one, in the order of tables.
    pub const ALL: [AuditCount; 4] = [
        AuditCount::Lost,
        AuditCount::Duplicated,
        AuditCount::Dead,
        AuditCount::Unexpected,
    ];

    /// As in the grammar.
    pub fn as_str(self) -> &'static str {
        match self {
            AuditCount::Lost => "lost",
            AuditCount::Duplicated => "duplicated",
            AuditCount::Dead => "dead",
            AuditCount::Unexpected => "unexpected",
        }
    }
}

/// How many runs a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Judged on one run (in a comparison: on the run after).
    OneRun,
    /// Judged on a run before and a run after.
    TwoRuns,
}

/// Whether the limit itself is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitOperator {
    /// `<=`
    AtMost,
    /// `<`
    Below,
}

impl LimitOperator {
    /// The largest time that is allowed.
    fn largest(self, limit: Duration) -> Duration {
        match self {
            LimitOperator::AtMost => limit,
            LimitOperator::Below => limit.saturating_sub(Duration::from_nanos(1)),
        }
    }

    /// As in the grammar.
    pub fn as_str(self) -> &'static str {
        match self {
            LimitOperator::AtMost => "<=",
            LimitOperator::Below => "<",
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

impl Gate {
    /// Reads `health p95 <= 150ms`, `p95 <= 150ms`, `* p95 < 150ms`, `ingest error_rate <= 0.1%`,
    /// `ingest done.p95 <= 2s`, `lost <= 0`, `duplicated <= 0`, `dead <= 0`, `unexpected <= 0`, `p95 reduction >= 70%`, `p95 <= baseline + 10%`, k6's `p(95)<150ms`, and a suffix ` warn`.
    pub fn parse(text: &str) -> Result<Gate, ParseError> {
        grammar::parse(text)
    }

    /// The same gate for one endpoint alone.
    pub fn for_endpoint(&self, endpoint: &str) -> Gate {
        Gate {
            selector: Selector::Named(endpoint.to_owned()),
            ..self.clone()
        }
    }

    /// The fewest requests with which it can pass, none of them slow. `None` for a gate on two runs.
    pub fn min_samples(&self) -> Option<u64> {
        judge::min_samples(&self.condition)
    }
}

impl std::str::FromStr for Gate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Gate, ParseError> {
        Gate::parse(text)
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
