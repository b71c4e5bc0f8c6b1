//! The sentences of a capacity search.

use std::time::Duration;

mod change;
mod expectation;
mod page;

use super::headline;
use crate::judge::capacity::{
    CapacityBracket, CapacityEnd, CapacityResult, ShareSide, TrialPurpose, TrialVerdict,
};
use crate::judge::gate::{Condition, Gate};
use crate::judge::summary::Observed;
use crate::printable::one_line;
use crate::report::capacity_report::{AskedCapacity, CapacityOutcome, CapacityReport};
use crate::report::capacity_trial::{CapacityTrial, TrialRecovery, TrialTrace, TrialWork};
use crate::report::figures::{LatencyScale, per_second, thousands};
use crate::units::{Exact, Pretty, trimmed};
use crate::verdict::Verdict;

pub(in crate::report) use change::{
    capacity_change_facts, capacity_change_headline, capacity_change_notes, change_word,
    demo_capacity_notes,
};
pub(in crate::report) use expectation::expectation;
pub(in crate::report) use page::{
    achieved_sentence, capacity_lede, errors_sentence, latency_sentence,
};

/// The first line: a verdict where there is one, and the result.
pub(in crate::report) struct CapacityHeadline {
    /// `None` where both rates, or all that there is to show, are shown.
    pub(in crate::report) verdict: Option<Verdict>,
    pub(in crate::report) text: String,
}

/// `P99 ≤ 150 ms and errors ≤ 0.1%`.
pub(in crate::report) fn goal(gates: &[Gate]) -> String {
    let parts: Vec<String> = gates
        .iter()
        .map(|gate| condition(&gate.condition))
        .collect();
    parts.join(" and ")
}

fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Latency { quantile, .. } => {
            let limit = headline::limit(condition).unwrap_or_default();
            format!("{quantile} {limit}")
        }
        Condition::Done { quantile, .. } => {
            let limit = headline::limit(condition).unwrap_or_default();
            format!("done {quantile} {limit}")
        }
        Condition::Backlog { quantile, at_most } => {
            format!("backlog {quantile} ≤ {}", thousands(*at_most))
        }
        Condition::ErrorRate { operator, limit } => {
            format!("errors {} {limit}", headline::sign(*operator))
        }
        other => other.metric(),
    }
}

/// What a search found, in one line.
pub(in crate::report) fn capacity_headline(report: &CapacityReport) -> CapacityHeadline {
    let endpoint = one_line(&report.endpoint).into_owned();
    let goal = goal(&report.gates);
    if report.interrupted {
        let shown = match &report.outcome {
            CapacityOutcome::Searched(result) => result.lower,
            CapacityOutcome::Tested { .. } => None,
        };
        return CapacityHeadline {
            verdict: Some(Verdict::Inconclusive),
            text: match shown {
                Some(lower) => format!(
                    "{endpoint} holds {goal} at {}; the search was interrupted",
                    per_second(lower)
                ),
                None => format!("{endpoint}  the search was interrupted"),
            },
        };
    }
    if let Some(asked) = &report.asked {
        return CapacityHeadline {
            verdict: Some(report.verdict()),
            text: asked_of_search(report, &endpoint, asked),
        };
    }
    match &report.outcome {
        CapacityOutcome::Tested { asked, verdict } => tested(report, &endpoint, asked, *verdict),
        CapacityOutcome::Searched(result) => {
            let holds = result
                .lower
                .map(|lower| format!("{endpoint} holds {goal} at {}", per_second(lower)));
            let (verdict, text) = searched(report, result, &endpoint, holds);
            CapacityHeadline { verdict, text }
        }
    }
}

fn searched(
    report: &CapacityReport,
    result: &CapacityResult,
    endpoint: &str,
    holds: Option<String>,
) -> (Option<Verdict>, String) {
    let length = Pretty(report.options.durations.block);
    let verdict = result.verdict();
    let shown = (verdict != Verdict::Pass).then_some(verdict);
    let goal = goal(&report.gates);
    let holds = holds.unwrap_or_else(|| format!("{endpoint}  no rate is shown to hold {goal}"));
    let text = match result.end {
        CapacityEnd::Claimed | CapacityEnd::ClaimedWide => {
            let upper = result.upper.map(per_second).unwrap_or_default();
            format!("{holds}; fails at {upper} (trials of {length})")
        }
        CapacityEnd::NeverFailed => {
            format!("{holds}, the highest rate tried (trials of {length})")
        }
        CapacityEnd::ClientLimited { .. } if result.lower.is_some() => {
            format!("{holds} or more: limited by this machine")
        }
        CapacityEnd::ClientLimited { at } => {
            format!(
                "{endpoint}  this machine cannot send {} on time",
                per_second(at)
            )
        }
        CapacityEnd::LessThanFrom => {
            format!(
                "{endpoint}  fails {goal} at {}",
                per_second(report.options.from)
            )
        }
        CapacityEnd::UpperNotShown => {
            format!("{holds}; no higher rate is shown to fail (trials of {length})")
        }
        CapacityEnd::LowerNotShown => {
            let upper = result.upper.map(per_second).unwrap_or_default();
            format!("{holds}; fails at {upper} (trials of {length})")
        }
        CapacityEnd::Undecided => format!("{holds}, and none to fail"),
        CapacityEnd::Contradiction => {
            format!(
                "{endpoint}  the service changed during the search: a higher rate passed, a lower one failed"
            )
        }
        CapacityEnd::DoesNotRecover { after } => does_not_recover(report, endpoint, after),
    };
    (shown, text)
}

/// `ingest does not recover after 640/s: P99 still 900 ms at 20/s after 60 s`.
fn does_not_recover(report: &CapacityReport, endpoint: &str, after: f64) -> String {
    let from = per_second(report.options.from);
    let latest = report.trials.last();
    let still = latest.and_then(|trial| match trial.recovered {
        Some(TrialRecovery::NotWithin { took, value }) => Some(format!(
            ": {} still {} at {from} after {}",
            trial.metric.shown(),
            LatencyScale::Millis.observed(value),
            whole_seconds(took)
        )),
        _ => None,
    });
    format!(
        "{endpoint} does not recover after {}{}",
        per_second(after),
        still.unwrap_or_default()
    )
}

/// `ingest  capacity ≥ 400/s: holds P99 ≤ 150 ms at 414/s`.
fn asked_of_search(report: &CapacityReport, endpoint: &str, asked: &AskedCapacity) -> String {
    let at = per_second(asked.rate.as_per_second());
    let goal = goal(&report.gates);
    let CapacityBracket { lower, upper } = report.bracket();
    let holds = lower.map(|lower| format!("holds {goal} at {}", per_second(lower)));
    let fails = upper.map(|upper| format!("fails {goal} at {}", per_second(upper)));
    match report.verdict() {
        Verdict::Pass => format!("{endpoint}  capacity ≥ {at}: {}", holds.unwrap_or_default()),
        Verdict::Fail => format!("{endpoint}  capacity < {at}: {}", fails.unwrap_or_default()),
        Verdict::Inconclusive | Verdict::NotJudged => {
            let shown = match (holds, upper) {
                (Some(holds), Some(upper)) => format!("{holds}, fails at {}", per_second(upper)),
                (holds, _) => (holds.or(fails))
                    .unwrap_or_else(|| "no rate is shown to hold or to fail".to_owned()),
            };
            format!("{endpoint}  capacity ≥ {at} not decided: {shown}")
        }
    }
}

fn tested(
    report: &CapacityReport,
    endpoint: &str,
    tested: &AskedCapacity,
    verdict: TrialVerdict,
) -> CapacityHeadline {
    let at = per_second(tested.rate.as_per_second());
    let requests: u64 = report.trials.iter().map(|trial| trial.requests).sum();
    let requests = format!("{} requests", thousands(requests));
    let text = match verdict {
        TrialVerdict::Pass => {
            let seen = seen(report, "≤");
            format!("{endpoint}  capacity ≥ {at}: {seen} ({requests})")
        }
        TrialVerdict::Fail => {
            let seen = seen(report, ">");
            format!("{endpoint}  capacity < {at}: {seen} at {at} ({requests})")
        }
        TrialVerdict::ClientLimited => {
            format!("{endpoint}  capacity ≥ {at}: this machine cannot send {at} on time")
        }
        TrialVerdict::Growing | TrialVerdict::Undecided(_) => {
            let seen = seen(report, "against");
            format!("{endpoint}  capacity ≥ {at} not decided: {seen} ({requests})")
        }
    };
    CapacityHeadline {
        verdict: Some(report.verdict()),
        text,
    }
}

/// `P99 251 ms > 150 ms`: the percentile over both blocks and its limit. Where failures stand at the rank, or a gate
/// has no percentile, all gates.
fn seen(report: &CapacityReport, sign: &str) -> String {
    let Some((trial, pair)) = (report.trials.last()).and_then(|trial| Some((trial, trial.pair?)))
    else {
        return "no data".to_owned();
    };
    let metric = trial.metric.shown();
    let limits = report
        .gates
        .iter()
        .filter_map(|gate| gate.condition.latency_limit());
    let shown = LatencyScale::Millis.observed(pair.value);
    match (limits.min(), pair.value, report.gates.len()) {
        (Some(limit), Observed::Value(_), 1) => {
            format!("{metric} {shown} {sign} {}", Pretty(limit))
        }
        _ => format!("{metric} {shown}, gates {}", goal(&report.gates)),
    }
}

/// The facts under the headline.
pub(in crate::report) fn capacity_facts(report: &CapacityReport) -> Vec<String> {
    let trials = report.trials.len() as u64;
    vec![
        format!("{} {}", report.method, report.url),
        format!(
            "{} in {}",
            counted(trials, "trial"),
            whole_seconds(report.took)
        ),
    ]
}

fn counted(count: u64, word: &str) -> String {
    format!("{} {}", thousands(count), crate::units::plural(count, word))
}

/// `6 min 11 s`, `60 s`.
fn whole_seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    match (seconds / 60, seconds % 60) {
        (0 | 1, _) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// The word for what a trial is for.
pub(in crate::report) fn purpose(purpose: TrialPurpose) -> &'static str {
    match purpose {
        TrialPurpose::Reference => "reference",
        TrialPurpose::Expand => "expand",
        TrialPurpose::Narrow => "narrow",
        TrialPurpose::Block(_) => "confirm",
    }
}

/// What a row says of its trial. A trial that only looked well while rates were doubled claims nothing.
pub(in crate::report) fn trial_verdict(
    purpose: TrialPurpose,
    verdict: TrialVerdict,
) -> &'static str {
    match (purpose, verdict) {
        (TrialPurpose::Reference, TrialVerdict::Pass | TrialVerdict::Undecided(_)) => "–",
        (TrialPurpose::Expand, TrialVerdict::Pass) => "no FAIL",
        (_, TrialVerdict::Pass) => "PASS",
        (_, TrialVerdict::Fail) => "FAIL",
        (_, TrialVerdict::Growing) => "queue grows",
        (_, TrialVerdict::Undecided(_)) => "undecided",
        (_, TrialVerdict::ClientLimited) => "this machine",
    }
}

/// How the service recovered after a trial.
pub(in crate::report) fn recovery(trial: &CapacityTrial) -> String {
    match trial.recovered {
        None => "–".to_owned(),
        Some(TrialRecovery::After(took)) => tenths(took),
        Some(TrialRecovery::NotWithin { .. }) => "no".to_owned(),
    }
}

/// What must be known to read the rates.
pub(in crate::report) fn capacity_notes(report: &CapacityReport) -> Vec<String> {
    let CapacityOutcome::Searched(result) = &report.outcome else {
        return Vec::new();
    };
    let mut notes = Vec::new();
    if result.lower.is_some() || result.upper.is_some() {
        notes.push(
            "Each rate was confirmed on new data; 5% for all tests of the search together."
                .to_owned(),
        );
    }
    if result.lower.is_some() && result.upper.is_some() {
        notes.push(
            "Between them nothing is shown. Longer trials can fail where these pass.".to_owned(),
        );
    }
    notes.extend(work_note(report));
    for &at in &result.not_repeatable {
        notes.push(format!(
            "Not repeatable at {}: short trials were kinder, or the service changed.",
            per_second(at)
        ));
    }
    notes
}

/// How long the work of the last trial lasted after its last request.
fn work_note(report: &CapacityReport) -> Option<String> {
    let trial = report.trials.last()?;
    let work = trial.work?;
    let at = per_second(trial.rate);
    Some(
        match (work.drained, work.accepted.checked_sub(work.processed)) {
            (Some(drained), _) => format!(
                "The last trial, at {at}: its work was done {} after its last request.",
                tenths(drained)
            ),
            (None, Some(open)) if open > 0 => format!(
                "The last trial, at {at}: {} of {} accepted events were not done when the audit ended.",
                thousands(open),
                thousands(work.accepted)
            ),
            _ => return None,
        },
    )
}

/// How long a queue lasted after the last request: `3.1 s`, `no`, or a dash where that is not known.
pub(in crate::report) fn drained(work: Option<&TrialWork>) -> String {
    match work {
        Some(TrialWork {
            drained: Some(drained),
            ..
        }) => tenths(*drained),
        Some(work) if work.processed < work.accepted => "no".to_owned(),
        _ => "–".to_owned(),
    }
}

fn tenths(time: Duration) -> String {
    format!("{} s", trimmed(time.as_secs_f64(), 1))
}

/// The trace ids of the trials that failed last: `454/s  251 ms  4bf92f3577b34da6a3ce929d0e0e4736`.
pub(in crate::report) fn capacity_traces(report: &CapacityReport) -> Vec<String> {
    let traced = report.trials.iter().rev();
    let mut traced = traced.filter(|trial| !trial.traces.is_empty());
    let is_bad = |trial: &&CapacityTrial| {
        let verdict = trial.pair.map_or(trial.verdict, |pair| pair.verdict);
        matches!(verdict, TrialVerdict::Fail | TrialVerdict::Growing)
    };
    let last = traced.clone().find(is_bad).or_else(|| traced.next());
    let Some(trial) = last else { return Vec::new() };
    let line = |trace: &TrialTrace| {
        let latency = LatencyScale::Millis.precise(trace.latency);
        let ended = match trace.outcome.as_str() {
            "ok" => latency,
            outcome => format!("{outcome} after {latency}"),
        };
        format!("{}  {ended}  {}", per_second(trial.rate), trace.trace_id)
    };
    trial.traces.iter().map(line).collect()
}

/// What to do about a search that shows less than was asked for.
pub(in crate::report) fn capacity_next(report: &CapacityReport) -> Option<String> {
    if let Some(asked) = &report.asked {
        let is_open = report.verdict() == Verdict::Inconclusive;
        return is_open.then(|| {
            format!(
                "test that one rate: a7probe capacity URL --gate 'capacity >= {}'",
                asked.rate
            )
        });
    }
    let CapacityOutcome::Searched(result) = &report.outcome else {
        return None;
    };
    if report.interrupted {
        let shown = "search again; a rate counts only once it was confirmed";
        return Some(shown.to_owned());
    }
    let longer = Exact(2 * report.options.durations.block);
    Some(match result.end {
        CapacityEnd::ClientLimited { at } => format!(
            "this machine cannot send {} on time; use a faster or quieter one",
            per_second(at)
        ),
        CapacityEnd::ClaimedWide => {
            format!("for a narrower bracket use longer blocks: --confirm {longer}")
        }
        CapacityEnd::UpperNotShown | CapacityEnd::LowerNotShown | CapacityEnd::Undecided => {
            format!("use longer blocks and a larger budget: --confirm {longer}")
        }
        CapacityEnd::Contradiction => "run the search again when the service is steady".to_owned(),
        CapacityEnd::LessThanFrom => "begin lower: --from".to_owned(),
        CapacityEnd::NeverFailed => "for an upper rate raise --to".to_owned(),
        CapacityEnd::Claimed | CapacityEnd::DoesNotRecover { .. } => return None,
    })
}

/// How a search was made: the lengths of its trials, its level, the machine.
pub(in crate::report) fn capacity_method(report: &CapacityReport) -> String {
    let options = &report.options;
    let spell = options.goal.spell.map_or_else(
        || "requests were taken as independent".to_owned(),
        |spell| format!("slow spells up to {} are allowed for", Pretty(spell)),
    );
    let environment = &report.environment;
    one_line(&format!(
        "Searched from {} to {} for a bracket of {}; blocks of {}, after a warm-up of {}; {spell}; a7probe {}, {}, {} cores",
        per_second(options.from),
        per_second(options.to),
        crate::report::figures::share(options.width),
        Pretty(options.durations.block),
        Pretty(options.durations.warm_up),
        environment.a7probe,
        environment.os,
        environment.cores
    ))
    .into_owned()
}

/// Why a search ended, in a table.
pub(in crate::report) fn ended(report: &CapacityReport) -> &'static str {
    if report.interrupted {
        return "interrupted";
    }
    let CapacityOutcome::Searched(result) = &report.outcome else {
        return "one rate tested";
    };
    match result.end {
        CapacityEnd::Claimed | CapacityEnd::ClaimedWide => "both rates shown",
        CapacityEnd::NeverFailed => "highest rate tried holds",
        CapacityEnd::ClientLimited { .. } => "limited by this machine",
        CapacityEnd::LessThanFrom => "lowest rate fails",
        CapacityEnd::UpperNotShown => "upper rate not shown",
        CapacityEnd::LowerNotShown => "lower rate not shown",
        CapacityEnd::Undecided => "neither rate shown",
        CapacityEnd::Contradiction => "service changed",
        CapacityEnd::DoesNotRecover { .. } => "does not recover",
    }
}

/// The side on which the share of an undecided trial lies, as JSON has it.
pub(in crate::report) fn share_side(side: ShareSide) -> &'static str {
    match side {
        ShareSide::Within => "within",
        ShareSide::Beyond => "beyond",
    }
}
