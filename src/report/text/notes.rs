//! What must be known to read the numbers of a report.

use std::time::Duration;

use super::addresses;
use super::baseline::drift_note;
use super::clock_note::clock_note;
use super::comparison;
use super::endpoint::noun;
use super::instrument;
use super::note::note;
use super::stream_use;
use crate::judge::gate::Finding;
use crate::judge::summary::{Observed, Percentile, Resolution};
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
    notes.extend(report.baseline.as_ref().map(drift_note));
    notes.extend(instrument::notes(report));
    let names = report.runs.iter().flat_map(|run| &run.addresses);
    notes.extend(names.map(addresses::long));
    let streams = report.runs.iter().flat_map(|run| &run.streams);
    notes.extend(streams.map(stream_use::long));
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

/// Which slow spells the verdicts allow for.
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
    // A comparison has its own note on slow spells.
    let verdicts = if report.comparisons().is_empty() {
        "the verdicts"
    } else {
        "the verdicts on one run"
    };
    if guarded.is_empty() {
        return (!independent.is_empty()).then(|| {
            "--iid: requests are treated as independent; if slow ones come in spells, the verdicts are less certain than stated"
                .to_owned()
        });
    }
    Some(if guarded.iter().all(|f| is_given(report, f)) {
        format!("{verdicts} allow for slow spells of 1 sample, because no rate is known")
    } else {
        let excluded = excluded.join(" and ");
        format!("{verdicts} allow for slow spells of up to {excluded}")
    })
}

/// Whether a finding is about latencies of a file, which have no rate.
pub(super) fn is_given(report: &Report, finding: &Finding) -> bool {
    let of_run = report
        .endpoints
        .iter()
        .filter(|e| e.name == finding.endpoint);
    let of_run = of_run.map(|endpoint| endpoint.summary.clock);
    let compared = report.comparisons().iter();
    let compared = compared.filter(|c| c.endpoint == finding.endpoint);
    let mut clocks = of_run.chain(compared.map(|c| c.clocks.after));
    clocks.next() == Some(TimeBase::Given)
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
        // No number of requests gives a ramp a percentile.
        .filter(|percentile| percentile.value != Observed::AcrossRamp)
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
        "{}: {} {}: {maximum}a two-sided interval needs {}",
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
