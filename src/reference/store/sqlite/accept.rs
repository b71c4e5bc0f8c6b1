//! Takes events in: key, fingerprint and job in one row, or the answer that the key got before.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};

use super::clock::by_this_clock;
use super::columns;
use super::statements::Statements;
use crate::reference::store::changes::Changes;
use crate::reference::store::duplicate_key::{DuplicateAction, KnownKey, duplicate_action};
use crate::reference::store::new_job::{NewJob, first_attempt};
use crate::reference::store::{Admission, EventId, Fingerprint, Promise, Submission};
use crate::reference::timestamp::now_ms;

impl Statements<'_> {
    /// Takes one event in.
    pub(super) fn accept(
        &mut self,
        submission: &Submission,
        changes: &mut Changes,
    ) -> rusqlite::Result<Admission> {
        let run = submission.run.as_deref();
        let run = run.map(|name| self.run_id(name)).transpose()?;
        if self.insert(submission, run, changes.now_ms)? == 0 {
            return self.accept_duplicate(submission, changes);
        }
        let seq = self.connection.last_insert_rowid();
        match first_attempt(seq, submission, changes) {
            Some(job) => self.begin(&job, changes.now_ms).map(Admission::Leased),
            None => Ok(Admission::Queued),
        }
    }

    /// Inserts the row; 0 if the event id is known already.
    fn insert(
        &mut self,
        submission: &Submission,
        run: Option<i64>,
        by_store_ms: i64,
    ) -> rusqlite::Result<usize> {
        let accepted_ms = by_this_clock(submission.accepted_ms, now_ms(), by_store_ms);
        let job = NewJob::of(submission, accepted_ms, by_store_ms, &self.context.rules);
        self.insert.execute(params![
            submission.event_id.as_bytes(),
            submission.fingerprint.0,
            submission.handling.promise().code(),
            job.state.code(),
            job.due_ms,
            job.accepted_ms,
            job.attempts,
            job.owner,
            run,
            job.payload,
            job.span_ms,
        ])
    }

    fn accept_duplicate(
        &mut self,
        submission: &Submission,
        changes: &mut Changes,
    ) -> rusqlite::Result<Admission> {
        let mut known = self.known(submission.event_id)?;
        let (rules, now_ms) = (self.context.rules, changes.now_ms);
        match duplicate_action(&known, submission, now_ms, rules.key_lifetime_ms) {
            DuplicateAction::Answer(admission) => Ok(admission),
            DuplicateAction::Requeue => {
                known.requeue(submission.event_id, changes);
                self.requeue.execute(params![
                    known.seq,
                    known.state.code(),
                    known.promise.code(),
                    now_ms,
                    known.base
                ])?;
                Ok(Admission::Queued)
            }
            DuplicateAction::TakeOver => {
                let job = known.take_over(submission.event_id, now_ms + rules.lease_ms, changes);
                self.lease(&job, now_ms).map(Admission::Leased)
            }
        }
    }

    fn known(&mut self, event_id: EventId) -> rusqlite::Result<KnownKey> {
        self.known.query_row([event_id.as_bytes()], |row| {
            Ok(KnownKey {
                seq: row.get(0)?,
                fingerprint: Fingerprint(row.get(1)?),
                promise: Promise::from_code(row.get(2)?),
                state: columns::state(row, 3)?,
                accepted_ms: row.get(4)?,
                due_ms: row.get(5)?,
                attempts: attempts(row, 6)?,
                base: attempts(row, 7)?,
                payload: row.get(8)?,
            })
        })
    }

    /// The number of a run; a new one if the name is new. Runs are few, so the last one is remembered.
    fn run_id(&mut self, name: &str) -> rusqlite::Result<i64> {
        if let Some((last, id)) = &self.last_run
            && last == name
        {
            return Ok(*id);
        }
        let found = self.run_id.query_row([name], |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => self.new_run.insert([name])?,
        };
        self.last_run = Some((name.to_owned(), id));
        Ok(id)
    }
}

/// A number of attempts that can be increased by one.
fn attempts(row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    columns::attempts(row, column, "attempts").map_err(|reason| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, reason.into())
    })
}
