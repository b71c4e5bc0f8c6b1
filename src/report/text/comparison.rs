//! What a comparison says beside its table.

use super::clock_note::clock_note;
use super::endpoint::noun;
use super::{effect, turns};
use crate::judge::comparison::{Comparison, Dependence};
use crate::report::model::Report;
use crate::units::{grouped, trimmed};

/// `ingest: 600 requests before, 600 after`.
pub(in crate::report) fn heading(comparison: &Comparison) -> String {
    let nouns = comparison.clocks.map(noun);
    let (before, after) = (
        grouped(comparison.planned.before),
        grouped(comparison.planned.after),
    );
    let after = if nouns.before == nouns.after {
        after
    } else {
        format!("{after} {}", nouns.after)
    };
    format!(
        "{}: {before} {} before, {after} after",
        comparison.endpoint, nouns.before
    )
}

/// From this design effect on, bursts are worth a word.
const CLEARLY_IN_BURSTS: f64 = 2.0;

/// What the table cannot say: from where the latencies count, and which percentiles the samples cannot carry.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let clocks = report
        .comparisons()
        .iter()
        .map(|comparison| comparison.clocks);
    for clock in clocks.flat_map(|clocks| [clocks.before, clocks.after]) {
        let note = clock_note(clock).map(str::to_owned);
        notes.extend(note.filter(|note| !notes.contains(note)));
    }
    notes.extend(unresolved(report));
    notes.extend(dependence(report));
    notes.extend(turns::notes(report));
    notes
}

/// How intervals of changes allow for bursts.
fn dependence(report: &Report) -> Vec<String> {
    let changes = report.comparisons().iter().flat_map(|c| &c.changes);
    let sides: Vec<Dependence> = changes
        .flat_map(|change| [change.dependence.before, change.dependence.after])
        .collect();
    let mut notes = Vec::new();
    if sides.contains(&Dependence::Ignored) {
        notes.push("--iid: intervals of changes take requests as independent; if slow ones come in bursts, they are too narrow".to_owned());
    }
    if sides.contains(&Dependence::Unknown) {
        notes.push("the order of the requests is not known on every side, so intervals of changes take them as independent there; if slow ones come in bursts, they are too narrow".to_owned());
    }
    let largest = sides
        .iter()
        .map(|side| side.design_effect())
        .fold(1.0, f64::max);
    if largest >= CLEARLY_IN_BURSTS {
        notes.push(format!(
            "intervals of changes reckon with bursts: up to {} requests are worth one independent one",
            trimmed(largest, 1)
        ));
    }
    notes
}

/// Endpoints that lack the same share a line.
fn unresolved(report: &Report) -> Vec<String> {
    let mut lacking: Vec<(String, Vec<&str>)> = Vec::new();
    for comparison in report.comparisons() {
        let Some(needed) = needed(comparison) else {
            continue;
        };
        match lacking.iter_mut().find(|(same, _)| *same == needed) {
            Some((_, endpoints)) => endpoints.push(&comparison.endpoint),
            None => lacking.push((needed, vec![&comparison.endpoint])),
        }
    }
    let note = |(needed, endpoints): (String, Vec<&str>)| {
        let endpoints = endpoints.join(", ");
        format!("{endpoints}: an interval of the change takes on each side {needed}")
    };
    lacking.into_iter().map(note).collect()
}

/// `368 requests for P99, 3 688 for P99.9`.
fn needed(comparison: &Comparison) -> Option<String> {
    let needed: Vec<String> = comparison
        .changes
        .iter()
        .filter_map(|change| {
            let samples = grouped(change.samples_needed()?);
            Some(format!("{samples} for {}", change.quantile))
        })
        .collect();
    (!needed.is_empty()).then(|| needed.join(", ").replacen(" for ", " requests for ", 1))
}

/// Why each change of an endpoint is what it is.
pub(in crate::report) fn reasons(report: &Report, comparison: &Comparison) -> Vec<String> {
    let Some(whole) = &report.comparison else {
        return Vec::new();
    };
    let changes = comparison.changes.iter();
    changes
        .map(|change| {
            format!(
                "{}: {}: {}{}",
                change.quantile,
                effect::effect(change.effect),
                effect::reason(change, &whole.noise),
                turns::both(change)
            )
        })
        .collect()
}
