//! The calibration before a run, as the file keeps it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;
use crate::units::Rate;

/// Whether the instrument was calibrated before the run, and the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Calibration {
    /// Unknown: the file is older than the calibration.
    #[default]
    Unknown,
    /// Not calibrated, by `--no-calibration`.
    Skipped,
    /// The calibration failed.
    Failed {
        /// The reason.
        #[cfg_attr(test, schemars(with = "String"))]
        why: CalibrationFailure,
    },
    /// Calibrated against a server in the same process that answers at once.
    Measured(MeasurementOverhead),
}

/// The reason why there is no calibration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum CalibrationFailure {
    /// Requests to the null server failed.
    Requests {
        /// Requests that did not end ok.
        not_ok: u64,
        /// All requests.
        planned: u64,
    },
    /// A sentence of the system or of a file.
    Stated(String),
}

impl From<CalibrationFailure> for String {
    fn from(failure: CalibrationFailure) -> String {
        failure.to_string()
    }
}

impl From<String> for CalibrationFailure {
    fn from(text: String) -> CalibrationFailure {
        CalibrationFailure::Stated(text)
    }
}

/// The measurements of a server that answers at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "NullServer"))]
pub struct MeasurementOverhead {
    /// Transport to the server, such as `HTTP/1.1 over TCP on loopback`.
    pub transport: String,
    /// Measured requests.
    pub requests: u64,
    /// Requests per second; absent in the closed model.
    #[serde(default)]
    pub rate_per_s: Option<Rate>,
    /// Requests in flight in the closed model.
    #[serde(default)]
    pub concurrency: Option<usize>,
    /// Median of the null latency, in ns: response time, in the closed model service time.
    #[serde(rename = "p50_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub p50: Duration,
    /// Its 99th percentile, in ns.
    #[serde(rename = "p99_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub p99: Duration,
    /// e, the upper 95 % bound of that percentile, in ns: a FAIL counts latencies above its target + e.
    #[serde(rename = "own_error_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub own_error: Duration,
    /// Median of the send lag, in ns; 0 in the closed model.
    #[serde(rename = "send_lag_p50_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub send_lag_p50: Duration,
    /// 99th percentile of the send lag, in ns; 0 in the closed model.
    #[serde(rename = "send_lag_p99_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub send_lag_p99: Duration,
}

/// Throttling of a control group that had used up its CPU quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Throttled {
    /// Number of throttled periods.
    pub periods: u64,
    /// Total throttled time, in ns.
    #[serde(rename = "time_ns", with = "nanos")]
    #[cfg_attr(test, schemars(with = "u64"))]
    pub time: Duration,
}

impl Throttled {
    /// Both together.
    pub fn and(self, other: Throttled) -> Throttled {
        Throttled {
            periods: self.periods + other.periods,
            time: self.time + other.time,
        }
    }
}

impl Calibration {
    /// e; zero if it is not known.
    pub fn own_error(&self) -> Duration {
        match self {
            Calibration::Measured(null) => null.own_error,
            Calibration::Unknown | Calibration::Skipped | Calibration::Failed { .. } => {
                Duration::ZERO
            }
        }
    }
}
