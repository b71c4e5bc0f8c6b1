//! One transaction: everything of a batch, or nothing of it.

use std::sync::Arc;

use rusqlite::{Connection, Statement, params};

use super::clock::StoreClock;
use super::{SCHEMA_VERSION, accept, attempt, dispatch, unreadable};
use crate::reference::store::commit_queue::{CommitBatch, WorkRequest, WorkResult, wrote};
use crate::reference::store::signals::Changes;
use crate::reference::store::sweep::SweepStep;
use crate::reference::store::{Admission, RepeatPolicy};

/// `counts`: what this process has changed, and how often.
const COUNT: &str = "INSERT INTO counts VALUES (?1, ?2, ?3)
    ON CONFLICT (owner, state) DO UPDATE SET n = n + excluded.n";
/// The state under which commits are counted.
pub(super) const COMMITS: i64 = -1;

/// What every transaction needs to know.
pub(super) struct SqliteContext {
    pub(super) clock: Arc<StoreClock>,
    /// This process, as the owner of leases.
    pub(super) owner: i64,
    pub(super) lease_ms: i64,
    pub(super) key_lifetime_ms: i64,
    pub(super) repeat: RepeatPolicy,
}

/// Everything the writer says to the database, prepared once.
pub(super) struct Statements<'c> {
    pub(super) connection: &'c Connection,
    pub(super) context: &'c SqliteContext,
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
    pub(super) decided: Statement<'c>,
    pub(super) give_back: Statement<'c>,
    pub(super) keep_payload: Statement<'c>,
    pub(super) lease_status: Statement<'c>,
    pub(super) unclaimed: Statement<'c>,
    pub(super) swept: Statement<'c>,
    pub(super) replay: Statement<'c>,
    pub(super) report: Statement<'c>,
    pub(super) unreadable: Statement<'c>,
    pub(super) restore: Statement<'c>,
    pub(super) give_up: Statement<'c>,
    pub(super) given_up: Statement<'c>,
    count: Statement<'c>,
    begin_transaction: Statement<'c>,
    commit: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(
        connection: &'c Connection,
        context: &'c SqliteContext,
    ) -> rusqlite::Result<Statements<'c>> {
        Ok(Statements {
            connection,
            context,
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
            decided: connection.prepare(attempt::DECIDED)?,
            give_back: connection.prepare(attempt::GIVE_BACK)?,
            keep_payload: connection.prepare(attempt::KEEP_PAYLOAD)?,
            lease_status: connection.prepare(attempt::LEASE_STATUS)?,
            unclaimed: connection.prepare(dispatch::UNCLAIMED)?,
            swept: connection.prepare(dispatch::SWEPT)?,
            replay: connection.prepare(dispatch::REPLAY)?,
            report: connection.prepare(dispatch::REPORT)?,
            unreadable: connection.prepare(unreadable::UNREADABLE)?,
            restore: connection.prepare(unreadable::RESTORE)?,
            give_up: connection.prepare(unreadable::GIVE_UP)?,
            given_up: connection.prepare(unreadable::GIVEN_UP)?,
            count: connection.prepare(COUNT)?,
            begin_transaction: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
        })
    }

    /// All of the batch or nothing of it. When this returns, the commit is synced.
    pub(super) fn transact(
        &mut self,
        batch: &CommitBatch,
    ) -> rusqlite::Result<(Vec<Admission>, Vec<WorkResult>, Changes)> {
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

    fn apply(
        &mut self,
        batch: &CommitBatch,
    ) -> rusqlite::Result<(Vec<Admission>, Vec<WorkResult>, Changes)> {
        let mut changes = Changes::at(self.context.clock.now_ms());
        let before = self.connection.total_changes();
        let mut admissions = Vec::with_capacity(batch.accepts.len());
        for (submission, _) in &batch.accepts {
            admissions.push(self.accept(submission, &mut changes)?);
        }
        let mut done = Vec::with_capacity(batch.work.len());
        for work in &batch.work {
            done.push(self.perform(work, &mut changes)?);
        }
        // A claim that found nothing stays a transaction without a write, and so without a sync.
        if self.connection.total_changes() != before {
            self.count(&changes)?;
        }
        changes.wrote = wrote(&admissions, &done);
        Ok((admissions, done, changes))
    }

    /// Adds to this process' rows of `counts` what the transaction changed.
    fn count(&mut self, changes: &Changes) -> rusqlite::Result<()> {
        let owner = self.context.owner;
        for (state, change) in changes.delta.iter().enumerate() {
            if *change != 0 {
                self.count.execute(params![owner, state as i64, change])?;
            }
        }
        self.count.execute(params![owner, COMMITS, 1])?;
        Ok(())
    }

    fn perform(
        &mut self,
        work: &WorkRequest,
        changes: &mut Changes,
    ) -> rusqlite::Result<WorkResult> {
        match work {
            WorkRequest::Claim { limit, .. } => self.claim(*limit, changes).map(WorkResult::Claim),
            WorkRequest::GiveBack { leases, .. } => self
                .take_back(leases, changes)
                .map(|()| WorkResult::GiveBack),
            WorkRequest::Finish { lease, outcome, .. } => {
                self.finish(lease, outcome, changes).map(WorkResult::Finish)
            }
            WorkRequest::ClaimEvent { event_id, .. } => self
                .claim_event(*event_id, changes)
                .map(WorkResult::ClaimEvent),
            WorkRequest::Sweep {
                cursor,
                idle,
                limit,
                ..
            } => {
                let step = SweepStep::begin(*cursor, *idle, *limit, changes.now_ms);
                self.sweep(step, changes).map(WorkResult::Sweep)
            }
            WorkRequest::Replay { event_id, .. } => {
                self.replay(*event_id, changes).map(WorkResult::Replay)
            }
            WorkRequest::Report { report, .. } => {
                self.report(report, changes).map(|()| WorkResult::Report)
            }
            // Writes the first page as it is.
            WorkRequest::Probe { .. } => self
                .connection
                .pragma_update(None, "user_version", SCHEMA_VERSION)
                .map(|()| WorkResult::Probe),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{SqliteContext, Statements, StoreClock};
    use crate::reference::store::commit_queue::{CommitBatch, WorkRequest};
    use crate::reference::store::sqlite::{failed, open_writer};
    use crate::reference::store::{RepeatPolicy, StoreError, StoreOptions};

    #[test]
    fn a_connection_that_may_not_write_fails_as_read_only_and_works_again_once_it_may() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let options = StoreOptions::at(path.as_path());
        let connection = open_writer(&options, &path).expect("the store opens");
        let context = SqliteContext {
            clock: Arc::new(StoreClock::default()),
            owner: 1,
            lease_ms: 1000,
            key_lifetime_ms: 1000,
            repeat: RepeatPolicy::AtLeastOnce,
        };
        let mut statements = Statements::prepare(&connection, &context).expect("a schema");
        let batch = CommitBatch {
            work: vec![WorkRequest::Probe {
                reply: tokio::sync::oneshot::channel().0,
            }],
            ..CommitBatch::default()
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
