//! Attempts at events, up to their start: due events and their leases.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns;
use super::errors::is_of_the_event;
use super::statements::Statements;
use crate::reference::store::changes::Changes;
use crate::reference::store::lease::{
    DueTime, LONGEST_SPAN_MS, LeaseStatus, SPAN_SLACK_MS, longest_ms,
};
use crate::reference::store::next_attempt::NextAttempt;
use crate::reference::store::unreadable::{Unreadable, base_of};
use crate::reference::store::{
    Claim, EventId, EventState, Grant, Insert, Lease, Notification, RepeatPolicy,
};

/// Events that are due later than their own pause or lease allows. The lease begins again: its owner may still be at
/// work.
const BRING_BACK: &str = "UPDATE jobs INDEXED BY jobs_open
    SET due_ms = CASE state WHEN 1 THEN ?2 ELSE ?2 + coalesce(span_ms, ?3) END
    WHERE state = ?1 AND state < 5 AND due_ms > ?2 + min(coalesce(span_ms, ?3), ?4) + ?5";

/// An attempt that may begin, or why none can.
type DueAttempt = Result<NextAttempt<Vec<u8>>, Unreadable>;

/// Reads `seq, event_id, attempts, base, payload, fingerprint`; `state` is the one in which the row was found.
fn due(row: &Row<'_>, state: EventState) -> rusqlite::Result<DueAttempt> {
    let seq = row.get(0)?;
    let read = || {
        let attempts = columns::attempts(row, 2, "attempts")?;
        let base = columns::attempts(row, 3, "base")?;
        base_of(base, attempts)?;
        Ok(NextAttempt {
            seq,
            event_id: columns::event_id(row, 1)?,
            attempt: attempts + 1,
            base,
            payload: columns::payload(row, 4, 5, attempts)?,
        })
    };
    Ok(read().map_err(|reason| Unreadable {
        seq,
        state,
        event_id: columns::event_id(row, 1).ok(),
        reason,
    }))
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
                for due in self.due(state, until_ms, limit - leases.len() as u32)? {
                    match self.lease_due(due, state, changes)? {
                        Some(lease) => leases.push(lease),
                        None => is_over = false,
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

    /// Leases this very job, if it is due and no other process has it.
    pub(super) fn claim_event(
        &mut self,
        event_id: EventId,
        changes: &mut Changes,
    ) -> rusqlite::Result<Grant> {
        let found = self.lease_status.query_row([event_id.as_bytes()], |row| {
            let (Ok(state), Ok(due_ms)) = (columns::state(row, 6), row.get(7)) else {
                return Ok(None);
            };
            Ok(Some((due(row, state)?, LeaseStatus { state, due_ms })))
        });
        let Some(found) = found.optional()? else {
            return Ok(Grant::Unknown);
        };
        let Some((due, status)) = found else {
            self.give_up_unreadable(changes)?;
            return Ok(Grant::Settled(EventState::Dead));
        };
        if let Some(refusal) = status.refusal(changes.now_ms) {
            return Ok(refusal);
        }
        let lease = self.lease_due(due, status.state, changes)?;
        Ok(lease.map_or(Grant::Settled(EventState::Dead), Grant::Leased))
    }

    fn due(
        &mut self,
        state: EventState,
        until_ms: i64,
        limit: u32,
    ) -> rusqlite::Result<Vec<DueAttempt>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let parameters = params![state.code(), until_ms, limit];
        let rows = self.due.query_map(parameters, |row| due(row, state))?;
        rows.collect()
    }

    /// Leases a job that was due in this state; `None` if its row is given up.
    fn lease_due(
        &mut self,
        due: DueAttempt,
        state: EventState,
        changes: &mut Changes,
    ) -> rusqlite::Result<Option<Lease>> {
        match due {
            Ok(job) => {
                changes.moved(state, EventState::Working);
                self.lease(&job, changes.now_ms).map(Some)
            }
            Err(row) => self.give_up(&row, changes).map(|()| None),
        }
    }

    fn idle_for(&mut self, now_ms: i64) -> rusqlite::Result<Option<Duration>> {
        let mut next: Option<i64> = None;
        for state in [EventState::Retrying, EventState::Working] {
            // A time that is not a number cannot be waited for. The row is given up when the queue is scanned.
            let due_time = |row: &Row<'_>| {
                let due_ms = row.get(0).ok();
                let span_ms = row.get(1).unwrap_or(None);
                Ok(due_ms.map(|due_ms| DueTime { due_ms, span_ms }))
            };
            let found = self.next_due.query_row([state.code()], due_time);
            let Some(due_time) = found.optional()?.flatten() else {
                continue;
            };
            if due_time.is_too_late(state, now_ms) {
                bring_back(self.connection, now_ms)?;
                return Ok(Some(Duration::ZERO));
            }
            next = next.into_iter().chain([due_time.due_ms]).min();
        }
        let left_ms = next.map(|due_ms| due_ms.saturating_sub(now_ms).max(0));
        Ok(left_ms.map(|ms| Duration::from_millis(ms as u64)))
    }

    /// Gives a known job to this process and begins the attempt.
    pub(super) fn lease<P: AsRef<[u8]>>(
        &mut self,
        job: &NextAttempt<P>,
        now_ms: i64,
    ) -> rusqlite::Result<Lease> {
        let rules = self.context.rules;
        self.lease.execute(params![
            job.seq,
            now_ms.saturating_add(rules.lease_ms),
            job.attempt,
            job.base,
            rules.owner,
            rules.lease_ms
        ])?;
        self.begin(job, now_ms)
    }

    /// Begins an attempt: applies the insert, which lives in the same database, and looks what is left to send.
    pub(super) fn begin<P: AsRef<[u8]>>(
        &mut self,
        job: &NextAttempt<P>,
        now_ms: i64,
    ) -> rusqlite::Result<Lease> {
        let insert = self.insert_event(job, now_ms)?;
        let notification = if job.attempt == 1 {
            Notification::Due
        } else {
            self.notification(job.seq)?
        };
        let lease = job.lease(insert, notification);
        if self.context.rules.repeat == RepeatPolicy::AtMostOnce
            && notification == Notification::Due
        {
            self.log_notify(&lease, now_ms, "started", None)?;
        }
        Ok(lease)
    }

    /// Moves the payload to `events`. A database that refuses this one event must not stop all the others, so that is
    /// an effect that failed, not an error.
    fn insert_event<P: AsRef<[u8]>>(
        &mut self,
        job: &NextAttempt<P>,
        now_ms: i64,
    ) -> rusqlite::Result<Insert> {
        let Some(payload) = job.payload.as_ref().map(AsRef::as_ref) else {
            return Ok(Insert::Done);
        };
        let row = params![job.event_id.as_bytes(), payload, now_ms];
        let (outcome, reason) = match self.insert_event.execute(row) {
            Ok(1) => ("inserted", None),
            Ok(_) => ("present", None),
            Err(error) if is_of_the_event(&error) => ("failed", Some(error.to_string())),
            Err(error) => return Err(error),
        };
        let row = params![job.seq, "insert", job.attempt, outcome, now_ms, reason];
        self.log.execute(row)?;
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
        let repeat = self.context.rules.repeat;
        self.notified.query_row([seq], |row| {
            Ok(Notification::after(row.get(0)?, row.get(1)?, repeat))
        })
    }

    /// Adds a row about an attempt's notification to the effect log; whether it was not there before.
    pub(super) fn log_notify(
        &mut self,
        lease: &Lease,
        now_ms: i64,
        outcome: &str,
        detail: Option<&str>,
    ) -> rusqlite::Result<bool> {
        let row = params![lease.job, "notify", lease.attempt, outcome, now_ms, detail];
        self.log.execute(row).map(|rows| rows > 0)
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
