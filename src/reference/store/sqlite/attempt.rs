//! One attempt at one event, from the lease to the outcome.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::transaction::Statements;
use super::unreadable;
use crate::reference::store::lease::{
    LONGEST_SPAN_MS, LeaseStatus, NOT_BEGUN, SPAN_SLACK_MS, is_too_late, longest_ms,
};
use crate::reference::store::signals::Changes;
use crate::reference::store::unreadable::{Unreadable, base_of};
use crate::reference::store::{
    AttemptOutcome, Claim, EventId, EventState, Finished, Grant, Insert, Lease, Notification,
    RepeatPolicy,
};

// `state < 5` is what the partial index covers; naming the index turns a missed one into an error at the start.
pub(super) const DUE: &str =
    "SELECT seq, event_id, attempts, base, payload, fingerprint FROM jobs INDEXED BY jobs_open
    WHERE state = ?1 AND state < 5 AND due_ms <= ?2 ORDER BY due_ms LIMIT ?3";
pub(super) const NEXT_DUE: &str = "SELECT due_ms, span_ms FROM jobs INDEXED BY jobs_open
    WHERE state = ?1 AND state < 5 AND due_ms IS NOT NULL ORDER BY due_ms LIMIT 1";
/// Events that are due later than their own pause or lease allows. The lease begins again: its owner may still be at
/// work.
const BRING_BACK: &str = "UPDATE jobs INDEXED BY jobs_open
    SET due_ms = CASE state WHEN 1 THEN ?2 ELSE ?2 + coalesce(span_ms, ?3) END
    WHERE state = ?1 AND state < 5 AND due_ms > ?2 + min(coalesce(span_ms, ?3), ?4) + ?5";
pub(super) const LEASE: &str =
    "UPDATE jobs SET state = 2, due_ms = ?2, attempts = ?3, base = ?4, owner = ?5, span_ms = ?6,
    payload = NULL WHERE seq = ?1";
pub(super) const INSERT_EVENT: &str = "INSERT INTO events (event_id, payload, inserted_ms) VALUES (?1, ?2, ?3) ON CONFLICT (event_id) DO NOTHING";
pub(super) const LOG: &str = "INSERT INTO effects (job, effect, attempt, outcome, at_ms, detail)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
/// Judged attempt by attempt: one that has begun and not ended is not made up for by another one that has.
pub(super) const NOTIFIED: &str =
    "SELECT coalesce(max(sent), 0), coalesce(max(unknown OR started AND NOT ended), 0)
    FROM (SELECT max(outcome = 'sent') AS sent, max(outcome IN ('unknown', 'broken')) AS unknown,
            max(outcome = 'started') AS started, max(outcome <> 'started') AS ended
        FROM effects WHERE job = ?1 AND effect = 'notify' GROUP BY attempt)";
pub(super) const FINISH: &str =
    "UPDATE jobs SET state = ?3, due_ms = ?4, processed_ms = ?5, span_ms = ?6
    WHERE seq = ?1 AND attempts = ?2 AND state = 2";
/// Is the job in the state that this outcome of its latest attempt gave it, and has that attempt told of no other one?
pub(super) const DECIDED: &str =
    "SELECT EXISTS (SELECT 1 FROM jobs WHERE seq = ?1 AND attempts = ?2 AND state = ?3)
    AND NOT EXISTS (SELECT 1 FROM effects WHERE job = ?1 AND effect = 'notify' AND attempt = ?2
        AND outcome NOT IN ('started', ?4))";
/// The attempt was not begun: it is made up for in `base`.
pub(super) const GIVE_BACK: &str =
    "UPDATE jobs SET state = 1, due_ms = ?3, span_ms = 0, base = base + 1
    WHERE seq = ?1 AND attempts = ?2 AND state = 2";
pub(super) const KEEP_PAYLOAD: &str = "UPDATE jobs SET payload = ?2 WHERE seq = ?1";
pub(super) const LEASE_STATUS: &str = "SELECT seq, event_id, attempts, base, payload, fingerprint, state, due_ms FROM jobs WHERE event_id = ?1";

/// A job whose next attempt begins.
pub(super) struct NextAttempt<'a> {
    pub(super) seq: i64,
    pub(super) event_id: EventId,
    /// The number of the attempt that begins.
    pub(super) attempt: u32,
    /// Attempts that do not count any more.
    pub(super) base: u32,
    /// Until it has moved to `events`.
    pub(super) payload: Option<&'a [u8]>,
}

/// A row of `DUE`.
struct Due {
    seq: i64,
    event_id: EventId,
    attempts: u32,
    base: u32,
    payload: Option<Vec<u8>>,
}

impl Due {
    /// The first six columns are those of `DUE`; `state` is the one in which the row was found.
    fn read(row: &Row<'_>, state: EventState) -> rusqlite::Result<Result<Due, Unreadable>> {
        let seq = row.get(0)?;
        let read = || {
            let attempts = unreadable::attempts(row, 2, "attempts")?;
            let base = unreadable::attempts(row, 3, "base")?;
            base_of(base, attempts)?;
            Ok(Due {
                seq,
                event_id: unreadable::event_id(row, 1)?,
                attempts,
                base,
                payload: unreadable::payload(row, (4, 5), attempts)?,
            })
        };
        Ok(read().map_err(|reason| Unreadable {
            seq,
            state,
            event_id: unreadable::event_id(row, 1).ok(),
            reason,
        }))
    }

    fn next_attempt(&self) -> NextAttempt<'_> {
        NextAttempt {
            seq: self.seq,
            event_id: self.event_id,
            attempt: self.attempts + 1,
            base: self.base,
            payload: self.payload.as_deref(),
        }
    }
}

impl Statements<'_> {
    /// Leases up to `limit` jobs that are due: first those whose lease ran out, then retries, then new ones.
    pub(super) fn claim(&mut self, limit: u32, changes: &mut Changes) -> rusqlite::Result<Claim> {
        self.give_up_unreadable(changes)?;
        let mut leases = Vec::new();
        // New events are due whatever the clock says: it may have been set back since they came.
        for (state, until_ms) in [
            (EventState::Working, changes.now_ms),
            (EventState::Retrying, changes.now_ms),
            (EventState::Queued, i64::MAX),
        ] {
            // An unreadable row gives its place to the next one.
            let mut is_over = false;
            while !is_over {
                is_over = true;
                for due in self.due(state, limit - leases.len() as u32, until_ms)? {
                    match due {
                        Ok(due) => {
                            changes.left(state);
                            changes.entered(EventState::Working);
                            leases.push(self.lease(due.next_attempt(), changes.now_ms)?);
                        }
                        Err(row) => {
                            self.give_up(&row, changes)?;
                            is_over = false;
                        }
                    }
                }
            }
        }
        let idle_for = if leases.is_empty() {
            self.idle_for(changes.now_ms)?
        } else {
            None
        };
        Ok(Claim { leases, idle_for })
    }

    fn due(
        &mut self,
        state: EventState,
        limit: u32,
        until_ms: i64,
    ) -> rusqlite::Result<Vec<Result<Due, Unreadable>>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.due
            .query_map(params![state.code(), until_ms, limit], |row| {
                Due::read(row, state)
            })?
            .collect()
    }

    fn idle_for(&mut self, now_ms: i64) -> rusqlite::Result<Option<Duration>> {
        let mut next: Option<i64> = None;
        for state in [EventState::Retrying, EventState::Working] {
            // A time that is not a number cannot be waited for. The row is given up when the queue is scanned.
            let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0).ok(), row.get(1).unwrap_or(None)));
            let found = self.next_due.query_row([state.code()], row).optional()?;
            let Some((Some(due_ms), span_ms)) = found else {
                continue;
            };
            if is_too_late(state, (due_ms, span_ms), now_ms) {
                bring_back(self.connection, now_ms)?;
                return Ok(Some(Duration::ZERO));
            }
            next = next.into_iter().chain([due_ms]).min();
        }
        Ok(next
            .map(|due_ms: i64| Duration::from_millis(due_ms.saturating_sub(now_ms).max(0) as u64)))
    }

    /// Gives a known job to this process and begins the attempt.
    pub(super) fn lease(&mut self, job: NextAttempt<'_>, now_ms: i64) -> rusqlite::Result<Lease> {
        let (end_ms, owner) = (
            now_ms.saturating_add(self.context.lease_ms),
            self.context.owner,
        );
        self.lease.execute(params![
            job.seq,
            end_ms,
            job.attempt,
            job.base,
            owner,
            self.context.lease_ms
        ])?;
        self.begin(job, now_ms)
    }

    /// Leases this very job, if it is due and nobody else's.
    pub(super) fn claim_event(
        &mut self,
        event_id: EventId,
        changes: &mut Changes,
    ) -> rusqlite::Result<Grant> {
        let found = self
            .lease_status
            .query_row([event_id.as_bytes()], |row| {
                let (Ok(state), Ok(due_ms)) = (super::state(row, 6), row.get(7)) else {
                    return Ok(None);
                };
                Ok(Some((
                    Due::read(row, state)?,
                    LeaseStatus { state, due_ms },
                )))
            })
            .optional()?;
        let Some(found) = found else {
            return Ok(Grant::Unknown);
        };
        let Some((due, status)) = found else {
            self.give_up_unreadable(changes)?;
            return Ok(Grant::Settled(EventState::Dead));
        };
        if let Some(refusal) = status.refusal(changes.now_ms) {
            return Ok(refusal);
        }
        let due = match due {
            Ok(due) => due,
            Err(row) => {
                self.give_up(&row, changes)?;
                return Ok(Grant::Settled(EventState::Dead));
            }
        };
        changes.left(status.state);
        changes.entered(EventState::Working);
        self.lease(due.next_attempt(), changes.now_ms)
            .map(Grant::Leased)
    }

    /// Begins an attempt: applies the insert, which lives in the same database, and looks what is left to send.
    pub(super) fn begin(&mut self, job: NextAttempt<'_>, now_ms: i64) -> rusqlite::Result<Lease> {
        let insert = self.insert_event(&job, now_ms)?;
        let NextAttempt {
            seq,
            event_id,
            attempt,
            base,
            ..
        } = job;
        let notification = if attempt == 1 {
            Notification::Due
        } else {
            self.notification(seq)?
        };
        if self.context.repeat == RepeatPolicy::AtMostOnce && notification == Notification::Due {
            self.log(seq, "notify", attempt, "started", now_ms, None)?;
        }
        Ok(Lease {
            job: seq,
            event_id,
            attempt,
            tries: attempt.saturating_sub(base),
            insert,
            notification,
        })
    }

    /// Moves the payload to `events`. A database that refuses this one event must not stop all the others, so that is
    /// an effect that failed, not an error.
    fn insert_event(&mut self, job: &NextAttempt<'_>, now_ms: i64) -> rusqlite::Result<Insert> {
        let Some(payload) = job.payload else {
            return Ok(Insert::Done);
        };
        let event_id = job.event_id.as_bytes();
        let inserted = self
            .insert_event
            .execute(params![event_id, payload, now_ms]);
        let (outcome, reason) = match inserted {
            Ok(1) => ("inserted", None),
            Ok(_) => ("present", None),
            Err(error) if is_of_the_event(&error) => ("failed", Some(error.to_string())),
            Err(error) => return Err(error),
        };
        self.log(
            job.seq,
            "insert",
            job.attempt,
            outcome,
            now_ms,
            reason.as_deref(),
        )?;
        match reason {
            None => Ok(Insert::Done),
            Some(reason) => {
                self.keep_payload.execute(params![job.seq, payload])?;
                Ok(Insert::Failed { reason })
            }
        }
    }

    /// What earlier attempts left to send.
    fn notification(&mut self, seq: i64) -> rusqlite::Result<Notification> {
        let (sent, unknown): (bool, bool) = self
            .notified
            .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(match self.context.repeat {
            _ if sent => Notification::Sent,
            RepeatPolicy::AtMostOnce if unknown => Notification::Unknown,
            _ => Notification::Due,
        })
    }

    /// Records how an attempt ended. The effect log is written in any case: what was sent was sent.
    pub(super) fn finish(
        &mut self,
        lease: &Lease,
        outcome: &AttemptOutcome,
        changes: &mut Changes,
    ) -> rusqlite::Result<Finished> {
        let now_ms = changes.now_ms;
        let effect = outcome.effect();
        let mut told_before = false;
        if let Some((what, detail)) = effect {
            let rows = self.log(lease.job, "notify", lease.attempt, what, now_ms, detail)?;
            told_before = rows == 0;
        }
        let (state, due_ms) = outcome.state(lease, now_ms);
        let processed_ms = (state == EventState::Processed).then_some(now_ms);
        let changed = self.finish.execute(params![
            lease.job,
            lease.attempt,
            state.code(),
            due_ms,
            processed_ms,
            due_ms.saturating_sub(now_ms)
        ])?;
        if changed == 0 {
            let decided = (told_before || effect.is_none())
                && self.decided(lease, state, effect.map_or("", |effect| effect.0))?;
            return Ok(Finished::found(decided, told_before || decided));
        }
        changes.left(EventState::Working);
        changes.entered(state);
        if state.is_settled() {
            changes.settled.push(lease.event_id);
        }
        Ok(Finished::Recorded)
    }

    /// Did this outcome give the job its state before?
    fn decided(&mut self, lease: &Lease, state: EventState, what: &str) -> rusqlite::Result<bool> {
        let parameters = params![lease.job, lease.attempt, state.code(), what];
        self.decided.query_row(parameters, |row| row.get(0))
    }

    /// Takes back leases of attempts that were not begun.
    pub(super) fn take_back(
        &mut self,
        leases: &[Lease],
        changes: &mut Changes,
    ) -> rusqlite::Result<()> {
        let now_ms = changes.now_ms;
        for lease in leases {
            // What was said to have started has not.
            if lease.notification == Notification::Due {
                let (job, attempt) = (lease.job, lease.attempt);
                self.log(job, "notify", attempt, "failed", now_ms, Some(NOT_BEGUN))?;
            }
            let row = params![lease.job, lease.attempt, now_ms];
            if self.give_back.execute(row)? == 1 {
                changes.left(EventState::Working);
                changes.entered(EventState::Retrying);
            }
        }
        Ok(())
    }

    fn log(
        &mut self,
        seq: i64,
        effect: &str,
        attempt: u32,
        outcome: &str,
        at_ms: i64,
        detail: Option<&str>,
    ) -> rusqlite::Result<usize> {
        self.log
            .execute(params![seq, effect, attempt, outcome, at_ms, detail])
    }
}

/// Makes events due that are due later than possible: another clock wrote their time. Only rows of an older version, or
/// of another program, need this.
pub(super) fn bring_back(connection: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    for state in [EventState::Retrying, EventState::Working] {
        let row = params![
            state.code(),
            now_ms,
            LONGEST_SPAN_MS,
            longest_ms(state),
            SPAN_SLACK_MS
        ];
        connection.prepare_cached(BRING_BACK)?.execute(row)?;
    }
    Ok(())
}

/// Would the database refuse this event again, and take others?
pub(super) fn is_of_the_event(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    unreadable::is_of_the_row(error)
        || matches!(
            error.sqlite_error_code(),
            Some(ConstraintViolation | TooBig | TypeMismatch)
        )
}
