//! Claims due events from the store and begins attempts at them, until the shutdown.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout, timeout_at};

use super::breaker::BreakerPermit;
use super::pool::{OnFailure, WorkerPool};
use super::store_pause::StorePause;
use crate::reference::store::{Lease, StoreError};

/// At most this many events are claimed at once.
const CLAIM_LIMIT: usize = 64;
/// The longest sleep between two claims, whatever the store said.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// What one attempt holds while it runs.
struct AttemptLeave {
    _slot: OwnedSemaphorePermit,
    _permit: BreakerPermit,
}

impl WorkerPool {
    /// Works until the shutdown, then lets the attempts that have begun finish within the grace.
    pub async fn work(self, mut stop: watch::Receiver<bool>) {
        let mut attempts = JoinSet::new();
        self.dispatch(&mut attempts, &mut stop).await;
        let _ = timeout(self.options.grace, async {
            while attempts.join_next().await.is_some() {}
        })
        .await;
        attempts.shutdown().await;
    }

    /// Claims as many events as there are free slots, and begins an attempt at each. Ends at the shutdown or when the
    /// store is closed. Only the waits between claims are cut short: a claimed event must not be dropped.
    async fn dispatch(&self, attempts: &mut JoinSet<()>, stop: &mut watch::Receiver<bool>) {
        let all_slots = Arc::new(Semaphore::new(self.options.workers));
        let mut pause = StorePause::new();
        while let Some(Some(slots)) = unless_stopped(stop, free(&all_slots)).await {
            while attempts.try_join_next().is_some() {}
            let Some(permit) = unless_stopped(stop, self.breaker.pass()).await else {
                return;
            };
            let limit = if permit.is_probe() {
                1
            } else {
                slots.num_permits() as u32
            };
            let idle = match self.store.claim(limit).await {
                Ok(claim) if *stop.borrow() => return self.give_back(claim.leases).await,
                Ok(claim) => {
                    pause.reset();
                    let found_none = claim.leases.is_empty();
                    self.begin(claim.leases, slots, &permit, attempts);
                    drop(permit);
                    match claim.idle_for {
                        None if found_none => LONGEST_IDLE,
                        None => continue,
                        Some(idle) => idle.min(LONGEST_IDLE),
                    }
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    // The store logs its own failures.
                    tracing::debug!(%error, "cannot claim events");
                    drop((slots, permit));
                    unless_stopped(stop, sleep(pause.next())).await;
                    continue;
                }
            };
            // A worker without a free slot gets no notification: others may have one.
            let until = Instant::now() + idle;
            let arrival = async {
                drop(all_slots.acquire().await);
                timeout_at(until.into(), self.store.work_arrived()).await
            };
            unless_stopped(stop, arrival).await;
        }
    }

    fn begin(
        &self,
        leases: Vec<Lease>,
        mut slots: OwnedSemaphorePermit,
        permit: &BreakerPermit,
        attempts: &mut JoinSet<()>,
    ) {
        for (lease, slot) in leases
            .into_iter()
            .zip(std::iter::from_fn(|| slots.split(1)))
        {
            let leave = AttemptLeave {
                _slot: slot,
                _permit: permit.clone(),
            };
            attempts.spawn(self.clone().attempt_in(lease, leave));
        }
    }

    /// No attempt is made any more: others get them at once, and no notification counts as begun.
    async fn give_back(&self, leases: Vec<Lease>) {
        if let Err(error) = self.store.give_back(leases).await {
            tracing::warn!(%error, "claimed events are processed after their leases expire");
        }
    }

    /// Makes one attempt, and keeps the leave for it until it has ended.
    async fn attempt_in(self, lease: Lease, leave: AttemptLeave) {
        if let Err(error) = self.attempt(lease, OnFailure::Retry).await {
            tracing::debug!(%error, "an attempt failed");
        }
        drop(leave);
    }
}

/// Waits for a free slot and takes all that are free by then; `None` once the slots are closed.
async fn free(slots: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let mut taken = slots.clone().acquire_owned().await.ok()?;
    while taken.num_permits() < CLAIM_LIMIT
        && let Ok(more) = slots.clone().try_acquire_owned()
    {
        taken.merge(more);
    }
    Some(taken)
}

/// Waits for this, unless the shutdown comes first.
async fn unless_stopped<T>(
    stop: &mut watch::Receiver<bool>,
    wait: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        // A dropped sender means stop too.
        _ = stop.wait_for(|stop| *stop) => None,
        done = wait => Some(done),
    }
}
