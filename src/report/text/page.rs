//! Sentences of the page alone: the plan, the machine and the instrument as title and value.

use crate::printable::one_line;
use crate::report::run_info::RunInfo;
use crate::report::text::instrument;
use crate::run::plan::HttpVersion;
use crate::run::run_file::{AdaptiveRecord, RunEnd, SizeRecord, StopReason};
use crate::units::{Pretty, grouped, plural};

/// A note as a sentence: with a capital and a full stop.
pub(in crate::report) fn sentence(note: &str) -> String {
    let text = one_line(note);
    match text.trim_end().chars().last() {
        None => String::new(),
        Some('.' | '!' | '?') => text.trim_end().to_owned(),
        Some(_) => format!("{}.", text.trim_end()),
    }
}

/// Title and value of each fact about a run.
pub(in crate::report) fn plan_facts(run: &RunInfo) -> Vec<(&'static str, String)> {
    let model = super::run::model(run);
    let warmup = if run.warmup.is_zero() {
        "no warm-up".to_owned()
    } else {
        format!("warm-up {}", Pretty(run.warmup))
    };
    let ended = match run.ended {
        RunEnd::Complete => "",
        RunEnd::Interrupted { .. } => ", interrupted",
        RunEnd::Aborted => ", aborted",
    };
    let version = match run.version {
        HttpVersion::Http1 => String::new(),
        HttpVersion::Http2 { streams } => format!(
            " over HTTP/2 with at most {streams} {} a connection",
            plural(streams as u64, "stream")
        ),
    };
    let environment = &run.environment;
    vec![
        ("Target", one_line(&run.target).into_owned()),
        (
            "Plan",
            format!(
                "{model}{version}, {}, {warmup}, timeout {}{ended}",
                size(run),
                Pretty(run.timeout)
            ),
        ),
        ("Seed", format!("{}, plan {}", run.seed, run.plan_hash)),
        ("Started", started(run)),
        (
            "Probe",
            one_line(&format!(
                "a7probe {}, {}, {} {}, {}",
                environment.a7probe,
                environment.os,
                environment.cores,
                plural(environment.cores as u64, "core"),
                environment.cpu
            ))
            .into_owned(),
        ),
        ("Measurement overhead", overhead(run)),
    ]
}

/// `2026-11-23 14:02:10 UTC`.
pub(in crate::report) fn started(run: &RunInfo) -> String {
    let text = run.started_at.strftime("%Y-%m-%d %H:%M:%S UTC");
    text.to_string()
}

/// The note, without the words that stand next to it as a title.
fn overhead(run: &RunInfo) -> String {
    let note = instrument::overhead(run);
    let value = note.strip_prefix("measurement overhead ");
    value.map_or(note.clone(), str::to_owned)
}

fn size(run: &RunInfo) -> String {
    match (run.adaptive, run.size) {
        (Some(AdaptiveRecord { budget, stopped }), _) => match stopped {
            StopReason::Decided => {
                format!(
                    "stopped when all gates were decided (budget {})",
                    Pretty(budget)
                )
            }
            StopReason::Budget => format!("budget of {} spent", Pretty(budget)),
            StopReason::Interrupted => format!("budget {}", Pretty(budget)),
        },
        (None, SizeRecord::Duration { duration }) => Pretty(duration).to_string(),
        (None, SizeRecord::Requests { requests }) => format!(
            "{} {} per endpoint",
            grouped(requests),
            plural(requests, "request")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_note_ends_with_one_full_stop() {
        assert_eq!(sentence("two runs; drift"), "two runs; drift.");
        assert_eq!(sentence("It ends."), "It ends.");
        assert_eq!(sentence(""), "");
    }
}
