//! Work on rows that another session has locked waits here, on connections of its own, while all other work continues.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::answer::{SILENCE, TRANSACTION_TIME};
use super::commit_failure::{CommitFailure, CommitProgress};
use super::context::{CommitState, PostgresContext};
use super::counts::CountsPage;
use super::database_address::DatabaseAddress;
use super::durable::{assert_durable, tables};
use super::migrate::DatabaseRefusal;
use super::notifier::WakeNotifier;
use super::session::{LockTimeout, Session};
use super::transact::{Transacted, transact};
use crate::reference::mutex::lock;
use crate::reference::store::commit_batch::CommitBatch;
use crate::reference::store::commit_queue::CommitQueue;
use crate::reference::store::engine::EngineSetup;
use crate::reference::store::signals::CommitSignals;
use crate::reference::store::totals::Delta;

/// Connections that may wait at the same time.
const CONNECTIONS: usize = 8;
/// How many items may wait for one of them. Further items are refused at once.
const WAITING: usize = 256;

/// Where one item waits for a lock, separate from all others; clones share it.
#[derive(Clone)]
pub(super) struct LockQueue {
    shared: Arc<LockQueueShared>,
}

struct LockQueueShared {
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
        setup: &EngineSetup<'_>,
        address: DatabaseAddress,
        notifier: Arc<WakeNotifier>,
    ) -> LockQueue {
        LockQueue {
            shared: Arc::new(LockQueueShared {
                address,
                context: PostgresContext {
                    rules: setup.rules,
                    waits: true,
                },
                queue: setup.queue.clone(),
                signals: setup.signals.clone(),
                notifier,
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

impl LockQueueShared {
    async fn commit_and_answer(&self, mut batch: CommitBatch) {
        let began = self.signals.totals.commits.begin();
        let mut transacted = self.commit(&batch).await;
        if matches!(transacted, Err(CommitFailure::Neither)) {
            transacted = self.commit(&batch).await;
        }
        match transacted {
            Ok(Transacted {
                mut committed,
                hints,
            }) => {
                // Counted in a row without an owner, where every process sees it, this one too.
                committed.changes.delta = Delta::default();
                self.signals.committed(began, &batch, &committed);
                let changes = batch.answer(committed, &self.queue.lease_return());
                self.signals.work.notify_one();
                let is_idle = self.signals.is_idle();
                self.notifier.committed(&changes, &hints, is_idle);
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

    async fn commit(&self, batch: &CommitBatch) -> Result<Transacted, CommitFailure> {
        let mut session = self.session().await.map_err(CommitFailure::failed)?;
        let progress = CommitProgress::default();
        let state = CommitState::new(CountsPage::unowned());
        let transaction = transact(&mut session, self.context, state, batch, &progress);
        match timeout(TRANSACTION_TIME, transaction).await {
            Ok(Ok((transacted, _))) => {
                lock(&self.idle).push(session);
                Ok(transacted)
            }
            Ok(Err(stop)) => {
                let failure = CommitFailure::of(stop, &progress);
                if failure.spares_the_session() && session.roll_back().await.is_ok() {
                    lock(&self.idle).push(session);
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
        let idle = lock(&self.idle).pop();
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
}
