//! Takes events in: key, fingerprint and job in one row, or the answer that the key got before.

use rusqlite::{OptionalExtension, Row, Statement, params};

use super::attempt::Job;
use super::transaction::{Changes, Statements};
use crate::store::{Admission, EventId, Fingerprint, Handling, Promise, State, Submission};

pub(super) const INSERT: &str = "INSERT INTO jobs
    (event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts, owner, run, payload)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (event_id) DO NOTHING";
pub(super) const KNOWN: &str = "SELECT seq, fingerprint, promise, state, accepted_ms, attempts, payload FROM jobs WHERE event_id = ?1";
pub(super) const REQUEUE: &str =
    "UPDATE jobs SET state = ?2, promise = ?3, due_ms = ?4 WHERE seq = ?1";
pub(super) const RUN_ID: &str = "SELECT id FROM runs WHERE name = ?1";
pub(super) const NEW_RUN: &str = "INSERT INTO runs (name) VALUES (?1)";

/// What the store knows of a key that came again.
struct Known {
    seq: i64,
    fingerprint: Fingerprint,
    promise: Promise,
    state: State,
    accepted_ms: i64,
    attempts: u32,
    payload: Option<Vec<u8>>,
}

/// What is to be done about it.
#[derive(Debug, PartialEq, Eq)]
enum Readmission {
    /// It was answered, or cannot be: say so.
    Answer(Admission),
    /// The synchronous call failed or was cut off by a crash: the caller tries again.
    TakeOver,
    /// The same, but a worker shall try.
    Requeue,
}

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
            return self.readmit(submission, changes);
        }
        if submission.handling == Handling::Queue {
            changes.entered(State::Queued);
            return Ok(Admission::Queued);
        }
        let seq = self.connection.last_insert_rowid();
        changes.entered(State::Working);
        let job = Job {
            seq,
            event_id: submission.event_id,
            attempt: 1,
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
        let lease_end = changes.now_ms + self.terms.lease_ms;
        self.insert.execute(params![
            submission.event_id.as_bytes(),
            submission.fingerprint.0,
            submission.handling.promise().code(),
            if queued {
                State::Queued.code()
            } else {
                State::Working.code()
            },
            if queued {
                submission.accepted_ms
            } else {
                lease_end
            },
            submission.accepted_ms,
            u32::from(!queued),
            (!queued).then_some(self.terms.owner),
            run,
            queued.then_some(&submission.payload),
        ])
    }

    fn readmit(
        &mut self,
        submission: &Submission,
        changes: &mut Changes,
    ) -> rusqlite::Result<Admission> {
        let known = known(&mut self.known, submission.event_id)?;
        match readmission(
            &known,
            submission,
            changes.now_ms - self.terms.key_lifetime_ms,
        ) {
            Readmission::Answer(admission) => Ok(admission),
            Readmission::Requeue => {
                let later = Promise::Later.code();
                self.requeue.execute(params![
                    known.seq,
                    State::Queued.code(),
                    later,
                    changes.now_ms
                ])?;
                changes.left(known.state);
                changes.entered(State::Queued);
                Ok(Admission::Queued)
            }
            Readmission::TakeOver => {
                changes.left(known.state);
                changes.entered(State::Working);
                let payload = known.payload.as_deref();
                let attempt = known.attempts + 1;
                let job = Job {
                    seq: known.seq,
                    event_id: submission.event_id,
                    attempt,
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

/// The rules of a repeated key. `expired_ms`: keys that came before have expired.
fn readmission(known: &Known, submission: &Submission, expired_ms: i64) -> Readmission {
    if known.fingerprint != submission.fingerprint {
        let expired = known.accepted_ms < expired_ms;
        return Readmission::Answer(if expired {
            Admission::IdTaken
        } else {
            Admission::BodyDiffers
        });
    }
    match (known.promise, known.state) {
        (Promise::Later, _) => Readmission::Answer(Admission::Replayed(Promise::Later)),
        (Promise::Done, State::Processed) => {
            Readmission::Answer(Admission::Replayed(Promise::Done))
        }
        (Promise::Done, State::Working) => Readmission::Answer(Admission::InProgress),
        // The client never heard that it is done.
        (Promise::Done, State::Queued | State::Retrying | State::Failed | State::Dead) => {
            match submission.handling {
                Handling::Call => Readmission::TakeOver,
                Handling::Queue | Handling::Adopt => Readmission::Requeue,
            }
        }
    }
}

fn known(statement: &mut Statement<'_>, event_id: EventId) -> rusqlite::Result<Known> {
    statement.query_row([event_id.as_bytes()], |row: &Row<'_>| {
        Ok(Known {
            seq: row.get(0)?,
            fingerprint: Fingerprint(row.get(1)?),
            promise: Promise::from_code(row.get(2)?),
            state: super::state(row, 3)?,
            accepted_ms: row.get(4)?,
            attempts: row.get(5)?,
            payload: row.get(6)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Known, Readmission, readmission};
    use crate::store::{Admission, EventId, Fingerprint, Handling, Promise, State, Submission};

    const HOUR_MS: i64 = 3_600_000;

    fn submission(handling: Handling) -> Submission {
        Submission {
            event_id: EventId::from_key("k"),
            fingerprint: Fingerprint::of(b"{}"),
            payload: b"{}".to_vec(),
            run: None,
            accepted_ms: 0,
            handling,
        }
    }

    fn known(promise: Promise, state: State) -> Known {
        let fingerprint = Fingerprint::of(b"{}");
        Known {
            seq: 1,
            fingerprint,
            promise,
            state,
            accepted_ms: 0,
            attempts: 1,
            payload: None,
        }
    }

    #[test]
    fn what_was_answered_202_is_answered_202_again_whatever_became_of_it() {
        for state in State::ALL {
            for handling in [Handling::Queue, Handling::Call] {
                let again = readmission(
                    &known(Promise::Later, state),
                    &submission(handling),
                    -HOUR_MS,
                );
                assert_eq!(
                    again,
                    Readmission::Answer(Admission::Replayed(Promise::Later)),
                    "{state:?}"
                );
            }
        }
    }

    #[test]
    fn a_synchronous_call_is_replayed_when_done_refused_while_running_and_tried_again_when_it_failed()
     {
        let again = |state| {
            readmission(
                &known(Promise::Done, state),
                &submission(Handling::Call),
                -HOUR_MS,
            )
        };
        assert_eq!(
            again(State::Processed),
            Readmission::Answer(Admission::Replayed(Promise::Done))
        );
        assert_eq!(
            again(State::Working),
            Readmission::Answer(Admission::InProgress)
        );
        for state in [State::Queued, State::Retrying, State::Failed, State::Dead] {
            assert_eq!(again(state), Readmission::TakeOver, "{state:?}");
        }
    }

    #[test]
    fn a_failed_synchronous_call_is_queued_when_its_retry_meets_a_background_server() {
        let again = readmission(
            &known(Promise::Done, State::Failed),
            &submission(Handling::Queue),
            -HOUR_MS,
        );
        assert_eq!(again, Readmission::Requeue);
    }

    #[test]
    fn another_body_is_never_accepted_under_a_known_id_expired_or_not() {
        let mut known = known(Promise::Later, State::Processed);
        known.fingerprint = Fingerprint::of(b"[]");
        let again = |expired_ms| readmission(&known, &submission(Handling::Queue), expired_ms);
        assert_eq!(again(-HOUR_MS), Readmission::Answer(Admission::BodyDiffers));
        assert_eq!(again(HOUR_MS), Readmission::Answer(Admission::IdTaken));
    }
}
