//! The table of one endpoint: percentiles with their intervals, what gates allow, and what the audit counted.

use super::columns::{Align, Cell, Columns};
use crate::judge::gate::{AuditCount, Condition, Finding, ObservedMetric, Scope, Severity};
use crate::judge::summary::{CONFIDENCE, Observed, PERCENTILES, Percentile};
use crate::report::endpoint_report::EndpointReport;
use crate::report::figures::{LatencyScale, share, share_against, thousands};
use crate::report::model::Report;
use crate::report::rows;
use crate::report::style::Verbosity;
use crate::report::text::audit::name;
use crate::report::text::baseline::limit_cell;
use crate::report::text::sign;
use crate::report::{audit, audit_counts};
use crate::stats::rank::{Quantile, min_samples_for_interval};
use crate::units::Pretty;

/// Where nothing applies.
const NOTHING: &str = "–";

/// Titles of the columns; without gates, the first three.
const TITLES: [(&str, Align); 7] = [
    ("", Align::Left),
    ("value", Align::Right),
    ("95% interval", Align::Left),
    ("limit", Align::Right),
    ("slower", Align::Right),
    ("allowed", Align::Right),
    ("verdict", Align::Left),
];

/// The percentiles, the maximum, the error rate and the audit of one endpoint.
pub(super) fn table(report: &Report, endpoint: &EndpointReport, verbosity: Verbosity) -> Columns {
    let gated = report.findings.iter().any(|f| f.endpoint == endpoint.name);
    let titles = if gated { &TITLES[..] } else { &TITLES[..3] };
    let mut columns = Columns::new(titles);
    let findings = rows::one_run_findings(report, &endpoint.name);
    let scale = endpoint.scale();
    for quantile in quantiles(endpoint, &findings, verbosity) {
        let percentile = endpoint.summary.percentile(quantile);
        let about = audit::about(&findings, |c| c.quantile() == Some(quantile));
        if about.is_empty() {
            columns.push(plain(quantile.to_string(), &percentile, scale));
        }
        for finding in about {
            columns.push(of_percentile(
                quantile.to_string(),
                &percentile,
                scale,
                finding,
            ));
        }
    }
    let max = scale.observed(endpoint.summary.max());
    columns.push(vec![Cell::plain("max"), Cell::plain(max)]);
    for finding in findings {
        columns.extend(error_rate(finding));
    }
    audited(report, endpoint, verbosity, &mut columns);
    columns
}

/// P50, P95 and P99, those with a gate, P99.9 where it has an interval; with `-v` all.
fn quantiles(
    endpoint: &EndpointReport,
    findings: &[&Finding],
    verbosity: Verbosity,
) -> Vec<Quantile> {
    let mut quantiles: Vec<Quantile> = if verbosity == Verbosity::Full {
        PERCENTILES.to_vec()
    } else {
        vec![Quantile::P50, Quantile::P95, Quantile::P99]
    };
    if endpoint.summary.planned() >= min_samples_for_interval(Quantile::P999, CONFIDENCE) {
        quantiles.push(Quantile::P999);
    }
    quantiles.extend(findings.iter().filter_map(|f| f.gate.condition.quantile()));
    quantiles.sort_unstable();
    quantiles.dedup();
    quantiles
}

fn plain(name: String, percentile: &Percentile, scale: LatencyScale) -> Vec<Cell> {
    let mut cells = vec![
        Cell::plain(name),
        Cell::plain(scale.observed(percentile.value)),
        Cell::plain(scale.interval(percentile.interval)),
    ];
    cells.extend([NOTHING; 4].map(Cell::plain));
    cells
}

fn of_percentile(
    name: String,
    percentile: &Percentile,
    scale: LatencyScale,
    finding: &Finding,
) -> Vec<Cell> {
    let limit = finding.latency_limit();
    let value = match (percentile.value, limit) {
        (Observed::Value(value), Some(limit)) => scale.against(value, limit),
        (value, _) => scale.observed(value),
    };
    let mut cells = vec![
        metric(&name, finding),
        Cell::plain(value),
        Cell::plain(scale.interval(percentile.interval)),
        Cell::plain(match finding.gate.condition.scope() {
            Scope::OneRun | Scope::Search => limit_of(&finding.gate.condition),
            Scope::TwoRuns => limit_cell(finding, scale),
        }),
    ];
    cells.extend(shares(finding));
    cells
}

/// The slower share, the allowed share, and the verdict.
fn shares(finding: &Finding) -> [Cell; 3] {
    let allowed = finding.gate.condition.allowed_share();
    let slower = match (finding.n, allowed) {
        (0, _) | (_, None) => NOTHING.to_owned(),
        (n, Some(allowed)) => share_against(finding.exceedances.at_most as f64 / n as f64, allowed),
    };
    [
        Cell::plain(slower),
        Cell::plain(allowed.map_or_else(|| NOTHING.to_owned(), share)),
        Cell::verdict(finding.verdict),
    ]
}

/// `P95`; `P95 (warn)` of a gate that decides nothing.
fn metric(name: &str, finding: &Finding) -> Cell {
    Cell::plain(match finding.severity() {
        Severity::Decides => name.to_owned(),
        Severity::Warns => format!("{name} (warn)"),
    })
}

/// `≤ 150 ms`, `≤ 0.1%`, `≤ 0`.
fn limit_of(condition: &Condition) -> String {
    match condition {
        Condition::Latency {
            operator, limit, ..
        }
        | Condition::Done {
            operator, limit, ..
        } => format!("{} {}", sign(*operator), Pretty(*limit)),
        Condition::ErrorRate { operator, limit } => {
            format!("{} {}", sign(*operator), share(limit.as_fraction()))
        }
        Condition::Count { at_most, .. } | Condition::Backlog { at_most, .. } => {
            format!("≤ {}", thousands(*at_most))
        }
        Condition::Reduction { .. } | Condition::Baseline { .. } => condition.to_string(),
    }
}

fn error_rate(finding: &Finding) -> Option<Vec<Cell>> {
    let ObservedMetric::Share { value, interval } = finding.measured else {
        return None;
    };
    let allowed = finding.gate.condition.allowed_share()?;
    Some(vec![
        metric("error rate", finding),
        Cell::plain(share_against(value, allowed)),
        Cell::plain(share_interval(interval.0, interval.1)),
        Cell::plain(limit_of(&finding.gate.condition)),
        Cell::plain(NOTHING),
        Cell::plain(NOTHING),
        Cell::verdict(finding.verdict),
    ])
}

/// `1.3 to 3.9%`.
fn share_interval(low: f64, high: f64) -> String {
    let low = share(low);
    format!("{} to {}", low.trim_end_matches('%'), share(high))
}

/// The time to completion and the counts of the audit.
fn audited(
    report: &Report,
    endpoint: &EndpointReport,
    verbosity: Verbosity,
    columns: &mut Columns,
) {
    let findings = audit::findings(report, &endpoint.name);
    let Some(completion) = endpoint.completion() else {
        for finding in findings {
            let name = name(&finding.gate.condition);
            columns.push(unknown(name, finding));
        }
        return;
    };
    let summary = audit_counts::summary(completion);
    let done = summary.ranked_values();
    let highest = done.at_rank(done.count());
    let scale = LatencyScale::of(highest.map(std::time::Duration::from_nanos));
    for quantile in audit::quantiles(&findings) {
        let percentile = summary.percentile(quantile);
        let name = format!("done {quantile}");
        let about = audit::about(&findings, |c| c.done_quantile() == Some(quantile));
        if about.is_empty() && verbosity == Verbosity::Full {
            columns.push(plain(name.clone(), &percentile, scale));
        }
        for finding in about {
            columns.push(of_percentile(name.clone(), &percentile, scale, finding));
        }
    }
    for (what, count) in audit_counts::counts(completion) {
        let about = audit::about(&findings, |c| audit::is_count(c, what));
        for finding in about {
            columns.push(of_count(what, count, finding));
        }
    }
}

fn of_count(what: AuditCount, count: Option<u64>, finding: &Finding) -> Vec<Cell> {
    let count = count.map_or_else(|| "unknown".to_owned(), thousands);
    vec![
        metric(what.as_str(), finding),
        Cell::plain(count),
        Cell::plain(NOTHING),
        Cell::plain(limit_of(&finding.gate.condition)),
        Cell::plain(NOTHING),
        Cell::plain(NOTHING),
        Cell::verdict(finding.verdict),
    ]
}

fn unknown(name: String, finding: &Finding) -> Vec<Cell> {
    let mut cells = vec![
        metric(&name, finding),
        Cell::plain("unknown"),
        Cell::plain(NOTHING),
    ];
    cells.push(Cell::plain(limit_of(&finding.gate.condition)));
    cells.extend([
        Cell::plain(NOTHING),
        Cell::plain(NOTHING),
        Cell::verdict(finding.verdict),
    ]);
    cells
}
