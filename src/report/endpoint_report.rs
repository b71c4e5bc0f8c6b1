//! One endpoint's numbers, as every face of a report shows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::planned_request::{self, PlannedRequest};
use crate::judge::summary::{Drift, SendLag, Summary};
use crate::run::completion::{Audit, Completion};
use crate::run::histogram::RankedValues;
use crate::run::recording::{Recording, RunSecond};
use crate::run::run_file::PlanRecord;
use crate::units::Rate;

/// One endpoint's numbers.
#[derive(Clone, Debug)]
pub struct EndpointReport {
    /// What gates call it.
    pub name: String,
    /// The file it came from, if it was read from one.
    pub source: Option<String>,
    /// What was sent; `None` for latencies of another tool.
    pub request: Option<PlannedRequest>,
    /// Percentiles and counts.
    pub summary: Summary,
    /// How the load was put on it; `None` for latencies of another tool.
    pub traffic: Option<Traffic>,
    /// Its halves and tenths, and whether they differ.
    pub drift: Drift,
    /// What HdrHistogram's own formats hold.
    pub distribution: LatencyDistribution,
    /// The completion audit; `None` without one.
    pub audit: Option<Audit>,
}

impl EndpointReport {
    /// What became of what was accepted, where an audit could read it.
    pub(super) fn completion(&self) -> Option<&Completion> {
        self.audit.as_ref()?.completion()
    }

    /// An endpoint of a run that this program measured, under the name that its plan gives it.
    pub fn of_run(
        name: impl Into<String>,
        recording: &Recording,
        plan: &PlanRecord,
    ) -> EndpointReport {
        let name = name.into();
        let planned = plan.endpoints.iter().find(|endpoint| endpoint.name == name);
        EndpointReport {
            summary: Summary::of(recording, Some(plan.timeout)),
            traffic: Some(Traffic {
                offered: planned.and_then(|endpoint| endpoint.rate_per_s),
                achieved_per_s: recording.achieved_per_s(),
                send_lag: SendLag::of(recording),
                new_connections: recording.new_connections,
                pool_limited: recording.pool_limited,
                body_bytes: recording.body_bytes,
                statuses: recording.statuses.clone(),
                failed_statuses: planned
                    .map(|endpoint| {
                        planned_request::unexpected(&recording.statuses, &endpoint.expect)
                    })
                    .unwrap_or_default(),
            }),
            source: None,
            request: planned.map(|endpoint| PlannedRequest::of(plan, endpoint)),
            drift: Drift::of(
                recording,
                planned
                    .and_then(|endpoint| endpoint.rate_per_s)
                    .map(Rate::as_per_second),
            ),
            distribution: LatencyDistribution::of(recording, None),
            audit: None,
            name,
        }
    }

    /// Latencies that another tool measured.
    pub fn of_list(
        name: impl Into<String>,
        recording: &Recording,
        source: impl Into<String>,
    ) -> EndpointReport {
        EndpointReport {
            name: name.into(),
            source: Some(source.into()),
            request: None,
            summary: Summary::of(recording, None),
            traffic: None,
            drift: Drift::of(recording, None),
            distribution: LatencyDistribution::of(recording, None),
            audit: None,
        }
    }
}

/// The latencies of the requests of one endpoint that ended ok, for HdrHistogram's own tools.
#[derive(Clone, Debug)]
pub struct LatencyDistribution {
    /// When the run began, where that is known.
    pub started_at: Option<Timestamp>,
    /// Every value as high as its bucket allows, as HdrHistogram shows values.
    pub highest: RankedValues,
    /// By second since the run began; empty where the time is not known.
    pub seconds: Arc<BTreeMap<u64, RunSecond>>,
}

impl LatencyDistribution {
    /// Of a recording whose run began then.
    pub fn of(recording: &Recording, started_at: Option<Timestamp>) -> LatencyDistribution {
        LatencyDistribution {
            started_at,
            highest: recording.latency.highest(),
            seconds: recording.intervals.clone(),
        }
    }
}

/// How the load was put on an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// The rate that the plan wanted; `None` in the closed model.
    #[serde(rename = "offered_per_s")]
    pub offered: Option<Rate>,
    /// Requests sent per second; `None` below two.
    pub achieved_per_s: Option<f64>,
    /// Our own delay; `None` in the closed model, which has no plan to be late for.
    #[serde(rename = "send_lag_ms")]
    pub send_lag: Option<SendLag>,
    /// Requests that opened a connection.
    pub new_connections: u64,
    /// Requests that waited because the in-flight cap was reached.
    pub pool_limited: u64,
    /// Bytes of all bodies that were received.
    pub body_bytes: u64,
    /// Answers by status, those of the requests that ended ok and of the others.
    pub statuses: BTreeMap<u16, u64>,
    /// Statuses of answers that were not expected.
    #[serde(skip)]
    pub failed_statuses: BTreeMap<u16, u64>,
}
