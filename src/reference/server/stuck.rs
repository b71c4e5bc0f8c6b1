//! Events that are dispatched repeatedly and never begun, while events dispatched after them are done. Their workers
//! refuse them, and neither an attempt nor its failure is ever recorded.
//!
//! An outage of the workers or of the broker makes no event stuck. Brokers deliver in order, so without a later event
//! that is done, the server cannot know that an event is stuck.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::reference::store::{EventId, EventState, Store};

/// Dispatches by the sweeper, besides the first, after which an event may be stuck.
const DISPATCHES: u32 = 3;
/// Dispatches that are remembered in order.
const REMEMBERED: usize = 4_096;
/// Events that are watched.
const WATCHED: usize = 10_000;
/// Events that are checked in one pass of the sweeper.
const LOOKS: usize = 64;
/// Of those dispatched later, how many are checked from each end.
const WITNESSES: usize = 4;
/// Ids that are shown.
const SHOWN: usize = 10;
/// Between two lines in the log.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The stuck events, for every reader; clones share it.
#[derive(Clone, Default)]
pub(super) struct Stuck(Arc<Mutex<StuckEvents>>);

/// In the form that `GET /queue` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct StuckEvents {
    events: u64,
    ids: Vec<EventId>,
}

impl Stuck {
    /// As of the last pass of the sweeper.
    pub(super) fn now(&self) -> StuckEvents {
        self.lock().clone()
    }

    pub(super) fn count(&self) -> u64 {
        self.lock().events
    }

    fn lock(&self) -> MutexGuard<'_, StuckEvents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event that the sweeper has dispatched again.
struct Suspect {
    /// The number of its first dispatch.
    number: u64,
    dispatches: u32,
    /// Attempts begun when it was first dispatched again; `None` before the first check.
    attempts: Option<u32>,
    is_stuck: bool,
}

/// The order of dispatches, and the events that may be stuck.
pub(super) struct StuckDetector {
    stuck: Stuck,
    /// The last dispatches; the first of them has this number.
    order: VecDeque<EventId>,
    first: u64,
    numbers: HashMap<EventId, u64>,
    watched: HashMap<EventId, Suspect>,
    /// The next events to check, in order.
    turn: VecDeque<EventId>,
    reported_at: Option<Instant>,
}

impl StuckDetector {
    pub(super) fn new(stuck: Stuck) -> StuckDetector {
        StuckDetector {
            stuck,
            order: VecDeque::new(),
            first: 0,
            numbers: HashMap::new(),
            watched: HashMap::new(),
            turn: VecDeque::new(),
            reported_at: None,
        }
    }

    /// The broker has accepted these events, in this order.
    pub(super) fn dispatched(&mut self, ids: impl IntoIterator<Item = EventId>) {
        for id in ids {
            if self.order.len() == REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                if self.numbers.get(&oldest) == Some(&self.first) {
                    self.numbers.remove(&oldest);
                }
                self.first += 1;
            }
            // The first dispatch counts: later events were dispatched after it.
            let number = self.first + self.order.len() as u64;
            self.numbers.entry(id).or_insert(number);
            self.order.push_back(id);
        }
    }

    /// These were dispatched once more by the sweeper.
    pub(super) fn dispatched_again(&mut self, ids: &[EventId]) {
        for id in ids {
            if let Some(suspect) = self.watched.get_mut(id) {
                suspect.dispatches += 1;
            } else if self.watched.len() < WATCHED {
                let suspect = Suspect {
                    number: self.numbers.get(id).copied().unwrap_or(self.first),
                    dispatches: 1,
                    attempts: None,
                    is_stuck: false,
                };
                self.watched.insert(*id, suspect);
                self.turn.push_back(*id);
            }
        }
    }

    /// Checks the events that were dispatched often enough, and logs those that are stuck.
    pub(super) async fn look(&mut self, store: &Store) {
        for _ in 0..LOOKS.min(self.turn.len()) {
            let Some(id) = self.turn.pop_front() else {
                break;
            };
            match self.judge(id, store).await {
                Some(is_stuck) => {
                    if let Some(suspect) = self.watched.get_mut(&id) {
                        suspect.is_stuck |= is_stuck;
                    }
                    self.turn.push_back(id);
                }
                None => drop(self.watched.remove(&id)),
            }
        }
        self.tell();
    }

    /// Whether the event is stuck; `None` if an attempt has begun or the event is settled. If the store fails, it is
    /// not.
    async fn judge(&mut self, id: EventId, store: &Store) -> Option<bool> {
        let Ok(found) = store.event(id).await else {
            return Some(false);
        };
        let found = found
            .filter(|found| matches!(found.state, EventState::Queued | EventState::Retrying))?;
        let suspect = self.watched.get_mut(&id)?;
        if *suspect.attempts.get_or_insert(found.attempts) != found.attempts {
            return None;
        }
        if suspect.is_stuck || suspect.dispatches < DISPATCHES {
            return Some(suspect.is_stuck);
        }
        let number = suspect.number;
        for witness in self.witnesses(id, number) {
            if let Ok(Some(found)) = store.event(witness).await
                && found.state == EventState::Processed
            {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Some of the events dispatched after it: the next and the last of them.
    fn witnesses(&self, id: EventId, number: u64) -> HashSet<EventId> {
        let behind = (number + 1).saturating_sub(self.first) as usize;
        let later = self.order.iter().skip(behind);
        let next = later.clone().filter(|other| **other != id).take(WITNESSES);
        let last = later.rev().filter(|other| **other != id).take(WITNESSES);
        next.chain(last).copied().collect()
    }

    fn tell(&mut self) {
        let stuck = self.watched.iter().filter(|(_, suspect)| suspect.is_stuck);
        let mut ids: Vec<EventId> = stuck.map(|(id, _)| *id).collect();
        let events = ids.len() as u64;
        ids.sort_unstable_by_key(EventId::to_string);
        ids.truncate(SHOWN);
        let example = ids.first().copied();
        let before = std::mem::replace(&mut *self.stuck.lock(), StuckEvents { events, ids });
        let is_news = events > before.events;
        let may_tell = self.reported_at.is_none_or(|at| at.elapsed() >= TELL_EVERY);
        if let Some(event_id) = example.filter(|_| is_news && may_tell) {
            self.reported_at = Some(Instant::now());
            tracing::warn!(
                %event_id, events,
                "stuck: dispatched repeatedly and never started, while later events were processed; hint: check the workers' log, because a worker may refuse the event, and stuck in /queue"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DISPATCHES, REMEMBERED, Stuck, StuckDetector};
    use crate::reference::store::{
        AttemptOutcome, EventId, Fingerprint, Finished, Grant, Handling, Next, Notified, Store,
        StoreOptions, Submission,
    };
    use crate::reference::timestamp::now_ms;

    fn id(number: usize) -> EventId {
        EventId::from_key(&number.to_string())
    }

    /// A store with events 0 to 9.
    async fn store(folder: &tempfile::TempDir) -> Store {
        let store = Store::open(&StoreOptions::at(folder.path().join("store.db"))).unwrap();
        for number in 0..10 {
            let submission = Submission {
                event_id: id(number),
                fingerprint: Fingerprint::of(b"{}"),
                payload: b"{}".to_vec(),
                run: None,
                accepted_ms: now_ms(),
                handling: Handling::Queue,
            };
            store.accept(submission).await.unwrap();
        }
        store
    }

    async fn process(store: &Store, event_id: EventId) {
        let Grant::Leased(lease) = store.claim_event(event_id).await.unwrap() else {
            panic!("it is due");
        };
        let outcome = AttemptOutcome {
            notified: Notified::Sent,
            next: Next::Done,
        };
        let finished = store.finish(lease, outcome).await.unwrap();
        assert_eq!(finished, Finished::Recorded);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_passed_over_is_stuck_until_somebody_begins_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (store, stuck) = (store(&folder).await, Stuck::default());
        let mut detector = StuckDetector::new(stuck.clone());
        detector.dispatched((0..10).map(id));
        process(&store, id(7)).await;
        for dispatches in 1..=DISPATCHES {
            assert_eq!(stuck.count(), 0, "{dispatches}");
            detector.dispatched([id(3)]);
            detector.dispatched_again(&[id(3)]);
            detector.look(&store).await;
        }
        assert_eq!(stuck.now().ids, [id(3)]);
        process(&store, id(3)).await;
        detector.look(&store).await;
        assert_eq!(stuck.count(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_outage_of_the_workers_makes_nothing_stuck() {
        let folder = tempfile::tempdir().unwrap();
        let (store, stuck) = (store(&folder).await, Stuck::default());
        let mut detector = StuckDetector::new(stuck.clone());
        detector.dispatched((0..10).map(id));
        // Done before the workers disappeared, in the order of their dispatch.
        for number in 0..5 {
            process(&store, id(number)).await;
        }
        let rest: Vec<EventId> = (5..10).map(id).collect();
        for _ in 0..10 {
            detector.dispatched(rest.iter().copied());
            detector.dispatched_again(&rest);
            detector.look(&store).await;
        }
        assert_eq!(stuck.count(), 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_dispatched_long_ago_is_judged_by_what_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let (store, stuck) = (store(&folder).await, Stuck::default());
        let mut detector = StuckDetector::new(stuck.clone());
        detector.dispatched([id(0)]);
        detector.dispatched((100..100 + 2 * REMEMBERED).map(id));
        detector.dispatched([id(9)]);
        assert!(detector.order.len() == REMEMBERED && detector.numbers.len() <= REMEMBERED);
        process(&store, id(9)).await;
        for _ in 0..DISPATCHES {
            detector.dispatched_again(&[id(0)]);
        }
        detector.look(&store).await;
        assert_eq!(stuck.now().ids, [id(0)]);
    }
}
