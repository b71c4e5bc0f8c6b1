//! The first lines of a comparison: a verdict for each gate on two runs, or the largest effect.

use super::change::{interval, multiple, signed_against, signed_percent};
use super::effect;
use super::headline::{Headline, of_findings, open, open_reason, rank};
use crate::judge::comparison::{Change, Comparison, Effect, Noise};
use crate::judge::gate::{Condition, Finding, Scope, Severity};
use crate::judge::summary::Observed;
use crate::printable::one_line;
use crate::report::comparison::{scale, shown};
use crate::report::comparison_report::ComparisonReport;
use crate::report::model::Report;
use crate::report::style::Verbosity;
use crate::verdict::Verdict;

/// One line a gate on two runs, and one for the other gates of an endpoint; where no gate decides, one for the largest
/// effect of each endpoint. The worst first, then the largest effect.
pub(in crate::report) fn comparison_headlines(
    report: &Report,
    whole: &ComparisonReport,
) -> Vec<Headline> {
    let mut lines: Vec<(u64, Headline)> = Vec::new();
    for comparison in &whole.comparisons {
        let own = report.findings.iter();
        let own: Vec<&Finding> = own.filter(|f| f.endpoint == comparison.endpoint).collect();
        let (deciding, warning): (Vec<&Finding>, Vec<&Finding>) =
            own.iter().partition(|f| f.severity() == Severity::Decides);
        let mut of_endpoint = of_gates(&deciding, comparison);
        let mut size = 0;
        if report.verdict().is_none() {
            let largest = largest_change(report, comparison);
            size = largest.map_or(0, distance);
            of_endpoint.extend(largest.map(|c| of_effect(c, comparison, &whole.noise)));
        }
        if let Some(last) = of_endpoint.last_mut() {
            let failed = warning.iter().filter(|f| f.verdict == Verdict::Fail);
            let words = failed.map(|f| format!("{} (warns only)", of_gate(f, comparison)));
            last.parts.extend(words);
        }
        lines.extend(of_endpoint.into_iter().map(|line| (size, line)));
    }
    lines.sort_by_key(|(size, line)| (rank(line.verdict), std::cmp::Reverse(*size)));
    lines.into_iter().map(|(_, line)| line).collect()
}

fn line(verdict: Verdict, comparison: &Comparison, parts: Vec<String>) -> Headline {
    Headline {
        verdict: Some(verdict),
        word: verdict.as_str().to_owned(),
        endpoint: one_line(&comparison.endpoint).into_owned(),
        parts,
    }
}

fn of_gates(deciding: &[&Finding], comparison: &Comparison) -> Vec<Headline> {
    let (changes, others): (Vec<&Finding>, Vec<&Finding>) = deciding
        .iter()
        .partition(|f| f.gate.condition.scope() == Scope::TwoRuns);
    let mut lines: Vec<Headline> = changes
        .iter()
        .map(|f| line(f.verdict, comparison, vec![of_gate(f, comparison)]))
        .collect();
    let verdict = Verdict::of_all(others.iter().map(|f| f.verdict));
    lines.extend(verdict.map(|verdict| {
        let decisive = others.into_iter().filter(|f| f.verdict == verdict);
        let decisive: Vec<&Finding> = decisive.collect();
        let parts = match verdict {
            verdict if verdict != Verdict::Pass && comparison.planned.after == 0 => {
                vec!["no data".to_owned()]
            }
            _ => of_findings(verdict, &decisive, scale(comparison)),
        };
        line(verdict, comparison, parts)
    }));
    lines
}

/// `P95 −99.0% (103× faster), gate: reduction ≥ 70%`; of a gate on one run as in its own screen.
fn of_gate(finding: &Finding, comparison: &Comparison) -> String {
    let (asked, limit) = match &finding.gate.condition {
        Condition::Reduction { at_least, .. } => {
            (format!("reduction ≥ {at_least}"), -at_least.as_fraction())
        }
        Condition::Baseline { allowance, .. } => (
            format!("≤ baseline + {allowance}"),
            allowance.share().map_or(0.0, |share| share.as_fraction()),
        ),
        _ => return open(finding, scale(comparison)),
    };
    let quantile = finding.gate.condition.quantile();
    let mut changes = comparison.changes.iter();
    let change = changes.find(|change| Some(change.quantile) == quantile);
    let found = match (change, change.and_then(Change::ratio_interval)) {
        (None, _) => "no data".to_owned(),
        (Some(change), None) => format!("{} cannot be compared", change.quantile),
        (Some(change), Some(range)) => {
            let sure = match finding.verdict {
                Verdict::Pass | Verdict::Fail => change.ratio().and_then(multiple),
                Verdict::Inconclusive | Verdict::NotJudged => None,
            };
            let sure = sure.unwrap_or_else(|| interval(range));
            let value = match change.ratio() {
                Some(ratio) => format!("{} ({sure})", signed_against(ratio - 1.0, limit)),
                None => {
                    let observed = change.observed;
                    scale(comparison).both_ranks(observed.before, observed.after)
                }
            };
            format!("{} {value}", change.quantile)
        }
    };
    let reason = match finding.verdict {
        Verdict::Inconclusive => format!(": {}", open_reason(finding)),
        Verdict::Pass | Verdict::Fail | Verdict::NotJudged => String::new(),
    };
    format!("{found}, gate: {asked}{reason}")
}

/// `improved  ingest  P95 323 → 3.14 ms (103× faster)`.
fn of_effect(change: &Change, comparison: &Comparison, noise: &Noise) -> Headline {
    let observed = change.observed;
    let values = scale(comparison).both_ranks(observed.before, observed.after);
    let by = match (change.ratio_interval(), change.ratio()) {
        (Some(_), Some(ratio)) => {
            let by = multiple(ratio).unwrap_or_else(|| signed_percent(ratio - 1.0));
            format!(" ({by})")
        }
        _ => String::new(),
    };
    Headline {
        verdict: None,
        word: effect::of_change(change, noise),
        endpoint: one_line(&comparison.endpoint).into_owned(),
        parts: vec![format!("{} {values}{by}", change.quantile)],
    }
}

/// What changed most in time, of what is shown to have changed; else of what can be compared, else of all.
pub(in crate::report) fn largest_change<'a>(
    report: &Report,
    comparison: &'a Comparison,
) -> Option<&'a Change> {
    let certainty = |change: &Change| match (change.effect, change.ratio_interval()) {
        (Effect::Improved | Effect::Regressed, _) => 2,
        (_, Some(_)) => 1,
        (_, None) => 0,
    };
    let changes = shown(report, comparison, Verbosity::Normal).into_iter();
    changes.max_by_key(|change| (certainty(change), distance(change)))
}

/// By how many ns a percentile moved; among failures it is further away than any latency.
fn distance(change: &Change) -> u64 {
    let ns = |observed: Observed| observed.value().map(|value| value.as_nanos() as u64);
    match (ns(change.observed.before), ns(change.observed.after)) {
        (Some(before), Some(after)) => before.abs_diff(after),
        (None, None) => 0,
        _ => u64::MAX,
    }
}
