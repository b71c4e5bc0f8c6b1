//! What the notes say of the instrument itself: its own error, and what vouches for it.

use std::time::Duration;

use crate::report::model::Report;
use crate::report::run_info::RunInfo;
use crate::run::run_file::{Calibration, MeasurementOverhead};
use crate::units::{Pretty, grouped};

/// Of the smallest target, the part from which on the own error is worth a word.
const MATTERS: u32 = 100;

/// What must be known of the instruments of the runs: that one was not calibrated, an own error that matters, and a
/// certificate.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let targets = report.findings.iter();
    let smallest = targets.filter_map(|f| f.gate.condition.target()).min();
    let of_run = |run: &RunInfo| {
        let label = match run.label.as_str() {
            "" => String::new(),
            label => format!("{label}: "),
        };
        let said = calibration(run, smallest)
            .into_iter()
            .chain(certificate(run));
        said.map(|text| format!("{label}{text}"))
            .collect::<Vec<_>>()
    };
    report.runs.iter().flat_map(of_run).collect()
}

/// What is known of the measurement overhead; `None` where it is too small to matter for the smallest limit.
fn calibration(run: &RunInfo, smallest: Option<Duration>) -> Option<String> {
    if let Calibration::Measured(null) = &run.calibration {
        let small = smallest.is_none_or(|target| null.own_error <= target / MATTERS);
        if small && !run.target.starts_with("https:") {
            return None;
        }
    }
    Some(overhead(run))
}

/// What is known of the measurement overhead of a run.
pub(super) fn overhead(run: &RunInfo) -> String {
    match &run.calibration {
        Calibration::Unknown => {
            "not calibrated: the instrument's own error was not measured before this run".to_owned()
        }
        Calibration::Skipped => {
            "not calibrated (--no-calibration): the instrument's own error is not known and not allowed for"
                .to_owned()
        }
        Calibration::Failed { why } => format!(
            "not calibrated: {why}; the instrument's own error is not known and not allowed for"
        ),
        Calibration::Measured(null) => measured(null, run.target.starts_with("https:")),
    }
}

fn measured(null: &MeasurementOverhead, tls: bool) -> String {
    let tls = if tls {
        " (without TLS, which comes on top)"
    } else {
        ""
    };
    format!(
        "own error up to {}: the P99 of {} requests to a null server, {}{tls}, at its upper 95 % bound; a FAIL must hold \
         beyond it",
        Pretty(null.own_error),
        grouped(null.requests),
        null.transport
    )
}

pub(super) fn certificate(run: &RunInfo) -> Option<String> {
    let certificate = run.certificate.as_ref()?;
    let length = if certificate.quick {
        "a7probe selftest --quick"
    } else {
        "a7probe selftest"
    };
    Some(format!(
        "{length} of {}: {} of known delays, stalls and bursts within tolerance",
        certificate.started_at.split('T').next().unwrap_or_default(),
        match certificate.checks.len() {
            1 => "1 figure".to_owned(),
            n => format!("{} figures", grouped(n as u64)),
        }
    ))
}
