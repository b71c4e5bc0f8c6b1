//! The bounded queue in front of the writer thread.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::lease_guard::LeaseGuard;
use super::reply_batch::{self, Reply};
use super::{
    Admission, AttemptOutcome, Claim, EventId, Finished, Grant, Handling, Lease, ProcessReport,
    Replay, StoreError, Submission, SweepCursor, Swept,
};

/// Where the answer to a piece of work goes once its transaction is committed. Nobody may be waiting any more.
pub(super) type WorkReply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What workers and health checks ask of the writer.
pub(super) enum WorkRequest {
    Claim {
        limit: u32,
        reply: WorkReply<LeaseGuard<Claim>>,
    },
    ClaimEvent {
        event_id: EventId,
        reply: WorkReply<LeaseGuard<Grant>>,
    },
    /// These attempts are not made by whoever has them.
    GiveBack {
        leases: Vec<Lease>,
        reply: WorkReply<()>,
    },
    Finish {
        lease: Lease,
        outcome: AttemptOutcome,
        reply: WorkReply<Finished>,
    },
    Sweep {
        cursor: SweepCursor,
        idle: Duration,
        limit: u32,
        reply: WorkReply<Swept>,
    },
    Replay {
        event_id: EventId,
        reply: WorkReply<Replay>,
    },
    Report {
        report: ProcessReport,
        reply: WorkReply<()>,
    },
    Probe {
        reply: WorkReply<()>,
    },
}

/// What a piece of work came to, in the order of [`WorkRequest`].
pub(super) enum WorkResult {
    Claim(Claim),
    ClaimEvent(Grant),
    GiveBack,
    Finish(Finished),
    Sweep(Swept),
    Replay(Replay),
    Report,
    Probe,
}

impl WorkRequest {
    /// Answers whoever asked, if anybody still waits.
    fn answer(self, done: WorkResult, queue: &Arc<CommitQueue>) {
        match (self, done) {
            (WorkRequest::Claim { reply, .. }, WorkResult::Claim(claim)) => {
                send(reply, Ok(LeaseGuard::new(claim, queue)));
            }
            (WorkRequest::ClaimEvent { reply, .. }, WorkResult::ClaimEvent(grant)) => {
                send(reply, Ok(LeaseGuard::new(grant, queue)));
            }
            (WorkRequest::Finish { reply, .. }, WorkResult::Finish(finished)) => {
                send(reply, Ok(finished))
            }
            (WorkRequest::Sweep { reply, .. }, WorkResult::Sweep(swept)) => send(reply, Ok(swept)),
            (WorkRequest::Replay { reply, .. }, WorkResult::Replay(replay)) => {
                send(reply, Ok(replay))
            }
            (WorkRequest::GiveBack { reply, .. }, WorkResult::GiveBack)
            | (WorkRequest::Report { reply, .. }, WorkResult::Report)
            | (WorkRequest::Probe { reply }, WorkResult::Probe) => send(reply, Ok(())),
            _ => unreachable!("work and its result are in the same order"),
        }
    }

    pub(super) fn refuse(self, error: StoreError) {
        match self {
            WorkRequest::Claim { reply, .. } => send(reply, Err(error)),
            WorkRequest::ClaimEvent { reply, .. } => send(reply, Err(error)),
            WorkRequest::Finish { reply, .. } => send(reply, Err(error)),
            WorkRequest::Sweep { reply, .. } => send(reply, Err(error)),
            WorkRequest::Replay { reply, .. } => send(reply, Err(error)),
            WorkRequest::GiveBack { reply, .. }
            | WorkRequest::Report { reply, .. }
            | WorkRequest::Probe { reply } => {
                send(reply, Err(error));
            }
        }
    }

    /// Would it lease events to someone who has gone?
    fn is_for_nobody(&self) -> bool {
        match self {
            WorkRequest::Claim { reply, .. } => reply.is_closed(),
            WorkRequest::ClaimEvent { reply, .. } => reply.is_closed(),
            _ => false,
        }
    }
}

fn send<T>(reply: WorkReply<T>, answer: Result<T, StoreError>) {
    let _ = reply.send(answer);
}

/// Was there anything to write in a transaction that came to this?
pub(super) fn wrote(admissions: &[Admission], done: &[WorkResult]) -> bool {
    let new = |admission: &Admission| matches!(admission, Admission::Queued | Admission::Leased(_));
    admissions.iter().any(new) || done.iter().any(WorkResult::wrote)
}

impl WorkResult {
    fn wrote(&self) -> bool {
        match self {
            WorkResult::Claim(claim) => !claim.leases.is_empty(),
            WorkResult::ClaimEvent(grant) => matches!(grant, Grant::Leased(_)),
            WorkResult::Sweep(swept) => !swept.ids.is_empty(),
            WorkResult::Replay(replay) => *replay == Replay::Requeued,
            WorkResult::Finish(finished) => {
                matches!(finished, Finished::Recorded | Finished::Stale)
            }
            WorkResult::GiveBack | WorkResult::Report | WorkResult::Probe => true,
        }
    }
}

/// What goes into one transaction.
#[derive(Default)]
pub(super) struct CommitBatch {
    pub(super) accepts: Vec<(Submission, Reply)>,
    pub(super) work: Vec<WorkRequest>,
}

impl CommitBatch {
    /// Answers everyone whose request is on disk now. Whoever has gone does not take it back, but gives leases back.
    pub(super) fn answer(
        &mut self,
        admissions: Vec<Admission>,
        done: Vec<WorkResult>,
        queue: &Arc<CommitQueue>,
    ) {
        let replies = self.accepts.drain(..).map(|(_, reply)| reply);
        let guards = admissions
            .into_iter()
            .map(|admission| Ok(LeaseGuard::new(admission, queue)));
        reply_batch::send_all(replies.zip(guards));
        for (work, done) in self.work.drain(..).zip(done) {
            work.answer(done, queue);
        }
    }

    /// Tells everyone that nothing was promised.
    pub(super) fn refuse(&mut self, error: &StoreError) {
        let replies = self.accepts.drain(..).map(|(_, reply)| reply);
        reply_batch::send_all(replies.map(|reply| (reply, Err(error.clone()))));
        for work in self.work.drain(..) {
            work.refuse(error.clone());
        }
    }

    /// Leaves out what would lease events to someone who has gone. Nothing was promised.
    fn forget_the_gone(&mut self) {
        self.accepts
            .retain(|(event, reply)| event.handling != Handling::Call || !reply.is_for_nobody());
        self.work.retain(|work| !work.is_for_nobody());
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

    /// Takes out the entries at these places, in the same order.
    #[cfg(feature = "postgres")]
    pub(super) fn take_out(&mut self, accepts: &[usize], work: &[usize]) -> CommitBatch {
        CommitBatch {
            accepts: take_places(&mut self.accepts, accepts),
            work: take_places(&mut self.work, work),
        }
    }

    /// Every submission and every piece of work as a batch of its own.
    #[cfg(feature = "postgres")]
    pub(super) fn singles(self) -> impl Iterator<Item = CommitBatch> {
        let accepts = self.accepts.into_iter().map(|accept| CommitBatch {
            accepts: vec![accept],
            ..CommitBatch::default()
        });
        let work = self.work.into_iter().map(|work| CommitBatch {
            work: vec![work],
            ..CommitBatch::default()
        });
        accepts.chain(work)
    }

    /// Submissions and pieces of work.
    pub(super) fn size(&self) -> usize {
        self.accepts.len() + self.work.len()
    }
}

#[cfg(feature = "postgres")]
fn take_places<T>(items: &mut Vec<T>, places: &[usize]) -> Vec<T> {
    let mut taken = Vec::with_capacity(places.len());
    let all = std::mem::take(items).into_iter().enumerate();
    for (place, item) in all {
        if places.contains(&place) {
            taken.push(item);
        } else {
            items.push(item);
        }
    }
    taken
}

/// At most this much work shares a transaction with accepts: the backlog must not slow them down.
const WORK_BESIDE_ACCEPTS: usize = 16;
/// At most this much work goes into a transaction of its own: an accept that comes meanwhile waits for it.
const WORK_ALONE: usize = 64;

/// Submissions and work wait here apart. Submissions are bounded; work is bounded by the number of workers.
pub(super) struct CommitQueue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    limit: usize,
}

#[derive(Default)]
struct Waiting {
    accepts: Vec<(Submission, Reply)>,
    work: VecDeque<WorkRequest>,
    writer_sleeps: bool,
    closed: bool,
}

/// What a writer finds when it asks for more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BatchWait {
    /// Something to commit.
    Batch,
    /// Nothing for so long.
    Nothing,
    /// Nothing any more.
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

/// The end of a writer. If it panicked, whoever waits, and whoever comes, is told that the store is closed: nobody would
/// ever answer.
pub(super) struct Closing(Arc<CommitQueue>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
        // Dropped unanswered, outside the lock.
        let left = {
            let mut waiting = self.0.lock();
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
    pub(super) fn push_accept(
        &self,
        submission: Submission,
        reply: Reply,
    ) -> Result<(), StoreError> {
        let mut waiting = self.open()?;
        if waiting.accepts.len() >= self.limit {
            return Err(StoreError::Full {
                waiting: self.limit,
            });
        }
        waiting.accepts.push((submission, reply));
        self.wake(waiting);
        Ok(())
    }

    /// Queues work.
    pub(super) fn push_work(&self, work: WorkRequest) -> Result<(), StoreError> {
        let mut waiting = self.open()?;
        waiting.work.push_back(work);
        self.wake(waiting);
        Ok(())
    }

    /// Group commit without a timer: fills an empty batch with everything that came while the last one was being
    /// committed, and waits only if nothing did, at most for the patience.
    pub(super) fn take(&self, batch: &mut CommitBatch, patience: Option<Duration>) -> BatchWait {
        let mut waiting = self.lock();
        loop {
            waiting.move_to(batch);
            batch.forget_the_gone();
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

    /// Waits for something to come; whether the patience was over first.
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

    /// Queues what gives leases back to whoever is next, also while the rest is being committed for the last time. If
    /// nobody gets to it, the leases run out.
    pub(super) fn give_back(&self, leases: Vec<Lease>) {
        if !leases.is_empty() {
            let (reply, _) = oneshot::channel();
            let mut waiting = self.lock();
            waiting
                .work
                .push_back(WorkRequest::GiveBack { leases, reply });
            self.wake(waiting);
        }
    }

    /// Closes the queue when it is dropped, however the thread that has it ends.
    pub(super) fn closing(self: &Arc<Self>) -> Closing {
        Closing(self.clone())
    }

    /// Submissions that wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().accepts.len()
    }

    /// Is everything refused?
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Refuses everything from now on; what is queued is still committed.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    fn open(&self) -> Result<MutexGuard<'_, Waiting>, StoreError> {
        let waiting = self.lock();
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

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::{BatchWait, CommitBatch, CommitQueue, WorkRequest};
    use crate::reference::store::StoreError;

    fn claim() -> (
        WorkRequest,
        oneshot::Receiver<Result<super::LeaseGuard<super::Claim>, StoreError>>,
    ) {
        let (reply, answer) = oneshot::channel();
        (WorkRequest::Claim { limit: 1, reply }, answer)
    }

    fn probe() -> WorkRequest {
        let (reply, _) = oneshot::channel();
        WorkRequest::Probe { reply }
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
    fn the_halves_of_a_batch_hold_all_of_it_in_order() {
        let mut batch = CommitBatch::default();
        for _ in 0..5 {
            batch.work.push(probe());
        }
        let [first, second] = batch.halves().expect("five");
        assert_eq!((first.size(), second.size()), (2, 3));
        batch.work.push(probe());
        assert!(batch.halves().is_none());
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn what_is_taken_out_leaves_the_rest_in_order() {
        let mut batch = CommitBatch::default();
        let mut waiting = Vec::new();
        for limit in 0..5 {
            let (reply, answer) = oneshot::channel();
            batch.work.push(WorkRequest::Claim { limit, reply });
            waiting.push(answer);
        }
        let limits = |batch: &CommitBatch| -> Vec<u32> {
            let limit = |work: &WorkRequest| match work {
                WorkRequest::Claim { limit, .. } => *limit,
                _ => panic!("a claim"),
            };
            batch.work.iter().map(limit).collect()
        };
        let taken = batch.take_out(&[], &[1, 4]);
        assert_eq!(
            (limits(&taken), limits(&batch)),
            (vec![1, 4], vec![0, 2, 3])
        );
        let singles: Vec<Vec<u32>> = batch.singles().map(|single| limits(&single)).collect();
        assert_eq!(singles, [[0], [2], [3]]);
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
        assert_eq!(queue.push_work(probe()), Err(StoreError::Closed));
    }
}
