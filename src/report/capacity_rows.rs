//! The rows of a capacity search, for a screen, for Markdown and for a page.

use super::capacity_change::LabelledSearch;
use super::capacity_report::CapacityReport;
use super::capacity_trial::CapacityTrial;
use super::figures::{LatencyScale, per_second, share, thousands};
use super::style::Verbosity;
use super::text::capacity as text;
use crate::judge::capacity::{TrialPurpose, TrialVerdict};
use crate::units::Pretty;
use crate::verdict::Verdict;

/// The titles of a table of brackets.
pub(in crate::report) const TITLES_OF_BRACKETS: [&str; 5] =
    ["search", "holds at", "fails at", "trials of", "ended"];

/// The trials of a search as a table.
pub(in crate::report) struct CapacityRows {
    /// Of all columns, the last of which holds the verdict.
    pub(in crate::report) titles: Vec<String>,
    /// Which columns hold numbers.
    pub(in crate::report) numbers: Vec<bool>,
    pub(in crate::report) rows: Vec<CapacityRow>,
}

/// A trial, or both blocks of a rate.
pub(in crate::report) struct CapacityRow {
    /// Without the verdict.
    pub(in crate::report) cells: Vec<String>,
    /// What is shown of it,
    pub(in crate::report) verdict: Option<Verdict>,
    /// or what is said instead.
    pub(in crate::report) word: &'static str,
}

impl CapacityRows {
    /// All trials, or those that led to the result.
    pub(in crate::report) fn of(report: &CapacityReport, verbosity: Verbosity) -> CapacityRows {
        let is_of_work = report.is_of_work();
        let metric = report.trials.first().map(|trial| trial.metric.shown());
        let mut titles = vec!["rate", "purpose", "requests", "sent"];
        let metric = metric.unwrap_or_default();
        titles.push(&metric);
        titles.extend(is_of_work.then_some("drained"));
        titles.extend(["recovered", "verdict"]);
        let numbers = titles
            .iter()
            .map(|title| !matches!(*title, "purpose" | "verdict"));
        let trials = &report.trials;
        let shown = (0..trials.len())
            .filter(|&index| verbosity == Verbosity::Full || is_shown(trials, index));
        CapacityRows {
            numbers: numbers.collect(),
            titles: titles.iter().map(|&title| title.to_owned()).collect(),
            rows: shown
                .map(|index| CapacityRow::of(trials, index, is_of_work))
                .collect(),
        }
    }
}

/// Of the trials that doubled the rate, the last good one and the bad one; of both blocks of a rate, the second.
fn is_shown(trials: &[CapacityTrial], index: usize) -> bool {
    let trial = &trials[index];
    match trial.purpose {
        TrialPurpose::Expand => {
            let next = trials.get(index + 1);
            trial.verdict != TrialVerdict::Pass
                || next.is_none_or(|next| {
                    next.purpose != TrialPurpose::Expand || next.verdict != TrialVerdict::Pass
                })
        }
        TrialPurpose::Block(_) => {
            trial.pair.is_none()
                || !trials[index + 1..]
                    .iter()
                    .any(|later| is_same_pair(trial, later))
        }
        TrialPurpose::Reference | TrialPurpose::Narrow => true,
    }
}

fn is_same_pair(one: &CapacityTrial, other: &CapacityTrial) -> bool {
    let number = |trial: &CapacityTrial| trial.pair.map(|pair| pair.number);
    number(one).is_some() && number(one) == number(other)
}

impl CapacityRow {
    fn of(trials: &[CapacityTrial], index: usize, is_of_work: bool) -> CapacityRow {
        let trial = &trials[index];
        let first = trials[..index]
            .iter()
            .find(|earlier| is_same_pair(earlier, trial));
        let is_second = first.is_some();
        let sum = |count: fn(&CapacityTrial) -> u64| count(trial) + first.map_or(0, count);
        let (requests, sent) = (sum(|t| t.requests), sum(|t| t.sent));
        let (verdict, value) = match trial.pair {
            Some(pair) if is_second => (pair.verdict, pair.value),
            _ => (trial.verdict, trial.value),
        };
        let claims_nothing = match trial.pair {
            Some(_) => !is_second,
            // A block whose pair was not completed.
            None => matches!(trial.purpose, TrialPurpose::Block(_)),
        };
        let mut cells = vec![
            per_second(trial.rate),
            text::purpose(trial.purpose).to_owned(),
            thousands(requests),
            share(sent as f64 / (requests as f64).max(1.0)),
            LatencyScale::Millis.observed(value),
        ];
        cells.extend(is_of_work.then(|| text::drained(trial.work.as_ref())));
        cells.push(text::recovery(trial));
        if claims_nothing {
            return CapacityRow {
                cells,
                verdict: None,
                word: "–",
            };
        }
        CapacityRow {
            cells,
            verdict: shown(trial.purpose, verdict),
            word: text::trial_verdict(trial.purpose, verdict),
        }
    }
}

/// A trial that only looked well while rates were doubled claims nothing.
fn shown(purpose: TrialPurpose, verdict: TrialVerdict) -> Option<Verdict> {
    match verdict {
        TrialVerdict::Fail => Some(Verdict::Fail),
        TrialVerdict::Pass => match purpose {
            TrialPurpose::Expand | TrialPurpose::Reference => None,
            TrialPurpose::Narrow | TrialPurpose::Block(_) => Some(Verdict::Pass),
        },
        TrialVerdict::Growing | TrialVerdict::Undecided(_) | TrialVerdict::ClientLimited => None,
    }
}

/// The bracket of a search among others.
pub(in crate::report) fn bracket_row(search: LabelledSearch<'_>) -> [String; 5] {
    let bracket = search.report.bracket();
    let at = |rate: Option<f64>| rate.map_or_else(|| "–".to_owned(), per_second);
    [
        search.label.to_owned(),
        at(bracket.lower),
        at(bracket.upper),
        Pretty(search.report.options.durations.block).to_string(),
        text::ended(search.report).to_owned(),
    ]
}
