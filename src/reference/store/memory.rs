//! The negative control: events that were acknowledged from memory and are nowhere else. A kill loses them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::commit_batch::AcceptItem;
use super::commit_queue::CommitQueue;
use super::engine::{Engine, Read};
use super::lease_guard::LeaseGuard;
use super::reply_batch::Reply;
use super::{
    Admission, DeadCursor, DeadPage, EventId, EventPage, EventRecord, Handling, Lease, Process,
    Promise, StoreError, Submission,
};
use crate::reference::mutex::lock;
use crate::reference::timestamp::now_ms;

/// Accepted events that no worker has taken yet.
#[derive(Default)]
pub(super) struct MemoryStore {
    events: Mutex<MemoryEvents>,
}

#[derive(Default)]
struct MemoryEvents {
    /// In order of acceptance; without those that are being persisted.
    order: VecDeque<EventId>,
    by_id: HashMap<EventId, Submission>,
}

impl MemoryStore {
    /// Takes an event in. Keys are compared with those in memory only, as an in-process background task would.
    pub(super) fn accept(&self, submission: Submission) -> Admission {
        let mut events = lock(&self.events);
        let MemoryEvents { order, by_id } = &mut *events;
        match by_id.entry(submission.event_id) {
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

    /// Persists up to `limit` events, each leased to the caller. On failure they stay in memory.
    pub(super) async fn adopt(
        &self,
        limit: usize,
        queue: &CommitQueue,
    ) -> Result<Vec<Lease>, StoreError> {
        let mut commits = Vec::new();
        for submission in self.take(limit) {
            let event_id = submission.event_id;
            let (reply, answer) = Reply::new(None);
            let pushed = queue.push_accept(AcceptItem { submission, reply });
            commits.push((event_id, pushed, answer));
        }
        let (mut leases, mut failure) = (Vec::new(), None);
        for (event_id, pushed, answer) in commits {
            let answer = answer.await.unwrap_or(Err(StoreError::Closed));
            match pushed.and(answer).map(LeaseGuard::into_inner) {
                Ok(admission) => {
                    lock(&self.events).by_id.remove(&event_id);
                    leases.extend(admission.into_lease());
                }
                Err(error) => {
                    // It is the next one again.
                    lock(&self.events).order.push_front(event_id);
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if leases.is_empty() => Err(error),
            _ => Ok(leases),
        }
    }

    /// Hands out up to `limit` events to be persisted.
    fn take(&self, limit: usize) -> Vec<Submission> {
        let mut events = lock(&self.events);
        let MemoryEvents { order, by_id } = &mut *events;
        let ids = order.drain(..limit.min(order.len()));
        ids.filter_map(|id| {
            by_id.get(&id).cloned().map(|event| Submission {
                handling: Handling::Adopt,
                ..event
            })
        })
        .collect()
    }

    /// How many events are here.
    pub(super) fn len(&self) -> usize {
        lock(&self.events).by_id.len()
    }

    fn event(&self, event_id: EventId) -> Option<EventRecord> {
        let events = lock(&self.events);
        events.by_id.get(&event_id).map(Submission::held)
    }

    /// The events of a run, in order of acceptance.
    fn events_of(&self, run: &str) -> Vec<EventRecord> {
        let events = lock(&self.events);
        let all = events.by_id.values();
        let of_run = all.filter(|event| event.run.as_deref() == Some(run));
        let mut of_run: Vec<EventRecord> = of_run.map(Submission::held).collect();
        of_run.sort_by_key(|event| event.accepted_ms);
        of_run
    }

    fn oldest_wait(&self) -> Option<Duration> {
        let events = lock(&self.events);
        let oldest = events.order.front().and_then(|id| events.by_id.get(id))?;
        let waited_ms = now_ms().saturating_sub(oldest.accepted_ms).max(0);
        Some(Duration::from_millis(waited_ms as u64))
    }
}

/// Shows the events in memory together with those in the database to which they move.
pub(super) struct MemoryEngine {
    pub(super) memory: Arc<MemoryStore>,
    pub(super) database: Box<dyn Engine>,
}

impl Engine for MemoryEngine {
    fn event(&self, event_id: EventId) -> Read<Option<EventRecord>> {
        match self.memory.event(event_id) {
            Some(record) => Box::pin(async { Ok(Some(record)) }),
            None => self.database.event(event_id),
        }
    }

    fn run_page(&self, run: &str, cursor: i64, limit: u32) -> Read<EventPage> {
        let page = self.database.run_page(run, cursor, limit);
        let (memory, run) = (self.memory.clone(), run.to_owned());
        Box::pin(async move {
            let mut page = page.await?;
            if page.next.is_none() {
                page.events.extend(memory.events_of(&run));
            }
            Ok(page)
        })
    }

    fn oldest_wait(&self) -> Read<Option<Duration>> {
        let (stored, memory) = (self.database.oldest_wait(), self.memory.clone());
        Box::pin(async move { Ok(stored.await?.max(memory.oldest_wait())) })
    }

    fn dead_page(&self, cursor: DeadCursor, limit: u32) -> Read<DeadPage> {
        self.database.dead_page(cursor, limit)
    }

    fn processes(&self) -> Read<Vec<Process>> {
        self.database.processes()
    }

    fn expired_leases(&self) -> Read<u64> {
        self.database.expired_leases()
    }

    fn payload(&self, event_id: EventId) -> Read<Option<Vec<u8>>> {
        self.database.payload(event_id)
    }

    fn lease_of(&self, event_id: EventId, attempt: u32) -> Read<Option<Lease>> {
        self.database.lease_of(event_id, attempt)
    }

    fn check_disk_space(&self) -> Read<()> {
        self.database.check_disk_space()
    }

    fn join(&self) {
        self.database.join();
    }
}
