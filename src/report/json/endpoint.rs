//! The numbers of one endpoint, for programs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::audit::JsonAudit;
use super::segment::JsonSegment;
use crate::judge::summary::{
    Drift, Observed, ObservedInterval, PERCENTILES, Percentile, Resolution,
};
use crate::report::endpoint_report::{EndpointReport, Traffic};
use crate::run::recording::{Counts, Exemplar, TimeBase};
use crate::stats::rank::Quantile;
use crate::trace::TraceId;
use crate::units::millis;

/// What stands at a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JsonObserved {
    Latency,
    /// A request without an answer within the timeout.
    Timeout,
    /// A failed request.
    Failed,
    /// A request that was never sent.
    Unsent,
    /// Nothing: there are no data.
    NoData,
    /// A percentile of a ramp, which has none.
    AcrossRamp,
}

/// One endpoint's numbers.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonEndpoint {
    /// What gates call it.
    pub name: String,
    /// The file it came from.
    pub source: Option<String>,
    /// The part of a rate profile that it is; absent at one rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<JsonSegment>,
    /// From where the latencies count: `intended_start` (response time), `send` (service time) or `given`.
    pub clock: TimeBase,
    /// Planned requests: the sum of the counts.
    pub planned: u64,
    /// How they ended.
    pub counts: Counts,
    /// Nearest rank over all planned requests; those that did not end ok are slower than everything.
    pub percentiles: Vec<JsonPercentile>,
    /// Fastest of the requests that ended ok.
    pub min_ms: Option<f64>,
    /// Mean over the requests that ended ok.
    pub mean_ms: Option<f64>,
    /// Slowest of all planned requests; `null` if it did not end ok.
    pub max_ms: Option<f64>,
    /// Halves and tenths of the run.
    pub drift: Drift,
    /// The slowest requests, slowest first; absent where another tool measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slowest: Vec<JsonExemplar>,
    /// The first requests that began and did not end ok, in the order of the plan; absent if there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_failed: Vec<JsonExemplar>,
    /// How the load was put on it.
    pub traffic: Option<Traffic>,
    /// The completion audit; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<JsonAudit>,
}

/// One request that is kept as an example.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonExemplar {
    /// Its number in the plan of the endpoint, from 0.
    pub index: u64,
    /// Its intended start (its send in the closed model), in seconds from the start of the run.
    pub at_s: f64,
    /// Latency; of a request without an answer, the time until it was given up.
    pub latency_ms: f64,
    /// `ok`, `timeout`, or the kind of the failure as in the counts.
    pub outcome: &'static str,
    /// HTTP status of the answer, if there was one.
    pub status: Option<u16>,
    /// The trace that its `traceparent` began; absent if it carried none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
}

/// One percentile.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonPercentile {
    /// `p99.9`.
    pub metric: String,
    /// Its rank, from 1.
    pub rank: u64,
    /// Its value; `null` if it is not a latency.
    pub observed_ms: Option<f64>,
    /// What stands at the rank.
    pub observed: JsonObserved,
    /// 95 % interval; an end is `null` where the data do not bound it.
    pub interval_ms: [Option<f64>; 2],
    /// Whether there are enough requests for an interval with two ends.
    pub resolved: bool,
    /// How many requests that takes.
    pub samples_needed: u64,
}

impl From<Observed> for JsonObserved {
    fn from(observed: Observed) -> JsonObserved {
        match observed {
            Observed::Value(_) => JsonObserved::Latency,
            Observed::BeyondTimeout(_) => JsonObserved::Timeout,
            Observed::Failed => JsonObserved::Failed,
            Observed::Unsent => JsonObserved::Unsent,
            Observed::NoData => JsonObserved::NoData,
            Observed::AcrossRamp => JsonObserved::AcrossRamp,
        }
    }
}

impl From<&EndpointReport> for JsonEndpoint {
    fn from(endpoint: &EndpointReport) -> JsonEndpoint {
        let summary = &endpoint.summary;
        let percentile = |quantile: Quantile| JsonPercentile::from(&summary.percentile(quantile));
        JsonEndpoint {
            name: endpoint.name.clone(),
            source: endpoint.source.clone(),
            segment: endpoint.segment.as_ref().map(JsonSegment::from),
            clock: summary.clock,
            planned: summary.planned(),
            counts: summary.counts.clone(),
            percentiles: PERCENTILES.into_iter().map(percentile).collect(),
            min_ms: summary.min().map(millis),
            mean_ms: summary.mean.map(millis),
            max_ms: observed_ms(summary.max()),
            drift: endpoint.drift.clone(),
            slowest: endpoint.slowest.iter().map(JsonExemplar::from).collect(),
            first_failed: endpoint
                .first_failed
                .iter()
                .map(JsonExemplar::from)
                .collect(),
            traffic: endpoint.traffic.clone(),
            audit: endpoint.audit.as_ref().map(JsonAudit::from),
        }
    }
}

impl From<&Exemplar> for JsonExemplar {
    fn from(exemplar: &Exemplar) -> JsonExemplar {
        JsonExemplar {
            index: exemplar.index,
            at_s: exemplar.at.as_secs_f64(),
            latency_ms: millis(exemplar.latency),
            outcome: exemplar.outcome.as_str(),
            status: exemplar.status,
            trace_id: exemplar.trace_id,
        }
    }
}

impl From<&Percentile> for JsonPercentile {
    fn from(percentile: &Percentile) -> JsonPercentile {
        JsonPercentile {
            metric: String::from(percentile.quantile),
            rank: percentile.rank,
            observed_ms: observed_ms(percentile.value),
            observed: percentile.value.into(),
            interval_ms: interval_ms(percentile.interval),
            resolved: percentile.resolution == Resolution::Resolved,
            samples_needed: percentile.samples_needed,
        }
    }
}

pub(super) fn observed_ms(observed: Observed) -> Option<f64> {
    observed.value().map(millis)
}

pub(super) fn interval_ms(interval: ObservedInterval) -> [Option<f64>; 2] {
    [interval.lower, interval.upper]
        .map(|end| end.and_then(Observed::value).map(|v: Duration| millis(v)))
}
