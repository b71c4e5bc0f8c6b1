//! The listeners of a commit, apart from its callers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{Notify, mpsc, watch};

use super::EventId;
use super::changes::Changes;
use super::commit_batch::{CommitBatch, Committed};
use super::totals::{Delta, Totals};
use super::watchers::Watchers;
use crate::reference::mutex::lock;
use crate::reference::outage::OutageLog;

/// Everything that follows a commit, of this process or of another one on the same store.
#[derive(Clone)]
pub(super) struct CommitSignals {
    pub(super) totals: Arc<Totals>,
    pub(super) watchers: Arc<Watchers>,
    /// There may be something to claim.
    pub(super) work: Arc<Notify>,
    /// The number of idle workers: they wait for work, or are looking for it.
    pub(super) idle: Arc<AtomicUsize>,
    /// Moves when another process has committed.
    pub(super) elsewhere: watch::Sender<()>,
    arrivals: Arc<Mutex<Vec<mpsc::Sender<EventId>>>>,
    /// Logs transactions that fail, for every caller.
    pub(super) outage: OutageLog,
}

impl CommitSignals {
    pub(super) fn new() -> CommitSignals {
        CommitSignals {
            totals: Arc::default(),
            watchers: Arc::default(),
            work: Arc::default(),
            idle: Arc::default(),
            elsewhere: watch::Sender::new(()),
            arrivals: Arc::default(),
            outage: OutageLog::of(
                "the store",
                "a transaction failed; none of its requests was acknowledged",
            ),
        }
    }

    /// The ids that arrive from now on; those that find no room are left out.
    pub(super) fn subscribe(&self, capacity: usize) -> mpsc::Receiver<EventId> {
        let (sender, receiver) = mpsc::channel(capacity);
        lock(&self.arrivals).push(sender);
        receiver
    }

    /// The transaction that began then is committed: counts it, and tells everyone.
    pub(super) fn committed(&self, began: Instant, batch: &CommitBatch, committed: &Committed) {
        let (commits, wrote) = (&self.totals.commits, committed.wrote());
        if wrote {
            commits.committed(began, batch.size());
        } else {
            commits.nothing_written();
        }
        if batch.shows_room() {
            self.totals.set_writable(true);
            self.totals.set_full(false);
        }
        // A transaction that wrote nothing commits on a full disk too, and outcomes are recorded in the reserve.
        if wrote && !self.totals.is_full() {
            self.outage.succeeded();
        }
        self.publish(&committed.changes);
    }

    /// A transaction was rolled back.
    pub(super) fn rolled_back(&self) {
        self.totals.commits.rolled_back();
        self.totals.set_writable(false);
    }

    /// A transaction was rolled back because of its content: others can be committed.
    pub(super) fn refused(&self) {
        self.totals.commits.rolled_back();
    }

    /// The database says what this process has changed together. What is in memory had become doubtful.
    pub(super) fn recounted(&self, counts: &Delta) {
        self.totals.set_own(counts);
        self.elsewhere.send_replace(());
        self.work.notify_one();
    }

    fn publish(&self, changes: &Changes) {
        self.totals.add(&changes.delta);
        self.watchers.settle(&changes.settled);
        if changes.brought_work() {
            self.work.notify_one();
        }
        if !changes.arrived.is_empty() {
            self.announce(&changes.arrived);
        }
    }

    /// Tells everyone that other processes have committed, and how many events are in which state by their doing.
    pub(super) fn publish_elsewhere(&self, counts: &Delta) {
        self.totals.set_elsewhere(counts);
        self.elsewhere.send_replace(());
        self.work.notify_one();
    }

    /// Resolves when there may be something to claim.
    pub(super) async fn work_arrived(&self) {
        let _idle = self.has_time();
        self.work.notified().await;
    }

    /// Counts an idle worker until the guard is dropped.
    pub(super) fn has_time(&self) -> Idle<'_> {
        self.idle.fetch_add(1, Ordering::SeqCst);
        Idle(&self.idle)
    }

    fn announce(&self, arrived: &[EventId]) {
        let mut subscribers = lock(&self.arrivals);
        subscribers.retain(|subscriber| !subscriber.is_closed());
        for subscriber in subscribers.iter() {
            for event_id in arrived {
                // Full: the listener sweeps for the rest.
                let _ = subscriber.try_send(*event_id);
            }
        }
    }
}

/// One idle worker, until it is dropped.
pub(super) struct Idle<'a>(&'a AtomicUsize);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
