//! The words of the strips: titles, legends with their extremes, one sentence.

use super::chapter::{Chapter, ChartedRun, RunRole};
use super::colour::{self, PageColour};
use super::load_strip::{LoadStrip, has_in_flight};
use crate::report::figures::thousands;
use crate::report::text;
use crate::run::recording::TimeBase;
use crate::units::plural;

/// A part of the legend of a strip.
pub(super) enum StripLegend {
    Plain(String),
    /// Behind a mark of this colour.
    Mark(PageColour, String),
    /// A name in this colour, and its values.
    Name(PageColour, &'static str, String),
}

pub(super) fn title(chapter: &Chapter<'_>) -> &'static str {
    if has_in_flight(chapter) {
        "Errors, rate, in flight"
    } else {
        "Errors and rate"
    }
}

pub(super) fn strip_title(strip: LoadStrip) -> &'static str {
    match strip {
        LoadStrip::Errors => "errors/s",
        LoadStrip::Rate => "requests/s",
        LoadStrip::InFlight => "in flight",
    }
}

/// `Same time axis. 17 of 24,000 requests failed (0.1%); a failed request counts as slower than any limit.`
pub(super) fn sentence(chapter: &Chapter<'_>) -> String {
    let mut sentences = vec!["Same time axis.".to_owned()];
    sentences.extend(failed(chapter));
    sentences.join(" ")
}

/// The same where there is no chart.
pub(super) fn without_chart(chapter: &Chapter<'_>) -> String {
    let mut sentences: Vec<String> = failed(chapter).into_iter().collect();
    for run in &chapter.runs {
        let kinds = kinds(run);
        if !kinds.is_empty() {
            sentences.push(format!("{}.", kinds.join(", ")));
        }
    }
    sentences.join(" ")
}

fn failed(chapter: &Chapter<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for run in &chapter.runs {
        let counts = &run.endpoint.summary.counts;
        let failed = counts.failed_total() + counts.timeout;
        if failed > 0 {
            parts.push(format!(
                "{} of {} requests failed{} ({})",
                thousands(failed),
                thousands(counts.total()),
                run.role.suffix(),
                crate::report::figures::share(failed as f64 / counts.total().max(1) as f64)
            ));
        }
    }
    (!parts.is_empty()).then(|| {
        format!(
            "{}. A failed request counts as slower than any limit.",
            parts.join(", ")
        )
    })
}

/// `12 × timeout (10 s)`, `5 × HTTP 503`.
fn kinds(run: &ChartedRun<'_>) -> Vec<String> {
    let failures = text::failures(run.endpoint, None);
    failures
        .iter()
        .map(|line| line.trim_start().to_owned())
        .collect()
}

/// What the strips show, for those who do not see them.
pub(super) fn description(chapter: &Chapter<'_>) -> String {
    let strips = [LoadStrip::Errors, LoadStrip::Rate, LoadStrip::InFlight];
    let strips = strips
        .into_iter()
        .filter(|strip| *strip != LoadStrip::InFlight || has_in_flight(chapter));
    let parts = strips.map(|strip| {
        let words: Vec<String> = legend(chapter, strip)
            .into_iter()
            .map(|part| match part {
                StripLegend::Plain(text) | StripLegend::Mark(_, text) => text,
                StripLegend::Name(_, name, text) => format!("{name} {text}"),
            })
            .collect();
        format!("{}: {}", strip_title(strip), words.join(", "))
    });
    format!(
        "On the time axis of latency. {}.",
        parts.collect::<Vec<_>>().join(". ")
    )
}

pub(super) fn legend(chapter: &Chapter<'_>, strip: LoadStrip) -> Vec<StripLegend> {
    match strip {
        LoadStrip::Errors => errors(chapter),
        LoadStrip::Rate => rate(chapter),
        LoadStrip::InFlight => in_flight(chapter),
    }
}

fn errors(chapter: &Chapter<'_>) -> Vec<StripLegend> {
    let mut parts = Vec::new();
    for run in &chapter.runs {
        match run.role {
            RunRole::Only => {
                let kinds = kinds(run).into_iter();
                parts.extend(kinds.map(|kind| StripLegend::Mark(colour_of(&kind), kind)));
            }
            role => {
                let counts = &run.endpoint.summary.counts;
                let failed = counts.failed_total() + counts.timeout;
                let name = role.suffix().trim_start();
                parts.push(StripLegend::Name(
                    role.colours().p95,
                    name,
                    thousands(failed),
                ));
            }
        }
    }
    let failed = chapter
        .runs
        .iter()
        .any(|run| run.endpoint.summary.counts.not_ok() > 0);
    if failed {
        return parts;
    }
    let none = match chapter.runs.len() {
        1 => "none",
        _ => "none in either run",
    };
    vec![StripLegend::Plain(none.to_owned())]
}

/// The colour of the bars that a kind is in.
fn colour_of(kind: &str) -> PageColour {
    let is = |words: &[&str]| words.iter().any(|word| kind.contains(word));
    if is(&["timeout"]) {
        colour::TIMEOUT
    } else if is(&["HTTP", "status", "unexpected body", "redirect"]) {
        colour::HTTP_STATUS
    } else {
        colour::CONNECTION
    }
}

/// `20`, `0.5`, `2,000`.
fn per_second(rate: f64) -> String {
    if rate >= 1_000.0 {
        thousands(rate.round() as u64)
    } else {
        crate::units::trimmed(rate, 1)
    }
}

/// `offered 200 · answered 0 to 534`.
fn rate(chapter: &Chapter<'_>) -> Vec<StripLegend> {
    let mut parts = Vec::new();
    let last = chapter.judged().endpoint;
    let offered = last.traffic.as_ref().and_then(|traffic| traffic.offered);
    let is_open = last.summary.clock == TimeBase::IntendedStart;
    match offered.filter(|_| is_open) {
        Some(rate) => parts.push(StripLegend::Name(
            colour::SECONDARY,
            "offered",
            per_second(rate.as_per_second()),
        )),
        None => parts.push(StripLegend::Name(colour::SECONDARY, "sent", {
            let sent = last
                .traffic
                .as_ref()
                .and_then(|traffic| traffic.achieved_per_s);
            sent.map_or_else(String::new, |rate| thousands(rate.round() as u64))
        })),
    }
    for run in &chapter.runs {
        let Some(course) = &run.course else { continue };
        // The last bucket may be cut.
        let whole = course.buckets.len().saturating_sub(1).max(1);
        let per_s = course.buckets[..whole]
            .iter()
            .map(|b| b.answered / course.width_s);
        let low = per_s.clone().fold(f64::INFINITY, f64::min).round() as u64;
        let high = per_s.fold(0.0, f64::max).round() as u64;
        let range = if low == high {
            thousands(low)
        } else {
            format!("{} to {}", thousands(low), thousands(high))
        };
        let name = match run.role {
            RunRole::Only => "answered",
            role => role.suffix().trim_start(),
        };
        parts.push(StripLegend::Name(run.role.colours().p95, name, range));
    }
    parts
}

/// `at most 482`.
fn in_flight(chapter: &Chapter<'_>) -> Vec<StripLegend> {
    let most = |run: &ChartedRun<'_>| {
        let course = run.course.as_ref()?;
        course
            .buckets
            .iter()
            .filter_map(|bucket| bucket.in_flight)
            .max()
    };
    let failed = chapter
        .runs
        .iter()
        .any(|run| run.endpoint.summary.counts.not_ok() > 0);
    let mut parts: Vec<StripLegend> = Vec::new();
    for run in &chapter.runs {
        let Some(most) = most(run) else { continue };
        parts.push(match run.role {
            RunRole::Only => StripLegend::Plain(format!("at most {}", thousands(most))),
            role => {
                let name = role.suffix().trim_start();
                StripLegend::Name(
                    role.colours().p95,
                    name,
                    format!("at most {}", thousands(most)),
                )
            }
        });
    }
    if failed {
        let total: u64 = chapter
            .runs
            .iter()
            .map(|r| r.endpoint.summary.counts.not_ok())
            .sum();
        let them = plural(total, "request");
        parts.push(StripLegend::Plain(format!("without failed {them}")));
    }
    parts
}
