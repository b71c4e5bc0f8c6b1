//! Sentences of the page of a capacity search.

use super::goal;
use crate::printable::one_line;
use crate::report::capacity_report::{CapacityOutcome, CapacityReport};
use crate::report::capacity_trial::CapacityTrial;
use crate::report::figures::{per_second, share, thousands};
use crate::units::Pretty;

/// Under the headline: the goal, the trials, and what lies between both rates.
pub(in crate::report) fn capacity_lede(report: &CapacityReport) -> String {
    let requests: u64 = report.trials.iter().map(|trial| trial.requests).sum();
    let sent = format!(
        "{} requests to {} in {} trials.",
        thousands(requests),
        one_line(&report.endpoint),
        report.trials.len()
    );
    let goal = format!("The goal is {}.", goal(&report.gates));
    let between = match &report.outcome {
        CapacityOutcome::Searched(result) if result.lower.is_some() && result.upper.is_some() => {
            format!(
                " Between the two rates nothing is shown, and trials longer than {} can fail where these pass.",
                Pretty(report.options.durations.block)
            )
        }
        _ => String::new(),
    };
    format!("{goal} {sent}{between}")
}

/// `At 20/s P99 is 98 ms, at 640/s 1,840 ms.` as far as both ends have a value.
pub(in crate::report) fn latency_sentence(report: &CapacityReport) -> String {
    let measured = |trial: &&CapacityTrial| trial.value.value().is_some();
    let of = |trial: &CapacityTrial| {
        format!(
            "{} at {}",
            crate::report::figures::LatencyScale::Millis.observed(trial.value),
            per_second(trial.rate)
        )
    };
    let trials = || report.trials.iter().filter(measured);
    let lowest = trials().min_by(|a, b| a.rate.total_cmp(&b.rate));
    let highest = trials().max_by(|a, b| a.rate.total_cmp(&b.rate));
    match (lowest, highest) {
        (Some(lowest), Some(highest)) if lowest.rate < highest.rate => format!(
            "{} is {} and {}. A dot is one trial.",
            lowest.metric.shown(),
            of(lowest),
            of(highest)
        ),
        (Some(only), _) => format!("{} is {}.", only.metric.shown(), of(only)),
        _ => "No trial has a percentile: too many requests failed.".to_owned(),
    }
}

/// `No request failed.`, or the trial with the largest share of failures.
pub(in crate::report) fn errors_sentence(report: &CapacityReport) -> String {
    let part = |trial: &CapacityTrial| trial.failed as f64 / (trial.requests as f64).max(1.0);
    let worst = report
        .trials
        .iter()
        .max_by(|a, b| part(a).total_cmp(&part(b)));
    match worst.filter(|trial| trial.failed > 0) {
        Some(trial) => format!(
            "At most {} of the requests of a trial failed, at {}.",
            share(part(trial)),
            per_second(trial.rate)
        ),
        None => "No request failed.".to_owned(),
    }
}

/// How much of each rate was offered.
pub(in crate::report) fn achieved_sentence(report: &CapacityReport) -> String {
    let part = |trial: &CapacityTrial| trial.sent as f64 / (trial.requests as f64).max(1.0);
    let least = report
        .trials
        .iter()
        .min_by(|a, b| part(a).total_cmp(&part(b)));
    match least.filter(|trial| trial.sent < trial.requests) {
        Some(trial) => format!(
            "At least {} of each rate was sent; the least at {}.",
            share(part(trial)),
            per_second(trial.rate)
        ),
        None => "Every planned request was sent.".to_owned(),
    }
}
