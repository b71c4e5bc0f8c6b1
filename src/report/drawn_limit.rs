//! The limit that the pictures of an endpoint show.

use std::time::Duration;

use crate::judge::gate::Condition;
use crate::report::endpoint_report::EndpointReport;
use crate::report::model::Report;
use crate::report::rows;
use crate::report::text;
use crate::verdict::Verdict;

/// The limit of a chart, and how many requests that ended ok are beyond it, where that was counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChartLimit {
    pub(super) limit: Duration,
    pub(super) beyond: Option<u64>,
}

/// The limit of the worst finding on a percentile of the response time.
pub(super) struct DrawnLimit {
    pub(super) chart: ChartLimit,
    pub(super) verdict: Verdict,
    /// Requests beyond it, failures among them.
    pub(super) slow: u64,
    /// Runs of requests beyond it, where their order is known.
    pub(super) spells: Option<u64>,
}

impl DrawnLimit {
    /// `None` without a gate on a percentile.
    pub(super) fn of(report: &Report, endpoint: &EndpointReport) -> Option<DrawnLimit> {
        let findings = rows::one_run_findings(report, &endpoint.name);
        let of_latency = findings
            .into_iter()
            .filter(|f| matches!(f.gate.condition, Condition::Latency { .. }));
        let worst = of_latency.min_by_key(|f| text::verdict_rank(Some(f.verdict)))?;
        let range = worst.exceedances;
        let failed = endpoint.summary.counts.not_ok();
        let is_exact = range.at_least == range.at_most;
        Some(DrawnLimit {
            chart: ChartLimit {
                limit: worst.gate.condition.latency_limit()?,
                beyond: is_exact.then(|| range.at_most.saturating_sub(failed)),
            },
            verdict: worst.verdict,
            slow: range.at_most,
            spells: worst
                .episodes
                .and_then(|episodes| Some(episodes.seen?.count)),
        })
    }
}
