//! Work on rows that another session has locked waits here, on connections of its own, while all other work continues.

use std::mem::{Discriminant, discriminant};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::commit_failure::{CommitFailure, CommitProgress};
use super::counts::CountsPage;
use super::database_address::DatabaseAddress;
use super::durable::{assert_durable, tables};
use super::migrate::DatabaseRefusal;
use super::notifier::WakeNotifier;
use super::session::{LockTimeout, Session};
use super::transact::{CommitState, Committed, PostgresContext, transact};
use super::{SILENCE, TRANSACTION_TIME};
use crate::reference::store::EventId;
use crate::reference::store::commit_queue::{CommitBatch, CommitQueue, WorkRequest};
use crate::reference::store::signals::CommitSignals;
use crate::reference::store::totals::Delta;

/// Connections that may wait at the same time.
const CONNECTIONS: usize = 8;
/// How many items may wait for one of them. Further items are refused at once.
const WAITING: usize = 256;
/// How long a key or a kind of work waits here at once, after a wait that failed.
const SUSPECTED: Duration = Duration::from_secs(5);
/// Keys and kinds that are remembered.
const MOST_SUSPECTS: usize = 1000;

/// Where one item waits for a lock, separate from all others; clones share it.
#[derive(Clone)]
pub(super) struct LockQueue {
    shared: Arc<Shared>,
}

struct Shared {
    address: DatabaseAddress,
    context: PostgresContext,
    queue: Arc<CommitQueue>,
    signals: CommitSignals,
    notifier: Arc<WakeNotifier>,
    free: Semaphore,
    waiting: AtomicUsize,
    idle: Mutex<Vec<Session>>,
}

impl LockQueue {
    pub(super) fn new(
        address: DatabaseAddress,
        context: PostgresContext,
        (queue, signals, notifier): (&Arc<CommitQueue>, &CommitSignals, &Arc<WakeNotifier>),
    ) -> LockQueue {
        LockQueue {
            shared: Arc::new(Shared {
                address,
                context: PostgresContext {
                    waits: true,
                    ..context
                },
                queue: queue.clone(),
                signals: signals.clone(),
                notifier: notifier.clone(),
                free: Semaphore::new(CONNECTIONS),
                waiting: AtomicUsize::new(0),
                idle: Mutex::default(),
            }),
        }
    }

    /// Commits each item of this batch alone, within its own time, and answers it.
    pub(super) fn wait(&self, runtime: &Handle, batch: CommitBatch) {
        for mut single in batch.singles() {
            if self.shared.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
                self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                single.refuse(&CommitFailure::Locked(None).into_error());
                continue;
            }
            let shared = self.shared.clone();
            runtime.spawn(async move {
                if let Ok(_permit) = shared.free.acquire().await {
                    shared.commit_and_answer(single).await;
                }
                shared.waiting.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

impl Shared {
    async fn commit_and_answer(&self, mut batch: CommitBatch) {
        let began = self.signals.totals.commits.begin();
        let mut committed = self.commit(&batch).await;
        if matches!(committed, Err(CommitFailure::Neither)) {
            committed = self.commit(&batch).await;
        }
        match committed {
            Ok((admissions, done, mut changes)) => {
                // Counted in a row without an owner, where every process sees it, this one too.
                changes.delta = Delta::default();
                self.signals.committed(began, &batch, &changes);
                batch.answer(admissions, done, &self.queue);
                self.signals.work.notify_one();
                self.notifier.committed(&changes, self.signals.is_idle());
            }
            Err(failure) => {
                if matches!(failure, CommitFailure::Neither) {
                    // The table accepts nothing and reports no error, so nothing can be promised.
                    self.queue.close();
                }
                let is_broken = matches!(
                    failure,
                    CommitFailure::Store(_) | CommitFailure::Neither | CommitFailure::TableLocked
                );
                let error = failure.into_error();
                if is_broken {
                    self.signals.rolled_back();
                    self.signals.outage.failed(&error);
                } else {
                    self.signals.refused();
                    tracing::debug!(%error, "work on a locked row is refused");
                }
                batch.refuse(&error);
            }
        }
    }

    async fn commit(&self, batch: &CommitBatch) -> Result<Committed, CommitFailure> {
        let mut session = self.session().await.map_err(CommitFailure::failed)?;
        let (progress, commit_state) = (
            CommitProgress::default(),
            CommitState {
                page: CountsPage::of_nobody(),
                anchor: None,
            },
        );
        let transaction = transact(&mut session, (self.context, commit_state), batch, &progress);
        match timeout(TRANSACTION_TIME, transaction).await {
            Ok(Ok((committed, _))) => {
                self.lock_idle().push(session);
                Ok(committed)
            }
            Ok(Err(stop)) => {
                let failure = CommitFailure::of(stop, &progress);
                if failure.spares_the_session() && session.roll_back().await.is_ok() {
                    self.lock_idle().push(session);
                }
                Err(failure)
            }
            Err(_) => {
                session.abandon();
                Err(CommitFailure::cut_off(&progress, SILENCE.to_owned()))
            }
        }
    }

    async fn session(&self) -> Result<Session, String> {
        let idle = self.lock_idle().pop();
        if let Some(session) = idle.filter(|session| !session.client.is_closed()) {
            return Ok(session);
        }
        let mut session = Session::connect(&self.address, LockTimeout::Long).await?;
        let looking = async {
            assert_durable(&session.client).await?;
            tables(&session.client).await.map_err(DatabaseRefusal::from)
        };
        session.tables = match timeout(TRANSACTION_TIME, looking).await {
            Ok(Ok(tables)) => tables,
            Ok(Err(DatabaseRefusal::Unusable(reason) | DatabaseRefusal::Foreign(reason))) => {
                return Err(reason);
            }
            Err(_) => return Err(SILENCE.to_owned()),
        };
        Ok(session)
    }

    fn lock_idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Other requests do not wait again for a lock that was not released a short while ago.
#[derive(Default)]
pub(super) struct LockSuspects(Vec<(LockSuspect, Instant)>);

/// A key, or a kind of work.
#[derive(Clone, PartialEq, Eq)]
enum LockSuspect {
    Key(EventId),
    WorkRequest(Discriminant<WorkRequest>),
}

impl LockSuspects {
    /// One item was alone in its transaction, and its wait failed.
    pub(super) fn add(&mut self, single: &CommitBatch) {
        let keys = (single.accepts.iter()).map(|(event, _)| LockSuspect::Key(event.event_id));
        let kinds = (single.work.iter()).map(|work| LockSuspect::WorkRequest(discriminant(work)));
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
        let accepts = places(&batch.accepts, |(event, _)| {
            is_suspect(LockSuspect::Key(event.event_id))
        });
        let work = places(&batch.work, |work| {
            is_suspect(LockSuspect::WorkRequest(discriminant(work)))
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
