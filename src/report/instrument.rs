//! What every face says of the instrument itself: its own error, and what vouches for it.

use std::time::Duration;

use serde::Serialize;

use super::{Report, RunInfo};
use crate::run::run_file::{Calibration, MeasurementOverhead, SelftestCertificate};
use crate::units::{Pretty, grouped, millis};

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

/// What the instrument measured of itself before a run.
#[derive(Clone, Debug, Serialize)]
pub struct JsonCalibration {
    /// `measured`, `skipped`, `failed` or `unknown` (a file of before there was a calibration).
    pub kind: String,
    /// e: the upper 95 % bound of the null latency's P99; a FAIL counts latencies above its target + e.
    pub own_error_ms: Option<f64>,
    /// Median of the null latency.
    pub null_p50_ms: Option<f64>,
    /// Its 99th percentile.
    pub null_p99_ms: Option<f64>,
    /// 99th percentile of the send lag meanwhile.
    pub send_lag_p99_ms: Option<f64>,
    /// Requests that it was measured from.
    pub requests: Option<u64>,
    /// How the null server was reached.
    pub transport: Option<String>,
}

impl From<&Calibration> for JsonCalibration {
    fn from(calibration: &Calibration) -> JsonCalibration {
        let null = match calibration {
            Calibration::Measured(null) => Some(null),
            _ => None,
        };
        let ms = |of: fn(&MeasurementOverhead) -> Duration| null.map(|null| millis(of(null)));
        JsonCalibration {
            kind: match calibration {
                Calibration::Unknown => "unknown",
                Calibration::Skipped => "skipped",
                Calibration::Failed { .. } => "failed",
                Calibration::Measured(_) => "measured",
            }
            .to_owned(),
            own_error_ms: ms(|null| null.own_error),
            null_p50_ms: ms(|null| null.p50),
            null_p99_ms: ms(|null| null.p99),
            send_lag_p99_ms: ms(|null| null.send_lag_p99),
            requests: null.map(|null| null.requests),
            transport: null.map(|null| null.transport.clone()),
        }
    }
}

/// What `a7probe selftest` said of the instrument of a run.
#[derive(Clone, Debug, Serialize)]
pub struct JsonCertificate {
    /// When it was tested, RFC 3339 in UTC.
    pub started_at: String,
    /// Whether it was the short test.
    pub quick: bool,
    /// Figures that were compared; all are within their tolerance.
    pub checks: usize,
    /// The processor of the machine that was tested.
    pub cpu: String,
}

impl From<&SelftestCertificate> for JsonCertificate {
    fn from(certificate: &SelftestCertificate) -> JsonCertificate {
        JsonCertificate {
            started_at: certificate.started_at.clone(),
            quick: certificate.quick,
            checks: certificate.checks.len(),
            cpu: certificate.environment.cpu.clone(),
        }
    }
}
