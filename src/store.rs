//! What was accepted and what became of it: one durable commit before the answer, leases for the work after it.
//!
//! Every write goes through one writer thread that commits in groups (`store/sqlite`); reads have connections of
//! their own and never wait for it. The methods of [`Store`] say nothing about SQLite: another engine takes its
//! place behind them.

mod commit_queue;
mod commit_tally;
mod error;
mod event;
mod event_id;
mod lease;
mod mailbox;
mod options;
mod room;
mod sqlite;
mod submission;
mod totals;
mod volatile;
mod watchers;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

pub use commit_tally::CommitTally;
pub use error::{OpenError, StoreError};
pub use event::{EventRecord, Page, State};
pub use event_id::EventId;
pub use lease::{Claim, Finished, Lease, Next, Notification, Outcome, Repeat};
pub use options::{Durability, Options};
pub use submission::{Admission, Fingerprint, Handling, Promise, Submission};
pub use totals::Snapshot;

use commit_queue::{CommitQueue, Work};
use mailbox::{Mailbox, Reply};
use sqlite::{Readers, Writer};
use totals::Totals;
use volatile::Volatile;
use watchers::Watchers;

/// A handle on the store; clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    mailbox: Option<Arc<Mailbox>>,
}

/// What the handles, the writer thread and the readers share.
struct Shared {
    path: PathBuf,
    backlog: u64,
    repeat: Repeat,
    queue: Arc<CommitQueue>,
    totals: Arc<Totals>,
    watchers: Arc<Watchers>,
    work: Arc<Notify>,
    readers: Readers,
    writer: Writer,
    volatile: Option<Volatile>,
}

impl Drop for Shared {
    /// The writer thread ends with the last handle, also when nobody closed the store.
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Store {
    /// Opens or creates the store, locks it to this process and takes over the leases of the process before.
    /// Blocks on the disk.
    pub fn open(options: &Options) -> Result<Store, OpenError> {
        let queue = Arc::new(CommitQueue::new(options.commit_queue));
        let totals = Arc::new(Totals::default());
        let watchers = Arc::new(Watchers::default());
        let work = Arc::new(Notify::new());
        let signals = sqlite::Signals {
            totals: totals.clone(),
            watchers: watchers.clone(),
            work: work.clone(),
        };
        let writer = Writer::start(options, queue.clone(), signals)?;
        let readers = Readers::open(options)?;
        let volatile = match options.durability {
            Durability::Full => None,
            Durability::None => Some(Volatile::default()),
        };
        let path = options.path.clone();
        let (backlog, repeat) = (options.backlog, options.repeat);
        let shared = Shared {
            path,
            backlog,
            repeat,
            queue,
            totals,
            watchers,
            work,
            readers,
            writer,
            volatile,
        };
        Ok(Store {
            shared: Arc::new(shared),
            mailbox: None,
        })
    }

    /// A handle for the current event loop, to which the answers of [`Store::accept`] come in one piece for each commit.
    /// Anyone else may use it too, only later. Must be called on a runtime.
    pub fn on_this_loop(&self) -> Store {
        let mailbox = Arc::new(Mailbox::default());
        let own = mailbox.clone();
        tokio::spawn(async move { own.deliver().await });
        Store {
            shared: self.shared.clone(),
            mailbox: Some(mailbox),
        }
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Whether a notification of unknown outcome is sent again.
    pub fn repeat(&self) -> Repeat {
        self.shared.repeat
    }

    /// Takes an event in. When this returns `Queued` or `Leased`, key, fingerprint and job are committed and synced
    /// (with [`Durability::None`]: held in memory). Dropping the future does not take the event back.
    pub async fn accept(&self, submission: Submission) -> Result<Admission, StoreError> {
        let waiting = self.depth();
        if waiting >= self.shared.backlog {
            return Err(StoreError::Backlog { waiting });
        }
        match &self.shared.volatile {
            Some(volatile) if submission.handling == Handling::Queue => {
                let admission = volatile.accept(submission);
                self.shared.work.notify_one();
                Ok(admission)
            }
            _ => self.commit(submission).await,
        }
    }

    async fn commit(&self, submission: Submission) -> Result<Admission, StoreError> {
        let (reply, answer) = Reply::new(self.mailbox.clone());
        self.shared.queue.push_accept(submission, reply)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Leases up to `limit` jobs that are due. The insert into `events` is part of the same transaction.
    pub async fn claim(&self, limit: u32) -> Result<Claim, StoreError> {
        let mut claim = self.ask(|reply| Work::Claim { limit, reply }).await?;
        if let Some(volatile) = &self.shared.volatile {
            let room = limit as usize - claim.leases.len();
            claim.leases.extend(self.adopt(volatile, room).await?);
        }
        Ok(claim)
    }

    /// Persists up to `limit` events that were acknowledged from memory, each leased to the caller. On failure they
    /// stay in memory.
    async fn adopt(&self, volatile: &Volatile, limit: usize) -> Result<Vec<Lease>, StoreError> {
        let mut commits = Vec::new();
        for submission in volatile.take(limit) {
            let (reply, answer) = Reply::new(None);
            let event_id = submission.event_id;
            let pushed = self.shared.queue.push_accept(submission, reply);
            commits.push(async move {
                (
                    event_id,
                    pushed.and(answer.await.unwrap_or(Err(StoreError::Closed))),
                )
            });
        }
        let (mut leases, mut failure) = (Vec::new(), None);
        for commit in commits {
            match commit.await {
                (event_id, Ok(admission)) => {
                    volatile.forget(event_id);
                    leases.extend(admission.into_lease());
                }
                (event_id, Err(error)) => {
                    volatile.put_back(event_id);
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if leases.is_empty() => Err(error),
            _ => Ok(leases),
        }
    }

    /// Records how an attempt ended. A lease that was taken over meanwhile changes nothing but the effect log.
    pub async fn finish(&self, lease: Lease, outcome: Outcome) -> Result<Finished, StoreError> {
        self.ask(|reply| Work::Finish {
            lease,
            outcome,
            reply,
        })
        .await
    }

    /// Writes to the disk and to the store, and syncs it: can the store be written?
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.read(|shared| room::check(&shared.path)).await?;
        self.ask(|reply| Work::Probe { reply }).await
    }

    async fn ask<T>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Work,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push_work(work(reply))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Resolves when there may be something to claim.
    pub async fn work_arrived(&self) {
        self.shared.work.notified().await;
    }
}

/// Reading, and what the health endpoints ask.
impl Store {
    /// What is known of an event, `None` if nothing.
    pub async fn event(&self, event_id: EventId) -> Result<Option<EventRecord>, StoreError> {
        if let Some(held) = self
            .shared
            .volatile
            .as_ref()
            .and_then(|volatile| volatile.event(event_id))
        {
            return Ok(Some(held));
        }
        self.read(move |shared| shared.readers.event(event_id))
            .await
    }

    /// The same, once it is processed, dead or failed, or when `wait` is over.
    pub async fn settled(
        &self,
        event_id: EventId,
        wait: Duration,
    ) -> Result<Option<EventRecord>, StoreError> {
        let deadline = Instant::now() + wait;
        // Registered before the look, so that what settles in between is not missed.
        let watch = self.shared.watchers.watch(event_id);
        let record = self.event(event_id).await?;
        if record
            .as_ref()
            .is_none_or(|record| record.state.is_settled())
        {
            return Ok(record);
        }
        if tokio::time::timeout_at(deadline, watch.settled())
            .await
            .is_err()
        {
            return Ok(record);
        }
        self.event(event_id).await
    }

    /// The next `limit` events of a run in order of acceptance, after `cursor` (0 for the first page).
    pub async fn run_page(&self, run: &str, cursor: i64, limit: u32) -> Result<Page, StoreError> {
        let run = run.to_owned();
        self.read(move |shared| {
            let mut page = shared.readers.run_page(&run, cursor, limit)?;
            if page.next.is_none() {
                page.events.extend(
                    shared
                        .volatile
                        .iter()
                        .flat_map(|volatile| volatile.events_of(&run)),
                );
            }
            Ok(page)
        })
        .await
    }

    /// How long the oldest unprocessed event has waited; zero when there is none.
    pub async fn oldest_wait(&self) -> Result<Duration, StoreError> {
        self.read(|shared| {
            let stored = shared.readers.oldest_open_ms()?;
            let held = shared.volatile.as_ref().and_then(Volatile::oldest_ms);
            let oldest_ms = stored.into_iter().chain(held).min();
            Ok(oldest_ms.map_or(Duration::ZERO, |ms| {
                Duration::from_millis(now_ms().saturating_sub(ms) as u64)
            }))
        })
        .await
    }

    /// Counts by state, without I/O.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.totals.snapshot(self.held())
    }

    /// Acknowledged events that are only in memory: none, unless [`Durability::None`].
    pub fn held(&self) -> u64 {
        self.shared
            .volatile
            .as_ref()
            .map_or(0, |volatile| volatile.len() as u64)
    }

    /// Accepted events that are not settled yet, without I/O.
    pub fn depth(&self) -> u64 {
        self.snapshot().open()
    }

    /// Did the last transaction succeed? Without I/O.
    pub fn is_writable(&self) -> bool {
        self.shared.totals.is_writable()
    }

    /// How the commits go, without I/O.
    pub fn commits(&self) -> &CommitTally {
        &self.shared.totals.commits
    }

    /// Requests that wait for a commit, without I/O.
    pub fn waiting_commits(&self) -> usize {
        self.shared.queue.waiting()
    }

    /// Commits what is queued, checkpoints and closes. Handles that are left get [`StoreError::Closed`].
    pub async fn close(&self) {
        self.shared.queue.close();
        let shared = self.shared.clone();
        let _ = tokio::task::spawn_blocking(move || shared.writer.join()).await;
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || read(&shared))
            .await
            .unwrap_or(Err(StoreError::Closed))
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
