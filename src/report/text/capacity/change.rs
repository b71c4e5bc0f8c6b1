//! The sentences of two capacity searches.

use super::goal;
use crate::judge::capacity::{CapacityBracket, CapacityChange, CapacityEnd};
use crate::printable::one_line;
use crate::report::capacity_change::CapacityChangeReport;
use crate::report::capacity_report::CapacityOutcome;
use crate::report::figures::per_second;

/// `ingest  capacity rose: holds P95 ≤ 150 ms at 414/s, failed at 207/s before`.
pub(in crate::report) fn capacity_change_headline(report: &CapacityChangeReport) -> String {
    let endpoint = one_line(&report.after.endpoint).into_owned();
    let goal = goal(&report.after.gates);
    let (before, after) = (report.before.bracket(), report.after.bracket());
    let at = |bound: Option<f64>| bound.map(per_second).unwrap_or_default();
    match report.change() {
        CapacityChange::Rose => format!(
            "{endpoint}  capacity rose: holds {goal} at {}, failed at {} before",
            at(after.lower),
            at(before.upper)
        ),
        CapacityChange::Fell => format!(
            "{endpoint}  capacity fell: fails {goal} at {}, held at {} before",
            at(after.upper),
            at(before.lower)
        ),
        CapacityChange::NotShown => format!(
            "{endpoint}  no change is shown: {} before, {} after",
            shown(&before),
            shown(&after)
        ),
    }
}

/// `190/s to 207/s`, `at least 190/s`.
fn shown(bracket: &CapacityBracket) -> String {
    match (bracket.lower, bracket.upper) {
        (Some(lower), Some(upper)) => format!("{} to {}", per_second(lower), per_second(upper)),
        (Some(lower), None) => format!("at least {}", per_second(lower)),
        (None, Some(upper)) => format!("less than {}", per_second(upper)),
        (None, None) => "no rate shown".to_owned(),
    }
}

/// The word for a change, in tables and JSON.
pub(in crate::report) fn change_word(change: CapacityChange) -> &'static str {
    match change {
        CapacityChange::Rose => "rose",
        CapacityChange::Fell => "fell",
        CapacityChange::NotShown => "not_shown",
    }
}

/// What must be known to read two brackets together.
pub(in crate::report) fn capacity_change_notes(report: &CapacityChangeReport) -> Vec<String> {
    let why = match report.change() {
        CapacityChange::Rose | CapacityChange::Fell => "The brackets do not overlap.",
        CapacityChange::NotShown => {
            "The brackets overlap: the capacity may be the same, or differ by less than they are wide."
        }
    };
    vec![
        why.to_owned(),
        "Each search is wrong in at most 5% of cases. Drift between them is not controlled."
            .to_owned(),
    ]
}

/// What the demo shows, and what it does not: where this machine is the limit, and what happens to the work.
pub(in crate::report) fn demo_capacity_notes(report: &CapacityChangeReport) -> Vec<String> {
    let mut notes = Vec::new();
    for (mode, search) in [("sync", &report.before), ("background", &report.after)] {
        let CapacityOutcome::Searched(result) = &search.outcome else {
            continue;
        };
        match result.end {
            CapacityEnd::ClientLimited { at } => notes.push(format!(
                "{mode}: this machine cannot send {} on time while it serves, so the mode may hold more.",
                per_second(at)
            )),
            CapacityEnd::NeverFailed => notes.push(format!(
                "{mode}: {} is the highest rate of the demo, so the mode may hold more.",
                per_second(search.options.to)
            )),
            _ => {}
        }
    }
    notes.push(
        "This is the rate of the answers. The mails are sent later, at the rate of the workers: gate done.p95 for that."
            .to_owned(),
    );
    notes
}

/// The facts under the headline: the requests, and when each search began.
pub(in crate::report) fn capacity_change_facts(report: &CapacityChangeReport) -> Vec<String> {
    let began = |timestamp: jiff::Timestamp| timestamp.strftime("%Y-%m-%d %H:%M UTC").to_string();
    vec![
        format!("{} {}", report.after.method, report.after.url),
        format!("before {}", began(report.before.started_at)),
        format!("after {}", began(report.after.started_at)),
    ]
}
