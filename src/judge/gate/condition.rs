//! What a gate demands of a run, or of two.

use std::time::Duration;

use super::allowance::Allowance;
use super::percentage::Percentage;
use crate::stats::rank::Quantile;

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
    /// A percentile of the backlog within a limit: the accepted events that an event finds not done when it is accepted.
    Backlog {
        /// Which percentile, over all accepted events.
        quantile: Quantile,
        /// The largest backlog that is allowed.
        at_most: u64,
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
    /// Before and after: a percentile exceeds its baseline by at most this.
    Baseline {
        /// Which percentile.
        quantile: Quantile,
        /// On top of the value before.
        allowance: Allowance,
    },
}

impl Condition {
    /// The word of the grammar for what is measured: `p95`, `error_rate`, `done.p95`, `backlog.p95`, `lost`.
    pub fn metric(&self) -> String {
        match *self {
            Condition::Latency { quantile, .. }
            | Condition::Reduction { quantile, .. }
            | Condition::Baseline { quantile, .. } => String::from(quantile),
            Condition::Done { quantile, .. } => format!("done.{}", String::from(quantile)),
            Condition::Backlog { quantile, .. } => format!("backlog.{}", String::from(quantile)),
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
            Condition::ErrorRate { .. }
            | Condition::Done { .. }
            | Condition::Backlog { .. }
            | Condition::Count { .. } => None,
        }
    }

    /// The percentile of the time to completion that it is about, if it is about one.
    pub fn done_quantile(&self) -> Option<Quantile> {
        match *self {
            Condition::Done { quantile, .. } => Some(quantile),
            _ => None,
        }
    }

    /// The percentile of what the accepted events wait for that it is about, if it is about one: the time to completion or
    /// the backlog.
    pub fn work_quantile(&self) -> Option<Quantile> {
        match *self {
            Condition::Done { quantile, .. } | Condition::Backlog { quantile, .. } => {
                Some(quantile)
            }
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

    /// The limit of a percentile as it was written, of the response time or of the time to completion.
    pub fn latency_limit(&self) -> Option<Duration> {
        match *self {
            Condition::Latency { limit, .. } | Condition::Done { limit, .. } => Some(limit),
            _ => None,
        }
    }

    /// Whether it needs a completion audit.
    pub fn needs_audit(&self) -> bool {
        matches!(
            self,
            Condition::Done { .. } | Condition::Backlog { .. } | Condition::Count { .. }
        )
    }

    /// θ0: the share of requests that may exceed the limit. `None` for conditions that do not test a share: counts, and
    /// those on two runs.
    pub fn allowed_share(&self) -> Option<f64> {
        match self {
            Condition::Latency { quantile, .. }
            | Condition::Done { quantile, .. }
            | Condition::Backlog { quantile, .. } => Some(quantile.exceedance()),
            Condition::ErrorRate { limit, .. } => Some(limit.as_fraction()),
            Condition::Count { .. } | Condition::Reduction { .. } | Condition::Baseline { .. } => {
                None
            }
        }
    }

    /// Which runs it is about.
    pub fn scope(&self) -> Scope {
        match self {
            Condition::Reduction { .. } | Condition::Baseline { .. } => Scope::TwoRuns,
            Condition::Backlog { .. } => Scope::Search,
            _ => Scope::OneRun,
        }
    }
}

/// What a gate on the completion audit may count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditCount {
    /// Accepted events that the server does not know.
    Lost,
    /// Events with an effect more than once.
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
    /// Judged on the trials of a search for the capacity.
    Search,
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
