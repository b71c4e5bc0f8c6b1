//! Capacity searches for continuous integration: annotations, outputs of a step, metrics.

use std::io::{self, Write};
use std::path::Path;

use super::annotations::{data, property};
use super::outputs::{Written, one_line};
use super::summary::bounded;
use crate::exit::Exit;
use crate::exposition::{Exposition, MetricKind};
use crate::report::capacity_change::LabelledSearch;
use crate::report::capacity_report::{CapacityOutcome, CapacityReport};
use crate::report::text::capacity as text;
use crate::verdict::Verdict;

/// `capacity >= 400/s`, or `capacity` of a search, with the goal.
pub(super) fn gate(report: &CapacityReport) -> String {
    let asked = match (&report.asked, &report.outcome) {
        (Some(asked), _) | (None, CapacityOutcome::Tested { asked, .. }) => Some(asked),
        (None, CapacityOutcome::Searched(_)) => None,
    };
    let gates: Vec<String> = report.gates.iter().map(ToString::to_string).collect();
    match asked {
        Some(asked) => format!("capacity >= {} ({})", asked.rate, gates.join(", ")),
        None => format!("capacity ({})", gates.join(", ")),
    }
}

/// An annotation where the search or the gate did not pass.
pub(in crate::report) fn write_annotation(
    report: &CapacityReport,
    out: &mut dyn Write,
) -> io::Result<()> {
    let level = match (report.verdict(), report.exit()) {
        (Verdict::Pass, _) => return Ok(()),
        (Verdict::Fail, Exit::Fail) => "error",
        _ => "warning",
    };
    let title = format!("{}: {}", report.verdict(), gate(report));
    writeln!(
        out,
        "::{level} title={}::{}",
        property(&title),
        data(&text::capacity_headline(report).text)
    )
}

/// Writes the outputs of a step, one a line: those of a run, and both rates.
pub(in crate::report) fn write_outputs(
    report: &CapacityReport,
    written: Written<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let path =
        |path: Option<&Path>| path.map_or(String::new(), |p| p.to_string_lossy().into_owned());
    let number = |rate: Option<f64>| rate.map_or(String::new(), |rate| rate.to_string());
    let bracket = report.bracket();
    let outputs = [
        ("verdict", report.verdict().to_string()),
        ("exit-code", report.exit().code().to_string()),
        ("run-file", path(written.saved)),
        ("html", path(written.html)),
        ("capacity-lower", number(bracket.lower)),
        ("capacity-upper", number(bracket.upper)),
    ];
    outputs
        .iter()
        .try_for_each(|(name, value)| writeln!(out, "{name}={}", one_line(value)))
}

/// Writes gauges alone: both rates, and the percentiles of every trial. Times are seconds.
pub(in crate::report) fn write_metrics(
    searches: &[LabelledSearch<'_>],
    exit: Exit,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Exposition::new();
    let help = "Highest rate that is shown to hold, and lowest that is shown to fail.";
    page.family("a7probe_capacity_per_second", MetricKind::Gauge, help);
    for search in searches {
        let bracket = search.report.bracket();
        for (bound, rate) in [("lower", bracket.lower), ("upper", bracket.upper)] {
            if let Some(rate) = rate {
                let labels = [
                    ("endpoint", &*search.report.endpoint),
                    ("search", search.label),
                    ("bound", bound),
                ];
                page.sample(&labels, rate);
            }
        }
    }
    let help = "Percentile of the strictest gate in a trial.";
    page.family("a7probe_capacity_trial_seconds", MetricKind::Gauge, help);
    for search in searches {
        for (number, trial) in search.report.trials.iter().enumerate() {
            let Some(value) = trial.value.value() else {
                continue;
            };
            let (number, rate) = ((number + 1).to_string(), trial.rate.to_string());
            let metric = trial.metric.shown();
            let labels = [
                ("endpoint", &*search.report.endpoint),
                ("search", search.label),
                ("trial", &*number),
                ("rate", &*rate),
                ("metric", &*metric),
            ];
            page.sample(&labels, super::metrics::three_digits(value.as_secs_f64()));
        }
    }
    page.gauge(
        "a7probe_exit_code",
        "Exit code of the command.",
        exit.code(),
    );
    out.write_all(page.finish().as_bytes())?;
    writeln!(out, "# EOF")
}

/// Writes markdown within the size that a step summary may have; `mark` is the first line.
pub(in crate::report) fn write_bounded(
    mark: &str,
    markdown: &[u8],
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(mark.as_bytes())?;
    out.write_all(bounded(&String::from_utf8_lossy(markdown)).as_bytes())
}
