//! One thread's half of a run: performs requests, keeps connections, records how they ended.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::connection::{Connection, Keep, Response, ResponseOptions};
use super::connector::Connector;
use super::failure::RequestFailure;
use super::live::Live;
use super::monotonic_clock::MonotonicClock;
use super::request::Encoder;
use super::request_end::RequestEnd;
use super::resend_draw::ResendDraw;
use super::run_spec::RunSpec;
use super::timeline::{RequestPhase, Timeline};
use crate::run::completion::{Accepted, EventKey, key_in_answer};
use crate::run::plan::{Endpoint, IdSource, Keepalive, Model, StatusSet};
use crate::run::recording::{Recording, TimeBase};
use crate::run::run_file::EndpointRun;
use crate::run::sample::{ConnectionUse, Outcome, Sample};

/// Whether a request belongs to the run proper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunPart {
    /// Before t0: sent alike, recorded apart.
    Warmup,
    /// Planned: ends in exactly one bin.
    Run,
}

/// A request to be performed. Instants are ns of the run's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutgoingRequest {
    pub(super) part: RunPart,
    pub(super) endpoint: usize,
    pub(super) index: u64,
    /// `None` in the closed model.
    pub(super) intended_ns: Option<u64>,
    /// Since when it waits for a connection under the in-flight cap, if it has to.
    pub(super) queued_ns: Option<u64>,
}

/// What one thread knows and gathers.
pub(super) struct SenderThread {
    pub(super) clock: MonotonicClock,
    /// When the run proper begins, in ns of the clock.
    pub(super) t0_ns: u64,
    keepalive: Keepalive,
    pub(super) timeout: Duration,
    pub(super) connector: Connector,
    /// Requests of earlier blocks of the run.
    first_index: u64,
    endpoints: Vec<EndpointSender>,
    pub(super) results: RefCell<Vec<EndpointRun>>,
    live: Option<Arc<Live>>,
}

/// How one endpoint's requests are made and judged.
pub(super) struct EndpointSender {
    warmup: Encoder,
    run: Encoder,
    pub(super) expect: StatusSet,
    /// The id to keep of an accepted answer, if any.
    pub(super) keep: Option<IdSource>,
    pub(super) resend: Option<ResendDraw>,
}

impl EndpointSender {
    fn new(spec: &RunSpec<'_>, endpoint: &Endpoint, stream: u64) -> EndpointSender {
        let plan = spec.plan;
        let keep = spec.capture.id_of(stream as usize).cloned();
        let resend = spec.capture.resend.filter(|_| keep.is_some());
        let encoder = |run| {
            let keepalive = plan.connections.keepalive;
            Encoder::new(&plan.target, endpoint, keepalive, run, stream)
        };
        EndpointSender {
            warmup: encoder(spec.ids.warmup),
            run: encoder(spec.ids.run),
            expect: endpoint.expect.clone(),
            resend: resend.map(|share| ResendDraw::new(share, plan.seed, stream)),
            keep,
        }
    }

    pub(super) fn encoder(&self, part: RunPart) -> &Encoder {
        match part {
            RunPart::Warmup => &self.warmup,
            RunPart::Run => &self.run,
        }
    }

    /// What to read of its answers; a key that is the client's own need not be looked for.
    fn options(&self, part: RunPart) -> ResponseOptions {
        let keep = match (&self.keep, self.resend) {
            (None, _) | (Some(IdSource::Key), None) => Keep::Nothing,
            _ => Keep::Content,
        };
        ResponseOptions {
            expect: self.encoder(part).expect(),
            keep,
        }
    }
}

/// A request that was performed and recorded.
pub(super) struct Performed {
    /// Its connection, if that may be used again.
    pub(super) connection: Option<Connection>,
    pub(super) outcome: Outcome,
    /// The event that its answer names.
    pub(super) key: Option<EventKey>,
}

impl SenderThread {
    pub(super) fn new(
        spec: &RunSpec<'_>,
        connector: Connector,
        clock: MonotonicClock,
    ) -> SenderThread {
        let plan = spec.plan;
        let time_base = match plan.model {
            Model::Open { .. } => TimeBase::IntendedStart,
            Model::Closed { .. } => TimeBase::Send,
        };
        let result = |endpoint: &Endpoint| {
            let recording = Recording::new(time_base, &endpoint.targets);
            EndpointRun::new(&*endpoint.name, recording.with_own_error(spec.own_error))
        };
        let endpoints = (0u64..).zip(&plan.endpoints);
        SenderThread {
            clock,
            t0_ns: spec.t0_ns(),
            keepalive: plan.connections.keepalive,
            timeout: plan.timeout,
            connector,
            first_index: spec.ids.first_index,
            endpoints: endpoints
                .map(|(stream, endpoint)| EndpointSender::new(spec, endpoint, stream))
                .collect(),
            results: RefCell::new(plan.endpoints.iter().map(result).collect()),
            live: spec.live.clone(),
        }
    }

    pub(super) fn into_endpoints(self) -> Vec<EndpointRun> {
        self.results.into_inner()
    }

    pub(super) fn endpoint(&self, outgoing: &OutgoingRequest) -> &EndpointSender {
        &self.endpoints[outgoing.endpoint]
    }

    pub(super) fn since_t0(&self, ns: u64) -> u64 {
        ns.saturating_sub(self.t0_ns)
    }

    /// Performs and records one request. Notifies `written` when its first byte is on its way.
    pub(super) async fn perform_once(
        &self,
        outgoing: &OutgoingRequest,
        request: &[u8],
        connection: Option<Connection>,
        written: Option<oneshot::Sender<()>>,
    ) -> Performed {
        let endpoint = self.endpoint(outgoing);
        let connection_use = match connection {
            Some(_) => ConnectionUse::Reused,
            None => ConnectionUse::New,
        };
        let mut timeline = match outgoing.queued_ns {
            Some(queued_ns) => Timeline::waiting_since(queued_ns),
            None => Timeline::starting_at(self.clock.now_ns()),
        };
        timeline.tell_when_written(written);
        let deadline_ns = self.deadline_ns(outgoing, &timeline);
        let options = endpoint.options(outgoing.part);
        let attempt = self.attempt(connection, request, options, &mut timeline);
        let ended = tokio::time::timeout_at(self.clock.at(deadline_ns).into(), attempt).await;
        let (mut end, connection) = match ended {
            Ok(Ok((response, connection))) => {
                let reusable = response.reusable && self.keepalive == Keepalive::Reuse;
                let end = RequestEnd::answered(response, &endpoint.expect, deadline_ns);
                (end, reusable.then_some(connection))
            }
            Ok(Err(RequestFailure { kind, message, .. })) => {
                let (outcome, now_ns) = (Outcome::Failed(kind), self.clock.now_ns());
                let end = RequestEnd::without_answer(outcome, now_ns, Some(message));
                (end, None)
            }
            Err(_elapsed) => {
                let now_ns = self.clock.now_ns().max(deadline_ns);
                let end = RequestEnd::without_answer(Outcome::Timeout, now_ns, None);
                (end, None)
            }
        };
        let connection_use = timeline.sent_ns().map(|_| connection_use);
        let key = self.keep(outgoing, &mut end);
        let outcome = end.outcome;
        self.record(outgoing, timeline, connection_use, end);
        Performed {
            connection,
            outcome,
            key,
        }
    }

    /// Keeps which event an accepted request is, after every instant of it was stamped.
    fn keep(&self, outgoing: &OutgoingRequest, end: &mut RequestEnd) -> Option<EventKey> {
        let source = self.endpoint(outgoing).keep.as_ref()?;
        let kept = end.kept.take();
        if outgoing.part != RunPart::Run || end.outcome != Outcome::Ok {
            return None;
        }
        let key = kept.and_then(|kept| key_in_answer(source, &kept.body, kept.location.as_deref()));
        let accepted = Accepted {
            index: outgoing.index,
            answered_ns: self.since_t0(end.finished_ns),
            key: key.clone(),
        };
        self.results.borrow_mut()[outgoing.endpoint]
            .answers
            .accepted
            .push(accepted);
        if let Some(live) = &self.live {
            live.accepted(outgoing.endpoint, outgoing.index, key.as_ref());
        }
        key
    }

    async fn attempt(
        &self,
        connection: Option<Connection>,
        request: &[u8],
        options: ResponseOptions,
        timeline: &mut Timeline,
    ) -> Result<(Response, Connection), RequestFailure> {
        let mut connection = match connection {
            Some(connection) => connection,
            // In a box, because it is rare and large, and every request in flight would have room for it.
            None => Box::pin(self.connector.open(self.clock, timeline)).await?,
        };
        timeline.enter(RequestPhase::FirstByte, self.clock.now_ns());
        let response = connection
            .exchange(request, options, self.clock, timeline)
            .await?;
        Ok((response, connection))
    }

    /// What `{{n}}` is.
    pub(super) fn number(&self, outgoing: &OutgoingRequest) -> u64 {
        match outgoing.part {
            RunPart::Warmup => outgoing.index,
            RunPart::Run => self.first_index + outgoing.index,
        }
    }

    /// Records a request that waited for a connection until its timeout; `false` if there is still time.
    pub(super) fn expire(&self, outgoing: &OutgoingRequest) -> bool {
        let now_ns = self.clock.now_ns();
        let timeline = Timeline::waiting_since(outgoing.queued_ns.unwrap_or(now_ns));
        if now_ns < self.deadline_ns(outgoing, &timeline) {
            return false;
        }
        let end = RequestEnd::without_answer(Outcome::Timeout, now_ns, None);
        self.record(outgoing, timeline, None, end);
        true
    }

    /// Records a planned request that the run was cut before.
    pub(super) fn unsent(&self, outgoing: &OutgoingRequest) {
        if outgoing.part == RunPart::Run {
            self.results.borrow_mut()[outgoing.endpoint]
                .recording
                .add_unsent(outgoing.index);
        }
    }

    /// The timeout bounds what is judged: response time, or service time in the closed model.
    fn deadline_ns(&self, outgoing: &OutgoingRequest, timeline: &Timeline) -> u64 {
        let start_ns = outgoing.intended_ns.unwrap_or(timeline.began_ns());
        start_ns + self.timeout.as_nanos() as u64
    }

    fn record(
        &self,
        outgoing: &OutgoingRequest,
        timeline: Timeline,
        connection: Option<ConnectionUse>,
        end: RequestEnd,
    ) {
        let mut results = self.results.borrow_mut();
        let result = &mut results[outgoing.endpoint];
        if let (Outcome::Failed(kind), Some(message)) = (end.outcome, end.error) {
            result.errors.entry(kind).or_insert(message);
        }
        if outgoing.part == RunPart::Warmup {
            return result.warmup.add(end.outcome);
        }
        let sample = Sample {
            index: outgoing.index,
            intended_start_ns: outgoing.intended_ns.map(|ns| self.since_t0(ns)),
            dispatched_ns: self.since_t0(timeline.began_ns()),
            sent_ns: timeline.sent_ns().map(|ns| self.since_t0(ns)),
            finished_ns: self.since_t0(end.finished_ns),
            outcome: end.outcome,
            status: end.status,
            connection,
            phases: timeline.end(end.finished_ns),
            body_bytes: end.body_bytes,
            server_timing: end.server_timing,
        };
        result.recording.add(&sample);
        if let Some(live) = &self.live {
            live.add(outgoing.endpoint, &sample);
        }
    }
}
