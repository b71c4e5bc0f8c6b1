//! The one thread that writes: takes whatever waits, one transaction, one sync, then all the answers.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::attempt;
use super::checkpoint::Checkpointer;
use super::clock::Clock;
use super::follow;
use super::presence::Presence;
use super::transaction::{Statements, Terms};
use crate::store::commit_queue::{Batch, CommitQueue, Taken};
use crate::store::signals::Signals;
use crate::store::{OpenError, Options, State, now_ms};
use rusqlite::{Connection, params};

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
    /// Whether others commit to the same file.
    company: Arc<Company>,
    /// The last to go.
    presence: Presence,
}

impl Writer {
    /// Opens the store for writing and starts the thread. Takes over the leases of dead processes if no other process
    /// has the store open; if one has, they run out by themselves.
    pub(in crate::store) fn start(
        options: &Options,
        path: &Path,
        (owner, clock): (i64, Arc<Clock>),
        queue: Arc<CommitQueue>,
        signals: Signals,
        company: Arc<Company>,
    ) -> Result<Writer, OpenError> {
        let mut presence = Presence::enter(path)?;
        let mut connection = super::open_writer(options, path)?;
        let unusable = |error: rusqlite::Error| super::unusable(path, error);
        let terms = Terms {
            clock,
            owner,
            lease_ms: options.lease.as_millis() as i64,
            key_lifetime_ms: options.key_lifetime.as_millis() as i64,
            repeat: options.repeat,
        };
        if presence.is_alone() {
            take_over(&mut connection).map_err(unusable)?;
        }
        presence.admit_others()?;
        signals.work.notify_one();
        // Prepared once here, so that a schema that does not fit is an error at the start.
        Statements::prepare(&connection, &terms).map_err(unusable)?;
        let checkpointer = Checkpointer::start(path)?;
        let thread = WriterThread {
            checkpointer,
            connection,
            terms,
            queue,
            signals,
            company,
            presence,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.run())
            .map_err(|error| OpenError::unusable(path, error))?;
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

/// No other process has the store open, so every lease is of a dead one and void, and all counts become one's own to
/// keep: those that each process left behind are added up.
fn take_over(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let sql = "UPDATE jobs INDEXED BY jobs_open SET state = ?1, due_ms = ?2 WHERE state = ?3 AND state < 5";
    let freed = transaction.execute(
        sql,
        params![State::Retrying.code(), now_ms(), State::Working.code()],
    )?;
    // No retry was ever put off for so long: the clock has been set back since.
    let sql = "UPDATE jobs INDEXED BY jobs_open SET due_ms = ?2 WHERE state = ?1 AND state < 5 AND due_ms > ?2 + ?3";
    transaction.execute(
        sql,
        params![State::Retrying.code(), now_ms(), LONGEST_RETRY_MS],
    )?;
    let sql = "INSERT INTO counts VALUES (0, ?1, ?2) ON CONFLICT DO UPDATE SET n = n + excluded.n";
    if freed > 0 {
        transaction.execute(sql, params![State::Working.code(), -(freed as i64)])?;
        transaction.execute(sql, params![State::Retrying.code(), freed as i64])?;
        tracing::info!(
            freed,
            "took over the attempts that the process before had begun"
        );
    }
    transaction.execute_batch(
        "CREATE TEMP TABLE sums AS SELECT state, sum(n) AS n FROM counts GROUP BY state;
         DELETE FROM counts;
         INSERT INTO counts SELECT 0, state, n FROM sums;
         DROP TABLE sums;
         DELETE FROM processes;",
    )?;
    transaction.commit()
}

impl WriterThread {
    fn run(mut self) {
        let mut statements = match Statements::prepare(&self.connection, &self.terms) {
            Ok(statements) => statements,
            Err(error) => return tracing::error!(%error, "the store's writer cannot start"),
        };
        let _closing = self.queue.closing();
        let mut batch = Batch::default();
        while self.queue.take(&mut batch, None) == Taken::Batch {
            let writing = Writing {
                queue: &self.queue,
                signals: &self.signals,
            };
            if writing.commit(&mut statements, &mut batch) {
                let has_company = self.company.is_active();
                self.checkpointer
                    .after_commit(&self.connection, has_company);
                self.company.let_in();
            }
        }
        if let Err(error) = statements.depart() {
            tracing::warn!(%error, "the end of this process could not be recorded");
        }
        drop(statements);
        self.checkpointer.stop();
        // What is left of the log would be read at the next start; this only makes that start faster. Whoever else has
        // the store open needs the log, and would be waited for.
        if self.presence.is_last()
            && let Err(error) = self
                .connection
                .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        {
            tracing::warn!(%error, "the log could not be checkpointed");
        }
    }
}

/// What it takes to commit a batch and to tell of it.
struct Writing<'a> {
    queue: &'a Arc<CommitQueue>,
    signals: &'a Signals,
}

impl Writing<'_> {
    /// Commits and answers; whether anything was committed. If the database refuses something in the batch, each half is
    /// tried by itself, so that in the end one thing is refused and not those that happened to wait beside it.
    fn commit(&self, statements: &mut Statements<'_>, batch: &mut Batch) -> bool {
        let began = self.signals.totals.commits.begin();
        match statements.transact(batch) {
            Ok((admissions, done, changes)) => {
                self.signals.committed(began, batch, &changes);
                if changes.is_reported_anew {
                    self.recount(statements);
                }
                batch.answer(admissions, done, self.queue);
                true
            }
            Err(error) => {
                let refused = attempt::is_of_the_event(&error);
                if refused {
                    self.signals.refused();
                } else {
                    self.signals.rolled_back();
                }
                if refused && let Some(halves) = batch.halves() {
                    return halves.map(|mut half| self.commit(statements, &mut half)) != [false; 2];
                }
                self.signals.outage.failed(&error);
                batch.refuse(&super::failed(&error));
                false
            }
        }
    }
}

impl Writing<'_> {
    /// Others that took this process for dead have taken over what it had counted.
    fn recount(&self, statements: &Statements<'_>) {
        match follow::own(statements.connection, statements.terms.owner) {
            Ok(own) => self.signals.recounted(&own),
            Err(error) => tracing::warn!(%error, "cannot read what this process has counted"),
        }
    }
}

/// How busy the other processes on the same file are.
#[derive(Default)]
pub(in crate::store) struct Company {
    active: AtomicBool,
}

impl Company {
    /// Others have committed lately, or no longer do.
    pub(super) fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Relaxed);
    }

    fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// SQLite's lock knows no queue: whoever asks again at once gets it again. So with others about, a writer that has
    /// committed stays away for longer than they sleep between two tries.
    fn let_in(&self) {
        if self.is_active() {
            std::thread::sleep(COURTESY);
        }
    }
}

/// Longer than a worker's longest pause, and than a provider may ask for.
const LONGEST_RETRY_MS: i64 = 2 * 3_600_000;
/// Longer than [`super::BUSY_PAUSE`].
pub(super) const COURTESY: Duration = Duration::from_micros(400);
