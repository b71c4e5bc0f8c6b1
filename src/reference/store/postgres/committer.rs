//! The one thread of a process that writes: takes whatever waits, one transaction, then all the answers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::answer::{SILENCE, TRANSACTION_TIME, chain};
use super::clock::{self, ClockAnchor, ClockStep};
use super::commit_failure::{CommitFailure, CommitProgress, TransactionError};
use super::context::{CommitState, PostgresContext};
use super::counts::{self, CountsPage};
use super::database_address::DatabaseAddress;
use super::durable::{assert_durable, tables};
use super::lock_queue::LockQueue;
use super::lock_suspects::LockSuspects;
use super::migrate::{DatabaseRefusal, migrate};
use super::notifier::WakeNotifier;
use super::owners::Owners;
use super::session::{LockTimeout, Session};
use super::transact::{Transacted, transact};
use super::wake_hints::WakeHints;
use crate::reference::store::StoreError;
use crate::reference::store::commit_batch::{CommitBatch, Committed};
use crate::reference::store::commit_queue::{BatchWait, CommitQueue};
use crate::reference::store::engine::EngineSetup;
use crate::reference::store::signals::CommitSignals;
use crate::reference::store::totals::CountSums;
use crate::reference::store::work::WorkResult;

/// How long the end of this process waits for its record.
const DEPART_TIME: Duration = Duration::from_secs(2);
/// Between two tries to find out what became of a commit that was cut off, as long as there is nothing else to do.
const SETTLE_EVERY: Duration = Duration::from_millis(500);
/// How often a transaction is tried that may succeed at once, such as a victim of a deadlock.
const TRIES: u32 = 4;
/// How many due times of its own retries a process keeps. It finds the others when it looks.
const MOST_DUE: usize = 4096;
const DEPART: &str = "DELETE FROM processes WHERE owner = $1";

/// What the thread owns.
pub(super) struct Committer {
    address: DatabaseAddress,
    context: PostgresContext,
    queue: Arc<CommitQueue>,
    signals: CommitSignals,
    notifier: Arc<WakeNotifier>,
    owners: Owners,
    lock_queue: LockQueue,
    suspects: LockSuspects,
    session: Option<Session>,
    commit_state: CommitState,
    /// The due times of retries that this process has recorded.
    due: BinaryHeap<Reverse<i64>>,
    /// The counts in memory may differ from those in the database: a commit was cut off, others had declared this
    /// process dead, or the database was created again.
    is_unsure: bool,
    is_reported: bool,
    /// Why and when the last attempt to connect failed, and how long that answer holds for later requests.
    unreachable: Option<(String, Instant, Duration)>,
}

/// How long a failed attempt to connect answers for later ones, at first and at most. Requests in that time fail at
/// once.
const UNREACHABLE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));

impl Committer {
    pub(super) fn new(
        setup: &EngineSetup<'_>,
        address: DatabaseAddress,
        owners: Owners,
        notifier: Arc<WakeNotifier>,
    ) -> Committer {
        Committer {
            lock_queue: LockQueue::new(setup, address.clone(), notifier.clone()),
            address,
            context: PostgresContext {
                rules: setup.rules,
                waits: false,
            },
            queue: setup.queue.clone(),
            signals: setup.signals.clone(),
            notifier,
            suspects: LockSuspects::default(),
            session: None,
            commit_state: CommitState::new(CountsPage::first(owners.process())),
            owners,
            due: BinaryHeap::new(),
            is_unsure: false,
            is_reported: false,
            unreachable: None,
        }
    }

    /// Connects, says how it went (and what others have counted), and commits until the queue is closed and empty. The
    /// runtime, and with it every connection of the store, ends with that.
    pub(super) fn run(
        mut self,
        runtime: Runtime,
        ready: &SyncSender<Result<CountSums, DatabaseRefusal>>,
    ) {
        match runtime.block_on(self.start()) {
            Ok(elsewhere) => drop(ready.send(Ok(elsewhere))),
            Err(refusal) => return drop(ready.send(Err(refusal))),
        }
        let _closing = self.queue.closing();
        let mut batch = CommitBatch::default();
        loop {
            let patience = self.is_unsure.then_some(SETTLE_EVERY);
            match self.queue.take(&mut batch, patience) {
                BatchWait::Batch => self.take_up(&runtime, &mut batch),
                BatchWait::Nothing => runtime.block_on(self.settle()),
                BatchWait::Closed => break,
            }
        }
        runtime.block_on(self.depart());
        runtime.shutdown_background();
    }

    async fn start(&mut self) -> Result<CountSums, DatabaseRefusal> {
        let mut session = Session::connect(&self.address, LockTimeout::Short)
            .await
            .map_err(DatabaseRefusal::Unusable)?;
        self.look_at(&mut session).await?;
        let owners = self.owners.all();
        (self.commit_state.page, _) = self
            .commit_state
            .page
            .recount(&session.client, &owners)
            .await?;
        let elsewhere = counts::elsewhere(&session.client, &owners).await?;
        self.session = Some(session);
        Ok(elsewhere)
    }

    /// Whether the connected database is fit for use.
    async fn look_at(&self, session: &mut Session) -> Result<(), DatabaseRefusal> {
        migrate(&mut session.client).await?;
        assert_durable(&session.client).await?;
        session.tables = tables(&session.client).await?;
        clock::catch_up(&session.client).await?;
        Ok(())
    }

    /// Commits and answers everything, except work that is known to wait for a lock.
    fn take_up(&mut self, runtime: &Runtime, batch: &mut CommitBatch) {
        if let Some(suspect) = self.suspects.of(batch) {
            self.lock_queue.wait(runtime.handle(), suspect);
        }
        if batch.size() > 0 {
            self.commit_and_answer(runtime, batch);
        }
    }

    /// Commits and answers. If the database refuses something in the batch, each half is tried alone, so that in the
    /// end only one item is refused and not its neighbours. An item that waits for another session's lock waits
    /// separately.
    fn commit_and_answer(&mut self, runtime: &Runtime, batch: &mut CommitBatch) {
        let began = self.signals.totals.commits.begin();
        let error = match runtime.block_on(self.commit(batch)) {
            Ok(Transacted {
                mut committed,
                hints,
            }) => {
                self.plan(&mut committed, &hints);
                let is_idle = self.signals.is_idle();
                self.signals.committed(began, batch, &committed);
                let changes = batch.answer(committed, &self.queue.lease_return());
                return self.notifier.committed(&changes, &hints, is_idle);
            }
            Err(CommitFailure::Locked(Some(held))) => {
                self.signals.refused();
                let waiting = batch.take_out(&held.accepts, &held.work);
                self.lock_queue.wait(runtime.handle(), waiting);
                if batch.size() > 0 {
                    self.commit_and_answer(runtime, batch);
                }
                return;
            }
            Err(failure @ (CommitFailure::Refused(_) | CommitFailure::Locked(None))) => {
                self.signals.refused();
                if let Some(halves) = batch.halves() {
                    return halves
                        .into_iter()
                        .for_each(|mut half| self.commit_and_answer(runtime, &mut half));
                }
                if matches!(failure, CommitFailure::Locked(_)) {
                    self.suspects.add(batch);
                    return self
                        .lock_queue
                        .wait(runtime.handle(), std::mem::take(batch));
                }
                failure.into_error()
            }
            Err(failure) => {
                self.signals.rolled_back();
                failure.into_error()
            }
        };
        self.signals.outage.failed(&error);
        batch.refuse(&error);
    }

    /// Remembers when retries are due, and gives claims the time until the next one.
    fn plan(&mut self, committed: &mut Committed, hints: &WakeHints) {
        let Committed {
            results, changes, ..
        } = committed;
        let room = MOST_DUE.saturating_sub(self.due.len());
        let later = hints.later.iter().take(room);
        self.due.extend(later.map(|due_ms| Reverse(*due_ms)));
        let is_over = |due: &Reverse<i64>| due.0 <= changes.now_ms;
        for result in results {
            if let WorkResult::Claim(claim) = result
                && (claim.idle_for.is_some() || claim.leases.is_empty())
            {
                // This claim or another process has found them.
                while self.due.peek().is_some_and(is_over) {
                    self.due.pop();
                }
                let next = self.due.peek().map(|next| next.0 - changes.now_ms);
                let next = next.map(|ms| Duration::from_millis(ms.unsigned_abs()));
                claim.idle_for = claim.idle_for.into_iter().chain(next).min();
            }
        }
    }

    /// All of the batch or nothing of it; or, if the connection breaks during the commit, the outcome is unknown.
    async fn commit(&mut self, batch: &CommitBatch) -> Result<Transacted, CommitFailure> {
        for _ in 1..TRIES {
            match self.try_commit(batch).await {
                Err(CommitFailure::Deadlock) => {}
                Err(CommitFailure::Stepped(stepped)) => self.correct(stepped).await?,
                // Others may have locked the counts of this process. It then counts under another name.
                Err(CommitFailure::CountsLocked) => {
                    self.commit_state.page = CountsPage::first(self.owners.another());
                }
                other => return other,
            }
        }
        self.try_commit(batch).await
    }

    async fn try_commit(&mut self, batch: &CommitBatch) -> Result<Transacted, CommitFailure> {
        let mut session = self.session().await.map_err(CommitFailure::failed)?;
        let progress = CommitProgress::default();
        let transaction = transact(
            &mut session,
            self.context,
            self.commit_state,
            batch,
            &progress,
        );
        let failure = match timeout(TRANSACTION_TIME, transaction).await {
            Ok(Ok((transacted, commit_state))) => {
                (self.session, self.commit_state) = (Some(session), commit_state);
                let is_new = transacted.committed.changes.is_reported_anew;
                self.is_unsure |= is_new && self.is_reported;
                self.is_reported |= is_new;
                return Ok(transacted);
            }
            Ok(Err(stop)) => {
                self.is_unsure |= matches!(stop, TransactionError::Changed);
                let failure = CommitFailure::of(stop, &progress);
                // After any other failure nothing is known of the session: it may be on a server that is no longer the one
                // to write to, or hold statements that this server no longer knows.
                if failure.spares_the_session() && session.roll_back().await.is_ok() {
                    self.session = Some(session);
                }
                failure
            }
            Err(_) => {
                session.abandon();
                let reason = format!("no answer within {} s", TRANSACTION_TIME.as_secs());
                CommitFailure::cut_off(&progress, reason)
            }
        };
        self.is_unsure |= matches!(failure, CommitFailure::Store(StoreError::Unsure(_)));
        Err(failure)
    }

    /// Corrects a step of the server's clock, and accepts its readings again.
    async fn correct(&mut self, stepped: ClockStep) -> Result<(), CommitFailure> {
        let session = self.session().await.map_err(CommitFailure::failed)?;
        let correcting = clock::correct(&session.client, stepped, self.context.rules.owner);
        match timeout(TRANSACTION_TIME, correcting).await {
            Ok(Ok(())) => {
                (self.commit_state.anchor, self.session) = (None, Some(session));
                Ok(())
            }
            Ok(Err(error)) => Err(CommitFailure::failed(chain(&error))),
            Err(_) => {
                session.abandon();
                Err(CommitFailure::failed(SILENCE.to_owned()))
            }
        }
    }

    /// Finds out the outcome of an interrupted commit, even without a new batch.
    async fn settle(&mut self) {
        match self.session().await {
            Ok(session) => self.session = Some(session),
            Err(reason) => tracing::debug!(reason, "cannot read which transactions were committed"),
        }
    }

    /// A session that may write.
    async fn session(&mut self) -> Result<Session, String> {
        let session = match self.session.take().filter(|s| !s.client.is_closed()) {
            Some(session) => session,
            None => self.reconnect().await?,
        };
        if !self.is_unsure {
            return Ok(session);
        }
        let owners = self.owners.all();
        let recounting = async {
            session.be(LockTimeout::Long).await?;
            let recounted = self
                .commit_state
                .page
                .recount(&session.client, &owners)
                .await?;
            session.be(LockTimeout::Short).await?;
            Ok::<_, tokio_postgres::Error>(recounted)
        };
        let Ok(recounted) = timeout(TRANSACTION_TIME, recounting).await else {
            session.abandon();
            return Err(SILENCE.to_owned());
        };
        let (page, own) = recounted.map_err(|error| chain(&error))?;
        self.signals.recounted(&own);
        (self.commit_state.page, self.is_unsure) = (page, false);
        Ok(session)
    }

    /// Connects, perhaps to a database that was created again, unless an attempt has just failed.
    async fn reconnect(&mut self) -> Result<Session, String> {
        let before = self.unreachable.take();
        if let Some((reason, at, pause)) = &before
            && at.elapsed() < *pause
        {
            let reason = reason.clone();
            self.unreachable = before;
            return Err(reason);
        }
        let session = self.connect().await;
        match &session {
            Ok(_) => self.is_unsure = true,
            Err(reason) => {
                let pause = before.map_or(UNREACHABLE.0, |(_, _, pause)| pause * 2);
                let pause = pause.min(UNREACHABLE.1);
                self.unreachable = Some((reason.clone(), Instant::now(), pause));
            }
        }
        session
    }

    async fn connect(&mut self) -> Result<Session, String> {
        let mut session = Session::connect(&self.address, LockTimeout::Short).await?;
        match timeout(TRANSACTION_TIME, self.look_at(&mut session)).await {
            Ok(Ok(())) => Ok(session),
            Ok(Err(DatabaseRefusal::Unusable(reason) | DatabaseRefusal::Foreign(reason))) => {
                Err(reason)
            }
            Err(_) => {
                session.abandon();
                Err(SILENCE.to_owned())
            }
        }
    }

    async fn depart(&mut self) {
        if let Some(mut session) = self.session.take() {
            let (owner, last) = (self.context.rules.owner, self.commit_state.anchor);
            let departing = depart(&mut session, owner, self.owners.all(), last);
            if !matches!(timeout(DEPART_TIME, departing).await, Ok(Ok(()))) {
                tracing::warn!("the end of this process could not be recorded");
            }
        }
    }
}

/// What this process has counted stays, without its name. A time that does not follow from the last one
/// is corrected first: the next process to start would take it over, and every lease would end.
async fn depart(
    session: &mut Session,
    owner: i64,
    owners: Vec<i64>,
    last: Option<ClockAnchor>,
) -> Result<(), TransactionError> {
    let (mut work, mut reading) = session.begin().await?;
    if let Err(stepped) = reading.follow(last) {
        session.roll_back().await?;
        clock::correct(&session.client, stepped, owner).await?;
        (work, reading) = session.begin().await?;
    }
    work.fold(&owners).await?;
    work.query(DEPART, &[&owner]).await?;
    if last.is_some() {
        work.query(clock::REACHED, &[&reading.now_ms()]).await?;
    }
    work.commit().await
}
