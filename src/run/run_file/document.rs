//! The shape of `a7probe.run/1` on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::audit_document::AuditDocument;
use super::borrowed_text::BorrowedText;
use super::exceedances_document::ExceedancesDocument;
use super::histogram_document::HistogramDocument;
use super::{
    EndpointRun, Environment, FORMAT, Instrument, Judging, PlanRecord, Run, RunEnd, TurnsRecord,
    nanos,
};
use crate::run::recording::{
    Counts, Exemplar, Latency, Recording, RunSecond, TimeBase, unique_map,
};
use crate::run::sample::{ConnectionUse, FailureKind, Outcome, Phases};

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
    /// When t0 was, the start of the schedule; RFC 3339 in UTC.
    pub(super) started_at: String,
    /// Whether the plan was carried out to its end.
    pub(super) ended: RunEnd,
    /// What was planned, without its secrets.
    pub(super) plan: PlanRecord,
    /// SHA-256 over what makes two runs comparable; derived from the plan.
    pub(super) plan_hash: String,
    /// The machine and the version that measured.
    pub(super) environment: Environment,
    /// What the probe says of itself.
    pub(super) instrument: Instrument,
    /// The gates that the run was judged by, as they were written.
    #[serde(default)]
    pub(super) gates: Vec<String>,
    /// How it was judged by them; absent in files of before there was this field: with the guard's default, size fixed.
    #[serde(default)]
    pub(super) judging: Judging,
    /// Of one side of a comparison that was measured in turns: how; absent in every other run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) turns: Option<TurnsRecord>,
    /// What each endpoint's part of the run left behind, in the order of the plan.
    #[serde(borrow)]
    pub(super) endpoints: Vec<EndpointDocument<'a>>,
}

/// What one endpoint's part of the run left behind.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EndpointDocument<'a> {
    /// What gates and tables call it.
    pub(super) name: String,
    /// From where latency counts.
    pub(super) clock: TimeBase,
    /// Requests of the plan: the sum of `counts`.
    pub(super) planned: u64,
    /// How they ended.
    pub(super) counts: Counts,
    /// How the requests of the warm-up ended; they are in no other figure.
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
    /// Where the time of the requests that ended ok went.
    #[serde(borrow)]
    pub(super) phases: PhasesDocument<'a>,
    /// Which requests exceeded a target.
    #[serde(borrow)]
    pub(super) exceedances: Vec<ExceedancesDocument<'a>>,
    /// Whether each request ended ok: one bit per planned request in order of the intended start, eight a byte, lowest first.
    #[serde(borrow)]
    pub(super) ok: BorrowedText<'a>,
    /// Whether each request ended badly for a cause on this side, in the same form. Absent in files of before there
    /// was this field: none, or where `counts` has such failures, all that did not end ok.
    #[serde(borrow, default)]
    pub(super) client: Option<BorrowedText<'a>>,
    /// Where a stretch of time was cut out, as between the blocks of a side that was measured in turns: the index of
    /// the first request after it, ascending. Times leave those stretches out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) seams: Vec<u64>,
    /// By second of the intended start (of the send in the closed model), ascending.
    #[serde(borrow)]
    pub(super) intervals: Vec<IntervalDocument<'a>>,
    /// The slowest requests, slowest first.
    pub(super) slowest: Vec<ExemplarDocument>,
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
    /// What became of what was accepted; absent if it was not audited.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) audit: Option<AuditDocument<'a>>,
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

/// One histogram a phase, three significant digits.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct PhasesDocument<'a> {
    /// Waiting for a free connection under the in-flight cap.
    #[serde(borrow)]
    pub(super) wait: HistogramDocument<'a>,
    /// Name resolution.
    #[serde(borrow)]
    pub(super) dns: HistogramDocument<'a>,
    /// TCP connect.
    #[serde(borrow)]
    pub(super) connect: HistogramDocument<'a>,
    /// TLS handshake.
    #[serde(borrow)]
    pub(super) tls: HistogramDocument<'a>,
    /// Send to first byte.
    #[serde(borrow)]
    pub(super) first_byte: HistogramDocument<'a>,
    /// First byte to last byte.
    #[serde(borrow)]
    pub(super) body: HistogramDocument<'a>,
}

/// One second of the run.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct IntervalDocument<'a> {
    /// Which one, from 0.
    pub(super) second: u64,
    /// Requests that ended ok.
    pub(super) ok: u64,
    /// Requests that did not: failed or timed out.
    pub(super) not_ok: u64,
    /// Latencies of those that ended ok; two significant digits, lower bucket bounds.
    #[serde(borrow)]
    pub(super) hdr: BorrowedText<'a>,
}

/// One of the slowest requests.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ExemplarDocument {
    /// Position in the endpoint's plan.
    pub(super) index: u64,
    /// Latency; for a timeout, how long was waited.
    pub(super) latency_ns: u64,
    /// From t0 to the intended start (the send in the closed model).
    pub(super) at_ns: u64,
    /// Our own delay before it was dispatched.
    pub(super) send_lag_ns: Option<u64>,
    /// How it ended.
    pub(super) outcome: OutcomeDocument,
    /// Why it failed, if it did.
    pub(super) failure: Option<FailureKind>,
    /// HTTP status, if any.
    pub(super) status: Option<u16>,
    /// Connection new or reused.
    pub(super) connection: Option<ConnectionUse>,
    /// Where the time went.
    pub(super) phases: Phases,
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
            plan: run.plan.clone(),
            plan_hash: run.plan.hash(),
            environment: run.environment.clone(),
            instrument: run.instrument.clone(),
            gates: run.gates.clone(),
            judging: run.judging,
            turns: run.turns,
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
            seams: recording.seams.clone(),
            intervals: recording
                .intervals
                .iter()
                .map(|(&second, interval)| IntervalDocument::of(second, interval))
                .collect(),
            slowest: recording.slowest.iter().map(Into::into).collect(),
            statuses: recording.statuses.clone(),
            server_timing: recording
                .server_timing
                .iter()
                .map(|(name, histogram)| (name.clone(), histogram.into()))
                .collect(),
            new_connections: recording.new_connections,
            pool_limited: recording.pool_limited,
            sent: recording.sent,
            body_bytes: recording.body_bytes,
            first_sent_ns: recording.first_sent_ns,
            last_sent_ns: recording.last_sent_ns,
            last_finished_ns: recording.last_finished_ns,
            audit: endpoint.audit.as_ref().map(AuditDocument::from),
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
            first_byte: (&phases.first_byte).into(),
            body: (&phases.body).into(),
        }
    }
}

impl IntervalDocument<'_> {
    fn of(second: u64, interval: &RunSecond) -> Self {
        IntervalDocument {
            second,
            ok: interval.ok,
            not_ok: interval.not_ok,
            hdr: interval.histogram().encode().into(),
        }
    }
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
