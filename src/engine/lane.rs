//! One thread's half of a run: performs requests, keeps connections, records what came of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::client::Client;
use super::clock::Clock;
use super::connection::{Connection, Stamps};
use super::live::Live;
use super::request::Encoder;
use crate::plan::{Keepalive, Model, Plan, StatusSet};
use crate::recording::{self, Counts, Recording};
use crate::sample::{ConnectionUse, FailureKind, Outcome, Phases, Sample};

/// Whether a request belongs to the run proper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before t0: sent alike, recorded apart.
    Warmup,
    /// Planned: ends in exactly one bin.
    Run,
}

/// A request that is due. Instants are ns of the run's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) stage: Stage,
    pub(super) endpoint: usize,
    pub(super) index: u64,
    /// `None` in the closed model.
    pub(super) intended_ns: Option<u64>,
    pub(super) dispatched_ns: u64,
    /// Whether it had to wait for a connection under the in-flight cap.
    pub(super) queued: bool,
}

/// What one thread knows and gathers.
pub(super) struct Lane {
    pub(super) clock: Clock,
    /// When the run proper begins, in ns of the clock.
    pub(super) t0_ns: u64,
    pub(super) keepalive: Keepalive,
    timeout: Duration,
    client: Client,
    endpoints: Vec<EndpointLane>,
    logs: RefCell<Vec<Log>>,
    live: Option<Arc<Live>>,
}

/// How one endpoint's requests are made and judged.
struct EndpointLane {
    warmup: Encoder,
    run: Encoder,
    expect: StatusSet,
}

/// What one thread gathered of one endpoint.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) recording: Recording,
    pub(super) warmup: Counts,
    /// The first error of each kind, in words.
    pub(super) errors: BTreeMap<FailureKind, String>,
}

impl Log {
    pub(super) fn merge(&mut self, other: Log) {
        self.recording.merge(&other.recording);
        self.warmup.merge(&other.warmup);
        for (kind, message) in other.errors {
            self.errors.entry(kind).or_insert(message);
        }
    }
}

/// What is known of a request while it is under way; survives a timeout.
#[derive(Default)]
struct Trace {
    phases: Phases,
    stamps: Stamps,
    connection: Option<ConnectionUse>,
    began_ns: u64,
}

/// A request that ended.
struct End {
    outcome: Outcome,
    status: Option<u16>,
    finished_ns: u64,
    body_bytes: u64,
    server_timing: Vec<(String, Duration)>,
    error: Option<String>,
}

impl End {
    fn failed(kind: FailureKind, finished_ns: u64, message: String) -> End {
        End::without_answer(Outcome::Failed(kind), finished_ns, Some(message))
    }

    fn without_answer(outcome: Outcome, finished_ns: u64, error: Option<String>) -> End {
        End {
            outcome,
            status: None,
            finished_ns,
            body_bytes: 0,
            server_timing: Vec::new(),
            error,
        }
    }
}

impl Lane {
    pub(super) fn new(
        plan: &Plan,
        runs: &super::RunIds,
        client: Client,
        clock: Clock,
        t0_ns: u64,
        live: Option<Arc<Live>>,
    ) -> Lane {
        let judged = match plan.model {
            Model::Open { .. } => recording::Clock::IntendedStart,
            Model::Closed { .. } => recording::Clock::Send,
        };
        let keepalive = plan.connections.keepalive;
        let lane = |(stream, endpoint)| {
            let encoder = |run| Encoder::new(&plan.target, endpoint, keepalive, run, stream);
            EndpointLane {
                warmup: encoder(runs.warmup),
                run: encoder(runs.run),
                expect: endpoint.expect.clone(),
            }
        };
        let log = |endpoint: &crate::plan::Endpoint| Log {
            recording: Recording::new(judged, &endpoint.targets),
            warmup: Counts::default(),
            errors: BTreeMap::new(),
        };
        Lane {
            clock,
            t0_ns,
            keepalive,
            timeout: plan.timeout,
            client,
            endpoints: (0u64..).zip(&plan.endpoints).map(lane).collect(),
            logs: RefCell::new(plan.endpoints.iter().map(log).collect()),
            live,
        }
    }

    pub(super) fn into_logs(self) -> Vec<Log> {
        self.logs.into_inner()
    }

    /// Performs one request on this connection or a new one, records it, and gives the connection back if it
    /// may carry another. A request is never sent twice: what fails on a reused connection has failed.
    pub(super) async fn perform(
        &self,
        job: Job,
        connection: Option<Connection>,
    ) -> Option<Connection> {
        let deadline_ns = self.deadline_ns(&job);
        let mut trace = Trace {
            began_ns: self.clock.now_ns(),
            ..Trace::default()
        };
        if job.queued {
            trace.phases.wait_ns = Some(trace.began_ns - job.dispatched_ns);
        }
        let attempt = self.attempt(&job, connection, &mut trace);
        let ended = tokio::time::timeout_at(self.clock.at(deadline_ns).into(), attempt).await;
        let (end, connection) = ended.unwrap_or_else(|_| {
            let finished_ns = self.clock.now_ns().max(deadline_ns);
            (
                End::without_answer(Outcome::Timeout, finished_ns, None),
                None,
            )
        });
        self.record(&job, trace, end, deadline_ns);
        connection.filter(|_| self.keepalive == Keepalive::Reuse)
    }

    /// Records a request that waited for a connection until its timeout; `false` if there is still time.
    pub(super) fn expire(&self, job: &Job) -> bool {
        let (now_ns, deadline_ns) = (self.clock.now_ns(), self.deadline_ns(job));
        if now_ns < deadline_ns {
            return false;
        }
        let mut trace = Trace {
            began_ns: now_ns,
            ..Trace::default()
        };
        trace.phases.wait_ns = Some(now_ns - job.dispatched_ns);
        self.record(
            job,
            trace,
            End::without_answer(Outcome::Timeout, now_ns, None),
            deadline_ns,
        );
        true
    }

    /// Records a planned request that the run was cut before.
    pub(super) fn unsent(&self, job: &Job) {
        if job.stage == Stage::Run {
            self.logs.borrow_mut()[job.endpoint]
                .recording
                .add_unsent(job.index);
        }
    }

    /// The timeout bounds what is judged: response time, or service time in the closed model.
    fn deadline_ns(&self, job: &Job) -> u64 {
        job.intended_ns.unwrap_or(job.dispatched_ns) + self.timeout.as_nanos() as u64
    }

    async fn attempt(
        &self,
        job: &Job,
        connection: Option<Connection>,
        trace: &mut Trace,
    ) -> (End, Option<Connection>) {
        let mut connection = match connection {
            Some(connection) => connection,
            None => match self.client.open(self.clock, &mut trace.phases).await {
                Ok(connection) => connection,
                Err(e) => return (End::failed(e.kind, self.clock.now_ns(), e.message), None),
            },
        };
        trace.connection = Some(if connection.uses == 0 {
            ConnectionUse::New
        } else {
            ConnectionUse::Reused
        });
        let endpoint = &self.endpoints[job.endpoint];
        let encoder = if job.stage == Stage::Run {
            &endpoint.run
        } else {
            &endpoint.warmup
        };
        let request = encoder.encode(job.index);
        let exchanged = connection
            .exchange(&request, encoder.expect(), self.clock, &mut trace.stamps)
            .await;
        match exchanged {
            Err(e) => (
                End::failed(e.kind(), self.clock.now_ns(), e.to_string()),
                None,
            ),
            Ok(answer) => {
                let expected = endpoint.expect.contains(answer.status);
                let end = End {
                    outcome: if expected {
                        Outcome::Ok
                    } else {
                        Outcome::Failed(FailureKind::Status)
                    },
                    status: Some(answer.status),
                    finished_ns: answer.finished_ns,
                    body_bytes: answer.body_bytes,
                    server_timing: answer.server_timing,
                    error: (!expected).then(|| {
                        format!(
                            "answered {} where {} is expected",
                            answer.status, endpoint.expect
                        )
                    }),
                };
                (end, answer.reusable.then_some(connection))
            }
        }
    }

    fn record(&self, job: &Job, trace: Trace, end: End, deadline_ns: u64) {
        // An answer that came in the same wake-up as its deadline, but after it, is a timeout.
        let late = end.outcome == Outcome::Ok && end.finished_ns > deadline_ns;
        let outcome = if late { Outcome::Timeout } else { end.outcome };
        let mut logs = self.logs.borrow_mut();
        let log = &mut logs[job.endpoint];
        if let (Outcome::Failed(kind), Some(message)) = (outcome, end.error) {
            log.errors.entry(kind).or_insert(message);
        }
        if job.stage == Stage::Warmup {
            return log.warmup.add(outcome);
        }
        let mut phases = trace.phases;
        if let (Some(sent_ns), Some(first_ns)) = (trace.stamps.sent_ns, trace.stamps.first_byte_ns)
        {
            phases.first_byte_ns = Some(first_ns.saturating_sub(sent_ns));
            phases.body_ns = Some(end.finished_ns.saturating_sub(first_ns));
        }
        let since_t0 = |ns: u64| ns.saturating_sub(self.t0_ns);
        let sample = Sample {
            index: job.index,
            intended_start_ns: job.intended_ns.map(since_t0),
            dispatched_ns: since_t0(job.dispatched_ns),
            sent_ns: trace.stamps.sent_ns.map(since_t0),
            finished_ns: since_t0(end.finished_ns),
            outcome,
            status: end.status,
            connection: trace.connection,
            phases,
            body_bytes: end.body_bytes,
            server_timing: end.server_timing,
        };
        log.recording.add(&sample);
        if let Some(live) = &self.live {
            live.add(job.endpoint, &sample);
        }
    }
}
