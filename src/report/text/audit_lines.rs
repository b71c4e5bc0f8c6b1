//! What the completion audit found, under the table of an endpoint.

use super::audit::lines;
use crate::report::audit;
use crate::report::endpoint_report::EndpointReport;
use crate::report::figures::{LatencyScale, thousands};
use crate::report::style::Verbosity;
use crate::run::completion::Completion;
use crate::stats::rank::Quantile;

/// Two lines where every accepted event was processed once, unless all is asked for; every count else.
pub(in crate::report) fn audit_lines(
    endpoint: &EndpointReport,
    verbosity: Verbosity,
) -> Vec<String> {
    match endpoint.completion() {
        Some(completion) if verbosity != Verbosity::Full && is_plain(completion) => {
            let accepted = thousands(completion.accepted());
            let mut lines = vec![format!("audit: {accepted} accepted, each processed once")];
            lines.extend(done(completion));
            lines
        }
        _ => lines(endpoint),
    }
}

/// Whether one sentence says all.
fn is_plain(completion: &Completion) -> bool {
    completion.is_exactly_once()
        && completion.recovered.unwrap_or(0) == 0
        && completion.resends.is_none()
        && completion.remarks.is_empty()
        && completion.journal.failed + completion.journal.unknown == 0
}

/// `accepted to processed   P50 165 ms · P95 322 ms · slowest 602 ms`.
fn done(completion: &Completion) -> Option<String> {
    let longest = completion.longest()?;
    let scale = LatencyScale::of([longest]);
    let summary = audit::summary(completion);
    let [p50, p95] = [Quantile::P50, Quantile::P95].map(|quantile| {
        let value = summary.percentile(quantile).value;
        format!("{quantile} {}", scale.observed(value))
    });
    Some(format!(
        "accepted to processed   {p50} · {p95} · slowest {}",
        scale.latency(longest)
    ))
}
