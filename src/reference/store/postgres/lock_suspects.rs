//! Keys and kinds of work whose last wait for a lock failed.

use std::mem::{Discriminant, discriminant};
use std::time::{Duration, Instant};

use crate::reference::store::EventId;
use crate::reference::store::commit_batch::CommitBatch;
use crate::reference::store::work::WorkRequest;

/// How long a key or a kind of work waits apart from the others after a wait that failed.
const SUSPECTED: Duration = Duration::from_secs(5);
/// Keys and kinds that are remembered.
const MOST_SUSPECTS: usize = 1000;

/// Other requests do not wait again for a lock that was not released a short while ago.
#[derive(Default)]
pub(super) struct LockSuspects(Vec<(LockSuspect, Instant)>);

/// A key, or a kind of work.
#[derive(Clone, PartialEq, Eq)]
enum LockSuspect {
    Key(EventId),
    Work(Discriminant<WorkRequest>),
}

impl LockSuspects {
    /// One item was alone in its transaction, and its wait failed.
    pub(super) fn add(&mut self, single: &CommitBatch) {
        let keys = (single.accepts.iter()).map(|item| LockSuspect::Key(item.submission.event_id));
        let kinds = (single.work.iter()).map(|item| LockSuspect::Work(discriminant(&item.request)));
        let now = Instant::now();
        self.0
            .retain(|(_, since)| now.duration_since(*since) < SUSPECTED);
        let all: Vec<LockSuspect> = keys.chain(kinds).collect();
        if self.0.len() < MOST_SUSPECTS {
            self.0.extend(all.into_iter().map(|suspect| (suspect, now)));
        }
    }

    /// The items of a batch that wait separately.
    pub(super) fn of(&mut self, batch: &mut CommitBatch) -> Option<CommitBatch> {
        if self.0.is_empty() {
            return None;
        }
        let now = Instant::now();
        self.0
            .retain(|(_, since)| now.duration_since(*since) < SUSPECTED);
        let is_suspect = |suspect: LockSuspect| self.0.iter().any(|(known, _)| *known == suspect);
        let accepts = places(&batch.accepts, |item| {
            is_suspect(LockSuspect::Key(item.submission.event_id))
        });
        let work = places(&batch.work, |item| {
            is_suspect(LockSuspect::Work(discriminant(&item.request)))
        });
        let taken = batch.take_out(&accepts, &work);
        (taken.size() > 0).then_some(taken)
    }
}

fn places<T>(items: &[T], is_meant: impl Fn(&T) -> bool) -> Vec<usize> {
    let places = items.iter().enumerate();
    places
        .filter(|(_, item)| is_meant(item))
        .map(|(place, _)| place)
        .collect()
}
