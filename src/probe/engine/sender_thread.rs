//! One thread's half of a run: performs requests, keeps connections, records how they ended.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::connection::{Connection, EncodedRequest, Keep, ResponseOptions};
use super::failure::RequestFailure;
use super::final_answer::FinalAnswer;
use super::live::Live;
use super::monotonic_clock::MonotonicClock;
use super::origin_route::ThreadRoutes;
use super::origins::Origins;
use super::own_error::OwnError;
use super::redirect_target::is_redirect;
use super::redirects::{Redirects, SentRequest};
use super::request::{Encoder, TemplateValues};
use super::request_end::RequestEnd;
use super::resend_draw::ResendDraw;
use super::run_part::RunPart;
use super::run_spec::{RunIds, RunSpec};
use super::thread_slot::ThreadSlot;
use super::timeline::Timeline;
use crate::run::completion::{Accepted, EventKey, key_in_answer};
use crate::run::plan::{
    Endpoint, ExpectedBody, IdSource, Model, PlannedRows, RedirectPolicy, StatusSet,
};
use crate::run::recording::{Recording, TimeBase};
use crate::run::run_file::EndpointRun;
use crate::run::sample::{ConnectionUse, Outcome, Sample};
use crate::run::shard::Shard;

/// A request to be performed. Instants are ns of the run's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutgoingRequest {
    pub(super) part: RunPart,
    pub(super) endpoint: usize,
    /// Of a shard, among its own.
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
    pub(super) timeout: Duration,
    pub(super) origins: Origins,
    pub(super) routes: Rc<ThreadRoutes>,
    /// Follows redirects, if the plan does.
    pub(super) redirects: Option<Redirects>,
    ids: RunIds,
    shard: Shard,
    endpoints: Vec<EndpointSender>,
    pub(super) results: RefCell<Vec<EndpointRun>>,
    live: Option<Arc<Live>>,
    own_error: OwnError,
    /// Whether this thread's recordings know the measurement overhead.
    is_calibrated: Cell<bool>,
    /// Requests of the run, by endpoint, that ended before it was known.
    held_back: RefCell<Vec<HeldSample>>,
}

/// A request that ended before it could be recorded.
struct HeldSample {
    endpoint: usize,
    sample: Sample,
}

/// How one endpoint's requests are made and judged.
pub(super) struct EndpointSender {
    warmup: Encoder,
    run: Encoder,
    pub(super) expect: StatusSet,
    /// This thread's own, because copies of a regular expression share no lock.
    expect_body: Option<ExpectedBody>,
    /// What is kept of every answer, for redirects.
    least_kept: Keep,
    /// The id to keep of an accepted answer, if any.
    pub(super) keep: Option<IdSource>,
    pub(super) resend: Option<ResendDraw>,
}

impl EndpointSender {
    fn new(spec: &RunSpec<'_>, endpoint: &Endpoint, stream: u64) -> EndpointSender {
        let plan = spec.plan;
        let keep = spec.capture.id_of(stream as usize).cloned();
        let resend = spec.capture.resend.filter(|_| keep.is_some());
        let target = plan.target_of(endpoint);
        let encoder = |part| {
            let values = template_values(spec, part);
            Encoder::new(target, endpoint, &plan.connections, values, stream)
        };
        EndpointSender {
            warmup: encoder(RunPart::Warmup),
            run: encoder(RunPart::Run),
            expect: endpoint.expect.clone(),
            expect_body: endpoint.expect_body.clone(),
            least_kept: match plan.connections.redirects {
                RedirectPolicy::Answer => Keep::Nothing,
                RedirectPolicy::Follow => Keep::Location,
            },
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
    fn options(&self, part: RunPart) -> ResponseOptions<'_> {
        let keep = match (&self.keep, self.resend) {
            (None, _) | (Some(IdSource::Key), None) => self.least_kept,
            _ => Keep::Content,
        };
        ResponseOptions {
            keep,
            ..self.options_of_content(part)
        }
    }

    /// The same with all that is ever kept.
    pub(super) fn options_of_content(&self, part: RunPart) -> ResponseOptions<'_> {
        ResponseOptions {
            expect: self.encoder(part).expect(),
            keep: Keep::Content,
            search: self.expect_body.as_ref(),
        }
    }
}

fn template_values(spec: &RunSpec<'_>, part: RunPart) -> TemplateValues {
    let rows = spec.plan.rows.as_ref();
    match part {
        RunPart::Warmup => TemplateValues {
            run: spec.ids.warmup,
            rows: rows.map(PlannedRows::of_warmup),
        },
        RunPart::Run => TemplateValues {
            run: spec.ids.run,
            rows: rows.map(PlannedRows::of_run),
        },
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
        origins: Origins,
        routes: Rc<ThreadRoutes>,
        clock: MonotonicClock,
        slot: ThreadSlot,
    ) -> SenderThread {
        let plan = spec.plan;
        let share = slot.requests(plan.model);
        let time_base = match plan.model {
            Model::Open { .. } => TimeBase::IntendedStart,
            Model::Closed { .. } => TimeBase::Send,
        };
        let result = |endpoint: &Endpoint| {
            let recording = Recording::new(time_base, &endpoint.targets)
                .of_share(share)
                .of_shard(spec.shard);
            EndpointRun::new(&*endpoint.name, recording)
        };
        let endpoints = (0u64..).zip(&plan.endpoints);
        SenderThread {
            clock,
            t0_ns: spec.t0_ns(),
            timeout: plan.timeout,
            redirects: Redirects::of(plan, &routes),
            origins,
            routes,
            ids: spec.ids,
            shard: spec.shard,
            endpoints: endpoints
                .map(|(stream, endpoint)| EndpointSender::new(spec, endpoint, stream))
                .collect(),
            results: RefCell::new(plan.endpoints.iter().map(result).collect()),
            live: spec.live.clone(),
            own_error: spec.own_error.clone(),
            is_calibrated: Cell::new(false),
            held_back: RefCell::default(),
        }
    }

    /// The recordings; waits for the measurement overhead if it is not known yet.
    pub(super) fn into_endpoints(self) -> Vec<EndpointRun> {
        if !self.is_calibrated.get() {
            self.learn(self.own_error.wait());
        }
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
        request: &EncodedRequest<'_>,
        connection: Option<Connection>,
        written: Option<oneshot::Sender<()>>,
    ) -> Performed {
        let endpoint = self.endpoint(outgoing);
        if let Some(live) = &self.live {
            live.begin(outgoing.part);
        }
        let mut timeline = match outgoing.queued_ns {
            Some(queued_ns) => Timeline::waiting_since(queued_ns),
            None => Timeline::starting_at(self.clock.now_ns()),
        };
        timeline.tell_when_written(written);
        let deadline_ns = self.deadline_ns(outgoing, &timeline);
        let sent = self.sent(outgoing, request, endpoint.options(outgoing.part));
        let attempt = self.attempt(connection, &sent, &mut timeline);
        let ended = tokio::time::timeout_at(self.clock.at(deadline_ns).into(), attempt).await;
        let (mut end, connection) = match ended {
            Ok(Ok(answered)) => {
                let end = RequestEnd::answered(answered.response, &endpoint.expect, deadline_ns);
                (end, answered.connection)
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
        let connection_use = timeline.sent_ns().map(|_| {
            if timeline.has_opened_connection() {
                ConnectionUse::New
            } else {
                ConnectionUse::Reused
            }
        });
        let key = self.keep(outgoing, &mut end);
        let outcome = end.outcome;
        self.record(outgoing, timeline, connection_use, end);
        if let Some(live) = &self.live {
            live.end();
        }
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
            answered_ns: Some(self.since_t0(end.finished_ns)),
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

    pub(super) fn sent<'a>(
        &'a self,
        outgoing: &OutgoingRequest,
        request: &'a EncodedRequest<'a>,
        options: ResponseOptions<'a>,
    ) -> SentRequest<'a> {
        SentRequest {
            endpoint: outgoing.endpoint,
            values: self.endpoint(outgoing).encoder(outgoing.part).values(),
            number: self.number(outgoing),
            request,
            options,
        }
    }

    pub(super) async fn attempt(
        &self,
        connection: Option<Connection>,
        sent: &SentRequest<'_>,
        timeline: &mut Timeline,
    ) -> Result<FinalAnswer, RequestFailure> {
        let route = self.routes.of_endpoint(sent.endpoint);
        let exchange = route.exchange(connection, sent.request, sent.options, self.clock, timeline);
        let answered = exchange.await?;
        match &self.redirects {
            // In a box, because it is rare and large.
            Some(redirects) if is_redirect(answered.response.status) => {
                Box::pin(redirects.follow(sent, answered, self.clock, timeline)).await
            }
            _ => Ok(answered),
        }
    }

    /// What `{{n}}` is.
    pub(super) fn number(&self, outgoing: &OutgoingRequest) -> u64 {
        match outgoing.part {
            RunPart::Warmup => self.in_whole_run(outgoing),
            RunPart::Run => self.ids.first_index + self.in_whole_run(outgoing),
        }
    }

    /// The index that a request has among those of all shards.
    pub(super) fn in_whole_run(&self, outgoing: &OutgoingRequest) -> u64 {
        self.shard.global(outgoing.index)
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
        result.recording.moved += timeline.moves();
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
        drop(results);
        self.keep_sample(outgoing.endpoint, sample);
    }

    /// Records a request of the run as soon as the measurement overhead is known: the certain exceedances depend on it.
    fn keep_sample(&self, endpoint: usize, sample: Sample) {
        if !self.is_calibrated.get() {
            let Some(own_error) = self.own_error.get() else {
                let held = HeldSample { endpoint, sample };
                return self.held_back.borrow_mut().push(held);
            };
            self.learn(own_error);
        }
        self.add(endpoint, &sample);
    }

    fn learn(&self, own_error: Duration) {
        self.is_calibrated.set(true);
        for result in self.results.borrow_mut().iter_mut() {
            result.recording.own_error = own_error;
        }
        if let Some(live) = &self.live {
            live.learn_own_error(own_error);
        }
        for HeldSample { endpoint, sample } in self.held_back.take() {
            self.add(endpoint, &sample);
        }
    }

    fn add(&self, endpoint: usize, sample: &Sample) {
        self.results.borrow_mut()[endpoint].recording.add(sample);
        if let Some(live) = &self.live {
            live.add(endpoint, sample);
        }
    }
}
