//! What the faces show of a comparison: the same rows for a terminal and for markdown, and its data.

mod data;
mod turns;

use super::text::effect::{self, speed};
use super::{Report, RunInfo, audit, text, warnings};
use crate::judge::comparison::{
    Change, ChangeRange, Comparison, Dependence, ErrorRate, ErrorRateChange, Noise, Pair,
};
use crate::judge::gate::AuditCount;
use crate::run::completion::{Audit, Completion};
use crate::run::run_file::Run;
use crate::stats::rank::Quantile;
use crate::units::{grouped, percent, trimmed};

pub(super) use data::csv_rows;
pub use data::{JsonChange, JsonErrorRate, JsonRates};
pub use turns::TurnsReport;

/// What a comparison has to say.
#[derive(Clone, Debug)]
pub struct ComparisonReport {
    /// What counted as no change.
    pub noise: Noise,
    /// One an endpoint.
    pub comparisons: Vec<Comparison>,
    /// What became of what was accepted, in the same order; empty where neither side was audited.
    pub audits: Vec<Pair<Option<Audit>>>,
    /// How both sides were measured in turns; of `ab` alone.
    pub turns: Option<TurnsReport>,
}

/// Column titles of [`rows`].
pub(super) const TITLES: [&str; 6] = [
    "Metric",
    "Before",
    "After",
    "Change",
    "Interval (95 %)",
    "Effect",
];

/// From this design effect on, bursts are worth a word.
const CLEARLY_IN_BURSTS: f64 = 2.0;

/// Where there is nothing to say.
const NOTHING: &str = "–";

/// A percentile was a latency and is none any more.
const NOW_FAILS: &str = "now fails";

/// A percentile was no latency and is one now.
const FAILS_NO_MORE: &str = "fails no more";

impl Report {
    /// Adds one of two compared runs: its plan in brief, and what warns of itself in it.
    pub fn add_compared_run(&mut self, label: &str, run: &Run) {
        self.runs.push(RunInfo::of(label, run));
        self.warnings.extend(warnings::of(label, run));
    }

    /// The comparisons, if this is a report of any.
    pub(super) fn comparisons(&self) -> &[Comparison] {
        match &self.comparison {
            Some(comparison) => &comparison.comparisons,
            None => &[],
        }
    }
}

/// `ingest: 600 requests before, 600 after`.
pub(super) fn heading(comparison: &Comparison) -> String {
    let nouns = comparison.clocks.map(text::noun);
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

/// The lines of a comparison's table: percentiles, error rate, achieved rate where it is known.
pub(super) fn rows(comparison: &Comparison) -> Vec<[String; 6]> {
    let mut rows: Vec<[String; 6]> = comparison.changes.iter().map(percentile_row).collect();
    rows.push(error_row(&comparison.error_rate));
    rows.extend(achieved_row(comparison.achieved_per_s));
    rows
}

/// What the audits of both sides found, where there is one; no change is claimed of it.
pub(super) fn audit_rows(report: &Report, comparison: &Comparison) -> Vec<[String; 6]> {
    let Some(whole) = &report.comparison else {
        return Vec::new();
    };
    let own = |c: &&Comparison| c.endpoint == comparison.endpoint;
    let place = whole.comparisons.iter().position(|c| own(&c));
    let Some(audits) = place.and_then(|place| whole.audits.get(place)) else {
        return Vec::new();
    };
    let sides = [&audits.before, &audits.after].map(|audit| audit.as_ref()?.completion());
    if sides.iter().all(Option::is_none) {
        return Vec::new();
    }
    let row = |metric: &str, cell: &dyn Fn(&Completion) -> String| {
        let [before, after] = sides.map(|side| side.map_or_else(|| NOTHING.to_owned(), cell));
        let nothing = || NOTHING.to_owned();
        [
            metric.to_owned(),
            before,
            after,
            nothing(),
            nothing(),
            nothing(),
        ]
    };
    let done = |completion: &Completion| {
        let summary = audit::summary(completion);
        summary.percentile(Quantile::P95).value.to_string()
    };
    let count = |what: AuditCount| {
        move |completion: &Completion| {
            let count = audit::count(completion, what);
            count.map_or_else(|| "not told".to_owned(), grouped)
        }
    };
    let happened = |what: &AuditCount| {
        let counts = sides.iter().flatten().map(|side| audit::count(side, *what));
        audit::is_always_shown(*what) || counts.flatten().any(|count| count > 0)
    };
    let counts = AuditCount::ALL.into_iter().filter(happened);
    let mut rows = vec![row("done P95", &done)];
    rows.extend(counts.map(|what| row(what.as_str(), &count(what))));
    rows
}

fn percentile_row(change: &Change) -> [String; 6] {
    [
        change.quantile.to_string(),
        change.observed.before.to_string(),
        change.observed.after.to_string(),
        change_of(change),
        match change.ratio_interval() {
            Some(ratio) => interval(ratio),
            None => "cannot be resolved".to_owned(),
        },
        effect::effect(change.effect).to_owned(),
    ]
}

/// `3.21× faster`; where there is no number on one side, what became of it.
fn change_of(change: &Change) -> String {
    let numbers = change.observed.map(|observed| observed.value().is_some());
    match (change.ratio(), numbers.before, numbers.after) {
        (Some(ratio), _, _) => speed(ratio),
        (None, true, false) => NOW_FAILS.to_owned(),
        (None, false, true) => FAILS_NO_MORE.to_owned(),
        (None, _, _) => NOTHING.to_owned(),
    }
}

/// As times where both ends are at least 2×, else as signed percentages.
fn interval(ratio: ChangeRange) -> String {
    let (low, high) = (ratio.low, ratio.high);
    if low.is_infinite() {
        return NOW_FAILS.to_owned();
    }
    if high == 0.0 {
        return FAILS_NO_MORE.to_owned();
    }
    if low <= 0.0 && high.is_infinite() {
        return "not bounded".to_owned();
    }
    if low >= 2.0 && high.is_finite() {
        return spanned(&speed(low), &speed(high));
    }
    if high <= 0.5 && low > 0.0 {
        return spanned(&speed(high), &speed(low));
    }
    let (lowest, highest) = (signed_percent(low - 1.0), signed_percent(high - 1.0));
    if low > 0.0 && high.is_finite() {
        format!("{lowest} … {highest}")
    } else if low > 0.0 {
        format!("≥ {lowest}")
    } else {
        format!("≤ {highest}")
    }
}

/// `2.9× – 3.5× faster` of `2.9× faster` and `3.5× faster`.
fn spanned(from: &str, to: &str) -> String {
    let number = from.split(' ').next().unwrap_or_default();
    if number.is_empty() || from == to {
        to.to_owned()
    } else {
        format!("{number} – {to}")
    }
}

fn error_row(change: &ErrorRateChange) -> [String; 6] {
    let rate = |rate: ErrorRate| match rate.share() {
        Some(share) => format!("{} ({})", percent(share), grouped(rate.not_ok)),
        None => "no data".to_owned(),
    };
    let no_failures = change.rates.before.not_ok == 0 && change.rates.after.not_ok == 0;
    [
        "error rate".to_owned(),
        rate(change.rates.before),
        rate(change.rates.after),
        change.difference.map_or(NOTHING.to_owned(), |difference| {
            if difference == 0.0 {
                "unchanged".to_owned()
            } else {
                points(difference)
            }
        }),
        change.interval.map_or(NOTHING.to_owned(), |interval| {
            let low = signed(interval.low * 100.0, 2, "");
            format!("{low}… {}", points(interval.high))
        }),
        // Nobody failed: that nothing is shown about a change is no news.
        if no_failures {
            NOTHING.to_owned()
        } else {
            effect::effect(change.effect).to_owned()
        },
    ]
}

fn achieved_row(achieved: Pair<Option<f64>>) -> Option<[String; 6]> {
    if achieved.before.is_none() && achieved.after.is_none() {
        return None;
    }
    let rate = |rate: Option<f64>| {
        rate.map_or(NOTHING.to_owned(), |rate| format!("{}/s", trimmed(rate, 2)))
    };
    let change = achieved.before.zip(achieved.after);
    Some([
        "achieved rate".to_owned(),
        rate(achieved.before),
        rate(achieved.after),
        change.map_or(NOTHING.to_owned(), |(before, after)| {
            signed_percent(after / before - 1.0)
        }),
        NOTHING.to_owned(),
        NOTHING.to_owned(),
    ])
}

/// `−12.5 %`.
fn signed_percent(share: f64) -> String {
    signed(share * 100.0, 1, "%")
}

/// `−0.52 points`: percentage points, so that they are not taken for percent of the rate.
fn points(share: f64) -> String {
    signed(share * 100.0, 2, "points")
}

fn signed(value: f64, digits: usize, unit: &str) -> String {
    let number = trimmed(value.abs(), digits);
    let sign = match number.as_str() {
        "0" => "±",
        _ if value < 0.0 => "−",
        _ => "+",
    };
    format!("{sign}{number} {unit}")
}

/// What the table cannot say: from where the latencies count, and which percentiles the samples cannot carry.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let clocks = report
        .comparisons()
        .iter()
        .map(|comparison| comparison.clocks);
    for clock in clocks.flat_map(|clocks| [clocks.before, clocks.after]) {
        let note = text::clock_note(clock).map(str::to_owned);
        notes.extend(note.filter(|note| !notes.contains(note)));
    }
    notes.extend(unresolved(report));
    notes.extend(dependence(report));
    notes.extend(turns::notes(report));
    notes
}

/// How intervals of changes reckon with bursts.
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
pub(super) fn reasons(report: &Report, comparison: &Comparison) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::{ChangeRange, interval, points, signed_percent};

    #[test]
    fn intervals_read_in_the_words_of_their_change() {
        let open = f64::INFINITY;
        for ((low, high), words) in [
            ((0.25, 0.4), "2.5× – 4× faster"),
            ((0.25, 0.25), "4× faster"),
            ((2.0, 3.5), "2× – 3.5× slower"),
            ((0.4, 0.6), "−60 % … −40 %"),
            ((0.95, 1.021), "−5 % … +2.1 %"),
            ((1.0, 1.0), "±0 % … ±0 %"),
            ((1.5, open), "≥ +50 %"),
            ((0.0, 0.3), "≤ −70 %"),
            ((0.0, open), "not bounded"),
            ((open, open), "now fails"),
            ((0.0, 0.0), "fails no more"),
        ] {
            assert_eq!(
                interval(ChangeRange { low, high }),
                words,
                "{low} to {high}"
            );
        }
        assert_eq!(points(-0.00523), "−0.52 points");
        assert_eq!(signed_percent(0.0), "±0 %");
    }
}
