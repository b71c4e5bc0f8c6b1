//! The measuring engine: sends what the plan says when the schedule says, and records how each request ended.
//!
//! One current-thread runtime and one set of histograms per sending thread, merged at the end. A thread
//! takes every n-th start of one global schedule, paces itself ([`pacer`]), keeps its own connections and
//! never hands a request to another thread, so nothing it times includes a lock or a queue of ours.

mod addresses;
mod calibrate;
mod closed;
mod connection;
mod connector;
mod failure;
mod final_answer;
mod live;
mod meter;
mod monotonic_clock;
mod multiplexer;
mod null_server;
mod open;
mod origin_route;
mod origins;
mod own_error;
pub mod pacer;
mod preflight;
mod preparation;
mod redirect_target;
mod redirects;
mod request;
mod request_end;
mod request_part;
mod resend;
mod resend_draw;
mod run_part;
mod run_spec;
mod sender_thread;
mod start_time;
mod stop;
mod stream_counters;
mod thread_slot;
mod throttling;
mod timeline;
mod transport;
mod tunnel;

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::task::LocalSet;

use self::closed::RequestNumbers;
use self::connection::Connection;
use self::monotonic_clock::MonotonicClock;
use self::open::{Pool, ScheduleShare, Schedules};
use self::origin_route::ThreadRoutes;
use self::origins::Origins;
use self::pacer::{Pacer, Pacing};
use self::preparation::Preparation;
use self::sender_thread::SenderThread;
use self::start_time::ClockOrigin;
use self::thread_slot::{ThreadSlot, thread_count};
use crate::run::plan::{HttpVersion, Model, Plan, Tracing};
use crate::run::run_file::{EndpointRun, FinishedRun, Instrument};
use crate::run::schedule::request_trace;

pub use calibrate::{CALIBRATION_LENGTH, Calibrated, calibrate, has_core_to_spare};
pub use live::{Live, LiveEndpoint};
pub use meter::Meter;
pub use own_error::OwnError;
pub use preflight::{PreflightAnswer, PreflightError, preflight};
pub use run_spec::{RunIds, RunSpec};
pub use start_time::{LateStart, StartTime};
pub use stop::{StopSignal, Stopper, stop_switch};

/// Runs a plan to its end or until it is stopped; blocks all the time.
///
/// # Errors
/// Certificates that cannot be read, no threads or file descriptors to run on; [`LateStart`] if it was not ready in
/// time. What the server does is not an error here but an outcome.
pub fn run(spec: &RunSpec<'_>) -> anyhow::Result<FinishedRun> {
    let threads = thread_count(spec.plan, spec.total_rate());
    let mut origins = Origins::of(spec.plan)?;
    origins.try_addresses(spec.plan.timeout)?;
    let shared = EngineShared {
        spec,
        origins,
        load: LoadModel::new(spec, threads),
        origin: OnceLock::new(),
    };
    let meter = Meter::start(spec.plan);
    let (preparing, prepared) = mpsc::channel();
    let results: Vec<anyhow::Result<Vec<EndpointRun>>> = std::thread::scope(|scope| {
        let spawn = |thread| {
            let (shared, slot) = (&shared, ThreadSlot { thread, threads });
            let preparing = preparing.clone();
            std::thread::Builder::new()
                .name(format!("send-{thread}"))
                .spawn_scoped(scope, move || shared.send(slot, preparing))
        };
        let handles: Vec<_> = (0..threads).map(spawn).collect();
        drop(preparing);
        // Nothing is sent: the channel ends when every thread has its connections, or has failed.
        let _ended = prepared.recv();
        shared.begin();
        let join = |handle: std::io::Result<std::thread::ScopedJoinHandle<'_, _>>| {
            handle
                .context("cannot start a sending thread")?
                .join()
                .map_err(|_| anyhow!("a sending thread panicked"))?
        };
        handles.into_iter().map(join).collect()
    });
    if let Some(Err(late)) = shared.origin.get() {
        return Err((*late).into());
    }
    let parts: Vec<Vec<EndpointRun>> = results.into_iter().collect::<Result<_, _>>()?;
    let endpoints = parts.into_iter().reduce(merged).unwrap_or_default();
    Ok(shared.finished(endpoints, threads, &meter))
}

/// What all threads of a run share.
struct EngineShared<'a> {
    spec: &'a RunSpec<'a>,
    origins: Origins,
    load: LoadModel,
    /// All threads begin from one origin, set when the last of them is prepared.
    origin: OnceLock<Result<ClockOrigin, LateStart>>,
}

/// From where the threads take their requests.
enum LoadModel {
    Open {
        schedules: Schedules,
        pacing: Pacing,
    },
    Closed {
        /// By origin: each has its own requests in flight.
        numbers: Vec<Arc<RequestNumbers>>,
    },
}

impl LoadModel {
    fn new(spec: &RunSpec<'_>, threads: usize) -> LoadModel {
        let plan: &Plan = spec.plan;
        match plan.model {
            Model::Open { .. } => LoadModel::Open {
                schedules: Schedules::new(plan),
                pacing: Pacing::for_rate(spec.total_rate() / threads as f64),
            },
            Model::Closed { .. } => LoadModel::Closed {
                numbers: (0..plan.origins().len())
                    .map(|origin| Arc::new(RequestNumbers::new(plan, origin, spec.t0_ns())))
                    .collect(),
            },
        }
    }

    fn pacer(&self) -> &'static str {
        match self {
            LoadModel::Open { pacing, .. } => pacing.as_str(),
            LoadModel::Closed { .. } => "none: closed model",
        }
    }
}

impl EngineShared<'_> {
    fn begin(&self) {
        let before_t0 = self.spec.before_t0();
        let origin = self
            .origin
            .get_or_init(|| self.spec.start.origin(before_t0));
        if let (Some(live), Ok(origin)) = (&self.spec.live, origin) {
            live.begins_at(origin.instant + before_t0);
        }
    }

    /// The clock of the run; waits until it is known whether there is one.
    fn clock(&self) -> Option<MonotonicClock> {
        let origin = self.origin.wait().as_ref().ok()?;
        Some(MonotonicClock::starting_at(origin.instant))
    }

    /// One thread's part of the run; drops `preparing` when it is ready for t0.
    fn send(
        &self,
        slot: ThreadSlot,
        preparing: mpsc::Sender<Infallible>,
    ) -> anyhow::Result<Vec<EndpointRun>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.context("cannot start a sending thread's runtime")?;
        let tasks = LocalSet::new();
        let mut connections = Vec::new();
        let routes = ThreadRoutes::new(self.spec.plan, &self.origins, slot);
        for origin in 0..self.origins.connectors().len() {
            let preparation = Preparation::new(self.spec, slot, origin);
            let opened = preparation.open(Rc::clone(&routes), self.spec.stop.clone());
            connections.push(tasks.block_on(&runtime, opened));
        }
        drop(preparing);
        let Some(clock) = self.clock() else {
            // Too late: this thread sends nothing.
            return Ok(Vec::new());
        };
        let origins = self.origins.clone();
        let sender = Rc::new(SenderThread::new(self.spec, origins, routes, clock, slot));
        tasks.spawn_local(keep_timer_armed(self.spec.plan.timeout));
        tasks.block_on(&runtime, self.send_all(&sender, slot, connections))?;
        drop(tasks);
        // A name that is still being resolved would be waited for.
        runtime.shutdown_background();
        let sender = Rc::into_inner(sender).ok_or_else(|| anyhow!("a request outlived its run"))?;
        Ok(sender.into_endpoints())
    }

    async fn send_all(
        &self,
        sender: &Rc<SenderThread>,
        slot: ThreadSlot,
        connections: Vec<Vec<Connection>>,
    ) -> anyhow::Result<()> {
        let (plan, stop) = (self.spec.plan, self.spec.stop.clone());
        match &self.load {
            LoadModel::Open { schedules, pacing } => {
                let pacer = Pacer::new(sender.clock, *pacing).context("cannot open a timer")?;
                let share = ScheduleShare {
                    shard: self.spec.shard,
                    slot,
                    t0_ns: sender.t0_ns,
                    warmup_ns: plan.warmup.as_nanos() as u64,
                    max_in_flight: slot.in_flight(plan),
                };
                let pools = connections
                    .into_iter()
                    .map(|prepared| Rc::new(Pool::new(share.max_in_flight, prepared)))
                    .collect();
                let dues = schedules.share(share);
                open::run(sender, dues, pools, pacer, stop).await;
            }
            LoadModel::Closed { numbers } => {
                closed::run(sender, numbers, slot.in_flight(plan), stop).await;
            }
        }
        Ok(())
    }

    /// Names the traces of the requests that are kept, where requests carried any.
    fn with_traces(&self, mut endpoints: Vec<EndpointRun>) -> Vec<EndpointRun> {
        let RunIds {
            run, first_index, ..
        } = self.spec.ids;
        let shard = self.spec.shard;
        if self.spec.plan.connections.tracing == Tracing::On {
            for (stream, endpoint) in (0u64..).zip(&mut endpoints) {
                let number = |index| first_index + shard.global(index);
                let trace = |index| request_trace(run, stream, number(index)).trace_id();
                endpoint.recording.name_traces(trace);
            }
        }
        endpoints
    }

    fn finished(&self, endpoints: Vec<EndpointRun>, threads: usize, meter: &Meter) -> FinishedRun {
        let origin = self.origin.get().and_then(|origin| origin.as_ref().ok());
        let started = origin.map_or_else(jiff::Timestamp::now, |origin| origin.at);
        let endpoints = self.with_traces(endpoints);
        let t0 = Duration::from_nanos(self.spec.t0_ns());
        let ends = endpoints.iter().map(|one| one.recording.last_finished_ns);
        let wall = Duration::from_nanos(ends.max().unwrap_or(0));
        FinishedRun {
            endpoints,
            stopped: self.spec.stop.is_stopped(),
            started_at: started.checked_add(t0).unwrap_or(started),
            instrument: Instrument {
                threads,
                pacer: self.load.pacer().to_owned(),
                cpu: meter.cpu().unwrap_or_default(),
                wall,
                throttled: meter.throttled(),
                addresses: self.origins.addresses(),
                streams: match self.spec.plan.connections.version {
                    HttpVersion::Http1 => Vec::new(),
                    HttpVersion::Http2 { .. } => self.origins.streams(),
                },
                ..Instrument::default()
            },
        }
    }
}

/// Sees to it that there always is a timer that ends before a new request's timeout. Setting one that is earlier than
/// all others makes tokio wake its driver, which costs two system calls: at moderate rates, for every request.
async fn keep_timer_armed(timeout: Duration) {
    loop {
        tokio::time::sleep((timeout / 2).min(Duration::from_secs(1))).await;
    }
}

fn merged(mut whole: Vec<EndpointRun>, part: Vec<EndpointRun>) -> Vec<EndpointRun> {
    for (own, other) in whole.iter_mut().zip(part) {
        own.merge(other);
    }
    whole
}
