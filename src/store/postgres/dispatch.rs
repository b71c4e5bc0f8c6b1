//! What dispatchers, operators and other processes need: events that nobody took, dead letters back, who is there.

use std::time::Duration;

use tokio_postgres::Error;

use super::accept::event_id;
use super::session::Work;
use crate::store::lease::millis;
use crate::store::process::KEPT_MS;
use crate::store::signals::Changes;
use crate::store::{EventId, ProcessReport, Replay, State};

const SWEEP: &str = "UPDATE jobs SET swept_ms = $4 FROM (SELECT seq, due_ms AS was_due FROM jobs
        WHERE state = $1 AND state < 5 AND due_ms <= $2 AND coalesce(swept_ms, 0) <= $2
        ORDER BY due_ms, seq LIMIT $3 FOR UPDATE SKIP LOCKED) idle
    WHERE jobs.seq = idle.seq RETURNING event_id, was_due";
const REPLAY: &str =
    "UPDATE jobs SET state = 1, due_ms = $2, base = attempts WHERE event_id = $1 AND state = 4
    RETURNING seq";
const STATE: &str = "SELECT state FROM jobs WHERE event_id = $1";
const REPORT: &str = "INSERT INTO processes
    (owner, seen_ms, role, host, pid, in_flight, attempts, processed, retries, dead, breaker, breaker_reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (owner) DO UPDATE SET seen_ms = excluded.seen_ms, in_flight = excluded.in_flight,
        attempts = excluded.attempts, processed = excluded.processed, retries = excluded.retries, dead = excluded.dead,
        breaker = excluded.breaker, breaker_reason = excluded.breaker_reason";
const FORGET: &str = "DELETE FROM processes WHERE seen_ms < $1";

impl Work<'_> {
    /// Up to `limit` events that have been due for `idle` and that nobody took; they are not named again for as long.
    pub(super) async fn sweep(
        &mut self,
        idle: Duration,
        limit: u32,
        now_ms: i64,
    ) -> Result<Vec<EventId>, Error> {
        let mut found = Vec::new();
        for state in [State::Working, State::Retrying, State::Queued] {
            let left = i64::from(limit) - found.len() as i64;
            let (code, since_ms) = (state.code() as i16, now_ms - millis(idle));
            let mut rows = self
                .query(SWEEP, &[&code, &since_ms, &left, &now_ms])
                .await?;
            rows.sort_by_key(|row| row.get::<_, i64>(1));
            found.extend(rows.iter().map(|row| event_id(row, 0)));
        }
        Ok(found)
    }

    /// Makes a dead event due again, with all its attempts.
    pub(super) async fn replay(
        &mut self,
        event_id: EventId,
        changes: &mut Changes,
    ) -> Result<Replay, Error> {
        let id = event_id.uuid();
        if !self
            .query(REPLAY, &[&id, &changes.now_ms])
            .await?
            .is_empty()
        {
            changes.left(State::Dead);
            changes.entered(State::Retrying);
            changes.arrived.push(event_id);
            return Ok(Replay::Requeued);
        }
        let rows = self.query(STATE, &[&id]).await?;
        let state = rows.first().map(|row| super::state(row, 0));
        Ok(state.map_or(Replay::Unknown, Replay::NotDead))
    }

    /// Records what this process says of itself, and forgets those that have said nothing for long.
    pub(super) async fn report(
        &mut self,
        report: &ProcessReport,
        owner: i64,
        now_ms: i64,
    ) -> Result<(), Error> {
        self.query(
            REPORT,
            &[
                &owner,
                &now_ms,
                &report.role,
                &report.host,
                &i64::from(report.pid),
                &i64::from(report.in_flight),
                &(report.done.attempts as i64),
                &(report.done.processed as i64),
                &(report.done.retries as i64),
                &(report.done.dead as i64),
                &report.breaker,
                &report.breaker_reason,
            ],
        )
        .await?;
        self.query(FORGET, &[&(now_ms - KEPT_MS)]).await?;
        Ok(())
    }
}
