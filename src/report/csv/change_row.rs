//! A comparison as CSV: one row per endpoint and percentile (and gate on it).

use serde::Serialize;

use crate::judge::comparison::{Change, Comparison, Effect, Noise};
use crate::judge::gate::Finding;
use crate::report::comparison_report::ComparisonReport;
use crate::report::json::{JsonChange, JsonFinding, JsonObserved};
use crate::verdict::Verdict;

/// One row of the CSV; a cell is empty where there is no number.
#[derive(Clone, Default, Serialize)]
pub(super) struct ChangeRow {
    endpoint: String,
    metric: String,
    before_ms: Option<f64>,
    before: Option<JsonObserved>,
    after_ms: Option<f64>,
    after: Option<JsonObserved>,
    ratio: Option<f64>,
    ratio_low: Option<f64>,
    ratio_high: Option<f64>,
    difference_ms: Option<f64>,
    difference_low_ms: Option<f64>,
    difference_high_ms: Option<f64>,
    reduction: Option<f64>,
    effect: Option<Effect>,
    samples_needed: Option<u64>,
    planned_before: u64,
    planned_after: u64,
    not_ok_before: u64,
    not_ok_after: u64,
    gate: Option<String>,
    severity: Option<String>,
    verdict: Option<Verdict>,
}

/// One row per endpoint and percentile, or one for each gate on it; then the other gates.
pub(super) fn csv_rows(report: &ComparisonReport, findings: &[Finding]) -> Vec<ChangeRow> {
    let findings: Vec<JsonFinding> = findings.iter().map(JsonFinding::from).collect();
    let comparisons = report.comparisons.iter();
    comparisons
        .flat_map(|comparison| endpoint_rows(comparison, &findings, &report.noise))
        .collect()
}

fn endpoint_rows(
    comparison: &Comparison,
    findings: &[JsonFinding],
    noise: &Noise,
) -> Vec<ChangeRow> {
    let own = |finding: &&JsonFinding| finding.endpoint == comparison.endpoint;
    let changes = comparison.changes.iter();
    let changes: Vec<ChangeRow> = changes.map(|c| csv_row(comparison, c, noise)).collect();
    let is_shown = |finding: &&JsonFinding| changes.iter().any(|row| row.metric == finding.metric);
    let mut rows = Vec::new();
    for change in &changes {
        let gates = findings.iter().filter(own);
        let gates = gates.filter(|finding| finding.metric == change.metric);
        let before = rows.len();
        rows.extend(gates.map(|finding| change.clone().gated(finding)));
        if rows.len() == before {
            rows.push(change.clone());
        }
    }
    let others = findings.iter().filter(own).filter(|f| !is_shown(f));
    rows.extend(others.map(|finding| bare_row(comparison, finding.metric.clone()).gated(finding)));
    rows
}

impl ChangeRow {
    fn gated(mut self, finding: &JsonFinding) -> ChangeRow {
        self.gate = Some(finding.gate.clone());
        self.severity = Some(finding.severity.clone());
        self.verdict = Some(finding.verdict);
        self
    }
}

/// What is known of an endpoint whatever the metric.
fn bare_row(comparison: &Comparison, metric: String) -> ChangeRow {
    let rates = comparison.error_rate.rates;
    ChangeRow {
        endpoint: comparison.endpoint.clone(),
        metric,
        planned_before: comparison.planned.before,
        planned_after: comparison.planned.after,
        not_ok_before: rates.before.not_ok,
        not_ok_after: rates.after.not_ok,
        ..ChangeRow::default()
    }
}

fn csv_row(comparison: &Comparison, change: &Change, noise: &Noise) -> ChangeRow {
    let JsonChange {
        metric,
        before_ms,
        before,
        after_ms,
        after,
        ratio,
        ratio_interval: [ratio_low, ratio_high],
        difference_ms,
        difference_interval_ms: [difference_low_ms, difference_high_ms],
        reduction,
        effect,
        samples_needed,
        ..
    } = JsonChange::of(&comparison.endpoint, change, noise);
    ChangeRow {
        before_ms,
        before: Some(before),
        after_ms,
        after: Some(after),
        ratio,
        ratio_low,
        ratio_high,
        difference_ms,
        difference_low_ms,
        difference_high_ms,
        reduction,
        effect: Some(effect),
        samples_needed,
        ..bare_row(comparison, metric)
    }
}
