//! A run in brief, for programs.

use serde::Serialize;

use super::instrument::{JsonCalibration, JsonCertificate};
use super::shards::JsonShards;
use crate::report::run_info::RunInfo;
use crate::run::plan::{HttpVersion, Model};
use crate::run::run_file::{DataRecord, NameAddresses, RunEnd, SizeRecord, StopReason, StreamUse};

/// Why an adaptive run stopped.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonAdaptive {
    /// The longest that it might have taken.
    pub budget_s: f64,
    /// `decided`, `budget` or `interrupted`.
    pub stopped: StopReason,
}

/// A run in brief.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonRun {
    /// What tells it from the others: a file, `before`, `after`; empty if there is only one.
    pub label: String,
    /// Where the requests went.
    pub target: String,
    /// Open or closed.
    pub model: Model,
    /// `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'static str,
    /// Most requests in flight on one connection of HTTP/2; absent for HTTP/1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streams_per_connection: Option<usize>,
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
    /// The file whose rows filled the templates; absent if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<DataRecord>,
    /// Whether it was cut by a signal.
    pub interrupted: bool,
    /// When t0 was, RFC 3339 in UTC.
    pub started_at: String,
    /// What the instrument measured of itself before.
    pub calibration: JsonCalibration,
    /// What `a7probe selftest` said of it, if its file was given.
    pub certificate: Option<JsonCertificate>,
    /// Of every name with several addresses, the ones that were used, and the others; absent if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<NameAddresses>,
    /// The HTTP/2 connections to every origin; absent for HTTP/1.1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamUse>,
    /// The shards that it was merged from; absent in every other run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<JsonShards>,
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
            protocol: run.version.as_str(),
            streams_per_connection: match run.version {
                HttpVersion::Http1 => None,
                HttpVersion::Http2 { streams } => Some(streams),
            },
            duration_s,
            requests,
            adaptive: run.adaptive.map(|adaptive| JsonAdaptive {
                budget_s: adaptive.budget.as_secs_f64(),
                stopped: adaptive.stopped,
            }),
            warmup_s: run.warmup.as_secs_f64(),
            timeout_s: run.timeout.as_secs_f64(),
            seed: run.seed,
            data: run.data.clone(),
            interrupted: run.ended != RunEnd::Complete,
            started_at: run.started_at.to_string(),
            calibration: JsonCalibration::from(&run.calibration),
            certificate: run.certificate.as_ref().map(JsonCertificate::from),
            addresses: run.addresses.clone(),
            streams: run.streams.clone(),
            shards: JsonShards::of(run),
        }
    }
}
