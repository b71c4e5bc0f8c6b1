//! One thread's half of a run: performs requests, keeps connections, records what came of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::client::Client;
use super::clock::Clock;
use super::connection::response::{Expect, Kept};
use super::connection::{Answer, Connection, Keep};
use super::failure::Failure;
use super::live::Live;
use super::repeats::{Repeat, Repeats};
use super::request::Encoder;
use super::timeline::{Phase, Timeline};
use crate::run::completion::{Accepted, Answers, EventKey, Resend, key_in_answer};
use crate::run::plan::{Beside, IdSource, Keepalive, Model, Plan, StatusSet};
use crate::run::recording::{self, Counts, Recording};
use crate::run::sample::{ConnectionUse, FailureKind, Outcome, Sample};

/// Whether a request belongs to the run proper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before t0: sent alike, recorded apart.
    Warmup,
    /// Planned: ends in exactly one bin.
    Run,
}

/// A request to be performed. Instants are ns of the run's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) stage: Stage,
    pub(super) endpoint: usize,
    pub(super) index: u64,
    /// `None` in the closed model.
    pub(super) intended_ns: Option<u64>,
    /// Since when it waits for a connection under the in-flight cap, if it has to.
    pub(super) queued_ns: Option<u64>,
}

/// What one thread knows and gathers.
pub(super) struct Lane {
    pub(super) clock: Clock,
    /// When the run proper begins, in ns of the clock.
    pub(super) t0_ns: u64,
    keepalive: Keepalive,
    timeout: Duration,
    client: Client,
    /// What earlier blocks of the run have sent.
    first_index: u64,
    endpoints: Vec<EndpointLane>,
    logs: RefCell<Vec<Log>>,
    live: Option<Arc<Live>>,
}

/// How one endpoint's requests are made and judged.
struct EndpointLane {
    warmup: Encoder,
    run: Encoder,
    expect: StatusSet,
    /// The id to keep of an accepted answer, if any.
    keep: Option<IdSource>,
    resend: Option<Repeats>,
}

impl EndpointLane {
    fn encoder(&self, stage: Stage) -> &Encoder {
        match stage {
            Stage::Warmup => &self.warmup,
            Stage::Run => &self.run,
        }
    }

    /// What is to be kept of its answers; a key that is the client's own need not be looked for.
    fn keeps(&self) -> Keep {
        match (&self.keep, self.resend) {
            (None, _) | (Some(IdSource::Key), None) => Keep::Nothing,
            _ => Keep::Content,
        }
    }

    /// Holds the answer to a repetition against the event that the original's answer named.
    fn compare(&self, first: Option<&EventKey>, again: Option<&Repetition>) -> Resend {
        let Some(again) = again else {
            return Resend::Unanswered;
        };
        match (first, &again.key) {
            _ if again.status == 409 && !again.accepted => Resend::Conflict,
            _ if !again.accepted => Resend::Unanswered,
            (Some(first), Some(key)) if first != key => Resend::OtherEvent,
            _ if again.replayed => Resend::Replayed,
            (Some(_), Some(_)) => Resend::Same,
            _ => Resend::NotCompared,
        }
    }
}

/// How a repetition was answered.
struct Repetition {
    status: u16,
    /// Whether that is what is expected of the endpoint.
    accepted: bool,
    finished_ns: u64,
    /// The event that it names.
    key: Option<EventKey>,
    /// Whether it is marked as a replay.
    replayed: bool,
}

/// What one thread gathered of one endpoint.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) recording: Recording,
    pub(super) warmup: Counts,
    /// The first error of each kind, in words.
    pub(super) errors: BTreeMap<FailureKind, String>,
    /// What was kept of its answers.
    pub(super) answers: Answers,
}

impl Log {
    pub(super) fn merge(&mut self, other: Log) {
        self.recording.merge(&other.recording);
        self.warmup.merge(&other.warmup);
        self.answers.merge(other.answers);
        for (kind, message) in other.errors {
            self.errors.entry(kind).or_insert(message);
        }
    }
}

/// What is known of a request that was performed and recorded.
struct Performed {
    outcome: Outcome,
    /// The event that its answer names.
    key: Option<EventKey>,
}

/// A request that ended.
struct End {
    outcome: Outcome,
    finished_ns: u64,
    status: Option<u16>,
    body_bytes: u64,
    server_timing: Vec<(String, Duration)>,
    error: Option<String>,
    kept: Option<Kept>,
}

impl End {
    fn without_answer(outcome: Outcome, finished_ns: u64, error: Option<String>) -> End {
        End {
            outcome,
            finished_ns,
            status: None,
            body_bytes: 0,
            server_timing: Vec::new(),
            error,
            kept: None,
        }
    }

    /// An answer is judged by its status, and by when it came: one that was read in the same wake-up as its
    /// deadline, but came after it, is a timeout.
    fn answered(answer: Answer, expected: &StatusSet, deadline_ns: u64) -> End {
        let (outcome, error) = match expected.contains(answer.status) {
            _ if answer.finished_ns > deadline_ns => (Outcome::Timeout, None),
            true => (Outcome::Ok, None),
            false => {
                let error = format!("answered {} where {expected} is expected", answer.status);
                (Outcome::Failed(FailureKind::Status), Some(error))
            }
        };
        End {
            outcome,
            finished_ns: answer.finished_ns,
            status: Some(answer.status),
            body_bytes: answer.body_bytes,
            server_timing: answer.server_timing,
            error,
            kept: answer.kept,
        }
    }
}

impl Lane {
    pub(super) fn new(
        plan: &Plan,
        (runs, own_error): (&super::RunIds, Duration),
        client: Client,
        clock: Clock,
        t0_ns: u64,
        beside: &Beside,
        live: Option<Arc<Live>>,
    ) -> Lane {
        let judged = match plan.model {
            Model::Open { .. } => recording::Clock::IntendedStart,
            Model::Closed { .. } => recording::Clock::Send,
        };
        let keepalive = plan.connections.keepalive;
        let lane = |(stream, endpoint): (u64, &crate::run::plan::Endpoint)| {
            let keep = beside.id_of(stream as usize).cloned();
            let resend = beside.resend.filter(|_| keep.is_some());
            let encoder = |run| Encoder::new(&plan.target, endpoint, keepalive, run, stream);
            EndpointLane {
                warmup: encoder(runs.warmup),
                run: encoder(runs.run),
                expect: endpoint.expect.clone(),
                resend: resend.map(|share| Repeats::new(share, plan.seed, stream)),
                keep,
            }
        };
        let log = |endpoint: &crate::run::plan::Endpoint| Log {
            recording: Recording::new(judged, &endpoint.targets).with_own_error(own_error),
            warmup: Counts::default(),
            errors: BTreeMap::new(),
            answers: Answers::default(),
        };
        Lane {
            clock,
            t0_ns,
            keepalive,
            timeout: plan.timeout,
            client,
            first_index: runs.first_index,
            endpoints: (0u64..).zip(&plan.endpoints).map(lane).collect(),
            logs: RefCell::new(plan.endpoints.iter().map(log).collect()),
            live,
        }
    }

    pub(super) fn into_logs(self) -> Vec<Log> {
        self.logs.into_inner()
    }

    /// Performs one request on this connection or a new one, records it, and gives the connection back if it
    /// may carry another. A request is never sent twice, but for those that are to be: what fails on a reused
    /// connection has failed.
    pub(super) async fn perform(
        &self,
        job: Job,
        connection: Option<Connection>,
    ) -> Option<Connection> {
        let endpoint = &self.endpoints[job.endpoint];
        let request = endpoint.encoder(job.stage).encode(self.number(&job));
        let repeats = endpoint.resend.filter(|_| job.stage == Stage::Run);
        match repeats.and_then(|repeats| repeats.of(job.index)) {
            None => self.perform_once(&job, &request, connection, None).await.0,
            Some(repeat) => {
                // In a box, because it is rare and large.
                Box::pin(self.perform_twice(&job, &request, connection, repeat)).await
            }
        }
    }

    /// The original is measured as any other; the repetition goes over a connection of its own and is recorded apart.
    async fn perform_twice(
        &self,
        job: &Job,
        request: &[u8],
        connection: Option<Connection>,
        repeat: Repeat,
    ) -> Option<Connection> {
        let ((connection, original), again) = match repeat {
            Repeat::Concurrent => {
                let (written, original_is_sent) = oneshot::channel();
                tokio::join!(
                    self.perform_once(job, request, connection, Some(written)),
                    self.repeat(job, request, Some(original_is_sent))
                )
            }
            Repeat::After => {
                let original = self.perform_once(job, request, connection, None).await;
                (original, self.repeat(job, request, None).await)
            }
        };
        self.record_repetition(job, repeat, &original, again);
        connection
    }

    fn record_repetition(
        &self,
        job: &Job,
        repeat: Repeat,
        original: &Performed,
        again: Option<Repetition>,
    ) {
        let resend = self.endpoints[job.endpoint].compare(original.key.as_ref(), again.as_ref());
        let answers = &mut self.logs.borrow_mut()[job.endpoint].answers;
        answers.resends.add(resend);
        match repeat {
            Repeat::Concurrent => answers.resends.concurrent += 1,
            Repeat::After => answers.resends.after += 1,
        }
        // Whoever sends again because the first time failed, and is accepted then, is owed the event.
        if let Some(again) = again.filter(|again| again.accepted)
            && original.outcome != Outcome::Ok
        {
            answers.by_repeat.push(job.index);
            answers.accepted.push(Accepted {
                index: job.index,
                answered_ns: again.finished_ns.saturating_sub(self.t0_ns),
                key: again.key,
            });
        }
    }

    /// Sends a request once more, if told so not before the original's first byte is on its way, so that it is the
    /// repetition that finds the key in use; how it was answered, if it was in time.
    async fn repeat(
        &self,
        job: &Job,
        request: &[u8],
        original_is_sent: Option<oneshot::Receiver<()>>,
    ) -> Option<Repetition> {
        let endpoint = &self.endpoints[job.endpoint];
        let wanted = (endpoint.encoder(job.stage).expect(), Keep::Content);
        let mut timeline = Timeline::starting_at(self.clock.now_ns());
        let exchanged = async {
            let mut connection = self.client.open(self.clock, &mut timeline).await.ok()?;
            if let Some(original_is_sent) = original_is_sent {
                // An original that is never sent has ended.
                let _ = original_is_sent.await;
            }
            timeline.enter(Phase::FirstByte, self.clock.now_ns());
            let exchange = connection.exchange(request, wanted, self.clock, &mut timeline);
            exchange.await.ok()
        };
        let answer = tokio::time::timeout(self.timeout, exchanged).await.ok()??;
        let kept = answer.kept.unwrap_or_default();
        let key = |source| key_in_answer(source, &kept.body, kept.location.as_deref());
        Some(Repetition {
            status: answer.status,
            accepted: endpoint.expect.contains(answer.status),
            finished_ns: answer.finished_ns,
            key: endpoint.keep.as_ref().and_then(key),
            replayed: kept.replayed,
        })
    }

    /// Performs and records one request; gives back its connection if that may be used again, and how it ended. Tells
    /// `written` when its first byte is on its way.
    async fn perform_once(
        &self,
        job: &Job,
        request: &[u8],
        connection: Option<Connection>,
        written: Option<oneshot::Sender<()>>,
    ) -> (Option<Connection>, Performed) {
        let endpoint = &self.endpoints[job.endpoint];
        let connection_use = match connection {
            Some(_) => ConnectionUse::Reused,
            None => ConnectionUse::New,
        };
        let mut timeline = match job.queued_ns {
            Some(queued_ns) => Timeline::waiting_since(queued_ns),
            None => Timeline::starting_at(self.clock.now_ns()),
        };
        timeline.tell_when_written(written);
        let deadline_ns = self.deadline_ns(job, &timeline);
        let expect = endpoint.encoder(job.stage).expect();
        let wanted = (expect, endpoint.keeps());
        let attempt = self.attempt(connection, request, wanted, &mut timeline);
        let ended = tokio::time::timeout_at(self.clock.at(deadline_ns).into(), attempt).await;
        let (mut end, connection) = match ended {
            Ok(Ok((answer, connection))) => {
                let reusable = answer.reusable && self.keepalive == Keepalive::Reuse;
                let end = End::answered(answer, &endpoint.expect, deadline_ns);
                (end, reusable.then_some(connection))
            }
            Ok(Err(Failure { kind, message, .. })) => {
                let (outcome, now_ns) = (Outcome::Failed(kind), self.clock.now_ns());
                (End::without_answer(outcome, now_ns, Some(message)), None)
            }
            Err(_elapsed) => {
                let now_ns = self.clock.now_ns().max(deadline_ns);
                (End::without_answer(Outcome::Timeout, now_ns, None), None)
            }
        };
        let connection_use = timeline.sent_ns().map(|_| connection_use);
        let key = self.keep(job, &mut end);
        let outcome = end.outcome;
        self.record(job, timeline, connection_use, end);
        (connection, Performed { outcome, key })
    }

    /// Keeps which event an accepted request is, after every instant of it was stamped.
    fn keep(&self, job: &Job, end: &mut End) -> Option<EventKey> {
        let source = self.endpoints[job.endpoint].keep.as_ref()?;
        let kept = end.kept.take();
        if job.stage != Stage::Run || end.outcome != Outcome::Ok {
            return None;
        }
        let key = kept.and_then(|kept| key_in_answer(source, &kept.body, kept.location.as_deref()));
        let accepted = Accepted {
            index: job.index,
            answered_ns: end.finished_ns.saturating_sub(self.t0_ns),
            key: key.clone(),
        };
        self.logs.borrow_mut()[job.endpoint]
            .answers
            .accepted
            .push(accepted);
        if let Some(live) = &self.live {
            live.accepted(job.endpoint, job.index, key.as_ref());
        }
        key
    }

    async fn attempt(
        &self,
        connection: Option<Connection>,
        request: &[u8],
        wanted: (Expect, Keep),
        timeline: &mut Timeline,
    ) -> Result<(Answer, Connection), Failure> {
        let mut connection = match connection {
            Some(connection) => connection,
            // In a box, because it is rare and large, and every request in flight would have room for it.
            None => Box::pin(self.client.open(self.clock, timeline)).await?,
        };
        timeline.enter(Phase::FirstByte, self.clock.now_ns());
        let answer = connection
            .exchange(request, wanted, self.clock, timeline)
            .await?;
        Ok((answer, connection))
    }

    /// What `{{n}}` is.
    fn number(&self, job: &Job) -> u64 {
        match job.stage {
            Stage::Warmup => job.index,
            Stage::Run => self.first_index + job.index,
        }
    }

    /// Records a request that waited for a connection until its timeout; `false` if there is still time.
    pub(super) fn expire(&self, job: &Job) -> bool {
        let now_ns = self.clock.now_ns();
        let timeline = Timeline::waiting_since(job.queued_ns.unwrap_or(now_ns));
        if now_ns < self.deadline_ns(job, &timeline) {
            return false;
        }
        let end = End::without_answer(Outcome::Timeout, now_ns, None);
        self.record(job, timeline, None, end);
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
    fn deadline_ns(&self, job: &Job, timeline: &Timeline) -> u64 {
        let start_ns = job.intended_ns.unwrap_or(timeline.began_ns());
        start_ns + self.timeout.as_nanos() as u64
    }

    fn record(&self, job: &Job, timeline: Timeline, connection: Option<ConnectionUse>, end: End) {
        let mut logs = self.logs.borrow_mut();
        let log = &mut logs[job.endpoint];
        if let (Outcome::Failed(kind), Some(message)) = (end.outcome, end.error) {
            log.errors.entry(kind).or_insert(message);
        }
        if job.stage == Stage::Warmup {
            return log.warmup.add(end.outcome);
        }
        let since_t0 = |ns: u64| ns.saturating_sub(self.t0_ns);
        let sample = Sample {
            index: job.index,
            intended_start_ns: job.intended_ns.map(since_t0),
            dispatched_ns: since_t0(timeline.began_ns()),
            sent_ns: timeline.sent_ns().map(since_t0),
            finished_ns: since_t0(end.finished_ns),
            outcome: end.outcome,
            status: end.status,
            connection,
            phases: timeline.end(end.finished_ns),
            body_bytes: end.body_bytes,
            server_timing: end.server_timing,
        };
        log.recording.add(&sample);
        if let Some(live) = &self.live {
            live.add(job.endpoint, &sample);
        }
    }
}
