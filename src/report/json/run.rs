//! A run in brief, for programs.

use serde::Serialize;

use super::instrument::{JsonCalibration, JsonCertificate};
use crate::report::run_info::RunInfo;
use crate::run::plan::Model;
use crate::run::run_file::{RunEnd, SizeRecord, StopReason};

/// Why an adaptive run stopped.
#[derive(Clone, Debug, Serialize)]
pub struct JsonAdaptive {
    /// The longest that it might have taken.
    pub budget_s: f64,
    /// `decided`, `budget` or `interrupted`.
    pub stopped: StopReason,
}

/// A run in brief.
#[derive(Clone, Debug, Serialize)]
pub struct JsonRun {
    /// What tells it from the others: a file, `before`, `after`; empty if there is only one.
    pub label: String,
    /// Where the requests went.
    pub target: String,
    /// Open or closed.
    pub model: Model,
    /// For how long requests were sent, if that was planned.
    pub duration_s: Option<f64>,
    /// How many requests were sent to each endpoint, if that was planned.
    pub requests: Option<u64>,
    /// Of a run that stops when its gates are decided, where `duration_s` is the budget.
    pub adaptive: Option<JsonAdaptive>,
    /// Sent before the measurement.
    pub warmup_s: f64,
    /// Longest response time that was waited for.
    pub timeout_s: f64,
    /// Feeds the schedule's jitter and the templates.
    pub seed: u64,
    /// Whether it was cut by a signal.
    pub interrupted: bool,
    /// When t0 was, RFC 3339 in UTC.
    pub started_at: String,
    /// What the instrument measured of itself before.
    pub calibration: JsonCalibration,
    /// What `a7probe selftest` said of it, if its file was given.
    pub certificate: Option<JsonCertificate>,
}

impl From<&RunInfo> for JsonRun {
    fn from(run: &RunInfo) -> JsonRun {
        let (duration_s, requests) = match run.size {
            SizeRecord::Duration { duration } => (Some(duration.as_secs_f64()), None),
            SizeRecord::Requests { requests } => (None, Some(requests)),
        };
        JsonRun {
            label: run.label.clone(),
            target: run.target.clone(),
            model: run.model,
            duration_s,
            requests,
            adaptive: run.adaptive.map(|adaptive| JsonAdaptive {
                budget_s: adaptive.budget.as_secs_f64(),
                stopped: adaptive.stopped,
            }),
            warmup_s: run.warmup.as_secs_f64(),
            timeout_s: run.timeout.as_secs_f64(),
            seed: run.seed,
            interrupted: run.ended != RunEnd::Complete,
            started_at: run.started_at.to_string(),
            calibration: JsonCalibration::from(&run.calibration),
            certificate: run.certificate.as_ref().map(JsonCertificate::from),
        }
    }
}
