//! The bounded queue in front of the writer thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::mailbox::{self, Reply};
use super::{
    Admission, Claim, EventId, Finished, Grant, Lease, Outcome, ProcessReport, Replay, StoreError,
    Submission, SweepCursor, Swept,
};

/// Where the answer to a piece of work goes once its transaction is committed. Nobody may be waiting any more.
pub(super) type WorkReply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What workers and health checks ask of the writer.
pub(super) enum Work {
    Claim {
        limit: u32,
        reply: WorkReply<Claim>,
    },
    ClaimEvent {
        event_id: EventId,
        reply: WorkReply<Grant>,
    },
    Finish {
        lease: Lease,
        outcome: Outcome,
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

/// What a piece of work came to, in the order of [`Work`].
pub(super) enum Done {
    Claim(Claim),
    ClaimEvent(Grant),
    Finish(Finished),
    Sweep(Swept),
    Replay(Replay),
    Report,
    Probe,
}

impl Work {
    /// Answers whoever asked, if anybody still waits.
    fn answer(self, result: Result<Done, StoreError>) {
        match self {
            Work::Claim { reply, .. } => send(reply, result, |done| match done {
                Done::Claim(claim) => Some(claim),
                _ => None,
            }),
            Work::ClaimEvent { reply, .. } => send(reply, result, |done| match done {
                Done::ClaimEvent(grant) => Some(grant),
                _ => None,
            }),
            Work::Finish { reply, .. } => send(reply, result, |done| match done {
                Done::Finish(finished) => Some(finished),
                _ => None,
            }),
            Work::Sweep { reply, .. } => send(reply, result, |done| match done {
                Done::Sweep(swept) => Some(swept),
                _ => None,
            }),
            Work::Replay { reply, .. } => send(reply, result, |done| match done {
                Done::Replay(replay) => Some(replay),
                _ => None,
            }),
            Work::Report { reply, .. } | Work::Probe { reply } => {
                send(reply, result, |_| Some(()));
            }
        }
    }
}

fn send<T>(
    reply: WorkReply<T>,
    result: Result<Done, StoreError>,
    take: impl FnOnce(Done) -> Option<T>,
) {
    let answer = result.map(|done| take(done).expect("work and its result are in the same order"));
    let _ = reply.send(answer);
}

/// Was there anything to write in a transaction that came to this?
pub(super) fn wrote(admissions: &[Admission], done: &[Done]) -> bool {
    let new = |admission: &Admission| matches!(admission, Admission::Queued | Admission::Leased(_));
    admissions.iter().any(new) || done.iter().any(Done::wrote)
}

impl Done {
    fn wrote(&self) -> bool {
        match self {
            Done::Claim(claim) => !claim.leases.is_empty(),
            Done::ClaimEvent(grant) => matches!(grant, Grant::Leased(_)),
            Done::Sweep(swept) => !swept.ids.is_empty(),
            Done::Replay(replay) => *replay == Replay::Requeued,
            Done::Finish(finished) => matches!(finished, Finished::Recorded | Finished::Stale),
            Done::Report | Done::Probe => true,
        }
    }
}

/// What goes into one transaction.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) accepts: Vec<(Submission, Reply)>,
    pub(super) work: Vec<Work>,
}

impl Batch {
    /// Answers everyone whose request is on disk now. Whoever has gone does not take it back.
    pub(super) fn answer(&mut self, admissions: Vec<Admission>, done: Vec<Done>) {
        let replies = self.accepts.drain(..).map(|(_, reply)| reply);
        mailbox::send_all(replies.zip(admissions.into_iter().map(Ok)));
        for (work, done) in self.work.drain(..).zip(done) {
            work.answer(Ok(done));
        }
    }

    /// Tells everyone that nothing was promised.
    pub(super) fn refuse(&mut self, error: &StoreError) {
        let replies = self.accepts.drain(..).map(|(_, reply)| reply);
        mailbox::send_all(replies.map(|reply| (reply, Err(error.clone()))));
        for work in self.work.drain(..) {
            work.answer(Err(error.clone()));
        }
    }

    /// Submissions and pieces of work.
    pub(super) fn size(&self) -> usize {
        self.accepts.len() + self.work.len()
    }

    /// Does its commit show that the store can be written? A claim that finds nothing commits on a full disk too.
    pub(super) fn shows_room(&self) -> bool {
        !self.accepts.is_empty()
            || (self.work.iter()).any(|work| matches!(work, Work::Probe { .. }))
    }
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
    work: VecDeque<Work>,
    writer_sleeps: bool,
    closed: bool,
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
    pub(super) fn push_work(&self, work: Work) -> Result<(), StoreError> {
        let mut waiting = self.open()?;
        waiting.work.push_back(work);
        self.wake(waiting);
        Ok(())
    }

    /// Group commit without a timer: fills an empty batch with everything that came while the last one was being
    /// committed, and waits only if nothing did. False when the queue is closed and empty.
    pub(super) fn take(&self, batch: &mut Batch) -> bool {
        let mut waiting = self.lock();
        while waiting.accepts.is_empty() && waiting.work.is_empty() {
            if waiting.closed {
                return false;
            }
            waiting.writer_sleeps = true;
            waiting = self
                .filled
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        waiting.writer_sleeps = false;
        std::mem::swap(&mut waiting.accepts, &mut batch.accepts);
        let share = if batch.accepts.is_empty() {
            WORK_ALONE
        } else {
            WORK_BESIDE_ACCEPTS
        };
        let count = share.min(waiting.work.len());
        batch.work.extend(waiting.work.drain(..count));
        true
    }

    /// Submissions that wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().accepts.len()
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
