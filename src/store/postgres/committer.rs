//! The one thread of a process that writes: takes whatever waits, one transaction, then all the answers.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::address::Address;
use super::counts::{self, Page};
use super::durable::assert_durable;
use super::migrate::{Refusal, migrate};
use super::session::{Session, Work, is_of_the_event};
use super::{SILENCE, chain};
use crate::store::commit_queue::{self, Batch, CommitQueue, Done, Taken};
use crate::store::signals::{Changes, Signals};
use crate::store::sweep::Step;
use crate::store::totals::Delta;
use crate::store::{Admission, Options, Repeat, StoreError, now_ms};

/// How long a transaction may take; then its connection is given up.
const TRANSACTION_TIME: Duration = Duration::from_secs(10);
/// How long the end of this process waits for its record.
const DEPART_TIME: Duration = Duration::from_secs(2);
/// Between two tries to find out what became of a commit that was cut off, as long as there is nothing else to do.
const SETTLE_EVERY: Duration = Duration::from_millis(500);
/// How often a transaction that the server chose as the victim of a deadlock is tried.
const TRIES: u32 = 4;
const DEPART: &str = "DELETE FROM processes WHERE owner = $1";

/// What every transaction needs to know.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// This process, as the owner of leases.
    pub(super) owner: i64,
    pub(super) lease_ms: i64,
    pub(super) key_lifetime_ms: i64,
    pub(super) repeat: Repeat,
}

/// What the thread owns.
pub(super) struct Committer {
    address: Address,
    terms: Terms,
    queue: Arc<CommitQueue>,
    signals: Signals,
    /// Rung after a commit: others are to be told.
    bell: Arc<Notify>,
    session: Option<Session>,
    page: Page,
    /// Nobody has looked whether the counts in memory are those in the database: a commit was cut off, or others had
    /// taken this process for dead.
    is_unsure: bool,
    is_reported: bool,
    /// Why and when the last try to connect failed, and how long it stands for those that would come next.
    unreachable: Option<(String, Instant, Duration)>,
}

/// How long a failed try to connect stands for others, at first and at most: whoever asks meanwhile is told at once.
const UNREACHABLE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));

/// How far a transaction got.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Nothing of it lasts.
    Before,
    /// The server was asked to commit.
    Committing,
}

type Committed = (Vec<Admission>, Vec<Done>, Changes);

impl Committer {
    pub(super) fn new(
        options: &Options,
        address: Address,
        owner: i64,
        queue: &Arc<CommitQueue>,
        signals: &Signals,
        bell: &Arc<Notify>,
    ) -> Committer {
        Committer {
            address,
            terms: Terms {
                owner,
                lease_ms: options.lease.as_millis() as i64,
                key_lifetime_ms: options.key_lifetime.as_millis() as i64,
                repeat: options.repeat,
            },
            queue: queue.clone(),
            signals: signals.clone(),
            bell: bell.clone(),
            session: None,
            page: Page::first(owner),
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
        ready: &SyncSender<Result<(i64, Delta), Refusal>>,
    ) {
        match runtime.block_on(self.start()) {
            Ok(elsewhere) => drop(ready.send(Ok(elsewhere))),
            Err(refusal) => return drop(ready.send(Err(refusal))),
        }
        let _closing = self.queue.closing();
        let mut batch = Batch::default();
        loop {
            let patience = self.is_unsure.then_some(SETTLE_EVERY);
            match self.queue.take(&mut batch, patience) {
                Taken::Batch => self.commit_and_answer(&runtime, &mut batch),
                Taken::Nothing => runtime.block_on(self.settle()),
                Taken::Closed => break,
            }
        }
        runtime.block_on(self.depart());
        runtime.shutdown_background();
    }

    async fn start(&mut self) -> Result<(i64, Delta), Refusal> {
        let mut session = Session::connect(&self.address)
            .await
            .map_err(Refusal::Unusable)?;
        migrate(&mut session.client).await?;
        assert_durable(&session.client).await?;
        (self.page, _) = self.page.recount(&session.client, self.terms.owner).await?;
        let elsewhere = counts::elsewhere(&session.client, self.terms.owner).await?;
        self.session = Some(session);
        Ok(elsewhere)
    }

    /// Commits and answers. If the database refuses something in the batch, each half is tried by itself, so that in the
    /// end one thing is refused and not those that happened to wait beside it.
    fn commit_and_answer(&mut self, runtime: &Runtime, batch: &mut Batch) {
        let began = self.signals.totals.commits.begin();
        let error = match runtime.block_on(self.commit(batch)) {
            Ok((admissions, done, changes)) => {
                self.signals.committed(began, batch, &changes);
                batch.answer(admissions, done, &self.queue);
                return self.bell.notify_one();
            }
            Err(Failure::Refused(error)) => {
                self.signals.refused();
                if let Some(halves) = batch.halves() {
                    return halves
                        .into_iter()
                        .for_each(|mut half| self.commit_and_answer(runtime, &mut half));
                }
                error
            }
            Err(failure) => {
                self.signals.rolled_back();
                failure.into_error()
            }
        };
        self.signals.outage.failed(&error);
        batch.refuse(&error);
    }

    /// All of the batch or nothing of it; or, when the connection breaks in between, nobody knows.
    async fn commit(&mut self, batch: &Batch) -> Result<Committed, Failure> {
        for _ in 1..TRIES {
            match self.try_commit(batch).await {
                Err(Failure::Deadlock) => {}
                other => return other,
            }
        }
        self.try_commit(batch).await
    }

    async fn try_commit(&mut self, batch: &Batch) -> Result<Committed, Failure> {
        let mut session = self.session().await.map_err(Failure::failed)?;
        let phase = Cell::new(Phase::Before);
        let transaction = transact(&mut session, (self.terms, self.page), batch, &phase);
        let failure = match timeout(TRANSACTION_TIME, transaction).await {
            Ok(Ok((committed, page))) => {
                (self.session, self.page) = (Some(session), page);
                let is_new = committed.2.is_reported_anew;
                self.is_unsure |= is_new && self.is_reported;
                self.is_reported |= is_new;
                return Ok(committed);
            }
            Ok(Err(error)) => {
                let failure = Failure::of(&error, phase.get());
                // After any other failure nothing is known of the session: it may be on a server that is no longer the one
                // to write to, or hold statements that this server no longer knows.
                let says_nothing_of_it = matches!(failure, Failure::Deadlock | Failure::Refused(_));
                if says_nothing_of_it && session.roll_back().await.is_ok() {
                    self.session = Some(session);
                }
                failure
            }
            Err(_) => {
                session.abandon();
                let reason = format!("no answer within {} s", TRANSACTION_TIME.as_secs());
                Failure::cut_off(phase.get(), reason)
            }
        };
        self.is_unsure |= matches!(failure, Failure::Store(StoreError::Unsure(_)));
        Err(failure)
    }

    /// Finds out what became of a commit that was cut off, although nobody has anything to commit.
    async fn settle(&mut self) {
        match self.session().await {
            Ok(session) => self.session = Some(session),
            Err(reason) => tracing::debug!(reason, "cannot find out what was committed"),
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
        let recounting = self.page.recount(&session.client, self.terms.owner);
        let Ok(recounted) = timeout(TRANSACTION_TIME, recounting).await else {
            session.abandon();
            return Err(SILENCE.to_owned());
        };
        let (page, own) = recounted.map_err(|error| chain(&error))?;
        self.signals.recounted(&own);
        (self.page, self.is_unsure) = (page, false);
        Ok(session)
    }

    /// Connects, unless that has just failed.
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
        if let Err(reason) = &session {
            let pause = before.map_or(UNREACHABLE.0, |(_, _, pause)| pause * 2);
            let pause = pause.min(UNREACHABLE.1);
            self.unreachable = Some((reason.clone(), Instant::now(), pause));
        }
        session
    }

    async fn connect(&self) -> Result<Session, String> {
        let session = Session::connect(&self.address).await?;
        match timeout(TRANSACTION_TIME, assert_durable(&session.client)).await {
            Ok(Ok(())) => Ok(session),
            Ok(Err(Refusal::Unusable(reason) | Refusal::Foreign(reason))) => Err(reason),
            Err(_) => {
                session.abandon();
                Err(SILENCE.to_owned())
            }
        }
    }

    async fn depart(&mut self) {
        if let Some(mut session) = self.session.take() {
            let departing = depart(&mut session, self.terms.owner);
            if !matches!(timeout(DEPART_TIME, departing).await, Ok(Ok(()))) {
                tracing::warn!("the end of this process could not be recorded");
            }
        }
    }
}

/// What this process has counted stays, and nobody need know whose it was.
async fn depart(session: &mut Session, owner: i64) -> Result<(), Error> {
    let (mut work, _) = session.begin().await?;
    work.fold(&[owner]).await?;
    work.query(DEPART, &[&owner]).await?;
    work.commit().await
}

/// Why a transaction is not committed.
enum Failure {
    /// It may succeed when it is tried again at once.
    Deadlock,
    /// Something in it is refused, and others may be taken.
    Refused(StoreError),
    Store(StoreError),
}

impl Failure {
    fn of(error: &Error, phase: Phase) -> Failure {
        let reason = chain(error);
        match error.code() {
            Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE) => {
                Failure::Deadlock
            }
            Some(&SqlState::DISK_FULL) => Failure::Store(StoreError::NoRoom(reason.into())),
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                Failure::Store(StoreError::ReadOnly(reason.into()))
            }
            Some(code) if is_of_the_event(code) => {
                Failure::Refused(StoreError::Failed(reason.into()))
            }
            // The server itself says no: then it did not commit, unless it is about to go down.
            Some(code)
                if *code != SqlState::ADMIN_SHUTDOWN && *code != SqlState::CRASH_SHUTDOWN =>
            {
                Failure::failed(reason)
            }
            _ => Failure::cut_off(phase, reason),
        }
    }

    fn failed(reason: String) -> Failure {
        Failure::Store(StoreError::Failed(reason.into()))
    }

    fn cut_off(phase: Phase, reason: String) -> Failure {
        Failure::Store(match phase {
            Phase::Before => StoreError::Failed(reason.into()),
            Phase::Committing => StoreError::Unsure(reason.into()),
        })
    }

    fn into_error(self) -> StoreError {
        match self {
            Failure::Refused(error) | Failure::Store(error) => error,
            Failure::Deadlock => {
                StoreError::Failed("the server saw deadlocks again and again".into())
            }
        }
    }
}

async fn transact(
    session: &mut Session,
    (terms, page): (Terms, Page),
    batch: &Batch,
    phase: &Cell<Phase>,
) -> Result<(Committed, Page), Error> {
    session.learn_runs(batch).await?;
    let local_ms = now_ms();
    let (mut work, now_ms) = session.begin().await?;
    let mut changes = Changes::at(now_ms);
    let skew_ms = now_ms - local_ms;
    let admissions = work
        .accept(&batch.accepts, terms, skew_ms, &mut changes)
        .await?;
    let done = work.perform(&batch.work, terms, &mut changes).await?;
    let page = work.count(&changes, (terms.owner, page), batch).await?;
    changes.wrote = commit_queue::wrote(&admissions, &done);
    phase.set(Phase::Committing);
    work.commit().await?;
    Ok(((admissions, done, changes), page))
}

impl Work<'_> {
    /// Performs work in the order in which it came; outcomes, the most of it, all at once.
    async fn perform(
        &mut self,
        works: &[commit_queue::Work],
        terms: Terms,
        changes: &mut Changes,
    ) -> Result<Vec<Done>, Error> {
        use commit_queue::Work as Asked;
        let outcomes = works.iter().filter_map(|work| match work {
            Asked::Finish { lease, outcome, .. } => Some((lease, outcome)),
            _ => None,
        });
        let mut finished = self
            .finish(&outcomes.collect::<Vec<_>>(), changes)
            .await?
            .into_iter();
        let mut done = Vec::with_capacity(works.len());
        for work in works {
            done.push(match work {
                Asked::Finish { .. } => {
                    Done::Finish(finished.next().expect("one result an outcome"))
                }
                Asked::GiveBack { leases, .. } => {
                    self.take_back(leases, changes).await?;
                    Done::GiveBack
                }
                Asked::Claim { limit, .. } => {
                    Done::Claim(self.claim(*limit, terms, changes).await?)
                }
                Asked::ClaimEvent { event_id, .. } => {
                    Done::ClaimEvent(self.claim_event(*event_id, terms, changes).await?)
                }
                Asked::Sweep {
                    cursor,
                    idle,
                    limit,
                    ..
                } => {
                    let step = Step::begin(*cursor, *idle, *limit, changes.now_ms);
                    Done::Sweep(self.sweep(step, changes.now_ms).await?)
                }
                Asked::Replay { event_id, .. } => {
                    Done::Replay(self.replay(*event_id, changes).await?)
                }
                Asked::Report { report, .. } => {
                    self.report(report, terms.owner, changes).await?;
                    Done::Report
                }
                // The commit counter is what is written.
                Asked::Probe { .. } => Done::Probe,
            });
        }
        Ok(done)
    }
}
