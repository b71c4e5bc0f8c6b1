//! One endpoint's numbers, as every face of a report shows them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::figures::LatencyScale;
use super::planned_request::{self, PlannedRequest};
use super::run_course::RunCourse;
use crate::judge::summary::{Drift, SendLag, Summary};
use crate::run::completion::{Audit, Completion};
use crate::run::histogram::RankedValues;
use crate::run::plan::LoadShape;
use crate::run::recording::{Exemplar, Recording, RunIntervals, TimeBase};
use crate::run::run_file::{EndpointRecord, PlanRecord, SegmentRecord};
use crate::units::Rate;

/// One endpoint's numbers.
#[derive(Clone, Debug)]
pub struct EndpointReport {
    /// What gates call it.
    pub name: String,
    /// The file it came from, if it was read from one.
    pub source: Option<String>,
    /// The part of a rate profile that it is; `None` at one rate.
    pub segment: Option<SegmentRecord>,
    /// The sent requests; `None` for latencies of another tool.
    pub request: Option<PlannedRequest>,
    /// Percentiles and counts.
    pub summary: Summary,
    /// How the load was put on it; `None` for latencies of another tool.
    pub traffic: Option<Traffic>,
    /// Its halves and tenths, and whether they differ.
    pub drift: Drift,
    /// What HdrHistogram's own formats hold.
    pub distribution: LatencyDistribution,
    /// The slowest requests, slowest first; none of latencies of another tool.
    pub slowest: Vec<Exemplar>,
    /// The requests that failed first, in the order of the plan.
    pub first_failed: Vec<Exemplar>,
    /// The completion audit; `None` without one.
    pub audit: Option<Audit>,
    /// What charts show.
    pub course: RunCourse,
}

impl EndpointReport {
    /// The audit of accepted events, where it could be read.
    pub(super) fn completion(&self) -> Option<&Completion> {
        self.audit.as_ref()?.completion()
    }

    /// The unit of its latencies.
    pub(super) fn scale(&self) -> LatencyScale {
        match self.summary.clock {
            TimeBase::Given => LatencyScale::AsGiven,
            TimeBase::IntendedStart | TimeBase::Send => {
                let values = self.summary.ranked_values();
                let highest = values.at_rank(values.count());
                LatencyScale::of(highest.map(Duration::from_nanos))
            }
        }
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
            summary: Summary::of(recording, Some(plan.timeout))
                .of_shape(planned.map_or(LoadShape::Steady, EndpointRecord::shape)),
            segment: planned.and_then(|endpoint| endpoint.segment.clone()),
            traffic: Some(Traffic {
                offered: planned.and_then(EndpointRecord::mean_rate),
                achieved_per_s: recording.achieved_per_s(),
                send_lag: SendLag::of(recording),
                new_connections: recording.new_connections,
                pool_limited: recording.pool_limited,
                waited_for_stream: recording.phases.slot.count(),
                moved: recording.moved,
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
                    .filter(|endpoint| endpoint.shape().is_steady())
                    .and_then(|endpoint| endpoint.rate_per_s)
                    .map(Rate::as_per_second),
            ),
            distribution: LatencyDistribution::of(recording, None),
            slowest: recording.slowest.clone(),
            first_failed: recording.first_failed.clone(),
            audit: None,
            course: RunCourse::of(recording, Some(plan)),
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
            segment: None,
            request: None,
            summary: Summary::of(recording, None),
            traffic: None,
            drift: Drift::of(recording, None),
            distribution: LatencyDistribution::of(recording, None),
            slowest: Vec::new(),
            first_failed: Vec::new(),
            audit: None,
            course: RunCourse::of(recording, None),
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
    /// By the time since the run began; empty where the time is not known.
    pub seconds: Arc<RunIntervals>,
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

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How the load was put on an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// HTTP/2: requests that ended ok and waited for a free stream; absent if there were none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited_for_stream: u64,
    /// HTTP/2: how often a GOAWAY left a request unprocessed, which was then sent once more; absent if none was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moved: u64,
    /// Bytes of all bodies that were received.
    pub body_bytes: u64,
    /// Answers by status, those of the requests that ended ok and of the others.
    pub statuses: BTreeMap<u16, u64>,
    /// Statuses of answers that were not expected.
    #[serde(skip)]
    pub failed_statuses: BTreeMap<u16, u64>,
}
