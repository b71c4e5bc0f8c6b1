//! One attempt at one event, from the lease to the outcome.

use std::time::Duration;

use rusqlite::{Row, params};

use super::transaction::{Changes, Statements};
use crate::store::{Claim, EventId, Finished, Lease, Next, Notification, Outcome, Repeat, State};

// `state < 5` is what the partial index covers; naming the index turns a missed one into an error at the start.
pub(super) const DUE: &str =
    "SELECT seq, event_id, attempts, payload FROM jobs INDEXED BY jobs_open
    WHERE state = ?1 AND state < 5 AND due_ms <= ?2 ORDER BY due_ms LIMIT ?3";
pub(super) const NEXT_DUE: &str =
    "SELECT min(due_ms) FROM jobs INDEXED BY jobs_open WHERE state = ?1 AND state < 5";
pub(super) const LEASE: &str = "UPDATE jobs SET state = 2, due_ms = ?2, attempts = ?3, owner = ?4, payload = NULL WHERE seq = ?1";
pub(super) const INSERT_EVENT: &str = "INSERT INTO events (event_id, payload, inserted_ms) VALUES (?1, ?2, ?3) ON CONFLICT (event_id) DO NOTHING";
pub(super) const LOG: &str = "INSERT INTO effects (job, effect, attempt, outcome, at_ms, detail)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
pub(super) const NOTIFIED: &str = "SELECT coalesce(max(outcome = 'sent'), 0),
    coalesce(sum(outcome = 'started') > sum(outcome IN ('sent', 'failed', 'unknown')), 0)
    FROM effects WHERE job = ?1 AND effect = 'notify'";
pub(super) const FINISH: &str = "UPDATE jobs SET state = ?3, due_ms = ?4, processed_ms = ?5
    WHERE seq = ?1 AND attempts = ?2 AND state = 2";

/// A job whose next attempt begins.
pub(super) struct Job<'a> {
    pub(super) seq: i64,
    pub(super) event_id: EventId,
    /// The number of the attempt that begins.
    pub(super) attempt: u32,
    /// Until it has moved to `events`.
    pub(super) payload: Option<&'a [u8]>,
}

/// A row of `DUE`.
struct Due {
    seq: i64,
    event_id: EventId,
    attempts: u32,
    payload: Option<Vec<u8>>,
}

impl Statements<'_> {
    /// Leases up to `limit` jobs that are due: first those whose lease ran out, then retries, then new ones.
    pub(super) fn claim(&mut self, limit: u32, changes: &mut Changes) -> rusqlite::Result<Claim> {
        let mut leases = Vec::new();
        // New events are due whatever the clock says: it may have been set back since they came.
        for (state, until_ms) in [
            (State::Working, changes.now_ms),
            (State::Retrying, changes.now_ms),
            (State::Queued, i64::MAX),
        ] {
            for due in self.due(state, limit - leases.len() as u32, until_ms)? {
                changes.left(state);
                changes.entered(State::Working);
                let (attempt, payload) = (due.attempts + 1, due.payload.as_deref());
                leases.push(self.lease(
                    Job {
                        seq: due.seq,
                        event_id: due.event_id,
                        attempt,
                        payload,
                    },
                    changes.now_ms,
                )?);
            }
        }
        let idle_for = if leases.is_empty() {
            self.idle_for(changes.now_ms)?
        } else {
            None
        };
        Ok(Claim { leases, idle_for })
    }

    fn due(&mut self, state: State, limit: u32, until_ms: i64) -> rusqlite::Result<Vec<Due>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let due = |row: &Row<'_>| {
            let event_id = EventId::from_bytes(row.get(1)?);
            Ok(Due {
                seq: row.get(0)?,
                event_id,
                attempts: row.get(2)?,
                payload: row.get(3)?,
            })
        };
        self.due
            .query_map(params![state.code(), until_ms, limit], due)?
            .collect()
    }

    fn idle_for(&mut self, now_ms: i64) -> rusqlite::Result<Option<Duration>> {
        let mut next = None;
        for state in [State::Retrying, State::Working] {
            let due_ms: Option<i64> = self.next_due.query_row([state.code()], |row| row.get(0))?;
            next = next.into_iter().chain(due_ms).min();
        }
        Ok(next
            .map(|due_ms: i64| Duration::from_millis(due_ms.saturating_sub(now_ms).max(0) as u64)))
    }

    /// Gives a known job to this process and begins the attempt.
    pub(super) fn lease(&mut self, job: Job<'_>, now_ms: i64) -> rusqlite::Result<Lease> {
        let (end_ms, owner) = (now_ms + self.terms.lease_ms, self.terms.owner);
        self.lease
            .execute(params![job.seq, end_ms, job.attempt, owner])?;
        self.begin(job, now_ms)
    }

    /// Begins an attempt: applies the insert, which lives in the same database, and looks what is left to send.
    pub(super) fn begin(&mut self, job: Job<'_>, now_ms: i64) -> rusqlite::Result<Lease> {
        let Job {
            seq,
            event_id,
            attempt,
            payload,
        } = job;
        if let Some(payload) = payload {
            let inserted =
                self.insert_event
                    .execute(params![event_id.as_bytes(), payload, now_ms])?;
            let outcome = if inserted == 1 { "inserted" } else { "present" };
            self.log(seq, "insert", attempt, outcome, now_ms, None)?;
        }
        let notification = if attempt == 1 {
            Notification::Due
        } else {
            self.notification(seq)?
        };
        if self.terms.repeat == Repeat::AtMostOnce && notification == Notification::Due {
            self.log(seq, "notify", attempt, "started", now_ms, None)?;
        }
        Ok(Lease {
            job: seq,
            event_id,
            attempt,
            notification,
        })
    }

    /// What earlier attempts left to send.
    fn notification(&mut self, seq: i64) -> rusqlite::Result<Notification> {
        let (sent, cut_off): (bool, bool) = self
            .notified
            .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(match self.terms.repeat {
            _ if sent => Notification::Sent,
            Repeat::AtMostOnce if cut_off => Notification::Unknown,
            _ => Notification::Due,
        })
    }

    /// Records how an attempt ended. The effect log is written in any case: what was sent was sent.
    pub(super) fn finish(
        &mut self,
        lease: &Lease,
        outcome: &Outcome,
        changes: &mut Changes,
    ) -> rusqlite::Result<Finished> {
        let now_ms = changes.now_ms;
        if let Some((what, detail)) = effect(outcome) {
            self.log(lease.job, "notify", lease.attempt, what, now_ms, detail)?;
        }
        let (state, due_ms) = match outcome {
            Outcome::Sent | Outcome::SentBefore | Outcome::Unknown { .. } => {
                (State::Processed, now_ms)
            }
            Outcome::NotSent {
                next: Next::Retry(after),
                ..
            } => (State::Retrying, now_ms + millis(*after)),
            Outcome::NotSent {
                next: Next::GiveUp, ..
            } => (State::Dead, now_ms),
            Outcome::NotSent {
                next: Next::Answer, ..
            } => (State::Failed, now_ms),
        };
        let processed_ms = (state == State::Processed).then_some(now_ms);
        let changed = self.finish.execute(params![
            lease.job,
            lease.attempt,
            state.code(),
            due_ms,
            processed_ms
        ])?;
        if changed == 0 {
            return Ok(Finished::Stale);
        }
        changes.left(State::Working);
        changes.entered(state);
        if state.is_settled() {
            changes.settled.push(lease.event_id);
        }
        Ok(Finished::Recorded)
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

/// The row that an outcome leaves in the effect log.
fn effect(outcome: &Outcome) -> Option<(&'static str, Option<&str>)> {
    match outcome {
        Outcome::Sent => Some(("sent", None)),
        Outcome::SentBefore => None,
        Outcome::Unknown { reason } => Some(("unknown", Some(reason))),
        Outcome::NotSent { reason, .. } => Some(("failed", Some(reason))),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
