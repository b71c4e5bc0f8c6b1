//! What a run has measured so far: latencies for the live line, coarse on purpose and never judged, and the
//! exceedances, from which a run is judged while it goes on.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

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
}

/// One endpoint so far; latencies at two significant digits.
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
        }
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

    /// The same, of a run whose instrument's own error is known.
    #[must_use]
    pub fn with_own_error(mut self, own_error: Duration) -> Live {
        for exceedances in &mut self.exceedances {
            let filled = exceedances
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner);
            *filled = filled.clone().with_own_error(own_error);
        }
        self
    }

    /// How many requests of an endpoint have ended without one before them that has not, and, if they are at least
    /// `wanted`, what is marked of them.
    pub fn exceedances(&self, endpoint: usize, wanted: u64) -> (u64, Option<LiveExceedances>) {
        let exceedances = lock(&self.exceedances[endpoint]);
        let complete = exceedances.complete();
        (complete, (complete >= wanted).then(|| exceedances.clone()))
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
