//! The one thread that writes: takes whatever waits, one transaction, one sync, then all the answers.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode};

use super::checkpoint::{self, Checkpointer};
use super::counts;
use super::damage::Damage;
use super::errors::{failed, is_of_the_event, unusable};
use super::file_guard::FileGuard;
use super::other_processes::OtherProcesses;
use super::presence::Presence;
use super::statements::{SqliteContext, Statements};
use super::take_over::open;
use crate::reference::store::commit_batch::{CommitBatch, Committed};
use crate::reference::store::commit_queue::{BatchWait, CommitQueue};
use crate::reference::store::engine::EngineSetup;
use crate::reference::store::signals::CommitSignals;
use crate::reference::store::thread::StoreThread;
use crate::reference::store::{OpenError, StoreError};

/// What the writer has in common with the other threads of the file.
pub(super) struct WriterShare {
    pub(super) context: SqliteContext,
    /// Whether others commit to the same file.
    pub(super) others: Arc<OtherProcesses>,
    pub(super) damage: Damage,
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
    others: Arc<OtherProcesses>,
    /// The last to go.
    presence: Presence,
}

/// Opens the store for writing and starts the thread. Takes over the leases of dead processes if no other process
/// has the store open; if one has, they run out on their own.
pub(super) fn start(
    setup: &EngineSetup<'_>,
    path: &Path,
    share: WriterShare,
) -> Result<StoreThread, OpenError> {
    let WriterShare {
        context,
        others,
        damage,
    } = share;
    let mut presence = Presence::enter(path)?;
    let opened = open(setup.options, path, &mut presence, &context.clock);
    let connection = opened.inspect_err(|error| {
        if error.is_of_the_content() {
            presence.disown();
        }
    })?;
    // Prepared once here, so that a schema that does not fit is an error at the start.
    if let Err(error) = Statements::prepare(&connection, &context) {
        presence.disown();
        return Err(unusable(path, error));
    }
    presence.admit_others()?;
    setup.signals.work.notify_one();
    let checkpointer = Checkpointer::start(path, damage.clone())?;
    let guard = FileGuard::start(&connection, path, checkpointer.database(), damage)?;
    let thread = WriterThread {
        checkpointer,
        guard,
        connection,
        context,
        queue: setup.queue.clone(),
        signals: setup.signals.clone(),
        others,
        presence,
    };
    StoreThread::start("store-writer", "writer", move || thread.run())
        .map_err(|error| OpenError::unusable(path, error))
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
            let is_committed = writing.commit_guarded(&mut statements, &mut batch);
            if is_committed {
                let (has_others, free) = (self.others.is_active(), self.guard.free());
                self.checkpointer
                    .after_commit(&self.connection, has_others, free);
            }
            note(&mut self.guard, &self.connection, &mut self.presence);
            if is_committed {
                self.others.let_in();
            }
        }
        let may_close = self.guard.may_close(&self.connection);
        if may_close && let Err(error) = statements.depart() {
            tracing::warn!(%error, "the end of this process could not be recorded");
        }
        drop(statements);
        self.end(may_close);
    }

    fn end(mut self, may_close: bool) {
        if !may_close {
            note(&mut self.guard, &self.connection, &mut self.presence);
            // Nothing is written any more, and SQLite deletes no log by its name.
            tracing::warn!("the store was closed without a checkpoint");
        }
        self.checkpointer.stop();
        // What is left of the log would be read at the next start; this only makes that start faster. Another process that
        // has the store open needs the log, and would be waited for.
        if may_close && self.presence.is_last() {
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

/// The resources to commit a batch and to report it.
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

    /// Commits and answers; whether anything was committed. If the database refuses something in the batch, each half
    /// is tried alone, so that in the end only the offending entry is refused, not the others of the batch.
    fn commit(&mut self, statements: &mut Statements<'_>, batch: &mut CommitBatch) -> bool {
        let began = self.signals.totals.commits.begin();
        let mut tried = statements.transact(batch);
        if let Err(error) = &tried
            && self.guard.may_try_again(statements.connection, error)
        {
            tried = statements.transact(batch);
        }
        let committed = match tried {
            Ok(committed) => committed,
            Err(error) => return self.commit_parts(statements, batch, &error),
        };
        if committed.wrote()
            && let Err(error) = self.guard.after(statements.connection)
        {
            self.signals.rolled_back();
            batch.refuse(&error);
            return false;
        }
        self.signals.committed(began, batch, &committed);
        self.answer(statements, batch, committed);
        true
    }

    fn answer(&self, statements: &Statements<'_>, batch: &mut CommitBatch, committed: Committed) {
        if committed.changes.is_reported_anew {
            self.recount(statements);
        }
        batch.answer(committed, &self.queue.lease_return());
    }

    /// Commits the parts of a batch that failed as a whole; whether anything was committed.
    fn commit_parts(
        &mut self,
        statements: &mut Statements<'_>,
        batch: &mut CommitBatch,
        error: &rusqlite::Error,
    ) -> bool {
        let is_refused = is_of_the_event(error);
        let is_full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
        if is_refused {
            self.signals.refused();
        } else {
            self.signals.rolled_back();
        }
        if is_full
            && !is_refused
            && let Some(mut rest) = batch.smaller()
        {
            let is_done = self.commit(statements, batch);
            return (rest.size() > 0 && self.commit(statements, &mut rest)) || is_done;
        }
        // One claim at a time needs the least room. The others wait for the next one.
        if (is_full || is_refused)
            && let Some(halves) = batch.halves()
        {
            return halves.map(|mut half| self.commit(statements, &mut half)) != [false; 2];
        }
        self.signals.outage.failed(error);
        batch.refuse(&failed(error));
        false
    }

    /// Others that took this process for dead have taken over what it had counted.
    fn recount(&self, statements: &Statements<'_>) {
        match counts::own(statements.connection, statements.context.rules.owner) {
            Ok(own) => self.signals.recounted(&own),
            Err(error) => tracing::warn!(%error, "cannot read the counters of this process"),
        }
    }
}
