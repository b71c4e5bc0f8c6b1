//! What was accepted and what became of it: one durable commit before the answer, leases for the work after it.
//!
//! Every write of a process goes through one queue and is committed in groups; reads have connections of their own and
//! never wait for it. Behind the queue is one of two engines: a SQLite file (`store/sqlite`), which several processes of
//! a machine may share, or a PostgreSQL database (`store/postgres`), which several machines may. What they have in common
//! is here: the rules of a repeated key, of leases and outcomes, and who is told of a commit.

mod batch_space;
mod boot;
mod commit_queue;
mod commit_tally;
mod dead_letters;
mod disk_space;
mod duplicate_key;
mod engine;
mod error;
mod event;
mod event_id;
mod lease;
mod lease_guard;
mod location;
mod memory;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod process;
mod reading;
mod reason;
mod reply_batch;
mod signals;
mod sqlite;
mod submission;
mod sweep;
mod totals;
mod unreadable;
mod watchers;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};

pub use commit_tally::CommitTally;
pub use dead_letters::{DeadCursor, DeadLetter, DeadPage};
pub use error::{OpenError, StoreError};
pub use event::{EventPage, EventRecord, EventState};
pub use event_id::EventId;
pub use lease::{
    AttemptOutcome, Claim, Finished, Grant, Insert, Lease, Next, Notification, Notified,
    RepeatPolicy, Replay,
};
pub use location::Location;
pub use options::{Durability, StoreOptions};
pub use process::{Process, ProcessReport, WorkDone};
pub use reason::Reason;
pub use submission::{Admission, Fingerprint, Handling, Promise, Submission};
pub use sweep::{SweepCursor, Swept};
pub use totals::Snapshot;

use commit_queue::{CommitQueue, WorkRequest};
use engine::Engine;
use lease_guard::LeaseGuard;
use memory::MemoryStore;
use reply_batch::{Reply, ReplyBatch};
use signals::CommitSignals;

/// A handle on the store; clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    reply_batch: Option<Arc<ReplyBatch>>,
}

/// What the handles and the engine share.
struct Shared {
    location: Location,
    backlog: u64,
    repeat: RepeatPolicy,
    queue: Arc<CommitQueue>,
    signals: CommitSignals,
    engine: Engine,
    memory: Option<MemoryStore>,
}

impl Drop for Shared {
    /// The writer thread ends with the last handle, also when nobody closed the store.
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Store {
    /// Opens or creates the store. Leases that a dead process left behind are taken over at once if nobody else has the
    /// store open, else when they run out. Blocks on disk or network.
    pub fn open(options: &StoreOptions) -> Result<Store, OpenError> {
        let queue = Arc::new(CommitQueue::new(options.commit_queue));
        let signals = CommitSignals::new();
        let engine = Engine::open(options, &queue, &signals)?;
        let memory = match options.durability {
            Durability::Full => None,
            Durability::None => Some(MemoryStore::default()),
        };
        let shared = Shared {
            location: options.location.clone(),
            backlog: options.backlog,
            repeat: options.repeat,
            queue,
            signals,
            engine,
            memory,
        };
        Ok(Store {
            shared: Arc::new(shared),
            reply_batch: None,
        })
    }

    /// A handle for the current event loop, to which the answers of [`Store::accept`] come in one piece for each commit.
    /// Anyone else may use it too, only later. Must be called on a runtime.
    pub fn on_this_loop(&self) -> Store {
        let reply_batch = Arc::new(ReplyBatch::default());
        let own = reply_batch.clone();
        tokio::spawn(async move { own.deliver().await });
        Store {
            shared: self.shared.clone(),
            reply_batch: Some(reply_batch),
        }
    }

    /// The file or the database.
    pub fn location(&self) -> &Location {
        &self.shared.location
    }

    /// Whether a notification of unknown outcome is sent again.
    pub fn repeat(&self) -> RepeatPolicy {
        self.shared.repeat
    }

    /// Takes an event in. When this returns `Queued` or `Leased`, key, fingerprint and job are committed and synced
    /// (with [`Durability::None`]: held in memory). Dropping the future does not take a queued event back.
    pub async fn accept(&self, submission: Submission) -> Result<Admission, StoreError> {
        let waiting = self.depth();
        if waiting >= self.shared.backlog {
            return Err(StoreError::Backlog { waiting });
        }
        match &self.shared.memory {
            Some(memory) if submission.handling == Handling::Queue => {
                let admission = memory.accept(submission);
                self.shared.signals.work.notify_one();
                Ok(admission)
            }
            _ => self.commit(submission).await,
        }
    }

    async fn commit(&self, submission: Submission) -> Result<Admission, StoreError> {
        let (reply, answer) = Reply::new(self.reply_batch.clone());
        self.shared.queue.push_accept(submission, reply)?;
        let answer = answer.await.unwrap_or(Err(StoreError::Closed));
        answer.map(LeaseGuard::into_inner)
    }

    /// Leases up to `limit` jobs that are due. The insert into `events` is part of the same transaction.
    pub async fn claim(&self, limit: u32) -> Result<Claim, StoreError> {
        // An event that arrives during a look is found by the next look, which follows.
        let _idle = self.shared.signals.has_time();
        let claim = self.ask(|reply| WorkRequest::Claim { limit, reply }).await;
        let mut claim = claim.map(LeaseGuard::into_inner)?;
        if let Some(memory) = &self.shared.memory {
            let room = limit as usize - claim.leases.len();
            claim.leases.extend(self.adopt(memory, room).await?);
        }
        Ok(claim)
    }

    /// Persists up to `limit` events that were acknowledged from memory, each leased to the caller. On failure they
    /// stay in memory.
    async fn adopt(&self, memory: &MemoryStore, limit: usize) -> Result<Vec<Lease>, StoreError> {
        let mut commits = Vec::new();
        for submission in memory.take(limit) {
            let (reply, answer) = Reply::new(None);
            let event_id = submission.event_id;
            let pushed = self.shared.queue.push_accept(submission, reply);
            commits.push(async move {
                (
                    event_id,
                    pushed
                        .and(answer.await.unwrap_or(Err(StoreError::Closed)))
                        .map(LeaseGuard::into_inner),
                )
            });
        }
        let (mut leases, mut failure) = (Vec::new(), None);
        for commit in commits {
            match commit.await {
                (event_id, Ok(admission)) => {
                    memory.forget(event_id);
                    leases.extend(admission.into_lease());
                }
                (event_id, Err(error)) => {
                    memory.put_back(event_id);
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if leases.is_empty() => Err(error),
            _ => Ok(leases),
        }
    }

    /// Records how an attempt ended. A lease that was taken over meanwhile changes nothing but the effect log; an outcome
    /// that is there already changes nothing at all.
    pub async fn finish(
        &self,
        lease: Lease,
        outcome: AttemptOutcome,
    ) -> Result<Finished, StoreError> {
        self.ask(|reply| WorkRequest::Finish {
            lease,
            outcome,
            reply,
        })
        .await
    }

    /// Leases this very event, if it is due and nobody else's: for a consumer that has its id from a broker.
    pub async fn claim_event(&self, event_id: EventId) -> Result<Grant, StoreError> {
        let granted = self
            .ask(|reply| WorkRequest::ClaimEvent { event_id, reply })
            .await;
        granted.map(LeaseGuard::into_inner)
    }

    /// Gives up the right to these attempts, which the caller did not begin: the events are due at once, and the attempts
    /// are not counted among those that an event has.
    pub async fn give_back(&self, leases: Vec<Lease>) -> Result<(), StoreError> {
        if leases.is_empty() {
            return Ok(());
        }
        self.ask(|reply| WorkRequest::GiveBack { leases, reply })
            .await
    }

    /// Looks at up to `limit` of the events that have been due for `idle` and that nobody took, in a pass over all of
    /// them. What it finds is not named again for as long, by none of the processes; the pauses double with the age of
    /// the event up to twenty times `idle`. For a sweeper that hands to a broker what was lost on the way.
    pub async fn sweep(
        &self,
        cursor: SweepCursor,
        idle: Duration,
        limit: u32,
    ) -> Result<Swept, StoreError> {
        self.ask(|reply| WorkRequest::Sweep {
            cursor,
            idle,
            limit,
            reply,
        })
        .await
    }

    /// Makes a dead event due again, with all its attempts.
    pub async fn replay(&self, event_id: EventId) -> Result<Replay, StoreError> {
        self.ask(|reply| WorkRequest::Replay { event_id, reply })
            .await
    }

    /// Tells whoever asks about the processes on this store how this one does.
    pub async fn report(&self, report: ProcessReport) -> Result<(), StoreError> {
        self.ask(|reply| WorkRequest::Report { report, reply })
            .await
    }

    /// The ids of the events that this process commits from now on and that are due: new ones, and dead ones replayed.
    /// An id that finds no room among `capacity` is left out, so whoever listens must [`sweep`](Store::sweep) too.
    pub fn arrivals(&self, capacity: usize) -> mpsc::Receiver<EventId> {
        self.shared.signals.subscribe(capacity)
    }

    /// Writes to the disk and to the store, and syncs it: can the store be written?
    pub async fn probe(&self) -> Result<(), StoreError> {
        // First, because it may free space.
        self.ask(|reply| WorkRequest::Probe { reply }).await?;
        if let Location::File(path) = &self.shared.location {
            let path = path.clone();
            let checked = tokio::task::spawn_blocking(move || disk_space::check(&path)).await;
            let checked = checked.unwrap_or(Err(StoreError::Closed));
            if checked.is_err() {
                self.shared.signals.totals.set_writable(false);
            }
            return checked;
        }
        Ok(())
    }

    async fn ask<T>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> WorkRequest,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push_work(work(reply))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Resolves when there may be something to claim.
    pub async fn work_arrived(&self) {
        self.shared.signals.work_arrived().await;
    }

    /// How the commits go, without I/O.
    pub fn commits(&self) -> &CommitTally {
        &self.shared.signals.totals.commits
    }

    /// Requests that wait for a commit, without I/O.
    pub fn waiting_commits(&self) -> usize {
        self.shared.queue.waiting()
    }

    /// Whether nothing can be written any more: closed, or its writer has ended.
    pub fn is_closed(&self) -> bool {
        self.shared.queue.is_closed()
    }

    /// Commits what is queued, checkpoints and closes. Handles that are left get [`StoreError::Closed`].
    pub async fn close(&self) {
        self.shared.queue.close();
        let shared = self.shared.clone();
        let _ = tokio::task::spawn_blocking(move || shared.engine.join()).await;
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
