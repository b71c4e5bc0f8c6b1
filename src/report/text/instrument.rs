//! The notes on the instrument: measurement overhead, and certificate.

use std::time::Duration;

use crate::judge::gate::overhead_matters;
use crate::report::model::Report;
use crate::report::run_info::RunInfo;
use crate::run::run_file::{Calibration, MeasurementOverhead};
use crate::units::{Pretty, grouped};

/// The notes on the instruments of the runs: a missing calibration, an overhead that matters, and a certificate.
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
        let small = !smallest.is_some_and(|limit| overhead_matters(null.own_error, limit));
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
            "measurement overhead unknown: not measured before this run".to_owned()
        }
        Calibration::Skipped => {
            "measurement overhead unknown and not allowed for (--no-calibration)".to_owned()
        }
        Calibration::Failed { why } => {
            format!("measurement overhead unknown and not allowed for: {why}")
        }
        Calibration::Measured(null) => measured(null, run.target.starts_with("https:")),
    }
}

fn measured(null: &MeasurementOverhead, tls: bool) -> String {
    let tls = if tls { " (TLS is not included)" } else { "" };
    format!(
        "measurement overhead {} (P99, upper 95% bound, {} requests to a null server, {}{tls}); a FAIL must exceed the limit by more",
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
        "{length} of {}: {} of known delays, stalls and slow spells within tolerance",
        certificate.started_at.split('T').next().unwrap_or_default(),
        match certificate.checks.len() {
            1 => "1 figure".to_owned(),
            n => format!("{} figures", grouped(n as u64)),
        }
    ))
}
