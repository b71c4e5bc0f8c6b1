//! The lines of an endpoint's table: its percentiles, its maximum, its error rate and its audit.

use super::audit;
use super::endpoint_report::EndpointReport;
use super::model::Report;
use super::row::{NOTHING, TableRow};
use crate::judge::gate::{Condition, Finding, ObservedMetric};
use crate::judge::summary::{PERCENTILES, Percentile};
use crate::stats::rank::Quantile;
use crate::units::percent;

/// The lines of an endpoint's table: its percentiles ascending, the maximum, the error rate if there is
/// something to say about it.
pub(super) fn rows(report: &Report, endpoint: &EndpointReport) -> Vec<TableRow> {
    let findings = one_run_findings(report, &endpoint.name);
    let mut rows = Vec::new();
    for quantile in quantiles(&findings) {
        let row = || percentile_row(&endpoint.summary.percentile(quantile));
        let gated = audit::about(&findings, |c| c.quantile() == Some(quantile));
        rows.extend(audit::each_or_once(row, &gated));
    }
    rows.push(TableRow::ungated(
        "max".to_owned(),
        endpoint.summary.max().to_string(),
        NOTHING.to_owned(),
    ));
    let shares = findings
        .iter()
        .filter_map(|finding| error_rate_row(finding));
    rows.extend(shares);
    rows.extend(audit::rows(report, endpoint));
    rows
}

/// The findings on percentiles and shares of a run, those over a baseline among them.
pub(super) fn one_run_findings<'a>(report: &'a Report, endpoint: &str) -> Vec<&'a Finding> {
    report
        .findings
        .iter()
        .filter(|finding| finding.endpoint == endpoint)
        .filter(|finding| {
            let condition = &finding.gate.condition;
            let over_baseline = matches!(condition, Condition::Baseline { .. });
            (condition.allowed_share().is_some() || over_baseline) && !condition.needs_audit()
        })
        .collect()
}

/// The usual percentiles and those with a gate, ascending.
pub(super) fn quantiles(findings: &[&Finding]) -> Vec<Quantile> {
    let mut quantiles = PERCENTILES.to_vec();
    quantiles.extend(findings.iter().filter_map(|f| f.gate.condition.quantile()));
    quantiles.sort_unstable();
    quantiles.dedup();
    quantiles
}

fn percentile_row(percentile: &Percentile) -> TableRow {
    TableRow::ungated(
        percentile.quantile.to_string(),
        percentile.value.to_string(),
        percentile.interval.to_string(),
    )
}

fn error_rate_row(finding: &Finding) -> Option<TableRow> {
    let ObservedMetric::Share { value, interval } = finding.measured else {
        return None;
    };
    let row = TableRow::ungated(
        "error rate".to_owned(),
        percent(value),
        format!("{} – {}", percent(interval.0), percent(interval.1)),
    );
    Some(row.gated(finding))
}
