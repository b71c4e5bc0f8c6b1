//! What the page says first: the verdict with the gate that decides it, and at most three sentences below it.

use super::gate_view::GateView;
use super::number;
use crate::judge::comparison::{Change, Comparison};
use crate::judge::gate::{Condition, Finding, Severity};
use crate::report::comparison_report::ComparisonReport;
use crate::report::figures::{share_against, thousands};
use crate::report::model::Report;
use crate::report::text;
use crate::run::completion::Completion;
use crate::run::run_file::RunEnd;
use crate::stats::rank::Quantile;
use crate::verdict::Verdict;

/// What the page says first.
pub(super) struct PageHeadline {
    pub(super) verdict: Option<Verdict>,
    /// `FAIL — ingest P95 340 ms, limit 150 ms`.
    pub(super) text: String,
    pub(super) lede: Vec<String>,
}

impl PageHeadline {
    pub(super) fn of(report: &Report) -> PageHeadline {
        let verdict = report.verdict();
        let word = verdict.map_or("No verdict", Verdict::as_str);
        let rest = match (&report.comparison, worst(report, verdict)) {
            (Some(whole), worst) => of_comparison(report, whole, worst.as_ref()),
            (None, Some(worst)) => of_gate(report, verdict, &worst),
            (None, None) => ungated(report),
        };
        PageHeadline {
            verdict,
            text: format!("{word} — {rest}{}", stopped(report)),
            lede: lede(report, verdict),
        }
    }
}

/// Gates that decide, with this verdict, the largest ratio to the limit first.
fn of_verdict(report: &Report, verdict: Verdict) -> Vec<GateView<'_>> {
    let deciding = report.findings.iter();
    let deciding = deciding.filter(|f| f.severity() == Severity::Decides && f.verdict == verdict);
    let mut views: Vec<GateView<'_>> = deciding.map(GateView::of).collect();
    views.sort_by(|a, b| b.ratio().total_cmp(&a.ratio()));
    views
}

fn worst(report: &Report, verdict: Option<Verdict>) -> Option<GateView<'_>> {
    of_verdict(report, verdict?).into_iter().next()
}

/// `ingest P95 340 ms, limit 150 ms`; `9 of 9 gates; closest: health P99 104 ms, limit 150 ms`.
fn of_gate(report: &Report, verdict: Option<Verdict>, worst: &GateView<'_>) -> String {
    if worst.finding.n == 0 {
        return format!("{}: no data", worst.finding.endpoint);
    }
    if let Some(nothing) = nothing_answered(report, worst.finding) {
        return nothing;
    }
    let line = format!(
        "{} {}, limit {}",
        worst.subject, worst.measured, worst.limit
    );
    let decides = |f: &&Finding| f.severity() == Severity::Decides;
    let all = report.findings.iter().filter(decides).count();
    let passed = of_verdict(report, Verdict::Pass).len();
    if verdict == Some(Verdict::Pass) && all > 1 {
        let open = match of_verdict(report, Verdict::NotJudged).len() {
            0 => String::new(),
            open => format!(", {open} not judged"),
        };
        format!("{passed} of {all} gates{open}; closest: {line}")
    } else {
        line
    }
}

/// `ingest: 0 of 377 requests answered`.
fn nothing_answered(report: &Report, finding: &Finding) -> Option<String> {
    let mut endpoints = report.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.name == finding.endpoint)?;
    let planned = endpoint.summary.planned();
    (endpoint.summary.counts.ok == 0 && planned > 0).then(|| {
        format!(
            "{}: 0 of {} requests answered",
            endpoint.name,
            thousands(planned)
        )
    })
}

/// `ingest P95 340 ms`, of a run without gates.
fn ungated(report: &Report) -> String {
    match report.endpoints.first() {
        Some(endpoint) if endpoint.summary.planned() > 0 => {
            let p95 = endpoint.summary.percentile(Quantile::P95);
            format!("{} P95 {}", endpoint.name, number::observed(p95.value))
        }
        Some(endpoint) => format!("{}: no data", endpoint.name),
        None => report.title.clone(),
    }
}

/// The largest change where everything passes or nothing is judged, else the gate that did not pass.
fn of_comparison(
    report: &Report,
    whole: &ComparisonReport,
    worst: Option<&GateView<'_>>,
) -> String {
    match worst {
        Some(worst) if worst.finding.verdict != Verdict::Pass => match worst.finding.gate.condition
        {
            Condition::Reduction { .. } => format!(
                "{} {}, required {}",
                worst.subject, worst.measured, worst.limit
            ),
            _ => format!(
                "{} {}, limit {}",
                worst.subject, worst.measured, worst.limit
            ),
        },
        _ => {
            let about = worst.map(|worst| worst.finding.endpoint.as_str());
            let mut comparisons = whole.comparisons.iter();
            let comparison = comparisons.find(|c| about.is_none_or(|name| c.endpoint == name));
            comparison.map_or_else(
                || report.title.clone(),
                |c| match gated_change(report, c).or_else(|| text::largest_change(report, c)) {
                    Some(change) => of_change(c, change),
                    None => format!("{}: no data", c.endpoint),
                },
            )
        }
    }
}

/// The change that the verdict is about: of the percentile that a gate on a reduction names, or else a gate on a latency.
fn gated_change<'a>(report: &Report, comparison: &'a Comparison) -> Option<&'a Change> {
    let passed = of_verdict(report, Verdict::Pass);
    let conditions: Vec<Condition> = passed
        .iter()
        .filter(|view| view.finding.endpoint == comparison.endpoint)
        .map(|view| view.finding.gate.condition)
        .collect();
    let reduction = conditions.iter().find_map(|condition| match condition {
        Condition::Reduction { quantile, .. } => Some(*quantile),
        _ => None,
    });
    let latency = conditions.iter().find_map(|condition| match condition {
        Condition::Latency { quantile, .. } => Some(*quantile),
        _ => None,
    });
    let gated = reduction.or(latency)?;
    let mut changes = comparison.changes.iter();
    changes.find(|change| change.quantile == gated)
}

/// `ingest P50 124× faster: 163 ms before, 1.32 ms after`.
fn of_change(comparison: &Comparison, change: &Change) -> String {
    let observed = change.observed;
    let values = format!(
        "{} before, {} after",
        number::observed(observed.before),
        number::observed(observed.after)
    );
    match by(change) {
        Some(by) => format!("{} {} {by}: {values}", comparison.endpoint, change.quantile),
        None => format!("{} {} {values}", comparison.endpoint, change.quantile),
    }
}

fn by(change: &Change) -> Option<String> {
    change.ratio_interval()?;
    change.ratio().map(text::change::of_ratio)
}

/// `, stopped at 41 s of 120 s`.
fn stopped(report: &Report) -> String {
    let cut = report.runs.iter().find(|run| run.ended != RunEnd::Complete);
    let Some(run) = cut else { return String::new() };
    let word = match run.ended {
        RunEnd::Aborted => "aborted",
        RunEnd::Interrupted { .. } | RunEnd::Complete => "stopped",
    };
    let lengths = report.endpoints.iter().map(super::course::length_s);
    let length_s = lengths.fold(0.0, f64::max);
    let planned = match run.size {
        crate::run::run_file::SizeRecord::Duration { duration } => {
            format!(" of {}", number::limit(duration))
        }
        crate::run::run_file::SizeRecord::Requests { .. } => String::new(),
    };
    if length_s > 0.0 {
        format!(", {word} at {}{planned}", number::seconds(length_s.round()))
    } else {
        format!(", {word}")
    }
}

/// What stands below: the count against what is allowed, the other endpoints, what is inconclusive and why.
fn lede(report: &Report, verdict: Option<Verdict>) -> Vec<String> {
    if let Some(whole) = &report.comparison {
        return of_both_runs(report, whole);
    }
    let mut sentences = Vec::new();
    let worst = worst(report, verdict);
    sentences.extend(
        worst
            .as_ref()
            .and_then(|worst| slower(report, worst.finding)),
    );
    sentences.extend(others(
        report,
        worst.as_ref().map(|w| w.finding.endpoint.as_str()),
    ));
    let open = of_verdict(report, Verdict::Inconclusive);
    sentences.extend(open.first().map(|open| {
        format!(
            "{} is inconclusive: {}.",
            open.subject,
            text::open_reason(open.finding)
        )
    }));
    sentences
}

/// `10.5% of 24,000 ingest requests took longer than 150 ms; 5% may.`
fn slower(report: &Report, finding: &Finding) -> Option<String> {
    let Condition::Latency { limit, .. } = finding.gate.condition else {
        return None;
    };
    let allowed = finding.gate.condition.allowed_share()?;
    (finding.n > 0).then_some(())?;
    let part = finding.exceedances.at_most as f64 / finding.n as f64;
    let mut endpoints = report.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.name == finding.endpoint);
    let failed = endpoint.is_some_and(|endpoint| endpoint.summary.counts.not_ok() > 0);
    Some(format!(
        "{} of {} {} requests {}took longer than {}; {} may.",
        share_against(part, allowed),
        thousands(finding.n),
        finding.endpoint,
        if failed { "failed or " } else { "" },
        number::limit(limit),
        crate::report::figures::share(allowed)
    ))
}

/// `health is within all its limits.`
fn others(report: &Report, worst: Option<&str>) -> Option<String> {
    let others = report
        .endpoints
        .iter()
        .filter(|e| Some(e.name.as_str()) != worst);
    let with = |verdict: Verdict| {
        let names = others
            .clone()
            .filter(|e| text::of_verdict(report, &e.name).0 == Some(verdict));
        names.map(|e| e.name.as_str()).collect::<Vec<_>>()
    };
    let clause = |names: &[&str], one: &str, several: &str| match names {
        [] => None,
        [name] => Some(format!("{name} {one}")),
        [a, b] => Some(format!("{a} and {b} {several}")),
        more => Some(format!("{} other endpoints {several}", more.len())),
    };
    let failed = clause(&with(Verdict::Fail), "fails too", "fail too");
    let passed = with(Verdict::Pass);
    let passed = clause(&passed, "is within its limits", "are within their limits");
    let clauses: Vec<String> = failed.into_iter().chain(passed).collect();
    (!clauses.is_empty()).then(|| format!("{}.", clauses.join("; ")))
}

/// What became of the accepted events, and where a gain moved work instead of removing it.
fn of_both_runs(report: &Report, whole: &ComparisonReport) -> Vec<String> {
    let mut sentences = Vec::new();
    for (comparison, sides) in whole.comparisons.iter().zip(&whole.sides) {
        let Some(completion) = sides.after.completion() else {
            continue;
        };
        sentences.extend(events(completion));
        sentences.extend(moved(comparison, completion));
    }
    let open = of_verdict(report, Verdict::Inconclusive);
    sentences.extend(open.first().map(|open| {
        format!(
            "{} is inconclusive: {}.",
            open.subject,
            text::open_reason(open.finding)
        )
    }));
    sentences.truncate(3);
    sentences
}

/// `All 3,000 accepted events were processed exactly once.`
fn events(completion: &Completion) -> Option<String> {
    let accepted = completion.accepted();
    if accepted == 0 {
        return None;
    }
    if completion.is_exactly_once() {
        let all = thousands(accepted);
        return Some(format!(
            "All {all} accepted events were processed exactly once."
        ));
    }
    Some(format!(
        "{} of {} accepted events were processed.",
        thousands(completion.processed),
        thousands(accepted)
    ))
}

/// Where the answer became faster and the work of an accepted event ends after it.
fn moved(comparison: &Comparison, completion: &Completion) -> Option<String> {
    let mut changes = comparison.changes.iter();
    let p95 = changes.find(|change| change.quantile == Quantile::P95)?;
    let (before, after) = (p95.observed.before.value()?, p95.observed.after.value()?);
    let done = completion.done_after(Quantile::P95)?;
    (after < before && done > after).then(|| {
        format!(
            "The work is done after the answer: P95 {} after acceptance.",
            number::latency(done)
        )
    })
}
