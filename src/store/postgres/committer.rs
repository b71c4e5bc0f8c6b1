//! The one thread of a process that writes: takes whatever waits, one transaction, then all the answers.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, Error};

use super::migrate::{Refusal, migrate};
use super::session::{Session, Work};
use super::{chain, listen};
use crate::store::commit_queue::{self, Batch, CommitQueue, Done};
use crate::store::signals::{Changes, Signals};
use crate::store::sweep::Step;
use crate::store::totals::Delta;
use crate::store::{Admission, Options, Repeat, StoreError, now_ms};

/// How long a transaction may take; then its connection is given up.
const TRANSACTION_TIME: Duration = Duration::from_secs(10);
/// How often a transaction that the server chose as the victim of a deadlock is tried.
const TRIES: u32 = 4;
/// `counts`: what this process has changed, and how often.
const COUNT: &str = "INSERT INTO counts SELECT $1, * FROM unnest($2::smallint[], $3::bigint[])
    ON CONFLICT (owner, state) DO UPDATE SET n = counts.n + excluded.n";
const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/// The state under which commits are counted.
pub(super) const COMMITS: i16 = -1;

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
    config: Config,
    terms: Terms,
    queue: Arc<CommitQueue>,
    signals: Signals,
    /// Rung after a commit: others are to be told.
    bell: Arc<Notify>,
    session: Option<Session>,
}

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
        config: Config,
        owner: i64,
        queue: &Arc<CommitQueue>,
        signals: &Signals,
        bell: &Arc<Notify>,
    ) -> Committer {
        Committer {
            config,
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
        let mut batch = Batch::default();
        while self.queue.take(&mut batch) {
            let began = self.signals.totals.commits.begin();
            match runtime.block_on(self.commit(&batch)) {
                Ok((admissions, done, changes)) => {
                    self.signals.committed(began, &batch, &changes);
                    batch.answer(admissions, done);
                    self.bell.notify_one();
                }
                Err(error) => {
                    self.signals.rolled_back();
                    tracing::error!(%error, "a transaction failed");
                    batch.refuse(&error);
                }
            }
        }
        runtime.block_on(self.depart());
        runtime.shutdown_background();
    }

    async fn start(&mut self) -> Result<(i64, Delta), Refusal> {
        let mut session = Session::connect(&self.config)
            .await
            .map_err(Refusal::Unusable)?;
        migrate(&mut session.client).await?;
        assert_durable(&session).await?;
        let elsewhere = listen::look(&session.client, self.terms.owner).await?;
        self.session = Some(session);
        Ok(elsewhere)
    }

    /// All of the batch or nothing of it; or, when the connection breaks in between, nobody knows.
    async fn commit(&mut self, batch: &Batch) -> Result<Committed, StoreError> {
        for _ in 1..TRIES {
            match self.try_commit(batch).await {
                Err(Failure::Deadlock) => {}
                Err(Failure::Store(error)) => return Err(error),
                Ok(committed) => return Ok(committed),
            }
        }
        self.try_commit(batch)
            .await
            .map_err(|failure| match failure {
                Failure::Store(error) => error,
                Failure::Deadlock => {
                    StoreError::Failed("the server saw deadlocks again and again".into())
                }
            })
    }

    async fn try_commit(&mut self, batch: &Batch) -> Result<Committed, Failure> {
        let failed = |reason: String| Failure::Store(StoreError::Failed(reason.into()));
        let mut session = match self.session.take().filter(|s| !s.client.is_closed()) {
            Some(session) => session,
            None => self.reconnect().await.map_err(failed)?,
        };
        let phase = Cell::new(Phase::Before);
        let transaction = transact(&mut session, self.terms, batch, &phase);
        let Ok(result) = timeout(TRANSACTION_TIME, transaction).await else {
            // Nobody knows what the server is still doing on this connection.
            let reason = format!("no answer within {} s", TRANSACTION_TIME.as_secs());
            return Err(Failure::Store(unsure_if(phase.get(), reason)));
        };
        if !session.client.is_closed() {
            self.session = Some(session);
        }
        result.map_err(|error| match error.code() {
            Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE) => {
                Failure::Deadlock
            }
            Some(&SqlState::DISK_FULL) => Failure::Store(StoreError::NoRoom(chain(&error).into())),
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                Failure::Store(StoreError::ReadOnly(chain(&error).into()))
            }
            // The server itself says no: then it did not commit, unless it is about to go down.
            Some(code)
                if *code != SqlState::ADMIN_SHUTDOWN && *code != SqlState::CRASH_SHUTDOWN =>
            {
                failed(chain(&error))
            }
            _ => Failure::Store(unsure_if(phase.get(), chain(&error))),
        })
    }

    async fn reconnect(&self) -> Result<Session, String> {
        let session = Session::connect(&self.config).await?;
        match assert_durable(&session).await {
            Ok(()) => Ok(session),
            Err(Refusal::Unusable(reason) | Refusal::Foreign(reason)) => Err(reason),
        }
    }

    async fn depart(&mut self) {
        if let Some(session) = self.session.take() {
            let sql = "DELETE FROM processes WHERE owner = $1";
            let departing = async { session.client.execute(sql, &[&self.terms.owner]).await };
            if !matches!(timeout(Duration::from_secs(2), departing).await, Ok(Ok(_))) {
                tracing::warn!("the end of this process could not be recorded");
            }
        }
    }
}

/// Why a transaction is not committed.
enum Failure {
    Deadlock,
    Store(StoreError),
}

fn unsure_if(phase: Phase, reason: String) -> StoreError {
    match phase {
        Phase::Before => StoreError::Failed(reason.into()),
        Phase::Committing => StoreError::Unsure(reason.into()),
    }
}

/// A commit that returns before the log is on disk would be a promise without a ground.
async fn assert_durable(session: &Session) -> Result<(), Refusal> {
    let setting = async |name: &str| -> Result<String, Error> {
        Ok(session
            .client
            .query_one("SELECT current_setting($1)", &[&name])
            .await?
            .get(0))
    };
    let commit = setting("synchronous_commit").await?;
    if commit == "off" {
        return Err(Refusal::Unusable(
            "synchronous_commit is off there, so a commit may be lost with the power; switch it on for this role or database: \
             ALTER ROLE … SET synchronous_commit = on"
                .to_owned(),
        ));
    }
    for name in ["fsync", "full_page_writes"] {
        if setting(name).await? == "off" {
            tracing::warn!(
                "{name} is off on the PostgreSQL server: a 202 does not survive a power cut\nhint: set {name} = on in postgresql.conf"
            );
        }
    }
    Ok(())
}

async fn transact(
    session: &mut Session,
    terms: Terms,
    batch: &Batch,
    phase: &Cell<Phase>,
) -> Result<Committed, Error> {
    session.learn_runs(batch).await?;
    let mut work = session.begin().await?;
    let local_ms = now_ms();
    let now_ms: i64 = work.query(NOW, &[]).await?[0].get(0);
    let mut changes = Changes::at(now_ms);
    let skew_ms = now_ms - local_ms;
    let admissions = work
        .accept(&batch.accepts, terms, skew_ms, &mut changes)
        .await?;
    let done = work.perform(&batch.work, terms, &mut changes).await?;
    work.count(&changes, terms.owner, batch).await?;
    changes.wrote = commit_queue::wrote(&admissions, &done);
    let Work { transaction, .. } = work;
    phase.set(Phase::Committing);
    transaction.commit().await?;
    Ok((admissions, done, changes))
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
                    self.report(report, terms.owner, changes.now_ms).await?;
                    Done::Report
                }
                // The commit counter is what is written.
                Asked::Probe { .. } => Done::Probe,
            });
        }
        Ok(done)
    }

    /// Adds to this process' rows of `counts` what the transaction changed. Nothing, if nothing did.
    async fn count(&mut self, changes: &Changes, owner: i64, batch: &Batch) -> Result<(), Error> {
        let probed = batch
            .work
            .iter()
            .any(|work| matches!(work, commit_queue::Work::Probe { .. }));
        let (mut states, mut by) = (Vec::new(), Vec::new());
        for (state, change) in changes.delta.iter().enumerate() {
            if *change != 0 {
                states.push(state as i16);
                by.push(*change);
            }
        }
        if states.is_empty() && !probed {
            return Ok(());
        }
        states.push(COMMITS);
        by.push(1);
        self.query(COUNT, &[&owner, &states, &by]).await.map(drop)
    }
}
