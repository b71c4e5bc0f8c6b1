//! The lines of a comparison other than its table.

use super::clock_note::clock_note;
use super::endpoint::noun;
use super::{effect, turns};
use crate::judge::comparison::{Change, Comparison, Dependence};
use crate::report::figures::thousands;
use crate::report::model::Report;
use crate::stats::rank::Quantile;
use crate::units::trimmed;

/// `ingest: 600 requests before, 600 after`.
pub(in crate::report) fn heading(comparison: &Comparison) -> String {
    format!("{}: {}", comparison.endpoint, both_sides(comparison))
}

/// `600 requests before, 580 after`.
pub(super) fn both_sides(comparison: &Comparison) -> String {
    let nouns = comparison.clocks.map(noun);
    let counts = comparison.planned.map(thousands);
    let after = if nouns.before == nouns.after {
        String::new()
    } else {
        format!(" {}", nouns.after)
    };
    format!(
        "{} {} before, {}{after} after",
        counts.before, nouns.before, counts.after
    )
}

/// What the table cannot say: from where the latencies count, and which percentiles have too few samples.
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

/// What is known of bursts, of every side of every change.
pub(super) fn dependences(report: &Report) -> Vec<Dependence> {
    let changes = report.comparisons().iter().flat_map(|c| &c.changes);
    changes
        .flat_map(|change| [change.dependence.before, change.dependence.after])
        .collect()
}

/// How intervals of changes allow for bursts.
pub(super) fn dependence(report: &Report) -> Vec<String> {
    let sides = dependences(report);
    let mut notes = Vec::new();
    if sides.contains(&Dependence::Ignored) {
        notes.push("--iid: intervals of changes treat requests as independent; if slow ones come in spells, the intervals are too narrow".to_owned());
    }
    if sides.contains(&Dependence::Unknown) {
        notes.push("the order of the requests is unknown on one side, so its intervals treat requests as independent; if slow ones come in spells, the intervals are too narrow".to_owned());
    }
    let in_bursts = sides.iter().filter(|side| side.shows_bursts());
    let largest = in_bursts.map(|side| side.design_effect()).reduce(f64::max);
    notes.extend(largest.map(|largest| {
        format!(
            "intervals of changes allow for slow spells: up to {} requests count as one independent request",
            trimmed(largest, 1)
        )
    }));
    notes
}

/// One line a percentile without an interval, with the largest need; endpoints are named where others have one.
fn unresolved(report: &Report) -> Vec<String> {
    let changes = report.comparisons().iter().flat_map(|c| &c.changes);
    let mut quantiles: Vec<Quantile> = changes.map(|change| change.quantile).collect();
    quantiles.sort_unstable();
    quantiles.dedup();
    let lines = quantiles.into_iter();
    lines.filter_map(|q| cannot_compare(report, q)).collect()
}

/// `P99 cannot be compared: needs 669 requests per side (you have 600)`.
pub(in crate::report) fn cannot_compare(report: &Report, quantile: Quantile) -> Option<String> {
    let comparisons = report.comparisons();
    let lack = |comparison: &Comparison| {
        let change = comparison.changes.iter().find(|c| c.quantile == quantile);
        change.and_then(Change::samples_needed)
    };
    let lacking = comparisons.iter().filter_map(|c| Some((c, lack(c)?)));
    let (largest, needed) = lacking.clone().max_by_key(|(_, needed)| *needed)?;
    let names: Vec<&str> = lacking.map(|(c, _)| c.endpoint.as_str()).collect();
    let names = if names.len() == comparisons.len() {
        String::new()
    } else {
        format!("{} ", names.join(", "))
    };
    let planned = largest.planned;
    Some(format!(
        "{names}{quantile} cannot be compared: needs {} {} per side (you have {})",
        thousands(needed),
        noun(largest.clocks.after),
        thousands(planned.before.min(planned.after))
    ))
}

/// Why each change of an endpoint is what it is; what cannot be compared has a line of its own below the tables.
pub(in crate::report) fn reasons(report: &Report, comparison: &Comparison) -> Vec<String> {
    let Some(whole) = &report.comparison else {
        return Vec::new();
    };
    let changes = comparison.changes.iter();
    let compared = changes.filter(|change| change.samples_needed().is_none());
    compared
        .map(|change| {
            format!(
                "{}: {}: {}{}",
                change.quantile,
                effect::of_change(change, &whole.noise),
                effect::reason(change, &whole.noise),
                turns::both(change)
            )
        })
        .collect()
}
