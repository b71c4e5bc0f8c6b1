//! What is known of the instrument of a run, for programs.

use std::time::Duration;

use serde::Serialize;

use crate::run::run_file::{Calibration, MeasurementOverhead, SelftestCertificate};
use crate::units::millis;

/// What the instrument measured of itself before a run.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonCalibration {
    /// `measured`, `skipped`, `failed` or `unknown` (a file of before there was a calibration).
    pub kind: String,
    /// e: the upper 95 % bound of the null latency's P99; a FAIL counts latencies above its target + e.
    pub own_error_ms: Option<f64>,
    /// Median of the null latency.
    pub null_p50_ms: Option<f64>,
    /// Its 99th percentile.
    pub null_p99_ms: Option<f64>,
    /// 99th percentile of the send lag during the calibration.
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
