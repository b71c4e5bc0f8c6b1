//! What a store on several machines asks of the parts that it has in common with a file.

use std::sync::atomic::Ordering;

use crate::reference::mutex::lock;
use crate::reference::store::EventId;
use crate::reference::store::signals::CommitSignals;
use crate::reference::store::sweep::SweepStep;
use crate::reference::store::watchers::Watchers;

/// The most events that one query asks about.
const MOST_WATCHED: usize = 1000;

impl CommitSignals {
    /// Whether a worker is idle.
    pub(super) fn is_idle(&self) -> bool {
        self.idle.load(Ordering::SeqCst) > 0
    }
}

impl SweepStep {
    /// Leaves the rows that another process has named first. In a file no other process can do so in between.
    pub(super) fn keep(&mut self, is_ours: impl Fn(i64) -> bool) {
        self.found.retain(|(seq, _)| is_ours(*seq));
    }
}

impl Watchers {
    /// The events that a client waits for, a bounded number of them.
    pub(super) fn watched(&self) -> Vec<EventId> {
        if self.watches.load(Ordering::SeqCst) == 0 {
            return Vec::new();
        }
        let watched = lock(&self.watched);
        watched.keys().take(MOST_WATCHED).copied().collect()
    }
}
