//! The verdict line, and the findings that it speaks of.

use super::audit;
use super::diagnosis_outcome::outcome;
use super::reason::reason;
use crate::judge::gate::{Condition, Finding, Severity};
use crate::report::model::Report;
use crate::verdict::Verdict;

/// `health P95`.
fn subject(finding: &Finding) -> String {
    let metric = match finding.gate.condition.quantile() {
        Some(quantile) => quantile.to_string(),
        None if finding.gate.condition.needs_audit() => audit::name(&finding.gate.condition),
        None => "error rate".to_owned(),
    };
    let change = match finding.gate.condition {
        Condition::Reduction { .. } => " reduction",
        Condition::Baseline { .. } => " against the baseline",
        _ => "",
    };
    format!("{} {metric}{change}", finding.endpoint)
}

/// What did not pass, the worst first.
pub(in crate::report) fn not_passed(report: &Report) -> Vec<&Finding> {
    let worst_first = [
        (Severity::Decides, Verdict::Fail),
        (Severity::Decides, Verdict::Inconclusive),
        (Severity::Decides, Verdict::NotJudged),
        (Severity::Warns, Verdict::Fail),
        (Severity::Warns, Verdict::Inconclusive),
        (Severity::Warns, Verdict::NotJudged),
    ];
    worst_first
        .iter()
        .flat_map(|&(severity, verdict)| {
            report
                .findings
                .iter()
                .filter(move |f| f.severity() == severity && f.verdict == verdict)
        })
        .collect()
}

/// The findings that make the verdict, in order; empty where no gate decides.
fn decisive(report: &Report) -> Vec<&Finding> {
    let verdict = report.verdict();
    report
        .findings
        .iter()
        .filter(|f| f.severity() == Severity::Decides && Some(f.verdict) == verdict)
        .collect()
}

/// The findings that are listed with their reason: what did not pass; in a comparison, whose table shows no targets, all.
pub(in crate::report) fn listed(report: &Report) -> Vec<&Finding> {
    match report.comparison {
        Some(_) => report.findings.iter().collect(),
        None => not_passed(report),
    }
}

/// The verdict in one line; `None` where nothing was asked.
pub(in crate::report) fn verdict_line(report: &Report) -> Option<String> {
    let verdict = report.verdict()?;
    if let Some(diagnosis) = &report.diagnosis {
        return Some(format!("{verdict} {}", outcome(diagnosis)));
    }
    let decisive = decisive(report);
    let names: Vec<String> = decisive.iter().map(|finding| subject(finding)).collect();
    let names = match names.as_slice() {
        [a, b, _, rest @ ..] if !rest.is_empty() => format!("{a}, {b} and {} more", rest.len() + 1),
        names => names.join(", "),
    };
    Some(match (verdict, decisive.as_slice()) {
        (_, []) => format!("{verdict} no gate was judged"),
        (Verdict::Pass, [_, _, ..]) => format!("{verdict} all {} gates", decisive.len()),
        (_, [first, ..]) => format!("{verdict} {names}: {}", headline(report, first)),
    })
}

/// The reason of a finding in the verdict line: whole where it stands nowhere else, else its first clause.
fn headline(report: &Report, finding: &Finding) -> String {
    let reason = reason(finding);
    let end = match listed(report).len() {
        0 | 1 => reason.len(),
        _ => reason.find("; ").unwrap_or(reason.len()),
    };
    reason[..end].to_owned()
}
