//! The one thread that writes: takes whatever waits, one transaction, one sync, then all the answers.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, params};
use tokio::sync::Notify;

use super::checkpoint::Checkpointer;
use super::transaction::{Done, Statements, Terms};
use crate::store::commit_queue::{Batch, CommitQueue, Work};
use crate::store::mailbox;
use crate::store::totals::{Delta, Totals};
use crate::store::watchers::Watchers;
use crate::store::{Admission, OpenError, Options, State, StoreError, now_ms};

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

/// What the thread owns.
struct WriterThread {
    connection: Connection,
    /// Goes after the connection; see there.
    checkpointer: Checkpointer,
    terms: Terms,
    queue: Arc<CommitQueue>,
    signals: Signals,
    /// The last to go.
    _lock: File,
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
        let checkpointer = Checkpointer::start(options)?;
        let thread = WriterThread {
            checkpointer,
            connection,
            terms,
            queue,
            signals,
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.run())
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

impl WriterThread {
    fn run(mut self) {
        let mut statements = match Statements::prepare(&self.connection, &self.terms) {
            Ok(statements) => statements,
            Err(error) => return tracing::error!(%error, "the store's writer cannot start"),
        };
        let mut batch = Batch::default();
        while self.queue.take(&mut batch) {
            let began = self.signals.totals.commits.begin();
            match statements.transact(&batch) {
                Ok((admissions, done, changes)) => {
                    let size = batch.accepts.len() + batch.work.len();
                    self.signals.totals.commits.committed(began, size);
                    if batch.shows_room() {
                        self.signals.totals.set_writable(true);
                    }
                    changes.publish(&self.signals);
                    answer(&mut batch, admissions, done);
                    self.checkpointer.after_commit(&self.connection);
                }
                Err(error) => {
                    self.signals.totals.commits.rolled_back();
                    self.signals.totals.set_writable(false);
                    tracing::error!(%error, "a transaction was rolled back");
                    refuse(&mut batch, &super::failed(&error));
                }
            }
        }
        drop(statements);
        self.checkpointer.stop();
        // What is left of the log would be read at the next start; this only makes that start faster.
        if let Err(error) = self
            .connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        {
            tracing::warn!(%error, "the log could not be checkpointed");
        }
    }
}

/// Answers everyone whose request is on disk now. Whoever has gone does not take it back.
fn answer(batch: &mut Batch, admissions: Vec<Admission>, done: Vec<Done>) {
    let replies = batch.accepts.drain(..).map(|(_, reply)| reply);
    mailbox::send_all(replies.zip(admissions.into_iter().map(Ok)));
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
    mailbox::send_all(
        batch
            .accepts
            .drain(..)
            .map(|(_, reply)| (reply, Err(error.clone()))),
    );
    for work in batch.work.drain(..) {
        match work {
            Work::Claim { reply, .. } => drop(reply.send(Err(error.clone()))),
            Work::Finish { reply, .. } => drop(reply.send(Err(error.clone()))),
            Work::Probe { reply } => drop(reply.send(Err(error.clone()))),
        }
    }
}
