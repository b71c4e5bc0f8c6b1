//! What must be known to read the numbers of a report.

use std::time::Duration;

use super::clock_note::clock_note;
use super::comparison;
use super::endpoint::noun;
use super::instrument;
use super::note::note;
use crate::judge::gate::Finding;
use crate::judge::summary::{Percentile, Resolution};
use crate::printable::one_line;
use crate::report::endpoint_report::EndpointReport;
use crate::report::model::Report;
use crate::report::rows::one_run_findings;

use crate::run::recording::TimeBase;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped};

/// What must be known to read the numbers: from where they count, what they cannot resolve, and what
/// the command adds.
pub(in crate::report) fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for endpoint in &report.endpoints {
        let clock = clock_note(endpoint.summary.clock).map(str::to_owned);
        notes.extend(clock.filter(|clock| !notes.contains(clock)));
    }
    let unresolved = report.endpoints.iter();
    notes.extend(unresolved.filter_map(|endpoint| resolution_note(report, endpoint)));
    notes.extend(comparison::notes(report));
    notes.extend(guard_note(report));
    notes.extend(instrument::notes(report));
    notes.extend(report.notes.iter().flat_map(note));
    notes
        .iter()
        .map(|note| one_line(note).into_owned())
        .collect()
}

/// What no screen says in a few words.
pub(super) fn other_notes(report: &Report) -> Vec<String> {
    let unresolved = report.endpoints.iter();
    let unresolved = unresolved.filter_map(|endpoint| resolution_note(report, endpoint));
    let certificates = report.runs.iter().filter_map(instrument::certificate);
    let own = report.notes.iter().flat_map(note);
    unresolved.chain(certificates).chain(own).collect()
}

/// What the verdicts say of bursts.
pub(super) fn guard_note(report: &Report) -> Option<String> {
    let on_one_run = report.findings.iter().filter(|f| f.p_pass.is_some());
    let (guarded, independent): (Vec<_>, Vec<_>) =
        on_one_run.partition(|finding| finding.episodes.is_some());
    let mut excluded: Vec<Duration> = guarded
        .iter()
        .filter_map(|finding| Some(finding.episodes?.excluded))
        .collect();
    excluded.sort_unstable();
    excluded.dedup();
    let excluded: Vec<String> = excluded
        .into_iter()
        .map(|d| Pretty(d).to_string())
        .collect();
    let given = |f: &&Finding| {
        let own = report.endpoints.iter().find(|e| e.name == f.endpoint);
        own.is_some_and(|endpoint| endpoint.summary.clock == TimeBase::Given)
    };
    // What a comparison says of bursts stands in its own notes.
    let (verdicts, pass) = if report.comparisons().is_empty() {
        ("the verdicts", "a PASS")
    } else {
        ("the verdicts on one run", "such a PASS")
    };
    if guarded.is_empty() {
        return (!independent.is_empty()).then(|| {
            "--iid: requests are taken as independent; if slow ones come in bursts, the verdicts are less certain \
             than stated"
                .to_owned()
        });
    }
    Some(if guarded.iter().all(given) {
        format!(
            "{verdicts} reckon with bursts; without a rate, a slow episode to exclude is taken as 1 sample"
        )
    } else {
        let excluded = excluded.join(" and ");
        format!("{verdicts} reckon with bursts; {pass} excludes slow episodes of {excluded}")
    })
}

/// `health: 10 samples: P95 and P99 are both the maximum; …`.
fn resolution_note(report: &Report, endpoint: &EndpointReport) -> Option<String> {
    let percentiles: Vec<Percentile> = gated_quantiles(report, &endpoint.name)
        .into_iter()
        .map(|quantile| endpoint.summary.percentile(quantile))
        .collect();
    let needed: Vec<String> = percentiles
        .iter()
        .filter(|percentile| percentile.resolution == Resolution::Unresolved)
        .map(|p| format!("{} for {}", grouped(p.samples_needed), p.quantile))
        .collect();
    let n = endpoint.summary.planned();
    if n == 0 || needed.is_empty() {
        return None;
    }
    let at_maximum: Vec<String> = percentiles
        .iter()
        .filter(|percentile| percentile.rank == n)
        .map(|percentile| percentile.quantile.to_string())
        .collect();
    let maximum = match at_maximum.as_slice() {
        [] => String::new(),
        [one] => format!("{one} is the maximum; "),
        [a, b] => format!("{a} and {b} are both the maximum; "),
        [rest @ .., last] => format!("{} and {last} are all the maximum; ", rest.join(", ")),
    };
    Some(format!(
        "{}: {} {}: {maximum}an interval with two ends takes {}",
        endpoint.name,
        grouped(n),
        noun(endpoint.summary.clock),
        needed.join(", ")
    ))
}

/// The percentiles that were asked for, ascending; the customary ones if nothing was asked at all.
fn gated_quantiles(report: &Report, endpoint: &str) -> Vec<Quantile> {
    let findings = one_run_findings(report, endpoint);
    let gated = findings.iter().filter_map(|f| f.gate.condition.quantile());
    let mut quantiles: Vec<Quantile> = if report.findings.is_empty() {
        vec![Quantile::P50, Quantile::P95, Quantile::P99]
    } else {
        gated.collect()
    };
    quantiles.sort_unstable();
    quantiles.dedup();
    quantiles
}
