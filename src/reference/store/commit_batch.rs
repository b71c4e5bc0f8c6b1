//! Everything that goes into one transaction, and what it comes to.

use std::sync::Arc;

use super::changes::Changes;
use super::lease_guard::{LeaseGuard, LeaseReturn};
use super::reply_batch::{self, Reply};
use super::work::{WorkItem, WorkRequest, WorkResult};
use super::{Admission, Handling, StoreError, Submission};

/// A submission that waits for its transaction.
pub(super) struct AcceptItem {
    pub(super) submission: Submission,
    pub(super) reply: Reply,
}

/// What goes into one transaction.
#[derive(Default)]
pub(super) struct CommitBatch {
    pub(super) accepts: Vec<AcceptItem>,
    pub(super) work: Vec<WorkItem>,
}

/// What a committed batch came to, each part in the order of its requests.
pub(super) struct Committed {
    pub(super) admissions: Vec<Admission>,
    pub(super) results: Vec<WorkResult>,
    pub(super) changes: Changes,
}

impl Committed {
    /// Whether the transaction wrote anything.
    pub(super) fn wrote(&self) -> bool {
        let new =
            |admission: &Admission| matches!(admission, Admission::Queued | Admission::Leased(_));
        self.admissions.iter().any(new) || self.results.iter().any(WorkResult::wrote)
    }
}

/// The size of an event besides its payload: pages of the table and its indexes.
const EVENT_BYTES: u64 = 5 * 4096;
/// The payload that is assumed of an event that is smaller.
const SMALL_BYTES: u64 = 4096;

impl CommitBatch {
    /// Answers every request, which is on disk now. A client that has gone does not take it back, but gives leases back.
    pub(super) fn answer(
        &mut self,
        committed: Committed,
        origin: &Arc<dyn LeaseReturn>,
    ) -> Changes {
        let replies = self.accepts.drain(..).map(|item| item.reply);
        let admissions = committed.admissions.into_iter();
        let guards = admissions.map(|admission| Ok(LeaseGuard::new(admission, origin)));
        reply_batch::send_all(replies.zip(guards));
        for (item, result) in self.work.drain(..).zip(committed.results) {
            item.answer(Ok(LeaseGuard::new(result, origin)));
        }
        committed.changes
    }

    /// Answers every request with the error: nothing was promised.
    pub(super) fn refuse(&mut self, error: &StoreError) {
        self.refuse_accepts(error);
        for item in self.work.drain(..) {
            item.answer(Err(error.clone()));
        }
    }

    /// Answers every new event and every capacity check with the error that there is no room.
    pub(super) fn refuse_new(&mut self, error: &StoreError) {
        self.refuse_accepts(error);
        for probe in self.work.extract_if(.., |item| is_probe(item)) {
            probe.answer(Err(error.clone()));
        }
    }

    fn refuse_accepts(&mut self, error: &StoreError) {
        let replies = self.accepts.drain(..).map(|item| item.reply);
        reply_batch::send_all(replies.map(|reply| (reply, Err(error.clone()))));
    }

    /// Leaves out what would lease events to a caller that has gone. Nothing was promised.
    pub(super) fn drop_abandoned(&mut self) {
        self.accepts.retain(|item| {
            item.submission.handling != Handling::Call || !item.reply.is_abandoned()
        });
        self.work.retain(|item| !item.is_abandoned());
    }

    /// Both halves, in the same order; `None` if it holds one thing.
    pub(super) fn halves(&mut self) -> Option<[CommitBatch; 2]> {
        let size = self.size();
        if size < 2 {
            return None;
        }
        let (accepts, work) = (self.accepts.len(), size / 2);
        let second = CommitBatch {
            accepts: self.accepts.split_off((size / 2).min(accepts)),
            work: self.work.split_off(work.saturating_sub(accepts)),
        };
        Some([std::mem::take(self), second])
    }

    /// Reduces the write: first to the work without new events, then to one event for each claim. `None` if the batch
    /// cannot be smaller.
    pub(super) fn smaller(&mut self) -> Option<CommitBatch> {
        if !self.accepts.is_empty() && !self.work.is_empty() {
            return Some(CommitBatch {
                accepts: std::mem::take(&mut self.accepts),
                work: Vec::new(),
            });
        }
        let mut is_less = false;
        for item in &mut self.work {
            if let WorkRequest::Claim { limit } = &mut item.request
                && *limit > 1
            {
                (*limit, is_less) = (1, true);
            }
        }
        is_less.then(CommitBatch::default)
    }

    /// Submissions and pieces of work.
    pub(super) fn size(&self) -> usize {
        self.accepts.len() + self.work.len()
    }

    /// About how many bytes its new events take, with their entries in the indexes. A check of the capacity counts as
    /// a small event, so that both have the same answer.
    pub(super) fn bytes(&self) -> u64 {
        let of_event = |item: &AcceptItem| {
            (item.submission.payload.len() as u64).max(SMALL_BYTES) + EVENT_BYTES
        };
        let bytes: u64 = self.accepts.iter().map(of_event).sum();
        bytes.max(SMALL_BYTES + EVENT_BYTES)
    }

    /// Whether it checks that the store can be written.
    pub(super) fn has_probe(&self) -> bool {
        self.work.iter().any(is_probe)
    }

    /// Whether its commit shows that the store can be written. A claim that finds nothing commits on a full disk too.
    pub(super) fn shows_room(&self) -> bool {
        !self.accepts.is_empty() || self.has_probe()
    }
}

fn is_probe(item: &WorkItem) -> bool {
    matches!(item.request, WorkRequest::Probe)
}

#[cfg(test)]
mod tests {
    use super::CommitBatch;
    use crate::reference::store::work::{WorkItem, WorkRequest};

    #[test]
    fn the_halves_of_a_batch_hold_all_of_it_in_order() {
        let probe = || WorkItem::new(WorkRequest::Probe).0;
        let mut batch = CommitBatch::default();
        for _ in 0..5 {
            batch.work.push(probe());
        }
        let [first, second] = batch.halves().expect("five");
        assert_eq!((first.size(), second.size()), (2, 3));
        batch.work.push(probe());
        assert!(batch.halves().is_none());
    }
}
