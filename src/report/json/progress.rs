//! One moment of a run as a JSON object, for `--progress json`.

use std::time::Duration;

use serde::Serialize;

use crate::judge::gate::GateProgress;
use crate::report::progress::{
    EndpointProgress, OfferedLoad, PlannedEnd, ProgressSnapshot, ProgressStage, SecondP95,
};
use crate::units::{millis, serialize_optional_ms};
use crate::verdict::Verdict;

/// Name and version of this form; the number rises when a field changes its meaning or goes.
const PROGRESS_SCHEMA: &str = "a7probe.progress/1";

/// A moment as JSON holds it.
#[derive(Debug, Serialize)]
struct JsonProgress<'a> {
    schema: &'static str,
    /// Which part of a longer measurement it is; `null` for a whole run.
    part: Option<&'a str>,
    /// `calibration`, `warmup`, `running`, `last_answers`, `decided`, `stopping`, `audit`.
    stage: &'static str,
    /// Since the first start of the run's schedule.
    elapsed_s: f64,
    /// When the plan ends the run; with `ends_early`, at the latest.
    planned_s: Option<f64>,
    planned_requests: Option<u64>,
    /// Whether a decision may end it before.
    ends_early: bool,
    /// Until the expected end; `null` where that is unknown.
    to_go_s: Option<f64>,
    /// Over all endpoints.
    sent_per_s: Option<f64>,
    /// Over all endpoints; `null` in the closed model.
    offered_per_s: Option<f64>,
    in_flight: u64,
    #[serde(serialize_with = "serialize_optional_ms")]
    send_lag_p99_ms: Option<Duration>,
    endpoints: Vec<EndpointMoment<'a>>,
}

#[derive(Debug, Serialize)]
struct EndpointMoment<'a> {
    name: &'a str,
    requests: u64,
    failed: u64,
    /// `null` where the percentile falls among failures, and before the first answer.
    #[serde(serialize_with = "serialize_optional_ms")]
    p50_ms: Option<Duration>,
    #[serde(serialize_with = "serialize_optional_ms")]
    p95_ms: Option<Duration>,
    #[serde(serialize_with = "serialize_optional_ms")]
    p99_ms: Option<Duration>,
    /// P95 of the latest full second.
    p95_of_second_ms: Option<f64>,
    gates: Vec<GateMoment>,
}

#[derive(Debug, Serialize)]
struct GateMoment {
    gate: String,
    /// `null` while it is undecided.
    verdict: Option<Verdict>,
    /// The verdict that the evidence leans to, and how far that is, from 0 to 1.
    towards: Verdict,
    progress: f64,
    /// Whether this machine's own delays keep back a FAIL.
    client_limited: bool,
}

impl ProgressSnapshot {
    /// One JSON object on one line.
    pub fn json(&self) -> String {
        JsonProgress::of(self).line()
    }
}

impl<'a> JsonProgress<'a> {
    fn of(snapshot: &'a ProgressSnapshot) -> JsonProgress<'a> {
        let (planned, requests) = match snapshot.end {
            PlannedEnd::AtMost(time) | PlannedEnd::After(time) => (Some(time), None),
            PlannedEnd::Requests(n) => (None, Some(n)),
        };
        let sending = &snapshot.sending;
        JsonProgress {
            schema: PROGRESS_SCHEMA,
            part: Some(snapshot.label.as_str()).filter(|label| !label.is_empty()),
            stage: stage(snapshot.stage),
            elapsed_s: thousandths(snapshot.elapsed.as_secs_f64()),
            planned_s: planned.map(|time| time.as_secs_f64()),
            planned_requests: requests,
            ends_early: matches!(snapshot.end, PlannedEnd::AtMost(_)),
            to_go_s: snapshot.to_go.map(|left| thousandths(left.as_secs_f64())),
            sent_per_s: sending.sent_per_s.map(thousandths),
            offered_per_s: match sending.offered {
                OfferedLoad::Each(rate) => Some(rate * snapshot.endpoints.len() as f64),
                OfferedLoad::Total(rate) => Some(rate),
                OfferedLoad::AtATime(_) => None,
            },
            in_flight: sending.in_flight,
            send_lag_p99_ms: sending.send_lag_p99,
            endpoints: snapshot.endpoints.iter().map(EndpointMoment::of).collect(),
        }
    }

    fn line(&self) -> String {
        // Strings, finite numbers and lists: there is nothing that JSON cannot hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl EndpointMoment<'_> {
    fn of(endpoint: &EndpointProgress) -> EndpointMoment<'_> {
        let [p50, p95, p99] = endpoint.percentiles.map(|observed| observed.value());
        EndpointMoment {
            name: &endpoint.name,
            requests: endpoint.requests,
            failed: endpoint.failed,
            p50_ms: p50,
            p95_ms: p95,
            p99_ms: p99,
            p95_of_second_ms: match endpoint.seconds.last() {
                Some(&SecondP95::Value(ns)) => Some(millis(Duration::from_nanos(ns))),
                _ => None,
            },
            gates: endpoint.gates.iter().map(GateMoment::of).collect(),
        }
    }
}

impl GateMoment {
    fn of(progress: &GateProgress) -> GateMoment {
        GateMoment {
            gate: progress.gate.to_string(),
            verdict: Some(progress.verdict).filter(|verdict| *verdict != Verdict::Inconclusive),
            towards: progress.towards,
            progress: thousandths(progress.progress),
            client_limited: progress.held_by.is_some(),
        }
    }
}

fn stage(stage: ProgressStage) -> &'static str {
    match stage {
        ProgressStage::Calibration(_) => "calibration",
        ProgressStage::WarmUp { .. } => "warmup",
        ProgressStage::Running => "running",
        ProgressStage::LastAnswers => "last_answers",
        ProgressStage::Decided => "decided",
        ProgressStage::Stopping => "stopping",
        ProgressStage::Audit(_) => "audit",
    }
}

/// Three decimals: more would claim more than a moment can tell.
fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
