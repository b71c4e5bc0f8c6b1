//! One line of an endpoint's table, as every face for people shows it.

use crate::judge::gate::{Condition, Finding, LimitOperator, Severity};
use crate::units::{Pretty, grouped, percent};

/// One line of an endpoint's table.
pub(super) struct TableRow {
    pub(super) metric: String,
    pub(super) value: String,
    pub(super) interval: String,
    pub(super) target: String,
    pub(super) status: String,
}

/// Column titles of [`TableRow`].
pub(super) const TITLES: [&str; 5] = ["Metric", "Value", "Interval (95%)", "Target", "Status"];

/// Where there is nothing to say.
pub(super) const NOTHING: &str = "–";

impl TableRow {
    pub(super) fn cells(&self) -> [&str; 5] {
        [
            &self.metric,
            &self.value,
            &self.interval,
            &self.target,
            &self.status,
        ]
    }

    pub(super) fn ungated(metric: String, value: String, interval: String) -> TableRow {
        TableRow {
            metric,
            value,
            interval,
            target: NOTHING.to_owned(),
            status: NOTHING.to_owned(),
        }
    }

    /// A count; `None` where the audit could not see it.
    pub(super) fn of_count(metric: &str, count: Option<u64>) -> TableRow {
        let value = count.map_or_else(|| "unknown".to_owned(), grouped);
        TableRow::ungated(metric.to_owned(), value, NOTHING.to_owned())
    }

    pub(super) fn without_data(metric: &str) -> TableRow {
        TableRow::ungated(metric.to_owned(), NOTHING.to_owned(), NOTHING.to_owned())
    }

    pub(super) fn gated(mut self, finding: &Finding) -> TableRow {
        self.target = target(finding);
        self.status = status(finding);
        self
    }
}

/// `≤ 150 ms`.
fn target(finding: &Finding) -> String {
    let condition = &finding.gate.condition;
    let sign = |operator: LimitOperator| match operator {
        LimitOperator::AtMost => "≤",
        LimitOperator::Below => "<",
    };
    match condition {
        Condition::Latency {
            operator, limit, ..
        }
        | Condition::Done {
            operator, limit, ..
        } => format!("{} {}", sign(*operator), Pretty(*limit)),
        Condition::Count { at_most, .. } | Condition::Backlog { at_most, .. } => {
            format!("≤ {}", grouped(*at_most))
        }
        Condition::ErrorRate { operator, limit } => {
            format!("{} {}", sign(*operator), percent(limit.as_fraction()))
        }
        Condition::Reduction { at_least, .. } => {
            format!("−{} or more", percent(at_least.as_fraction()))
        }
        Condition::Baseline { allowance, .. } => match finding.latency_limit() {
            Some(limit) => format!("≤ {} (baseline + {allowance})", Pretty(limit)),
            None => format!("≤ baseline + {allowance}"),
        },
    }
}

fn status(finding: &Finding) -> String {
    match finding.severity() {
        Severity::Decides => finding.verdict.to_string(),
        Severity::Warns => format!("{} (warn)", finding.verdict),
    }
}
