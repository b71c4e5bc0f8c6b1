//! One transaction: everything of a batch, or nothing of it.

use rusqlite::params;

use super::connection::SCHEMA_VERSION;
use super::statements::Statements;
use crate::reference::store::changes::Changes;
use crate::reference::store::commit_batch::{CommitBatch, Committed};
use crate::reference::store::sweep::SweepStep;
use crate::reference::store::totals::COMMITS;
use crate::reference::store::work::{WorkRequest, WorkResult};

impl Statements<'_> {
    /// All of the batch or nothing of it. When this returns, the commit is synced.
    pub(super) fn transact(&mut self, batch: &CommitBatch) -> rusqlite::Result<Committed> {
        self.begin_transaction.execute([])?;
        let applied = self
            .apply(batch)
            .and_then(|applied| self.commit.execute([]).map(|_| applied));
        if applied.is_err() {
            self.last_run = None;
            // After a full disk SQLite has rolled back already.
            if !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK")?;
            }
        }
        applied
    }

    fn apply(&mut self, batch: &CommitBatch) -> rusqlite::Result<Committed> {
        let mut changes = Changes::at(self.context.clock.now_ms());
        let before = self.connection.total_changes();
        let mut admissions = Vec::with_capacity(batch.accepts.len());
        for item in &batch.accepts {
            admissions.push(self.accept(&item.submission, &mut changes)?);
        }
        let mut results = Vec::with_capacity(batch.work.len());
        for item in &batch.work {
            results.push(self.perform(&item.request, &mut changes)?);
        }
        // A claim that found nothing stays a transaction without a write, and so without a sync.
        if self.connection.total_changes() != before {
            self.count(&changes)?;
        }
        Ok(Committed {
            admissions,
            results,
            changes,
        })
    }

    /// Adds to this process' rows of `counts` what the transaction changed.
    fn count(&mut self, changes: &Changes) -> rusqlite::Result<()> {
        let owner = self.context.rules.owner;
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
        request: &WorkRequest,
        changes: &mut Changes,
    ) -> rusqlite::Result<WorkResult> {
        Ok(match request {
            WorkRequest::Claim { limit } => self.claim(*limit, changes)?.into(),
            WorkRequest::ClaimEvent(event_id) => self.claim_event(*event_id, changes)?.into(),
            WorkRequest::GiveBack(leases) => self.take_back(leases, changes)?.into(),
            WorkRequest::Finish { lease, outcome } => self.finish(lease, outcome, changes)?.into(),
            WorkRequest::Sweep {
                cursor,
                idle,
                limit,
            } => {
                let step = SweepStep::begin(*cursor, *idle, *limit, changes.now_ms);
                self.sweep(step, changes)?.into()
            }
            WorkRequest::Replay(event_id) => self.replay(*event_id, changes)?.into(),
            WorkRequest::Report(report) => self.report(report, changes)?.into(),
            // Writes the first page as it is.
            WorkRequest::Probe => self
                .connection
                .pragma_update(None, "user_version", SCHEMA_VERSION)?
                .into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Statements;
    use crate::reference::store::commit_batch::CommitBatch;
    use crate::reference::store::options::WriteRules;
    use crate::reference::store::sqlite::clock::StoreClock;
    use crate::reference::store::sqlite::connection::open_writer;
    use crate::reference::store::sqlite::errors::failed;
    use crate::reference::store::sqlite::statements::SqliteContext;
    use crate::reference::store::work::{WorkItem, WorkRequest};
    use crate::reference::store::{StoreError, StoreOptions};

    #[test]
    fn a_connection_that_may_not_write_fails_as_read_only_and_works_again_once_it_may() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let options = StoreOptions::at(path.as_path());
        let connection = open_writer(&options, &path).expect("the store opens");
        let context = SqliteContext {
            clock: Arc::new(StoreClock::default()),
            rules: WriteRules::new(&options),
        };
        let mut statements = Statements::prepare(&connection, &context).expect("a schema");
        let batch = CommitBatch {
            work: vec![WorkItem::new(WorkRequest::Probe).0],
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
