//! How many events are in which state: what this process did, plus what all others did, read without I/O.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::{CommitMetrics, EventState};

/// Counts by state, changed only after a commit. Each process adds up what it does itself, in memory and in a row of
/// its own in the database; the rows of the others are read now and then. So no query counts events.
#[derive(Default)]
pub(super) struct Totals {
    counts: [AtomicI64; EventState::ALL.len()],
    elsewhere: [AtomicI64; EventState::ALL.len()],
    failing: AtomicBool,
    is_full: AtomicBool,
    pub(super) commits: CommitMetrics,
}

/// What a transaction adds to each state.
pub(super) type Delta = [i64; EventState::ALL.len()];

/// The state under which the database counts commits.
pub(super) const COMMITS: i64 = -1;

/// The counts of some processes together, as the database adds them up.
#[derive(Default)]
pub(super) struct CountSums {
    /// How often they have committed.
    pub(super) commits: i64,
    /// What they have changed.
    pub(super) counts: Delta,
}

impl CountSums {
    /// Takes the sum of one state.
    pub(super) fn put(&mut self, state: i64, n: i64) {
        if state == COMMITS {
            self.commits = n;
        } else if let Some(state) = EventState::from_code(state) {
            self.counts[state as usize] = n;
        }
    }
}

impl Totals {
    /// Adds what a committed transaction changed.
    pub(super) fn add(&self, delta: &Delta) {
        for (count, change) in self.counts.iter().zip(delta) {
            if *change != 0 {
                count.fetch_add(*change, Ordering::Relaxed);
            }
        }
    }

    /// Replaces what this process has changed.
    pub(super) fn set_own(&self, counts: &Delta) {
        for (count, now) in self.counts.iter().zip(counts) {
            count.store(*now, Ordering::Relaxed);
        }
    }

    /// Replaces what all other processes together have changed.
    pub(super) fn set_elsewhere(&self, counts: &Delta) {
        for (count, now) in self.elsewhere.iter().zip(counts) {
            count.store(*now, Ordering::Relaxed);
        }
    }

    /// The counts now, with `held` events that are only in memory.
    pub(super) fn snapshot(&self, held: u64) -> Snapshot {
        // States are changed one after the other, so a reader in between may see a count below zero.
        let count = |state: EventState| {
            let here = self.counts[state as usize].load(Ordering::Relaxed);
            let elsewhere = self.elsewhere[state as usize].load(Ordering::Relaxed);
            (here + elsewhere).max(0) as u64
        };
        Snapshot {
            queued: count(EventState::Queued) + held,
            retrying: count(EventState::Retrying),
            working: count(EventState::Working),
            failed: count(EventState::Failed),
            dead: count(EventState::Dead),
            processed: count(EventState::Processed),
        }
    }

    /// Remembers how the last transaction went.
    pub(super) fn set_writable(&self, writable: bool) {
        self.failing.store(!writable, Ordering::Relaxed);
    }

    /// Remembers whether new events were refused for want of room.
    pub(super) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    pub(super) fn is_writable(&self) -> bool {
        !self.failing.load(Ordering::Relaxed)
    }
}

/// Events by state at one moment; see [`EventState`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Waiting for the first attempt.
    pub queued: u64,
    /// Waiting for another attempt.
    pub retrying: u64,
    /// Being worked on.
    pub working: u64,
    /// Failed within the request.
    pub failed: u64,
    /// Given up.
    pub dead: u64,
    /// Done.
    pub processed: u64,
}

impl Snapshot {
    /// Accepted and not settled yet.
    pub fn open(&self) -> u64 {
        self.queued + self.retrying + self.working
    }
}
