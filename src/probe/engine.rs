//! The measuring engine: sends what the plan says when the schedule says, and records what came of it.
//!
//! One current-thread runtime and one set of histograms per sending thread, merged at the end. A thread
//! takes every n-th start of one global schedule, paces itself ([`pacer`]), keeps its own connections and
//! never hands a request to another thread, so nothing it times includes a lock or a queue of ours.

mod calibrate;
mod client;
mod clock;
mod closed;
mod connection;
mod failure;
mod lane;
mod live;
mod meter;
mod null_server;
mod open;
pub mod pacer;
mod preflight;
mod repeats;
mod request;
mod stop;
mod throttling;
mod timeline;
mod transport;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use tokio::task::LocalSet;
use uuid::Uuid;

use self::client::Client;
use self::clock::Clock;
use self::closed::Counter;
use self::lane::{Lane, Log};
use self::open::{Schedules, Share};
use self::pacer::{Pacer, Pacing};
use crate::run::completion::Answers;
use crate::run::plan::{Beside, Model, Plan};
use crate::run::recording::{Counts, Recording};
use crate::run::run_file::Throttled;
use crate::run::sample::FailureKind;

pub use calibrate::{Calibrated, calibrate};
pub use failure::Cause;
pub use live::{Live, LiveEndpoint};
pub use meter::Meter;
pub use preflight::{Pending, PreflightError, PreflightFailure, preflight};
pub use stop::{StopSignal, Stopper, stop_switch};

/// Starts a second that one thread takes on before another is used.
const RATE_PER_THREAD: f64 = 10_000.0;

/// From the origin of the clock to the first start: time for the threads to get ready.
const LEAD: Duration = Duration::from_millis(5);

/// Ids that the requests of one run carry. The warm-up has its own, so that a server's listing of the run
/// holds exactly what was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunIds {
    /// Of the planned requests.
    pub run: Uuid,
    /// Of the requests before t0.
    pub warmup: Uuid,
    /// From where `{{n}}` and `{{uuid}}` of the planned requests count: what earlier blocks of one run have sent.
    pub first_index: u64,
}

impl RunIds {
    /// New ones: every run sends new events.
    pub fn fresh() -> RunIds {
        RunIds {
            run: Uuid::now_v7(),
            warmup: Uuid::now_v7(),
            first_index: 0,
        }
    }

    /// Those of the next block of the same run, after so many requests in all.
    pub fn after(self, requests: u64) -> RunIds {
        RunIds {
            run: self.run,
            warmup: Uuid::now_v7(),
            first_index: requests,
        }
    }
}

/// What a run left behind.
#[derive(Debug)]
pub struct Measured {
    /// In the order of the plan's endpoints.
    pub endpoints: Vec<MeasuredEndpoint>,
    /// Whether the run was stopped before its plan was complete.
    pub stopped: bool,
    /// When the first planned request was due: t0 on the wall clock.
    pub started_at: jiff::Timestamp,
    /// From t0 to the last end of a request.
    pub wall: Duration,
    /// CPU time of the whole process from before the warm-up to the end; `None` where it is not known.
    pub cpu: Option<Duration>,
    /// How the control group was kept from the processor meanwhile; `None` where that is not known.
    pub throttled: Option<Throttled>,
    /// Sending threads.
    pub threads: usize,
    /// How they waited for their starts; `None` in the closed model, which does not wait.
    pub pacing: Option<Pacing>,
}

/// What a run left behind of one endpoint.
#[derive(Debug)]
pub struct MeasuredEndpoint {
    /// The planned requests.
    pub recording: Recording,
    /// The warm-up's requests by outcome.
    pub warmup: Counts,
    /// The first error of each kind, in words.
    pub errors: BTreeMap<FailureKind, String>,
    /// What was kept of its answers, where that was asked for.
    pub answers: Answers,
}

/// Runs a plan to its end or until it is stopped; blocks meanwhile.
///
/// # Errors
/// Certificates that cannot be read, no threads or file descriptors to run on. Whatever the server does is
/// not an error here but an outcome.
pub fn run(
    plan: &Plan,
    runs: RunIds,
    stop: &StopSignal,
    live: Option<Arc<Live>>,
) -> anyhow::Result<Measured> {
    run_calibrated(plan, runs, Duration::ZERO, stop, live)
}

/// The same with an instrument whose own error is known.
///
/// # Errors
/// As [`run`].
pub fn run_calibrated(
    plan: &Plan,
    runs: RunIds,
    own_error: Duration,
    stop: &StopSignal,
    live: Option<Arc<Live>>,
) -> anyhow::Result<Measured> {
    run_keeping(plan, &Beside::default(), (runs, own_error), stop, live)
}

/// The same, and keeps of the answers what an audit needs, and sends twice what is to be sent twice.
///
/// # Errors
/// As [`run`].
pub fn run_keeping(
    plan: &Plan,
    beside: &Beside,
    (runs, own_error): (RunIds, Duration),
    stop: &StopSignal,
    live: Option<Arc<Live>>,
) -> anyhow::Result<Measured> {
    let client = Client::new(&plan.target, &plan.connections)?;
    let threads = thread_count(plan);
    let work = Work::new(plan, threads);
    let meter = Meter::start(plan);
    let start = Start::default();
    let results: Vec<anyhow::Result<Vec<Log>>> = std::thread::scope(|scope| {
        let spawn = |thread| {
            let (client, stop, live, work, start) =
                (client.clone(), stop.clone(), live.clone(), &work, &start);
            std::thread::Builder::new()
                .name(format!("send-{thread}"))
                .spawn_scoped(scope, move || {
                    send(
                        (plan, beside),
                        (runs, own_error),
                        client,
                        Place { thread, threads },
                        work,
                        start,
                        stop,
                        live,
                    )
                })
        };
        let handles: Vec<_> = (0..threads).map(spawn).collect();
        start.now();
        let join = |handle: std::io::Result<std::thread::ScopedJoinHandle<'_, _>>| {
            handle
                .context("cannot start a sending thread")?
                .join()
                .map_err(|_| anyhow!("a sending thread panicked"))?
        };
        handles.into_iter().map(join).collect()
    });
    let mut logs: Option<Vec<Log>> = None;
    for result in results {
        logs = Some(merged(logs, result?));
    }
    let logs = logs.unwrap_or_default();
    Ok(measured(plan, logs, stop, &start, threads, &work, &meter))
}

/// What the threads share, by model.
enum Work {
    Open {
        schedules: Schedules,
        pacing: Pacing,
    },
    Closed {
        counter: Arc<Counter>,
        concurrency: usize,
    },
}

impl Work {
    fn new(plan: &Plan, threads: usize) -> Work {
        match plan.model {
            Model::Open { arrivals } => Work::Open {
                schedules: Schedules::new(plan, arrivals),
                pacing: Pacing::for_rate(total_rate(plan) / threads as f64),
            },
            Model::Closed { concurrency } => Work::Closed {
                counter: Arc::new(Counter::new(plan, t0_ns(plan))),
                concurrency,
            },
        }
    }
}

/// One thread among all.
#[derive(Clone, Copy)]
struct Place {
    thread: usize,
    threads: usize,
}

impl Place {
    /// This thread's part of a whole, the remainder spread over the first threads.
    fn part(self, whole: usize) -> usize {
        whole / self.threads + usize::from(self.thread < whole % self.threads)
    }
}

/// All threads begin from one origin, set when the last of them was started.
#[derive(Default)]
struct Start {
    origin: OnceLock<(Instant, jiff::Timestamp)>,
}

impl Start {
    fn now(&self) {
        self.origin
            .get_or_init(|| (Instant::now(), jiff::Timestamp::now()));
    }

    /// The clock of the run; waits until there is one.
    fn clock(&self) -> Clock {
        Clock::starting_at(self.origin.wait().0)
    }
}

/// When the run proper begins, in ns of the clock.
fn t0_ns(plan: &Plan) -> u64 {
    (LEAD + plan.warmup).as_nanos() as u64
}

#[expect(
    clippy::too_many_arguments,
    reason = "the one place where a thread is handed all it needs"
)]
fn send(
    (plan, beside): (&Plan, &Beside),
    (runs, own_error): (RunIds, Duration),
    client: Client,
    place: Place,
    work: &Work,
    start: &Start,
    stop: StopSignal,
    live: Option<Arc<Live>>,
) -> anyhow::Result<Vec<Log>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let clock = start.clock();
    let runtime = runtime.context("cannot start a sending thread's runtime")?;
    let lane = Rc::new(Lane::new(
        plan,
        (&runs, own_error),
        client,
        clock,
        t0_ns(plan),
        beside,
        live,
    ));
    let tasks = LocalSet::new();
    tasks.spawn_local(keep_timer_armed(plan.timeout));
    tasks.block_on(&runtime, async {
        match work {
            Work::Open { schedules, pacing } => {
                let pacer = Pacer::new(clock, *pacing).context("cannot open a timer")?;
                let share = Share {
                    thread: place.thread as u64,
                    threads: place.threads as u64,
                    warmup_ns: plan.warmup.as_nanos() as u64,
                    max_in_flight: place.part(plan.connections.max_in_flight),
                };
                open::run(Rc::clone(&lane), schedules, share, pacer, stop).await;
            }
            Work::Closed {
                counter,
                concurrency,
            } => {
                closed::run(Rc::clone(&lane), counter, place.part(*concurrency), stop).await;
            }
        }
        anyhow::Ok(())
    })?;
    drop(tasks);
    // A name that is still being resolved would be waited for.
    runtime.shutdown_background();
    let lane = Rc::into_inner(lane).ok_or_else(|| anyhow!("a request outlived its run"))?;
    Ok(lane.into_logs())
}

/// Sees to it that there always is a timer that ends before a new request's timeout. Setting one that is earlier than
/// all others makes tokio wake its driver, which costs two system calls: at moderate rates, for every request.
async fn keep_timer_armed(timeout: Duration) {
    loop {
        tokio::time::sleep((timeout / 2).min(Duration::from_secs(1))).await;
    }
}

fn merged(whole: Option<Vec<Log>>, part: Vec<Log>) -> Vec<Log> {
    match whole {
        None => part,
        Some(mut whole) => {
            whole
                .iter_mut()
                .zip(part)
                .for_each(|(own, other)| own.merge(other));
            whole
        }
    }
}

fn measured(
    plan: &Plan,
    logs: Vec<Log>,
    stop: &StopSignal,
    start: &Start,
    threads: usize,
    work: &Work,
    meter: &Meter,
) -> Measured {
    let started = start
        .origin
        .get()
        .map_or_else(jiff::Timestamp::now, |origin| origin.1);
    let t0 = Duration::from_nanos(t0_ns(plan));
    let last_ns = logs
        .iter()
        .map(|log| log.recording.last_finished_ns)
        .max()
        .unwrap_or(0);
    let endpoint = |log: Log| MeasuredEndpoint {
        recording: log.recording,
        warmup: log.warmup,
        errors: log.errors,
        answers: log.answers,
    };
    Measured {
        endpoints: logs.into_iter().map(endpoint).collect(),
        stopped: stop.is_stopped(),
        started_at: started.checked_add(t0).unwrap_or(started),
        wall: Duration::from_nanos(last_ns),
        cpu: meter.cpu(),
        throttled: meter.throttled(),
        threads,
        pacing: match work {
            Work::Open { pacing, .. } => Some(*pacing),
            Work::Closed { .. } => None,
        },
    }
}

/// As few threads as the rate allows: one more thread is one more to disturb the service with.
fn thread_count(plan: &Plan) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = match plan.model {
        // Every thread has its part of the in-flight cap, so there are never more threads than that.
        Model::Open { .. } => ((total_rate(plan) / RATE_PER_THREAD).ceil() as usize)
            .min(plan.connections.max_in_flight),
        Model::Closed { concurrency } => concurrency,
    };
    wanted.clamp(1, cores)
}

fn total_rate(plan: &Plan) -> f64 {
    plan.endpoints
        .iter()
        .filter_map(|endpoint| endpoint.rate)
        .map(|rate| rate.as_per_second())
        .sum()
}

/// CPU time of this process so far.
#[cfg(target_os = "linux")]
fn process_cpu() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Some(Duration::new(
        u64::try_from(spent.tv_sec).ok()?,
        u32::try_from(spent.tv_nsec).ok()?,
    ))
}

#[cfg(not(target_os = "linux"))]
fn process_cpu() -> Option<Duration> {
    None
}
