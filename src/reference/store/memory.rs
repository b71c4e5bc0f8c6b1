//! The negative control: events that were acknowledged from memory and are nowhere else. A kill loses them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Admission, EventId, EventRecord, Handling, Promise, Submission};

/// Accepted events that no worker has taken yet.
#[derive(Default)]
pub(super) struct MemoryStore {
    held: Mutex<MemoryEvents>,
}

#[derive(Default)]
struct MemoryEvents {
    /// In order of acceptance; without those that are being persisted.
    order: VecDeque<EventId>,
    events: HashMap<EventId, Submission>,
}

impl MemoryStore {
    /// Takes an event in. Keys are compared with those in memory only, as an in-process background task would.
    pub(super) fn accept(&self, submission: Submission) -> Admission {
        let mut held = self.lock();
        let MemoryEvents { order, events } = &mut *held;
        match events.entry(submission.event_id) {
            Entry::Occupied(known) if known.get().fingerprint == submission.fingerprint => {
                Admission::Replayed(Promise::Later)
            }
            Entry::Occupied(_) => Admission::BodyDiffers,
            Entry::Vacant(new) => {
                order.push_back(submission.event_id);
                new.insert(submission);
                Admission::Queued
            }
        }
    }

    /// Hands out up to `limit` events to be persisted; each is then forgotten or put back.
    pub(super) fn take(&self, limit: usize) -> Vec<Submission> {
        let mut held = self.lock();
        let count = limit.min(held.order.len());
        let ids: Vec<EventId> = held.order.drain(..count).collect();
        let adopted = |id: &EventId| {
            held.events.get(id).cloned().map(|event| Submission {
                handling: Handling::Adopt,
                ..event
            })
        };
        ids.iter().filter_map(adopted).collect()
    }

    /// The event is on disk now.
    pub(super) fn forget(&self, event_id: EventId) {
        self.lock().events.remove(&event_id);
    }

    /// The event could not be persisted: it is the next one again.
    pub(super) fn put_back(&self, event_id: EventId) {
        self.lock().order.push_front(event_id);
    }

    /// What is known of an event, if it is here.
    pub(super) fn event(&self, event_id: EventId) -> Option<EventRecord> {
        self.lock().events.get(&event_id).map(Submission::held)
    }

    /// The events of a run that are here, in order of acceptance.
    pub(super) fn events_of(&self, run: &str) -> Vec<EventRecord> {
        let held = self.lock();
        let of_run = held
            .events
            .values()
            .filter(|event| event.run.as_deref() == Some(run));
        let mut events: Vec<EventRecord> = of_run.map(Submission::held).collect();
        events.sort_by_key(|event| event.accepted_ms);
        events
    }

    /// When the oldest of them was accepted.
    pub(super) fn oldest_ms(&self) -> Option<i64> {
        let held = self.lock();
        held.order
            .front()
            .and_then(|event_id| held.events.get(event_id))
            .map(|event| event.accepted_ms)
    }

    /// How many are here.
    pub(super) fn len(&self) -> usize {
        self.lock().events.len()
    }

    fn lock(&self) -> MutexGuard<'_, MemoryEvents> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
