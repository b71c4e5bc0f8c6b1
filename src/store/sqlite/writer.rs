//! The one thread that writes: takes whatever waits, one transaction, one sync, then all the answers.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, Statement, params};
use tokio::sync::Notify;

use super::{SCHEMA_VERSION, accept, attempt};
use crate::store::commit_queue::{Batch, CommitQueue, Work};
use crate::store::totals::{Delta, Totals};
use crate::store::watchers::Watchers;
use crate::store::{
    Admission, Claim, EventId, Finished, OpenError, Options, Repeat, State, StoreError, now_ms,
};

/// Who is told of a commit besides those who asked for it.
pub(in crate::store) struct Signals {
    pub(in crate::store) totals: Arc<Totals>,
    pub(in crate::store) watchers: Arc<Watchers>,
    pub(in crate::store) work: Arc<Notify>,
}

/// The running thread.
pub(in crate::store) struct Writer {
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What every transaction needs to know.
pub(super) struct Terms {
    /// This process, as the owner of leases.
    pub(super) owner: i64,
    pub(super) lease_ms: i64,
    pub(super) key_lifetime_ms: i64,
    pub(super) repeat: Repeat,
}

/// What a transaction changes outside the database; applied once it is committed.
pub(super) struct Changes {
    pub(super) now_ms: i64,
    pub(super) settled: Vec<EventId>,
    delta: Delta,
}

/// What a piece of work came to.
enum Done {
    Claim(Claim),
    Finish(Finished),
    Probe,
}

impl Writer {
    /// Opens the store for writing, takes over what a dead process held, and starts the thread.
    pub(in crate::store) fn start(
        options: &Options,
        queue: Arc<CommitQueue>,
        signals: Signals,
    ) -> Result<Writer, OpenError> {
        let lock = super::lock(&options.path)?;
        let connection = super::open_writer(options)?;
        let unusable = |error: rusqlite::Error| super::unusable(&options.path, error);
        let terms = Terms {
            owner: i64::from(rand::random::<u32>()) << 31 | i64::from(rand::random::<u32>() >> 1),
            lease_ms: options.lease.as_millis() as i64,
            key_lifetime_ms: options.key_lifetime.as_millis() as i64,
            repeat: options.repeat,
        };
        take_over(&connection, terms.owner).map_err(unusable)?;
        signals.totals.add(&count(&connection).map_err(unusable)?);
        signals.work.notify_one();
        // Prepared once here, so that a schema that does not fit is an error at the start.
        Statements::prepare(&connection, &terms).map_err(unusable)?;
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&connection, &terms, &queue, &signals, lock))
            .map_err(|error| OpenError::Unusable {
                path: options.path.clone(),
                reason: error.to_string(),
            })?;
        Ok(Writer {
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Waits for the thread to end, which it does once its queue is closed and empty.
    pub(in crate::store) fn join(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's writer thread panicked");
        }
    }
}

/// Leases of another process are void: this one holds the lock, so that one is dead.
fn take_over(connection: &Connection, owner: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE jobs INDEXED BY jobs_open SET state = ?1, due_ms = ?2
        WHERE state = ?3 AND state < 5 AND owner IS NOT ?4";
    let freed = connection.execute(
        sql,
        params![
            State::Retrying.code(),
            now_ms(),
            State::Working.code(),
            owner
        ],
    )?;
    if freed > 0 {
        tracing::info!(
            freed,
            "took over the attempts that the process before had begun"
        );
    }
    Ok(())
}

/// Counts by state. Only what is still open has to be looked at row by row.
fn count(connection: &Connection) -> rusqlite::Result<Delta> {
    let mut counts = Delta::default();
    let all: i64 = connection.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0))?;
    let sql =
        "SELECT state, count(*) FROM jobs INDEXED BY jobs_open WHERE state < 5 GROUP BY state";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        counts[super::state(row, 0)? as usize] = row.get(1)?;
    }
    counts[State::Processed as usize] = all - counts.iter().sum::<i64>();
    Ok(counts)
}

fn run(
    connection: &Connection,
    terms: &Terms,
    queue: &CommitQueue,
    signals: &Signals,
    _lock: File,
) {
    let mut statements = match Statements::prepare(connection, terms) {
        Ok(statements) => statements,
        Err(error) => return tracing::error!(%error, "the store's writer cannot start"),
    };
    let mut batch = Batch::default();
    while queue.take(&mut batch) {
        match statements.transact(&batch) {
            Ok((admissions, done, changes)) => {
                changes.publish(signals);
                answer(&mut batch, admissions, done);
            }
            Err(error) => {
                signals.totals.set_writable(false);
                tracing::error!(%error, "a transaction was rolled back");
                refuse(&mut batch, &StoreError::Failed(error.to_string().into()));
            }
        }
    }
    // What is left of the log would be read at the next start; this only makes that start faster.
    if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "the log could not be checkpointed");
    }
}

/// Answers everyone whose request is on disk now. Whoever has gone does not take it back.
fn answer(batch: &mut Batch, admissions: Vec<Admission>, done: Vec<Done>) {
    for ((_, reply), admission) in batch.accepts.drain(..).zip(admissions) {
        let _ = reply.send(Ok(admission));
    }
    for (work, done) in batch.work.drain(..).zip(done) {
        match (work, done) {
            (Work::Claim { reply, .. }, Done::Claim(claim)) => drop(reply.send(Ok(claim))),
            (Work::Finish { reply, .. }, Done::Finish(finished)) => drop(reply.send(Ok(finished))),
            (Work::Probe { reply }, Done::Probe) => drop(reply.send(Ok(()))),
            _ => unreachable!("work and its result are in the same order"),
        }
    }
}

/// Tells everyone that nothing was promised.
fn refuse(batch: &mut Batch, error: &StoreError) {
    for (_, reply) in batch.accepts.drain(..) {
        let _ = reply.send(Err(error.clone()));
    }
    for work in batch.work.drain(..) {
        match work {
            Work::Claim { reply, .. } => drop(reply.send(Err(error.clone()))),
            Work::Finish { reply, .. } => drop(reply.send(Err(error.clone()))),
            Work::Probe { reply } => drop(reply.send(Err(error.clone()))),
        }
    }
}

/// Everything the writer says to the database, prepared once.
pub(super) struct Statements<'c> {
    pub(super) connection: &'c Connection,
    pub(super) terms: &'c Terms,
    pub(super) last_run: Option<(String, i64)>,
    pub(super) insert: Statement<'c>,
    pub(super) known: Statement<'c>,
    pub(super) requeue: Statement<'c>,
    pub(super) run_id: Statement<'c>,
    pub(super) new_run: Statement<'c>,
    pub(super) due: Statement<'c>,
    pub(super) next_due: Statement<'c>,
    pub(super) lease: Statement<'c>,
    pub(super) insert_event: Statement<'c>,
    pub(super) log: Statement<'c>,
    pub(super) notified: Statement<'c>,
    pub(super) finish: Statement<'c>,
    begin_transaction: Statement<'c>,
    commit: Statement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection, terms: &'c Terms) -> rusqlite::Result<Statements<'c>> {
        Ok(Statements {
            connection,
            terms,
            last_run: None,
            insert: connection.prepare(accept::INSERT)?,
            known: connection.prepare(accept::KNOWN)?,
            requeue: connection.prepare(accept::REQUEUE)?,
            run_id: connection.prepare(accept::RUN_ID)?,
            new_run: connection.prepare(accept::NEW_RUN)?,
            due: connection.prepare(attempt::DUE)?,
            next_due: connection.prepare(attempt::NEXT_DUE)?,
            lease: connection.prepare(attempt::LEASE)?,
            insert_event: connection.prepare(attempt::INSERT_EVENT)?,
            log: connection.prepare(attempt::LOG)?,
            notified: connection.prepare(attempt::NOTIFIED)?,
            finish: connection.prepare(attempt::FINISH)?,
            begin_transaction: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
        })
    }

    /// All of the batch or nothing of it. When this returns, the commit is synced.
    fn transact(
        &mut self,
        batch: &Batch,
    ) -> rusqlite::Result<(Vec<Admission>, Vec<Done>, Changes)> {
        self.begin_transaction.execute([])?;
        let applied = self
            .apply(batch)
            .and_then(|applied| self.commit.execute([]).map(|_| applied));
        if applied.is_err() {
            self.last_run = None;
            // A full disk has rolled back by itself.
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK")?;
            }
        }
        applied
    }

    fn apply(&mut self, batch: &Batch) -> rusqlite::Result<(Vec<Admission>, Vec<Done>, Changes)> {
        let mut changes = Changes {
            now_ms: now_ms(),
            settled: Vec::new(),
            delta: Delta::default(),
        };
        let mut admissions = Vec::with_capacity(batch.accepts.len());
        for (submission, _) in &batch.accepts {
            admissions.push(self.accept(submission, &mut changes)?);
        }
        let mut done = Vec::with_capacity(batch.work.len());
        for work in &batch.work {
            done.push(self.perform(work, &mut changes)?);
        }
        Ok((admissions, done, changes))
    }

    fn perform(&mut self, work: &Work, changes: &mut Changes) -> rusqlite::Result<Done> {
        match work {
            Work::Claim { limit, .. } => self.claim(*limit, changes).map(Done::Claim),
            Work::Finish { lease, outcome, .. } => {
                self.finish(lease, outcome, changes).map(Done::Finish)
            }
            // Writes the first page as it is.
            Work::Probe { .. } => self
                .connection
                .pragma_update(None, "user_version", SCHEMA_VERSION)
                .map(|()| Done::Probe),
        }
    }
}

impl Changes {
    /// An event is in this state now.
    pub(super) fn entered(&mut self, state: State) {
        self.delta[state as usize] += 1;
    }

    /// An event was in this state before.
    pub(super) fn left(&mut self, state: State) {
        self.delta[state as usize] -= 1;
    }

    fn publish(&self, signals: &Signals) {
        signals.totals.add(&self.delta);
        signals.totals.set_writable(true);
        signals.watchers.settle(&self.settled);
        if self.delta[State::Queued as usize] > 0 || self.delta[State::Retrying as usize] > 0 {
            signals.work.notify_one();
        }
    }
}
