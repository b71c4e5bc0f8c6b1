//! What the faces show of a comparison: the same rows for a terminal and for markdown.

use std::time::Duration;

use super::audit;
use super::audit_counts;
use super::figures::{LatencyScale, share, thousands};
use super::model::Report;
use super::row::NOTHING;
use super::style::Verbosity;
use super::text::change::{change_of, interval, points, points_interval, signed_percent};
use super::text::{effect, sent_per_second};
use crate::judge::comparison::{Change, Comparison, ErrorRate, ErrorRateChange, Noise, Pair};
use crate::judge::gate::AuditCount;
use crate::run::completion::Completion;
use crate::run::recording::TimeBase;
use crate::stats::rank::Quantile;

/// Column titles of a comparison; the first is the endpoint's name where there is room for it.
pub(super) const TITLES: [&str; 6] = [
    "metric",
    "before",
    "after",
    "change",
    "95% interval",
    "effect",
];

/// One line of a comparison's table.
pub(super) struct ComparisonRow {
    /// Of which percentile of the response time.
    pub(super) quantile: Option<Quantile>,
    /// Under [`TITLES`].
    pub(super) cells: [String; 6],
}

impl ComparisonRow {
    fn of(cells: [String; 6]) -> ComparisonRow {
        ComparisonRow {
            quantile: None,
            cells,
        }
    }

    /// Both sides alone: no change is claimed.
    fn of_sides(metric: &str, sides: Pair<String>) -> ComparisonRow {
        let nothing = || NOTHING.to_owned();
        let Pair { before, after } = sides;
        let metric = metric.to_owned();
        ComparisonRow::of([metric, before, after, nothing(), nothing(), nothing()])
    }
}

/// The lines of a comparison's table: percentiles, failures, and in full the rate and the audits of both sides.
pub(super) fn rows(
    report: &Report,
    comparison: &Comparison,
    verbosity: Verbosity,
) -> Vec<ComparisonRow> {
    let noise = report.comparison.as_ref().map(|whole| whole.noise);
    let noise = noise.unwrap_or_default();
    let scale = scale(comparison);
    let changes = shown(report, comparison, verbosity).into_iter();
    let mut rows: Vec<ComparisonRow> = changes
        .map(|change| percentile_row(change, scale, &noise))
        .collect();
    rows.push(error_row(&comparison.error_rate));
    if verbosity == Verbosity::Full {
        rows.extend(sent_row(comparison.achieved_per_s));
    }
    rows.extend(audit_rows(report, comparison, verbosity));
    rows
}

/// P50, P95 and P99, those with a gate, P99.9 where it can be compared; in full all.
pub(super) fn shown<'a>(
    report: &Report,
    comparison: &'a Comparison,
    verbosity: Verbosity,
) -> Vec<&'a Change> {
    let own = report.findings.iter();
    let own = own.filter(|f| f.endpoint == comparison.endpoint);
    let gated: Vec<Quantile> = own.filter_map(|f| f.gate.condition.quantile()).collect();
    let is_shown = |change: &&Change| match change.quantile {
        _ if verbosity == Verbosity::Full => true,
        Quantile::P50 | Quantile::P95 | Quantile::P99 => true,
        Quantile::P999 if change.ratio_interval().is_some() => true,
        quantile => gated.contains(&quantile),
    };
    comparison.changes.iter().filter(is_shown).collect()
}

/// The unit of the latencies of both sides.
pub(super) fn scale(comparison: &Comparison) -> LatencyScale {
    let clocks = comparison.clocks;
    if [clocks.before, clocks.after].contains(&TimeBase::Given) {
        return LatencyScale::AsGiven;
    }
    let observed = comparison.changes.iter().map(|change| change.observed);
    let observed = observed.flat_map(|sides| [sides.before, sides.after]);
    LatencyScale::of(observed.filter_map(|value| value.value()))
}

fn percentile_row(change: &Change, scale: LatencyScale, noise: &Noise) -> ComparisonRow {
    ComparisonRow {
        quantile: Some(change.quantile),
        cells: [
            change.quantile.to_string(),
            scale.precise_rank(change.observed.before),
            scale.precise_rank(change.observed.after),
            change_of(change),
            change
                .ratio_interval()
                .map_or_else(|| NOTHING.to_owned(), interval),
            effect::of_change(change, noise),
        ],
    }
}

fn error_row(change: &ErrorRateChange) -> ComparisonRow {
    let rate = |rate: ErrorRate| match rate.share() {
        Some(failed) => share(failed),
        None => "no data".to_owned(),
    };
    let no_failures = change.rates.before.not_ok == 0 && change.rates.after.not_ok == 0;
    let nothing = || NOTHING.to_owned();
    ComparisonRow::of([
        "failed".to_owned(),
        rate(change.rates.before),
        rate(change.rates.after),
        change.difference.map_or_else(nothing, points),
        change.interval.map_or_else(nothing, points_interval),
        // Without a failure, that nothing is shown about a change is not worth a word.
        if no_failures {
            nothing()
        } else {
            effect::decided(change.effect).to_owned()
        },
    ])
}

fn sent_row(sent: Pair<Option<f64>>) -> Option<ComparisonRow> {
    let (before, after) = (sent.before, sent.after);
    before.or(after)?;
    let mut row = ComparisonRow::of_sides("sent", sent.map(sent_per_second));
    if let (Some(before), Some(after)) = (before, after) {
        row.cells[3] = signed_percent(after / before - 1.0);
    }
    Some(row)
}

/// What the audits of both sides found, where there is one: counts that are not zero, in full all.
fn audit_rows(
    report: &Report,
    comparison: &Comparison,
    verbosity: Verbosity,
) -> Vec<ComparisonRow> {
    let Some(whole) = &report.comparison else {
        return Vec::new();
    };
    let own = |c: &&Comparison| c.endpoint == comparison.endpoint;
    let place = whole.comparisons.iter().position(|c| own(&c));
    let Some(audits) = place.and_then(|place| whole.audits.get(place)) else {
        return Vec::new();
    };
    let sides = Pair {
        before: audits.before.as_ref().and_then(|audit| audit.completion()),
        after: audits.after.as_ref().and_then(|audit| audit.completion()),
    };
    let known: Vec<&Completion> = [sides.before, sides.after].into_iter().flatten().collect();
    if known.is_empty() {
        return Vec::new();
    }
    let row = |metric: &str, cell: &dyn Fn(&Completion) -> String| {
        let cells = sides.map(|side| side.map_or_else(|| NOTHING.to_owned(), cell));
        ComparisonRow::of_sides(metric, cells)
    };
    let count = |what: AuditCount| {
        move |completion: &Completion| {
            let count = audit_counts::count(completion, what);
            count.map_or_else(|| "unknown".to_owned(), thousands)
        }
    };
    let is_shown = |what: &AuditCount| {
        let counts = known.iter().map(|side| audit_counts::count(side, *what));
        let happened = counts.flatten().any(|count| count > 0);
        happened || verbosity == Verbosity::Full && audit::is_always_shown(*what)
    };
    let mut rows = Vec::new();
    if verbosity == Verbosity::Full {
        rows.push(row("done P95", &done));
    }
    let counts = AuditCount::ALL.into_iter().filter(is_shown);
    rows.extend(counts.map(|what| row(what.as_str(), &count(what))));
    rows
}

/// P95 of the time from acceptance to completion.
fn done(completion: &Completion) -> String {
    let value = audit_counts::summary(completion)
        .percentile(Quantile::P95)
        .value;
    let scale = LatencyScale::of(value.value().into_iter().collect::<Vec<Duration>>());
    scale.precise_rank(value)
}
