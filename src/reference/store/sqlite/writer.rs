//! The one thread that writes: takes whatever waits, one transaction, one sync, then all the answers.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::attempt;
use super::checkpoint::{self, Checkpointer};
use super::clock::StoreClock;
use super::counts;
use super::damage::Damage;
use super::file_guard::FileGuard;
use super::follow;
use super::presence::Presence;
use super::transaction::{SqliteContext, Statements};
use crate::reference::store::commit_queue::{BatchWait, CommitBatch, CommitQueue};
use crate::reference::store::signals::CommitSignals;
use crate::reference::store::{EventState, OpenError, StoreError, StoreOptions};
use rusqlite::{Connection, ErrorCode, params};

/// The running thread.
pub(in crate::reference::store) struct Writer {
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread owns.
struct WriterThread {
    connection: Connection,
    /// Goes after the connection; see there.
    checkpointer: Checkpointer,
    guard: FileGuard,
    context: SqliteContext,
    queue: Arc<CommitQueue>,
    signals: CommitSignals,
    /// Whether others commit to the same file.
    others: Arc<OtherProcesses>,
    /// The last to go.
    presence: Presence,
}

impl Writer {
    /// Opens the store for writing and starts the thread. Takes over the leases of dead processes if no other process
    /// has the store open; if one has, they run out by themselves.
    pub(in crate::reference::store) fn start(
        options: &StoreOptions,
        path: &Path,
        (owner, clock): (i64, Arc<StoreClock>),
        queue: Arc<CommitQueue>,
        signals: CommitSignals,
        (others, damage): (Arc<OtherProcesses>, Damage),
    ) -> Result<Writer, OpenError> {
        let mut presence = Presence::enter(path)?;
        let connection = open(options, path, &mut presence, &clock).inspect_err(|error| {
            if error.is_of_the_content() {
                presence.disown();
            }
        })?;
        let context = SqliteContext {
            clock,
            owner,
            lease_ms: options.lease.as_millis() as i64,
            key_lifetime_ms: options.key_lifetime.as_millis() as i64,
            repeat: options.repeat,
        };
        // Prepared once here, so that a schema that does not fit is an error at the start.
        if let Err(error) = Statements::prepare(&connection, &context) {
            presence.disown();
            return Err(super::unusable(path, error));
        }
        presence.admit_others()?;
        signals.work.notify_one();
        let checkpointer = Checkpointer::start(path, damage.clone())?;
        let guard = FileGuard::start(&connection, path, checkpointer.database(), damage)?;
        let thread = WriterThread {
            checkpointer,
            guard,
            connection,
            context,
            queue,
            signals,
            others,
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
    pub(in crate::reference::store) fn join(&self) {
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

/// Opens the store, alone or alongside other processes.
fn open(
    options: &StoreOptions,
    path: &Path,
    presence: &mut Presence,
    clock: &StoreClock,
) -> Result<Connection, OpenError> {
    let unusable = |error| super::unusable(path, error);
    if !presence.is_alone() {
        let mut connection = super::open_writer(options, path)?;
        clock.set(&mut connection, false).map_err(unusable)?;
        return Ok(connection);
    }
    presence.check_note()?;
    let mut connection = super::open_writer(options, path).or_else(|error| {
        // The log itself may fill the disk.
        match super::move_log_alone(path) {
            true => super::open_writer(options, path),
            false => Err(error),
        }
    })?;
    clock.set(&mut connection, true).map_err(unusable)?;
    let taken = take_over_if_there_is_room(&mut connection, clock.now_ms());
    taken.map_err(unusable)?;
    Ok(connection)
}

/// Takes over the work of dead processes. On a full disk this waits until their leases expire, as if another process
/// had the store open. Existing events can be served.
fn take_over_if_there_is_room(connection: &mut Connection, now_ms: i64) -> rusqlite::Result<()> {
    let mut taken = take_over(connection, now_ms);
    if taken.as_ref().is_err_and(super::is_of_the_disk)
        && checkpoint::empty_log(connection) == Ok(true)
    {
        taken = take_over(connection, now_ms);
    }
    match taken {
        Err(error) if super::is_of_the_disk(&error) => {
            tracing::warn!(
                %error,
                "there is no room for new events; attempts of the previous process are taken over when their leases expire"
            );
            Ok(())
        }
        taken => taken,
    }
}

/// No other process has the store open, so every lease is of a dead one and void, and all counts become one's own to
/// keep: those that each process left behind are added up.
fn take_over(connection: &mut Connection, now_ms: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let sql = "UPDATE jobs INDEXED BY jobs_open SET state = ?1, due_ms = ?2, span_ms = 0 WHERE state = ?3 AND state < 5";
    let freed = transaction.execute(
        sql,
        params![
            EventState::Retrying.code(),
            now_ms,
            EventState::Working.code()
        ],
    )?;
    attempt::bring_back(&transaction, now_ms)?;
    let sql = "INSERT INTO counts VALUES (0, ?1, ?2) ON CONFLICT DO UPDATE SET n = n + excluded.n";
    if freed > 0 {
        transaction.execute(sql, params![EventState::Working.code(), -(freed as i64)])?;
        transaction.execute(sql, params![EventState::Retrying.code(), freed as i64])?;
        tracing::info!(
            freed,
            "took over the attempts that the process before had begun"
        );
    }
    transaction.execute_batch("DELETE FROM processes")?;
    counts::add_up(&transaction)?;
    transaction.commit()
}

impl WriterThread {
    fn run(mut self) {
        let _closing = self.queue.closing();
        let mut statements = match Statements::prepare(&self.connection, &self.context) {
            Ok(statements) => statements,
            Err(error) => return tracing::error!(%error, "the store's writer cannot start"),
        };
        let mut batch = CommitBatch::default();
        loop {
            match self.queue.take(&mut batch, Some(self.guard.patience())) {
                BatchWait::Batch => {}
                BatchWait::Nothing => {
                    if !self.guard.idle(&self.connection) {
                        self.signals.totals.set_writable(false);
                    }
                    note(&mut self.guard, &self.connection, &mut self.presence);
                    continue;
                }
                BatchWait::Closed => break,
            }
            let mut writing = Writing {
                queue: &self.queue,
                signals: &self.signals,
                guard: &mut self.guard,
            };
            if writing.commit_guarded(&mut statements, &mut batch) {
                let has_others = self.others.is_active();
                let free = self.guard.free();
                self.checkpointer
                    .after_commit(&self.connection, has_others, free);
                note(&mut self.guard, &self.connection, &mut self.presence);
                self.others.let_in();
            } else {
                note(&mut self.guard, &self.connection, &mut self.presence);
            }
        }
        if !self.guard.may_close(&self.connection) {
            note(&mut self.guard, &self.connection, &mut self.presence);
            // Nothing is written any more, and SQLite deletes no log by its name.
            tracing::warn!("the store was closed as it is; its log was not moved");
            drop(statements);
            return self.checkpointer.stop();
        }
        if let Err(error) = statements.depart() {
            tracing::warn!(%error, "the end of this process could not be recorded");
        }
        drop(statements);
        self.checkpointer.stop();
        // What is left of the log would be read at the next start; this only makes that start faster. Whoever else has
        // the store open needs the log, and would be waited for.
        if self.presence.is_last() {
            match checkpoint::empty_log(&self.connection) {
                Ok(true) => self.presence.forget_note(),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the log could not be checkpointed"),
            }
        }
    }
}

/// Notes the commits from time to time.
fn note(guard: &mut FileGuard, connection: &Connection, presence: &mut Presence) {
    if let Some((commits, file)) = guard.commits_to_note(connection) {
        presence.note(commits, file);
    }
}

/// What it takes to commit a batch and to tell of it.
struct Writing<'a> {
    queue: &'a Arc<CommitQueue>,
    signals: &'a CommitSignals,
    guard: &'a mut FileGuard,
}

impl Writing<'_> {
    /// Commits the batch as far as the store's files allow, and answers; returns whether anything was committed.
    fn commit_guarded(&mut self, statements: &mut Statements<'_>, batch: &mut CommitBatch) -> bool {
        match self.guard.before(statements.connection, batch) {
            Ok(()) if self.guard.is_back() => self.recount(statements),
            Ok(()) => {}
            Err(error @ StoreError::NoRoom(_)) => {
                self.signals.rolled_back();
                self.signals.totals.set_full(true);
                self.signals.outage.failed(&error);
                batch.refuse_new(&error);
                if batch.size() == 0 {
                    return false;
                }
            }
            Err(error) => {
                self.signals.rolled_back();
                batch.refuse(&error);
                return false;
            }
        }
        self.commit(statements, batch)
    }

    /// Commits and answers; whether anything was committed. If the database refuses something in the batch, each half is
    /// tried by itself, so that in the end one thing is refused and not those that happened to wait beside it.
    fn commit(&mut self, statements: &mut Statements<'_>, batch: &mut CommitBatch) -> bool {
        let began = self.signals.totals.commits.begin();
        let committed = statements.transact(batch).or_else(|error| {
            match self.guard.may_try_again(statements.connection, &error) {
                true => statements.transact(batch),
                false => Err(error),
            }
        });
        match committed {
            Ok((admissions, done, changes)) => {
                if changes.wrote
                    && let Err(error) = self.guard.after(statements.connection)
                {
                    self.signals.rolled_back();
                    batch.refuse(&error);
                    return false;
                }
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
                if error.sqlite_error_code() == Some(ErrorCode::DiskFull)
                    && let Some(mut rest) = batch.smaller()
                {
                    let is_done = self.commit(statements, batch);
                    return (rest.size() > 0 && self.commit(statements, &mut rest)) || is_done;
                }
                // One claim at a time needs the least room. The others wait for the next one.
                if error.sqlite_error_code() == Some(ErrorCode::DiskFull)
                    && let Some(halves) = batch.halves()
                {
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
        match follow::own(statements.connection, statements.context.owner) {
            Ok(own) => self.signals.recounted(&own),
            Err(error) => tracing::warn!(%error, "cannot read what this process has counted"),
        }
    }
}

/// How busy the other processes on the same file are.
#[derive(Default)]
pub(in crate::reference::store) struct OtherProcesses {
    active: AtomicBool,
}

impl OtherProcesses {
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

/// Longer than [`super::BUSY_PAUSE`].
pub(super) const COURTESY: Duration = Duration::from_micros(400);
