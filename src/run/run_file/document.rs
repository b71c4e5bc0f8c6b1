//! The shape of `a7probe.run/1` on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answers_document::AnswersDocument;
use super::audit_document::AuditDocument;
use super::borrowed_text::BorrowedText;
use super::exceedances_document::ExceedancesDocument;
use super::histogram_document::HistogramDocument;
use super::sequence_document::SequenceDocument;
use super::{
    BaselineRecord, EndpointRun, Environment, FORMAT, Gating, Instrument, Judging, MergedRecord,
    PlanRecord, Run, RunEnd, ShardRecord, TurnsRecord, nanos,
};
use crate::run::recording::{
    Counts, Exemplar, Latency, Recording, RunInterval, TimeBase, unique_map,
};
use crate::run::sample::{ConnectionUse, FailureKind, Outcome, Phases};
use crate::trace::TraceId;

/// The JSON Schema of a run file, as text. A test holds it to the type that is written.
pub const SCHEMA: &str = include_str!("run.schema.json");

/// One run of a7probe. Times are integer nanoseconds, histograms are HdrHistogram's V2 compressed encoding in base64,
/// bits are zlib in base64. Fields that are not described here are ignored.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "a7probe.run/1"))]
pub(super) struct RunDocument<'a> {
    /// `a7probe.run/1`: name and major version.
    #[cfg_attr(test, schemars(extend("const" = FORMAT)))]
    pub(super) format: String,
    /// UUID of the run; requests carry it in `X-A7-Run`.
    pub(super) id: String,
    /// t0, the start of the schedule; RFC 3339 in UTC.
    pub(super) started_at: String,
    /// Whether the plan was carried out to its end.
    pub(super) ended: RunEnd,
    /// The rule of `--abort-on` that ended it; absent in every other run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) aborted_by: Option<String>,
    /// The plan, without its secrets.
    pub(super) plan: PlanRecord,
    /// SHA-256 over the facts that make two runs comparable; derived from the plan.
    pub(super) plan_hash: String,
    /// The machine and the version that measured.
    pub(super) environment: Environment,
    /// The instrument: its calibration, certificate and load.
    pub(super) instrument: Instrument,
    /// The gates of the run, as written.
    #[serde(default)]
    pub(super) gates: Vec<String>,
    /// The implied ones among them. Where the plan could not pass one and the data do not fail
    /// it, it was not judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) implied_gates: Vec<String>,
    /// `none` for a run without a verdict; absent otherwise.
    #[serde(default, skip_serializing_if = "Gating::is_by_gates")]
    pub(super) gating: Gating,
    /// How the gates were judged; absent in older files, which were judged with the default guard and a fixed size.
    #[serde(default)]
    pub(super) judging: Judging,
    /// The blocks of one side of an interleaved comparison; absent in every other run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) turns: Option<TurnsRecord>,
    /// The saved run that its gates on two runs were judged against; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) baseline: Option<BaselineRecord>,
    /// Which part of a run it is, if several machines sent it; absent in every other run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shard: Option<ShardRecord>,
    /// The shards that it was merged from; absent in every other run. `instrument` is their sum, with the longest
    /// measurement overhead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) merged: Option<MergedRecord>,
    /// The recording of each endpoint, in the order of the plan.
    #[serde(borrow)]
    pub(super) endpoints: Vec<EndpointDocument<'a>>,
}

/// The recording of one endpoint.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EndpointDocument<'a> {
    /// Name of the endpoint in gates and tables.
    pub(super) name: String,
    /// The instant that latency counts from.
    pub(super) clock: TimeBase,
    /// Requests of the plan: the sum of `counts`.
    pub(super) planned: u64,
    /// Outcomes of the planned requests.
    pub(super) counts: Counts,
    /// Outcomes of the warm-up requests; no other figure includes them.
    pub(super) warmup: Counts,
    /// Requests sent per second, from the first send to the last; derived.
    pub(super) achieved_per_s: Option<f64>,
    /// Latency of the requests that ended ok, counted from where `clock` says.
    #[serde(borrow)]
    pub(super) latency: LatencyDocument<'a>,
    /// Last byte − send, of the requests that ended ok; empty in the closed model, where it is `latency`.
    #[serde(borrow)]
    pub(super) service: HistogramDocument<'a>,
    /// Dispatch − intended start, of every request that was dispatched; empty in the closed model.
    #[serde(borrow)]
    pub(super) send_lag: HistogramDocument<'a>,
    /// Phases of the requests that ended ok.
    #[serde(borrow)]
    pub(super) phases: PhasesDocument<'a>,
    /// Requests above a target.
    #[serde(borrow)]
    pub(super) exceedances: Vec<ExceedancesDocument<'a>>,
    /// Whether each request ended ok: one bit per planned request in order of the intended start, eight a byte, lowest first.
    #[serde(borrow)]
    pub(super) ok: BorrowedText<'a>,
    /// Whether each request failed for a cause on this side, in the same form. Absent in older files: none, or where
    /// `counts` has such failures, all that did not end ok.
    #[serde(borrow, default)]
    pub(super) client: Option<BorrowedText<'a>>,
    /// The latencies of the first 1,000,000 requests in order of the intended start, so that a run can be judged at a
    /// target that it did not count. Absent in older files.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) sequence: Option<SequenceDocument<'a>>,
    /// Where a stretch of time was cut out, as between the blocks of one side of an interleaved comparison: the index
    /// of the first request after it, ascending. Times leave those stretches out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) seams: Vec<u64>,
    /// How long each of the intervals is, in s: 1, and longer where the run is longer than 16 minutes. Absent if it is 1, and
    /// in files of before there was this field.
    #[serde(default = "one_second", skip_serializing_if = "is_one_second")]
    pub(super) interval_s: u64,
    /// By the intended start (by the send in the closed model), ascending.
    #[serde(borrow)]
    pub(super) intervals: Vec<IntervalDocument<'a>>,
    /// The slowest requests, slowest first.
    pub(super) slowest: Vec<ExemplarDocument>,
    /// Of the requests that began and did not end ok, the first ten in the order of the plan. Absent if there were none,
    /// and in files of before there was this field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) first_failed: Vec<ExemplarDocument>,
    /// Answers by status.
    #[serde(deserialize_with = "unique_map::deserialize")]
    pub(super) statuses: BTreeMap<u16, u64>,
    /// `Server-Timing` metrics of the requests that ended ok, by name.
    #[serde(borrow, deserialize_with = "unique_map::deserialize")]
    pub(super) server_timing: BTreeMap<String, HistogramDocument<'a>>,
    /// Requests that opened a connection.
    pub(super) new_connections: u64,
    /// Requests that waited for a connection because the in-flight cap was reached.
    pub(super) pool_limited: u64,
    /// HTTP/2: how often a GOAWAY left a request unprocessed, which was then sent once more over another connection;
    /// absent if none was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) moved: u64,
    /// Requests whose first byte was handed to a socket.
    pub(super) sent: u64,
    /// Bytes of answers' bodies.
    pub(super) body_bytes: u64,
    /// First send, from t0.
    pub(super) first_sent_ns: Option<u64>,
    /// Last send, from t0.
    pub(super) last_sent_ns: Option<u64>,
    /// Last end of a request, from t0.
    pub(super) last_finished_ns: u64,
    /// The audit of accepted events; absent without an audit.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) audit: Option<AuditDocument<'a>>,
    /// Of a shard that is to be audited, the names of accepted events; absent in every other run.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) answers: Option<AnswersDocument<'a>>,
}

/// The judged latencies.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "form")]
pub(super) enum LatencyDocument<'a> {
    /// A histogram with four significant digits.
    Histogram(#[serde(borrow)] HistogramDocument<'a>),
    /// Every value, in order.
    Exact {
        /// The values.
        values_ns: Vec<u64>,
    },
}

/// One histogram per phase, three significant digits.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PhasesDocument<'a> {
    /// Waiting for a free connection under the in-flight cap.
    #[serde(borrow)]
    pub(super) wait: HistogramDocument<'a>,
    /// Name resolution.
    #[serde(borrow)]
    pub(super) dns: HistogramDocument<'a>,
    /// TCP connect, and for HTTP/2 the wait for the server's SETTINGS.
    #[serde(borrow)]
    pub(super) connect: HistogramDocument<'a>,
    /// TLS handshake.
    #[serde(borrow)]
    pub(super) tls: HistogramDocument<'a>,
    /// HTTP/2: waiting for a free stream; absent if no request did.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) slot: Option<HistogramDocument<'a>>,
    /// Redirects that were followed; absent if there were none.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) redirect: Option<HistogramDocument<'a>>,
    /// Send, or the last redirect, to first byte.
    #[serde(borrow)]
    pub(super) first_byte: HistogramDocument<'a>,
    /// First byte to last byte.
    #[serde(borrow)]
    pub(super) body: HistogramDocument<'a>,
}

/// An interval of the run.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct IntervalDocument<'a> {
    /// Second in which it begins, from 0.
    pub(super) second: u64,
    /// Requests that ended ok.
    pub(super) ok: u64,
    /// Requests that failed or timed out.
    pub(super) not_ok: u64,
    /// Of these, the failures by kind; absent if there were none, and in files of before there was this field.
    #[serde(
        default,
        deserialize_with = "unique_map::deserialize",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub(super) failed: BTreeMap<FailureKind, u64>,
    /// Of these, those without a complete answer in time; absent as `failed` is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) timeout: u64,
    /// Latencies of the ok requests; two significant digits, lower bucket bounds.
    #[serde(borrow)]
    pub(super) hdr: BorrowedText<'a>,
}

/// One of the slowest requests, or of those that failed first.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ExemplarDocument {
    /// Position in the endpoint's plan.
    pub(super) index: u64,
    /// Latency; for a timeout, the time until it.
    pub(super) latency_ns: u64,
    /// From t0 to the intended start (the send in the closed model).
    pub(super) at_ns: u64,
    /// Our own delay before it was dispatched.
    pub(super) send_lag_ns: Option<u64>,
    /// Outcome of the request.
    pub(super) outcome: OutcomeDocument,
    /// Why it failed, if it did.
    pub(super) failure: Option<FailureKind>,
    /// HTTP status, if any.
    pub(super) status: Option<u16>,
    /// Whether the connection was new or reused; null if nothing was sent.
    pub(super) connection: Option<ConnectionUse>,
    /// Phases of the request.
    pub(super) phases: Phases,
    /// The trace that its `traceparent` began (W3C Trace Context); absent if it carried none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<TraceId>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum OutcomeDocument {
    /// Answered in full with an expected status.
    Ok,
    /// Not answered, or not as expected.
    Failed,
    /// No complete answer within the timeout.
    Timeout,
    /// The run was cut before it was sent.
    Unsent,
}

impl From<&Run> for RunDocument<'_> {
    fn from(run: &Run) -> Self {
        RunDocument {
            format: FORMAT.to_owned(),
            id: run.id.to_string(),
            started_at: run.started_at.to_string(),
            ended: run.ended,
            aborted_by: run.aborted_by.clone(),
            plan: run.plan.clone(),
            plan_hash: run.plan.hash(),
            environment: run.environment.clone(),
            instrument: run.instrument.clone(),
            gates: run.gates.clone(),
            implied_gates: run.implied_gates.clone(),
            gating: run.gating,
            judging: run.judging,
            turns: run.turns,
            baseline: run.baseline.clone(),
            shard: run.shard,
            merged: run.merged.clone(),
            endpoints: run.endpoints.iter().map(EndpointDocument::from).collect(),
        }
    }
}

impl From<&EndpointRun> for EndpointDocument<'_> {
    fn from(endpoint: &EndpointRun) -> Self {
        let recording = &endpoint.recording;
        EndpointDocument {
            name: endpoint.name.clone(),
            clock: recording.clock,
            planned: recording.planned(),
            counts: recording.counts.clone(),
            warmup: endpoint.warmup.clone(),
            achieved_per_s: recording.achieved_per_s(),
            latency: LatencyDocument::from(&recording.latency),
            service: HistogramDocument::from(&recording.service),
            send_lag: HistogramDocument::from(&recording.send_lag),
            phases: PhasesDocument::from(recording),
            exceedances: recording.exceedances.iter().map(Into::into).collect(),
            ok: recording.ok.encode().into(),
            client: Some(recording.client.encode().into()),
            sequence: recording.sequence().map(Into::into),
            seams: recording.seams.clone(),
            interval_s: recording.intervals.width_s(),
            intervals: recording
                .intervals
                .iter()
                .map(|(second, interval)| IntervalDocument::of(second, interval))
                .collect(),
            slowest: recording.slowest.iter().map(Into::into).collect(),
            first_failed: recording.first_failed.iter().map(Into::into).collect(),
            statuses: recording.statuses.clone(),
            server_timing: recording
                .server_timing
                .iter()
                .map(|(name, histogram)| (name.clone(), histogram.into()))
                .collect(),
            new_connections: recording.new_connections,
            pool_limited: recording.pool_limited,
            moved: recording.moved,
            sent: recording.sent,
            body_bytes: recording.body_bytes,
            first_sent_ns: recording.first_sent_ns,
            last_sent_ns: recording.last_sent_ns,
            last_finished_ns: recording.last_finished_ns,
            audit: endpoint.audit.as_ref().map(AuditDocument::from),
            answers: AnswersDocument::of(&endpoint.answers),
        }
    }
}

impl From<&Latency> for LatencyDocument<'_> {
    fn from(latency: &Latency) -> Self {
        match latency {
            Latency::Histogram(histogram) => LatencyDocument::Histogram(histogram.into()),
            Latency::Rounded { .. } | Latency::Ranges(_) => {
                unreachable!("what other tools measured is in no run")
            }
            Latency::Exact(values_ns) => LatencyDocument::Exact {
                values_ns: values_ns.clone(),
            },
        }
    }
}

impl From<&Recording> for PhasesDocument<'_> {
    fn from(recording: &Recording) -> Self {
        let phases = &recording.phases;
        PhasesDocument {
            wait: (&phases.wait).into(),
            dns: (&phases.dns).into(),
            connect: (&phases.connect).into(),
            tls: (&phases.tls).into(),
            slot: (phases.slot.count() > 0).then(|| (&phases.slot).into()),
            redirect: (phases.redirect.count() > 0).then(|| (&phases.redirect).into()),
            first_byte: (&phases.first_byte).into(),
            body: (&phases.body).into(),
        }
    }
}

impl IntervalDocument<'_> {
    fn of(second: u64, interval: &RunInterval) -> Self {
        IntervalDocument {
            second,
            ok: interval.ok,
            not_ok: interval.not_ok,
            failed: interval.failed.clone(),
            timeout: interval.timeout,
            hdr: interval.histogram().encode().into(),
        }
    }
}

fn one_second() -> u64 {
    1
}

fn is_one_second(width_s: &u64) -> bool {
    *width_s == one_second()
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<&Exemplar> for ExemplarDocument {
    fn from(exemplar: &Exemplar) -> ExemplarDocument {
        let (outcome, failure) = match exemplar.outcome {
            Outcome::Ok => (OutcomeDocument::Ok, None),
            Outcome::Failed(kind) => (OutcomeDocument::Failed, Some(kind)),
            Outcome::Timeout => (OutcomeDocument::Timeout, None),
            Outcome::Unsent => (OutcomeDocument::Unsent, None),
        };
        ExemplarDocument {
            index: exemplar.index,
            latency_ns: nanos::of(exemplar.latency),
            at_ns: nanos::of(exemplar.at),
            send_lag_ns: exemplar.send_lag.map(nanos::of),
            outcome,
            failure,
            status: exemplar.status,
            connection: exemplar.connection,
            phases: exemplar.phases,
            trace_id: exemplar.trace_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RunDocument, SCHEMA};

    #[test]
    fn the_committed_schema_is_that_of_the_code() {
        let schema = schemars::schema_for!(RunDocument).to_value();
        let text = serde_json::to_string_pretty(&schema).expect("a schema") + "\n";
        if text != SCHEMA {
            let made = std::env::temp_dir().join("run.schema.json");
            std::fs::write(&made, &text).expect("a temporary file");
            panic!(
                "look at the difference, then copy {} over src/run/run_file/run.schema.json",
                made.display()
            );
        }
    }
}
