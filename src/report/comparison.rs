//! What the faces show of a comparison: the same rows for a terminal and for markdown.

use super::audit;
use super::audit_counts;
use super::model::Report;
use super::row::NOTHING;
use super::text::change::{change_of, interval, points, signed, signed_percent};
use super::text::effect;
use crate::judge::comparison::{Change, Comparison, ErrorRate, ErrorRateChange, Pair};
use crate::judge::gate::AuditCount;
use crate::run::completion::Completion;
use crate::stats::rank::Quantile;
use crate::units::{grouped, percent, trimmed};

/// Column titles of [`rows`].
pub(super) const TITLES: [&str; 6] = [
    "Metric",
    "Before",
    "After",
    "Change",
    "Interval (95 %)",
    "Effect",
];

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
            let count = audit_counts::count(completion, what);
            count.map_or_else(|| "not told".to_owned(), grouped)
        }
    };
    let happened = |what: &AuditCount| {
        let counts = sides
            .iter()
            .flatten()
            .map(|side| audit_counts::count(side, *what));
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
