//! The report as CSV: one row per endpoint and percentile (and gate on it), times in milliseconds; what the gates were
//! judged from stands at the end of a row.

pub(super) mod capacity;
mod cause_row;
mod change_row;

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::audit;
use super::audit_counts;
use super::endpoint_report::EndpointReport;
use super::json::{JsonFinding, JsonObserved, JsonPKind, JsonPercentile};
use super::model::Report;
use super::rows::{one_run_findings, quantiles};
use crate::judge::gate::Finding;
use crate::verdict::Verdict;

/// One row. A cell is empty where there is no number; `observed` says why.
#[derive(Serialize)]
struct EndpointRow<'a> {
    endpoint: &'a str,
    metric: String,
    observed_ms: Option<f64>,
    observed: Option<JsonObserved>,
    interval_low_ms: Option<f64>,
    interval_high_ms: Option<f64>,
    observed_share: Option<f64>,
    resolved: Option<bool>,
    samples_needed: Option<u64>,
    planned: u64,
    ok: u64,
    failed: u64,
    timeout: u64,
    unsent: u64,
    gate: Option<String>,
    severity: Option<String>,
    exceedances: Option<u64>,
    verdict: Option<Verdict>,
    observed_count: Option<u64>,
    p_pass: Option<f64>,
    p_fail: Option<f64>,
    p_kind: Option<JsonPKind>,
    episode_ms: Option<f64>,
    episodes: Option<u64>,
    design_effect: Option<f64>,
}

/// Writes a header and the rows.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    if let Some(comparison) = &report.comparison {
        change_row::csv_rows(comparison, &report.findings)
            .iter()
            .try_for_each(|row| csv.serialize(row))?;
    }
    if let Some(report) = &report.diagnosis {
        cause_row::cause_rows(report)
            .iter()
            .try_for_each(|row| csv.serialize(row))?;
    }
    for endpoint in &report.endpoints {
        rows(report, endpoint)
            .iter()
            .try_for_each(|row| csv.serialize(row))?;
    }
    let rows = csv.into_inner().map_err(|e| e.into_error())?;
    write_without_formulas(&rows, out)
}

/// A spreadsheet runs a cell that begins like a formula: an apostrophe before it makes it text. Numbers stay.
fn write_without_formulas(rows: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(rows);
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(out);
    for record in reader.records() {
        let record = record?;
        let cells = record.iter().map(|cell| {
            let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '|', '%']);
            if is_formula && cell.parse::<f64>().is_err() {
                Cow::Owned(format!("'{cell}"))
            } else {
                Cow::Borrowed(cell)
            }
        });
        writer.write_record(cells.collect::<Vec<_>>().iter().map(|cell| cell.as_bytes()))?;
    }
    writer.flush()
}

fn rows<'a>(report: &Report, endpoint: &'a EndpointReport) -> Vec<EndpointRow<'a>> {
    let findings = one_run_findings(report, &endpoint.name);
    let mut rows = Vec::new();
    for quantile in quantiles(&findings) {
        let percentile = JsonPercentile::from(&endpoint.summary.percentile(quantile));
        let gated = audit::about(&findings, |c| c.quantile() == Some(quantile));
        rows.extend(each_or_once(
            || percentile_row(endpoint, &percentile),
            &gated,
        ));
    }
    let shares = findings
        .iter()
        .filter(|finding| finding.gate.condition.quantile().is_none());
    rows.extend(
        shares.map(|finding| row(endpoint, finding.gate.condition.metric()).gated(finding)),
    );
    rows.extend(audit_rows(report, endpoint));
    rows
}

/// Percentiles of the time to completion, and the counts of the audit that may be gated.
fn audit_rows<'a>(report: &Report, endpoint: &'a EndpointReport) -> Vec<EndpointRow<'a>> {
    let findings = audit::findings(report, &endpoint.name);
    let Some(completion) = endpoint.completion() else {
        return findings
            .iter()
            .map(|f| row(endpoint, f.gate.condition.metric()).gated(f))
            .collect();
    };
    let summary = audit_counts::summary(completion);
    let mut rows = Vec::new();
    for quantile in audit::quantiles(&findings) {
        let mut percentile = JsonPercentile::from(&summary.percentile(quantile));
        percentile.metric = format!("done.{}", percentile.metric);
        let gated = audit::about(&findings, |c| c.done_quantile() == Some(quantile));
        rows.extend(each_or_once(
            || percentile_row(endpoint, &percentile),
            &gated,
        ));
    }
    for (what, count) in audit_counts::counts(completion) {
        let gated = audit::about(&findings, |c| audit::is_count(c, what));
        let counted = || EndpointRow {
            observed_count: count,
            ..row(endpoint, what.as_str().to_owned())
        };
        rows.extend(each_or_once(counted, &gated));
    }
    rows
}

/// A row for each gate on it, or one without.
fn each_or_once<'a>(row: impl Fn() -> EndpointRow<'a>, gated: &[&Finding]) -> Vec<EndpointRow<'a>> {
    if gated.is_empty() {
        return vec![row()];
    }
    gated.iter().map(|finding| row().gated(finding)).collect()
}

fn row(endpoint: &EndpointReport, metric: String) -> EndpointRow<'_> {
    let counts = &endpoint.summary.counts;
    EndpointRow {
        endpoint: &endpoint.name,
        metric,
        observed_ms: None,
        observed: None,
        interval_low_ms: None,
        interval_high_ms: None,
        observed_share: None,
        resolved: None,
        samples_needed: None,
        planned: counts.total(),
        ok: counts.ok,
        failed: counts.failed_total(),
        timeout: counts.timeout,
        unsent: counts.unsent,
        gate: None,
        severity: None,
        exceedances: None,
        verdict: None,
        observed_count: None,
        p_pass: None,
        p_fail: None,
        p_kind: None,
        episode_ms: None,
        episodes: None,
        design_effect: None,
    }
}

fn percentile_row<'a>(
    endpoint: &'a EndpointReport,
    percentile: &JsonPercentile,
) -> EndpointRow<'a> {
    EndpointRow {
        observed_ms: percentile.observed_ms,
        observed: Some(percentile.observed),
        interval_low_ms: percentile.interval_ms[0],
        interval_high_ms: percentile.interval_ms[1],
        resolved: Some(percentile.resolved),
        samples_needed: Some(percentile.samples_needed),
        ..row(endpoint, percentile.metric.clone())
    }
}

impl EndpointRow<'_> {
    fn gated(mut self, finding: &Finding) -> Self {
        let finding = JsonFinding::from(finding);
        self.observed_share = finding.observed_share;
        self.gate = Some(finding.gate);
        self.severity = Some(finding.severity);
        self.exceedances = Some(finding.exceedances);
        self.verdict = Some(finding.verdict);
        self.p_pass = finding.p_pass;
        self.p_fail = finding.p_fail;
        self.p_kind = finding.p_kind;
        if let Some(guard) = finding.guard {
            self.episode_ms = Some(guard.episode_ms);
            self.episodes = guard.episodes;
            self.design_effect = guard.design_effect;
        }
        self
    }
}
