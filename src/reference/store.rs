//! Accepted events and their outcomes: one durable commit before the answer, leases for the work after it.
//!
//! Every write of a process goes through one queue and is committed in groups; reads have connections of their own and
//! never wait for it. Behind the queue is one of two engines: a SQLite file (`store/sqlite`), which several processes
//! of a machine may share, or a PostgreSQL database (`store/postgres`), which several machines may. Their common part
//! is here: the rules of a repeated key, of leases and outcomes, and the notices of a commit.

mod boot;
mod changes;
mod commit_batch;
mod commit_metrics;
mod commit_queue;
mod dead_letters;
mod disk_space;
mod duplicate_key;
mod engine;
mod error;
mod event;
mod event_id;
mod failure_text;
mod lease;
mod lease_guard;
mod location;
mod memory;
mod new_job;
mod next_attempt;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(not(feature = "postgres"))]
#[path = "store/no_postgres.rs"]
mod postgres;
mod process;
mod queries;
mod reading;
mod reply_batch;
mod signals;
mod sqlite;
mod submission;
mod sweep;
mod thread;
mod totals;
mod unreadable;
mod watchers;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

pub use commit_metrics::CommitMetrics;
pub use dead_letters::{DeadCursor, DeadLetter, DeadPage};
pub use error::{OpenError, StoreError};
pub use event::{EventPage, EventRecord, EventState};
pub use event_id::EventId;
pub use failure_text::FailureText;
pub use lease::{
    AttemptOutcome, Claim, Finished, Grant, Insert, Lease, Next, Notification, Notified,
    RepeatPolicy, Replay,
};
pub use location::Location;
pub use options::{Durability, StoreOptions};
pub use process::{Process, ProcessReport, WorkDone};
pub use submission::{Admission, Fingerprint, Handling, Promise, Submission};
pub use sweep::{SweepCursor, Swept};
pub use totals::Snapshot;

use commit_batch::AcceptItem;
use commit_queue::CommitQueue;
use engine::{Engine, EngineSetup};
use lease_guard::LeaseGuard;
use memory::{MemoryEngine, MemoryStore};
use options::WriteRules;
use reply_batch::{Reply, ReplyBatch};
use signals::CommitSignals;
use work::{WorkItem, WorkRequest, WorkResult};

/// A handle on the store; clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<StoreShared>,
    reply_batch: Option<Arc<ReplyBatch>>,
}

/// What the handles and the engine share.
struct StoreShared {
    location: Location,
    backlog: u64,
    repeat: RepeatPolicy,
    queue: Arc<CommitQueue>,
    signals: CommitSignals,
    engine: Box<dyn Engine>,
    memory: Option<Arc<MemoryStore>>,
}

impl Drop for StoreShared {
    /// The writer thread ends with the last handle, also without a call that closes the store.
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Store {
    /// Opens or creates the store. Leases that a dead process left behind are taken over at once if no other process
    /// has the store open, else when they expire. Blocks on disk or network.
    ///
    /// # Errors
    /// [`OpenError`] if the store cannot be opened, is of another version, or may have lost events.
    pub fn open(options: &StoreOptions) -> Result<Store, OpenError> {
        let queue = Arc::new(CommitQueue::new(options.commit_queue));
        let signals = CommitSignals::new();
        let setup = EngineSetup {
            options,
            rules: WriteRules::new(options),
            queue: &queue,
            signals: &signals,
        };
        let memory = match options.durability {
            Durability::Full => None,
            Durability::None => Some(Arc::new(MemoryStore::default())),
        };
        let engine = open_engine(&setup, memory.as_ref())?;
        let shared = StoreShared {
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
    ///
    /// # Errors
    /// [`StoreError`] if the event is not accepted. Where the outcome of the commit is unknown, a retry with the same key
    /// gets the answer.
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
        let item = AcceptItem { submission, reply };
        self.shared.queue.push_accept(item)?;
        let answer = answer.await.unwrap_or(Err(StoreError::Closed));
        answer.map(LeaseGuard::into_inner)
    }

    /// Leases up to `limit` jobs that are due. The insert into `events` is part of the same transaction.
    ///
    /// # Errors
    /// If the store cannot be written within its time limit; a write whose answer is missing may have been made.
    pub async fn claim(&self, limit: u32) -> Result<Claim, StoreError> {
        // An event that arrives during a look is found by the next look, which follows.
        let _idle = self.shared.signals.has_time();
        let mut claim: Claim = self.ask(WorkRequest::Claim { limit }).await?;
        if let Some(memory) = &self.shared.memory {
            let room = limit as usize - claim.leases.len();
            let adopted = memory.adopt(room, &self.shared.queue).await?;
            claim.leases.extend(adopted);
        }
        Ok(claim)
    }

    /// Records how an attempt ended. An outcome of a lease that was taken over changes only the effect log; a recorded
    /// outcome is not changed again.
    ///
    /// # Errors
    /// If the store cannot be written within its time limit; a write whose answer is missing may have been made.
    pub async fn finish(
        &self,
        lease: Lease,
        outcome: AttemptOutcome,
    ) -> Result<Finished, StoreError> {
        self.ask(WorkRequest::Finish { lease, outcome }).await
    }

    /// Leases this very event, if it is due and not leased: for a consumer that has its id from a broker.
    ///
    /// # Errors
    /// If the store cannot be written within its time limit; a write whose answer is missing may have been made.
    pub async fn claim_event(&self, event_id: EventId) -> Result<Grant, StoreError> {
        self.ask(WorkRequest::ClaimEvent(event_id)).await
    }

    /// Gives up the right to these attempts, which the caller did not begin: the events are due at once, and the attempts
    /// are not counted among those that an event has.
    ///
    /// # Errors
    /// If the store cannot be written within its time limit; a write whose answer is missing may have been made.
    pub async fn give_back(&self, leases: Vec<Lease>) -> Result<(), StoreError> {
        if leases.is_empty() {
            return Ok(());
        }
        self.ask(WorkRequest::GiveBack(leases)).await
    }

    /// Looks at up to `limit` of the events that have been due for `idle` and that no worker took, in a pass over all
    /// of them. What it finds is not named again for as long, by none of the processes; the pauses double with the age
    /// of the event up to twenty times `idle`. For a sweeper that dispatches lost jobs to a broker again.
    ///
    /// # Errors
    /// If the store cannot be written within its time limit; a write whose answer is missing may have been made.
    pub async fn sweep(
        &self,
        cursor: SweepCursor,
        idle: Duration,
        limit: u32,
    ) -> Result<Swept, StoreError> {
        self.ask(WorkRequest::Sweep {
            cursor,
            idle,
            limit,
        })
        .await
    }

    /// Makes a dead event due again, with all its attempts.
    ///
    /// # Errors
    /// If the store cannot be written within its time limit; a write whose answer is missing may have been made.
    pub async fn replay(&self, event_id: EventId) -> Result<Replay, StoreError> {
        self.ask(WorkRequest::Replay(event_id)).await
    }

    /// Publishes the report of this process to the readers of this store.
    ///
    /// # Errors
    /// If the store cannot be written within its time limit; a write whose answer is missing may have been made.
    pub async fn report(&self, report: ProcessReport) -> Result<(), StoreError> {
        self.ask(WorkRequest::Report(report)).await
    }

    /// The ids of the events that this process commits from now on and that are due: new ones, and dead ones replayed.
    /// An id that finds no room among `capacity` is left out, so a listener must [`sweep`](Store::sweep) too.
    pub fn arrivals(&self, capacity: usize) -> mpsc::Receiver<EventId> {
        self.shared.signals.subscribe(capacity)
    }

    /// Writes to the disk and to the store, and syncs it: can the store be written?
    ///
    /// # Errors
    /// If the store cannot be written and synced within its time limit.
    pub async fn probe(&self) -> Result<(), StoreError> {
        // First, because it may free space.
        let () = self.ask(WorkRequest::Probe).await?;
        let checked = self.shared.engine.check_disk_space().await;
        if checked.is_err() {
            self.shared.signals.totals.set_writable(false);
        }
        checked
    }

    async fn ask<T: From<WorkResult>>(&self, request: WorkRequest) -> Result<T, StoreError> {
        let (item, answer) = WorkItem::new(request);
        self.shared.queue.push_work(item)?;
        let answer = answer.await.unwrap_or(Err(StoreError::Closed));
        answer.map(|result| result.into_inner().into())
    }

    /// Resolves when there may be something to claim.
    pub async fn work_arrived(&self) {
        self.shared.signals.work_arrived().await;
    }

    /// How the commits go, without I/O.
    pub fn commits(&self) -> &CommitMetrics {
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

/// Opens the database that the options name, behind the events in memory if there may be any.
fn open_engine(
    setup: &EngineSetup<'_>,
    memory: Option<&Arc<MemoryStore>>,
) -> Result<Box<dyn Engine>, OpenError> {
    let database = match &setup.options.location {
        Location::File(path) => sqlite::open(setup, path)?,
        Location::Postgres(url) => postgres::open(setup, url)?,
    };
    Ok(match memory.cloned() {
        Some(memory) => Box::new(MemoryEngine { memory, database }),
        None => database,
    })
}
