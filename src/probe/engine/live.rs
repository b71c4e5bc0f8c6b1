//! The measurements of a run in progress: latencies for the live line, coarse on purpose and never judged, and the
//! exceedances, from which the run is judged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::run_part::RunPart;
use crate::run::completion::{AcceptedEvent, EventKey};
use crate::run::histogram::{Histogram, Precision};
use crate::run::plan::Plan;
use crate::run::recording::LiveExceedances;
use crate::run::sample::{Outcome, Sample};

/// Shared between the sending threads and the live line.
#[derive(Debug)]
pub struct Live {
    endpoints: Vec<Mutex<LiveEndpoint>>,
    exceedances: Vec<Mutex<LiveExceedances>>,
    /// Receives accepted events during the run, to ask about them.
    accepted: Mutex<Option<UnboundedSender<AcceptedEvent>>>,
    /// When the run proper begins, once the threads are ready.
    t0: OnceLock<Instant>,
    /// Requests of the run that were sent.
    sent: AtomicU64,
    /// Requests that began and that ended, warm-up included.
    begun: AtomicU64,
    ended: AtomicU64,
}

/// One endpoint at this time; latencies at two significant digits.
#[derive(Debug, Clone)]
pub struct LiveEndpoint {
    /// Requests that ended, warm-up excluded.
    pub ended: u64,
    /// Of these, how many did not end ok.
    pub not_ok: u64,
    /// Latencies of the requests that ended ok.
    pub latency: Histogram,
}

impl Live {
    /// For the endpoints of a plan.
    pub fn new(plan: &Plan) -> Live {
        let empty = || LiveEndpoint {
            ended: 0,
            not_ok: 0,
            latency: Histogram::new(Precision::Two),
        };
        let endpoints = plan.endpoints.iter();
        Live {
            endpoints: endpoints.clone().map(|_| Mutex::new(empty())).collect(),
            exceedances: endpoints
                .map(|endpoint| Mutex::new(LiveExceedances::new(&endpoint.targets)))
                .collect(),
            accepted: Mutex::new(None),
            t0: OnceLock::new(),
            sent: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }
    }

    /// When the run proper begins; `None` while the threads get ready.
    pub fn t0(&self) -> Option<Instant> {
        self.t0.get().copied()
    }

    /// Requests of the run that were sent, over all endpoints.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Requests that are sent and not answered, warm-up included.
    pub fn in_flight(&self) -> u64 {
        // In this order: what begins between the two must not count as ended only.
        let ended = self.ended.load(Ordering::Acquire);
        self.begun.load(Ordering::Relaxed).saturating_sub(ended)
    }

    /// Our own delays, over all endpoints.
    pub fn send_lag(&self) -> Histogram {
        let mut all = Histogram::new(Precision::Three);
        for endpoint in &self.exceedances {
            all.add(lock(endpoint).send_lag());
        }
        all
    }

    pub(super) fn begins_at(&self, t0: Instant) {
        // The counters are those of one run, so there is no t0 yet.
        let _ = self.t0.set(t0);
    }

    pub(super) fn begin(&self, part: RunPart) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        if part == RunPart::Run {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// Sends every accepted event from now on, until [`Live::end_accepted`].
    pub fn tell_accepted(&self, to: UnboundedSender<AcceptedEvent>) {
        *lock(&self.accepted) = Some(to);
    }

    /// Ends the sending that [`Live::tell_accepted`] began.
    pub fn end_accepted(&self) {
        *lock(&self.accepted) = None;
    }

    pub(super) fn accepted(&self, endpoint: usize, index: u64, key: Option<&EventKey>) {
        if let Some(to) = &*lock(&self.accepted) {
            let accepted = AcceptedEvent {
                endpoint,
                index,
                key: key.cloned(),
                at: Instant::now(),
            };
            // The audit may have ended.
            let _ = to.send(accepted);
        }
    }

    /// The measurement overhead, set before the first request is added. Every thread tells the same.
    pub(super) fn learn_own_error(&self, own_error: Duration) {
        for exceedances in &self.exceedances {
            lock(exceedances).learn_own_error(own_error);
        }
    }

    /// How many requests of an endpoint have ended without one before them that has not, and, if they are at least
    /// `wanted`, what is marked of them.
    pub fn exceedances(&self, endpoint: usize, wanted: u64) -> (u64, Option<LiveExceedances>) {
        let exceedances = lock(&self.exceedances[endpoint]);
        let complete = exceedances.complete();
        (complete, (complete >= wanted).then(|| exceedances.clone()))
    }

    /// Requests of an endpoint that have ended, and how many of them failed or took longer than `limit`, to within two
    /// digits.
    pub fn ended(&self, endpoint: usize, limit: Option<Duration>) -> (u64, u64) {
        let state = lock(&self.endpoints[endpoint]);
        let slower = limit.map_or(0, |limit| {
            let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            state.latency.count_above(limit_ns).0
        });
        (state.ended, state.not_ok + slower)
    }

    /// A copy of every endpoint's state.
    pub fn snapshot(&self) -> Vec<LiveEndpoint> {
        self.endpoints
            .iter()
            .map(|endpoint| lock(endpoint).clone())
            .collect()
    }

    pub(super) fn add(&self, endpoint: usize, sample: &Sample) {
        let mut state = lock(&self.endpoints[endpoint]);
        state.ended += 1;
        match sample.outcome {
            Outcome::Ok => state.latency.record(sample.response_ns()),
            _ => state.not_ok += 1,
        }
        drop(state);
        lock(&self.exceedances[endpoint]).add(sample);
    }
}

/// Counters stay usable if another thread panicked while it held them.
fn lock<T>(endpoint: &Mutex<T>) -> MutexGuard<'_, T> {
    endpoint.lock().unwrap_or_else(PoisonError::into_inner)
}
