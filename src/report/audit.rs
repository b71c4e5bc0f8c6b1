//! What the faces show of a completion audit: the same rows for a terminal, for markdown and for CSV.

use super::audit_counts::{self, counts};
use super::endpoint_report::EndpointReport;
use super::model::Report;
use super::row::TableRow;
use super::text::audit::name;
use crate::judge::gate::{AuditCount, Condition, Finding};
use crate::judge::summary::Percentile;
use crate::stats::rank::Quantile;

/// The percentiles of the time to completion that are always listed.
const PERCENTILES: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

/// The findings on the audit of an endpoint.
pub(super) fn findings<'a>(report: &'a Report, endpoint: &str) -> Vec<&'a Finding> {
    let findings = report.findings.iter();
    findings
        .filter(|f| f.endpoint == endpoint && f.gate.condition.needs_audit())
        .collect()
}

/// The usual percentiles and those with a gate, ascending.
pub(super) fn quantiles(findings: &[&Finding]) -> Vec<Quantile> {
    let mut quantiles = PERCENTILES.to_vec();
    quantiles.extend(
        findings
            .iter()
            .filter_map(|f| f.gate.condition.done_quantile()),
    );
    quantiles.sort_unstable();
    quantiles.dedup();
    quantiles
}

/// The findings about a percentile of the time to completion, or about a count.
pub(super) fn about<'a>(
    findings: &[&'a Finding],
    is_it: impl Fn(&Condition) -> bool,
) -> Vec<&'a Finding> {
    let about = findings.iter().filter(|f| is_it(&f.gate.condition));
    about.copied().collect()
}

pub(super) fn is_count(condition: &Condition, counted: AuditCount) -> bool {
    matches!(condition, Condition::Count { what, .. } if *what == counted)
}

/// The lines of an endpoint's table that the audit adds; gates alone where it was not read.
pub(super) fn rows(report: &Report, endpoint: &EndpointReport) -> Vec<TableRow> {
    let findings = findings(report, &endpoint.name);
    let Some(completion) = endpoint.completion() else {
        return findings
            .iter()
            .map(|finding| TableRow::without_data(&name(&finding.gate.condition)).gated(finding))
            .collect();
    };
    let summary = audit_counts::summary(completion);
    let mut rows = Vec::new();
    for quantile in quantiles(&findings) {
        let percentile = summary.percentile(quantile);
        let row = || percentile_row(&percentile);
        let gated = about(&findings, |c| c.done_quantile() == Some(quantile));
        rows.extend(each_or_once(row, &gated));
    }
    for (what, count) in counts(completion) {
        let gated = about(&findings, |c| is_count(c, what));
        if gated.is_empty() && !is_always_shown(what) && count.is_none_or(|n| n == 0) {
            continue;
        }
        let row = || TableRow::of_count(what.as_str(), count);
        rows.extend(each_or_once(row, &gated));
    }
    rows
}

/// The others have lines of their own where they are gated or not zero.
pub(super) fn is_always_shown(what: AuditCount) -> bool {
    matches!(what, AuditCount::Lost | AuditCount::Duplicated)
}

/// A row for each gate on it, or one without.
pub(super) fn each_or_once(row: impl Fn() -> TableRow, gated: &[&Finding]) -> Vec<TableRow> {
    if gated.is_empty() {
        return vec![row()];
    }
    gated.iter().map(|finding| row().gated(finding)).collect()
}

fn percentile_row(percentile: &Percentile) -> TableRow {
    TableRow::ungated(
        format!("done {}", percentile.quantile),
        percentile.value.to_string(),
        percentile.interval.to_string(),
    )
}
