//! What a run has measured so far, for the live line: coarse on purpose, never judged.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::histogram::{Histogram, Precision};
use crate::sample::{Outcome, Sample};

/// Shared between the sending threads and whoever draws.
#[derive(Debug)]
pub struct Live {
    endpoints: Vec<Mutex<LiveEndpoint>>,
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
    /// For so many endpoints.
    pub fn new(endpoints: usize) -> Live {
        let empty = || LiveEndpoint {
            ended: 0,
            not_ok: 0,
            latency: Histogram::new(Precision::Two),
        };
        Live {
            endpoints: (0..endpoints).map(|_| Mutex::new(empty())).collect(),
        }
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
    }
}

/// Counters stay usable if another thread panicked while it held them.
fn lock(endpoint: &Mutex<LiveEndpoint>) -> MutexGuard<'_, LiveEndpoint> {
    endpoint.lock().unwrap_or_else(PoisonError::into_inner)
}
