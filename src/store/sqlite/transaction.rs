//! One transaction: everything of a batch, or nothing of it.

use rusqlite::{Connection, Statement};

use super::writer::Signals;
use super::{SCHEMA_VERSION, accept, attempt};
use crate::store::commit_queue::{Batch, Work};
use crate::store::totals::Delta;
use crate::store::{Admission, Claim, EventId, Finished, Repeat, State, now_ms};

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
pub(super) enum Done {
    Claim(Claim),
    Finish(Finished),
    Probe,
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
    pub(super) fn prepare(
        connection: &'c Connection,
        terms: &'c Terms,
    ) -> rusqlite::Result<Statements<'c>> {
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
    pub(super) fn transact(
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

    pub(super) fn publish(&self, signals: &Signals) {
        signals.totals.add(&self.delta);
        signals.watchers.settle(&self.settled);
        if self.delta[State::Queued as usize] > 0 || self.delta[State::Retrying as usize] > 0 {
            signals.work.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Statements, Terms};
    use crate::store::commit_queue::{Batch, Work};
    use crate::store::sqlite::{failed, open_writer};
    use crate::store::{Options, Repeat, StoreError};

    #[test]
    fn a_connection_that_may_not_write_fails_as_read_only_and_works_again_once_it_may() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options::at(folder.path().join("store.db"));
        let connection = open_writer(&options).expect("the store opens");
        let terms = Terms {
            owner: 1,
            lease_ms: 1000,
            key_lifetime_ms: 1000,
            repeat: Repeat::AtLeastOnce,
        };
        let mut statements = Statements::prepare(&connection, &terms).expect("a schema");
        let batch = Batch {
            work: vec![Work::Probe {
                reply: tokio::sync::oneshot::channel().0,
            }],
            ..Batch::default()
        };
        let read_only = |on: &str| {
            let pragma = format!("PRAGMA query_only = {on}");
            connection.execute_batch(&pragma).expect("a setting");
        };
        read_only("ON");
        let error = statements
            .transact(&batch)
            .err()
            .expect("it cannot be written");
        assert!(matches!(failed(&error), StoreError::ReadOnly(_)), "{error}");
        read_only("OFF");
        assert!(statements.transact(&batch).is_ok());
    }
}
