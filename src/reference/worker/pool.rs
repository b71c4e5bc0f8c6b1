//! What all attempts of a process share, and one attempt at one event.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::breaker::{Breaker, BreakerOptions};
use super::retry::Retry;
use super::traces::Traces;
use super::work_counters::WorkCounters;
use crate::reference::outage::OutageLog;
use crate::reference::provider::Provider;
use crate::reference::store::{EventId, Grant, Store, StoreError};

/// How the work is done.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// Attempts that may run at the same time.
    pub workers: usize,
    /// What follows a failed attempt.
    pub retry: Retry,
    /// When the provider is not asked for a while.
    pub breaker: BreakerOptions,
    /// Time to finish attempts after the workers begin to stop. Those that don't finish are made again later.
    pub grace: Duration,
}

/// Everything an attempt needs; clones share it.
#[derive(Clone)]
pub struct WorkerPool {
    /// Where the events are.
    pub store: Store,
    /// The provider to notify.
    pub provider: Provider,
    /// Options of the workers.
    pub options: WorkerOptions,
    /// Whether the provider is asked at all.
    pub breaker: Arc<Breaker>,
    /// What came of it.
    pub(crate) counters: Arc<WorkCounters>,
    /// On whose behalf.
    pub(crate) traces: Arc<Traces>,
    pub(super) under_way: Arc<AtomicUsize>,
    pub(super) leases: OutageLog,
}

/// What became of an event that was to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeResult {
    /// An attempt was made, and its outcome is recorded.
    Attempted,
    /// It must not be processed now; the store knows when, and by which worker.
    Left(Grant),
}

/// Who decides what follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// Try again later, a bounded number of times.
    Retry,
    /// Tell the client, who waits for the answer.
    Answer,
}

impl WorkerPool {
    /// A pool with a closed breaker and nothing under way.
    pub fn new(store: Store, provider: Provider, options: WorkerOptions) -> WorkerPool {
        WorkerPool {
            store,
            provider,
            options,
            breaker: Arc::new(Breaker::new(options.breaker)),
            counters: Arc::default(),
            traces: Arc::default(),
            under_way: Arc::default(),
            leases: OutageLog::of("leases", "an attempt outlived its lease"),
        }
    }

    /// Attempts that are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Takes this very event, if it is due and no other worker has it, and makes one attempt at it: for a consumer that has its
    /// id from a broker, and may acknowledge the message when this returns. Waits while the breaker is open.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or written.
    pub async fn take(&self, event_id: EventId) -> Result<TakeResult, StoreError> {
        let _permit = self.breaker.pass().await;
        match self.store.claim_event(event_id).await? {
            Grant::Leased(lease) => {
                // Its failure is recorded, and says when it is due again.
                let _ = self.attempt(lease, OnFailure::Retry).await;
                Ok(TakeResult::Attempted)
            }
            other => Ok(TakeResult::Left(other)),
        }
    }
}
