//! Takes events in: key, fingerprint and job in one row, or the answer that the key got before.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Statement, params};

use super::attempt::NextAttempt;
use super::clock::by_this_clock;
use super::transaction::Statements;
use super::unreadable;
use crate::reference::store::duplicate_key::{DuplicateAction, KnownKey, duplicate_action};
use crate::reference::store::signals::Changes;
use crate::reference::store::{
    Admission, EventId, EventState, Fingerprint, Handling, Promise, Submission, now_ms,
};

pub(super) const INSERT: &str = "INSERT INTO jobs
    (event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts, owner, run, payload, span_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (event_id) DO NOTHING";
pub(super) const KNOWN: &str = "SELECT seq, fingerprint, promise, state, accepted_ms, due_ms,
    attempts, base, payload FROM jobs WHERE event_id = ?1";
pub(super) const REQUEUE: &str =
    "UPDATE jobs SET state = ?2, promise = ?3, due_ms = ?4, base = ?5, span_ms = 0 WHERE seq = ?1";
pub(super) const RUN_ID: &str = "SELECT id FROM runs WHERE name = ?1";
pub(super) const NEW_RUN: &str = "INSERT INTO runs (name) VALUES (?1)";

impl Statements<'_> {
    /// Takes one event in.
    pub(super) fn accept(
        &mut self,
        submission: &Submission,
        changes: &mut Changes,
    ) -> rusqlite::Result<Admission> {
        let run = submission
            .run
            .as_deref()
            .map(|name| self.run_id(name))
            .transpose()?;
        if self.insert(submission, run, changes)? == 0 {
            return self.accept_duplicate(submission, changes);
        }
        if submission.handling == Handling::Queue {
            changes.entered(EventState::Queued);
            changes.arrived.push(submission.event_id);
            return Ok(Admission::Queued);
        }
        let seq = self.connection.last_insert_rowid();
        changes.entered(EventState::Working);
        let job = NextAttempt {
            seq,
            event_id: submission.event_id,
            attempt: 1,
            base: 0,
            payload: Some(&submission.payload),
        };
        self.begin(job, changes.now_ms).map(Admission::Leased)
    }

    /// Inserts the row; 0 if the event id is known already.
    fn insert(
        &mut self,
        submission: &Submission,
        run: Option<i64>,
        changes: &Changes,
    ) -> rusqlite::Result<usize> {
        let queued = submission.handling == Handling::Queue;
        let lease_end = changes.now_ms + self.context.lease_ms;
        let accepted_ms = by_this_clock(submission.accepted_ms, now_ms(), changes.now_ms);
        self.insert.execute(params![
            submission.event_id.as_bytes(),
            submission.fingerprint.0,
            submission.handling.promise().code(),
            if queued {
                EventState::Queued.code()
            } else {
                EventState::Working.code()
            },
            if queued { accepted_ms } else { lease_end },
            accepted_ms,
            u32::from(!queued),
            (!queued).then_some(self.context.owner),
            run,
            queued.then_some(&submission.payload),
            if queued { 0 } else { self.context.lease_ms },
        ])
    }

    fn accept_duplicate(
        &mut self,
        submission: &Submission,
        changes: &mut Changes,
    ) -> rusqlite::Result<Admission> {
        let known = known(&mut self.known, submission.event_id)?;
        let lifetime_ms = self.context.key_lifetime_ms;
        match duplicate_action(&known, submission, changes.now_ms, lifetime_ms) {
            DuplicateAction::Answer(admission) => Ok(admission),
            DuplicateAction::Requeue => {
                let later = Promise::Later.code();
                self.requeue.execute(params![
                    known.seq,
                    EventState::Queued.code(),
                    later,
                    changes.now_ms,
                    known.base_again()
                ])?;
                changes.left(known.state);
                changes.entered(EventState::Queued);
                changes.arrived.push(submission.event_id);
                Ok(Admission::Queued)
            }
            DuplicateAction::TakeOver => {
                changes.left(known.state);
                changes.entered(EventState::Working);
                let payload = known.payload.as_deref();
                let attempt = known.attempts + 1;
                let job = NextAttempt {
                    seq: known.seq,
                    event_id: submission.event_id,
                    attempt,
                    base: known.base_again(),
                    payload,
                };
                self.lease(job, changes.now_ms).map(Admission::Leased)
            }
        }
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
    unreadable::attempts(row, column, "attempts").map_err(|reason| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, reason.into())
    })
}

fn known(statement: &mut Statement<'_>, event_id: EventId) -> rusqlite::Result<KnownKey> {
    statement.query_row([event_id.as_bytes()], |row: &Row<'_>| {
        Ok(KnownKey {
            seq: row.get(0)?,
            fingerprint: Fingerprint(row.get(1)?),
            promise: Promise::from_code(row.get(2)?),
            state: super::state(row, 3)?,
            accepted_ms: row.get(4)?,
            due_ms: row.get(5)?,
            attempts: attempts(row, 6)?,
            base: attempts(row, 7)?,
            payload: row.get(8)?,
        })
    })
}
