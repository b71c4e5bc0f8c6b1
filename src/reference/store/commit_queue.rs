//! The bounded queue in front of the writer thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::commit_batch::{AcceptItem, CommitBatch};
use super::lease_guard::LeaseReturn;
use super::work::{WorkItem, WorkRequest};
use super::{Lease, StoreError};
use crate::reference::mutex::lock;

/// At most this much work shares a transaction with accepts: the backlog must not slow them down.
const WORK_BESIDE_ACCEPTS: usize = 16;
/// Most work in a transaction of its own: a new accept waits for it.
const WORK_ALONE: usize = 64;

/// Submissions and work wait here apart. Submissions are bounded; work is bounded by the number of workers.
pub(super) struct CommitQueue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    limit: usize,
}

#[derive(Default)]
struct Waiting {
    accepts: Vec<AcceptItem>,
    work: VecDeque<WorkItem>,
    writer_sleeps: bool,
    closed: bool,
}

/// What a writer finds when it asks for more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BatchWait {
    Batch,
    /// Nothing for this time.
    Nothing,
    Closed,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.accepts.is_empty() && self.work.is_empty()
    }

    /// Moves what may share a transaction.
    fn move_to(&mut self, batch: &mut CommitBatch) {
        std::mem::swap(&mut self.accepts, &mut batch.accepts);
        let share = if batch.accepts.is_empty() {
            WORK_ALONE
        } else {
            WORK_BESIDE_ACCEPTS
        };
        let count = share.min(self.work.len());
        batch.work.extend(self.work.drain(..count));
    }
}

/// The end of a writer. If the writer panicked, waiting and new callers get the error that the store is closed, because
/// no answer would come.
pub(super) struct Closing(Arc<CommitQueue>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
        // Dropped unanswered, outside the lock.
        let left = {
            let mut waiting = lock(&self.0.waiting);
            (
                std::mem::take(&mut waiting.accepts),
                std::mem::take(&mut waiting.work),
            )
        };
        drop(left);
    }
}

impl CommitQueue {
    pub(super) fn new(limit: usize) -> CommitQueue {
        CommitQueue {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            limit,
        }
    }

    /// Queues a submission, or refuses it when the queue is full.
    pub(super) fn push_accept(&self, item: AcceptItem) -> Result<(), StoreError> {
        let mut waiting = self.open()?;
        if waiting.accepts.len() >= self.limit {
            return Err(StoreError::Full {
                waiting: self.limit,
            });
        }
        waiting.accepts.push(item);
        self.wake(waiting);
        Ok(())
    }

    pub(super) fn push_work(&self, item: WorkItem) -> Result<(), StoreError> {
        let mut waiting = self.open()?;
        waiting.work.push_back(item);
        self.wake(waiting);
        Ok(())
    }

    /// Group commit without a timer: fills an empty batch with everything that came while the last one was being
    /// committed, and waits only if nothing did, at most for the patience.
    pub(super) fn take(&self, batch: &mut CommitBatch, patience: Option<Duration>) -> BatchWait {
        let mut waiting = lock(&self.waiting);
        loop {
            waiting.move_to(batch);
            batch.drop_abandoned();
            if batch.size() > 0 {
                return BatchWait::Batch;
            }
            if !waiting.is_empty() {
                continue;
            }
            if waiting.closed {
                return BatchWait::Closed;
            }
            waiting.writer_sleeps = true;
            let over;
            (waiting, over) = self.wait(waiting, patience);
            waiting.writer_sleeps = false;
            if over && waiting.is_empty() {
                return BatchWait::Nothing;
            }
        }
    }

    /// Waits for an entry; whether the patience ended first.
    fn wait<'a>(
        &self,
        waiting: MutexGuard<'a, Waiting>,
        patience: Option<Duration>,
    ) -> (MutexGuard<'a, Waiting>, bool) {
        match patience {
            None => {
                let waited = self.filled.wait(waiting);
                (waited.unwrap_or_else(PoisonError::into_inner), false)
            }
            Some(patience) => {
                let waited = self.filled.wait_timeout(waiting, patience);
                let (waiting, over) = waited.unwrap_or_else(PoisonError::into_inner);
                (waiting, over.timed_out())
            }
        }
    }

    /// Where leases go that do not reach their owner.
    pub(super) fn lease_return(self: &Arc<Self>) -> Arc<dyn LeaseReturn> {
        self.clone()
    }

    /// Closes the queue when it is dropped, however the thread that has it ends.
    pub(super) fn closing(self: &Arc<Self>) -> Closing {
        Closing(self.clone())
    }

    /// Submissions that wait.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.waiting).accepts.len()
    }

    /// Is everything refused?
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.waiting).closed
    }

    /// Refuses everything from now on; what is queued is still committed.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.filled.notify_one();
    }

    fn open(&self) -> Result<MutexGuard<'_, Waiting>, StoreError> {
        let waiting = lock(&self.waiting);
        if waiting.closed {
            Err(StoreError::Closed)
        } else {
            Ok(waiting)
        }
    }

    /// A wake-up is a system call even when the writer is awake, so only a sleeping one gets it.
    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let asleep = std::mem::take(&mut waiting.writer_sleeps);
        drop(waiting);
        if asleep {
            self.filled.notify_one();
        }
    }
}

impl LeaseReturn for CommitQueue {
    /// Queues the leases for the next transaction, also while the rest is being committed for the last time. If none
    /// follows, the leases run out.
    fn give_back(&self, leases: Vec<Lease>) {
        if !leases.is_empty() {
            let mut waiting = lock(&self.waiting);
            let (item, _) = WorkItem::new(WorkRequest::GiveBack(leases));
            waiting.work.push_back(item);
            self.wake(waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::{BatchWait, CommitBatch, CommitQueue, WorkItem, WorkRequest};
    use crate::reference::store::StoreError;
    use crate::reference::store::work::WorkAnswer;

    fn claim() -> (WorkItem, oneshot::Receiver<WorkAnswer>) {
        WorkItem::new(WorkRequest::Claim { limit: 1 })
    }

    #[test]
    fn a_claim_whose_asker_has_gone_is_not_made() {
        let queue = CommitQueue::new(8);
        let mut batch = CommitBatch::default();
        let (gone, _) = claim();
        let (waits, _answer) = claim();
        queue.push_work(gone).unwrap();
        assert_eq!(
            queue.take(&mut batch, Some(Duration::ZERO)),
            BatchWait::Nothing
        );
        queue.push_work(waits).unwrap();
        assert_eq!(queue.take(&mut batch, None), BatchWait::Batch);
        assert_eq!(batch.size(), 1);
    }

    #[test]
    fn a_writer_that_panics_leaves_nobody_waiting() {
        let queue = Arc::new(CommitQueue::new(8));
        let (waits, mut answer) = claim();
        queue.push_work(waits).unwrap();
        let writer = std::thread::spawn({
            let closing = queue.closing();
            move || {
                let _closing = closing;
                panic!("in the middle of a transaction");
            }
        });
        assert!(writer.join().is_err());
        assert!(matches!(
            answer.try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        ));
        let (late, _) = WorkItem::new(WorkRequest::Probe);
        assert_eq!(queue.push_work(late), Err(StoreError::Closed));
    }
}
