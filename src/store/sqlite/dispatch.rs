//! What dispatchers, operators and other processes need: events that nobody took, dead letters back, who is there.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::transaction::Statements;
use crate::store::lease::millis;
use crate::store::process::KEPT_MS;
use crate::store::signals::Changes;
use crate::store::{EventId, ProcessReport, Replay, State};

pub(super) const UNCLAIMED: &str = "SELECT seq, event_id FROM jobs INDEXED BY jobs_open
    WHERE state = ?1 AND state < 5 AND due_ms <= ?2 AND coalesce(swept_ms, 0) <= ?2 ORDER BY due_ms LIMIT ?3";
pub(super) const SWEPT: &str = "UPDATE jobs SET swept_ms = ?2 WHERE seq = ?1";
pub(super) const REPLAY: &str = "UPDATE jobs SET state = 1, due_ms = ?2, base = attempts
    WHERE event_id = ?1 AND state = 4";
pub(super) const REPORT: &str = "INSERT OR REPLACE INTO processes
    (owner, seen_ms, role, host, pid, in_flight, attempts, processed, retries, dead, breaker, breaker_reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

impl Statements<'_> {
    /// Up to `limit` events that have been due for `idle` and that nobody took; they are not named again for as long.
    pub(super) fn sweep(
        &mut self,
        idle: Duration,
        limit: u32,
        now_ms: i64,
    ) -> rusqlite::Result<Vec<EventId>> {
        let mut found: Vec<(i64, EventId)> = Vec::new();
        for state in [State::Working, State::Retrying, State::Queued] {
            let left = limit - found.len() as u32;
            let rows = self
                .unclaimed
                .query_map(params![state.code(), now_ms - millis(idle), left], |row| {
                    Ok((row.get(0)?, EventId::from_bytes(row.get(1)?)))
                })?;
            for row in rows {
                found.push(row?);
            }
        }
        for (seq, _) in &found {
            self.swept.execute(params![seq, now_ms])?;
        }
        Ok(found.into_iter().map(|(_, event_id)| event_id).collect())
    }

    /// Makes a dead event due again, with all its attempts.
    pub(super) fn replay(
        &mut self,
        event_id: EventId,
        changes: &mut Changes,
    ) -> rusqlite::Result<Replay> {
        if self
            .replay
            .execute(params![event_id.as_bytes(), changes.now_ms])?
            == 1
        {
            changes.left(State::Dead);
            changes.entered(State::Retrying);
            changes.arrived.push(event_id);
            return Ok(Replay::Requeued);
        }
        let state = self
            .standing
            .query_row([event_id.as_bytes()], |row| super::state(row, 5))
            .optional()?;
        Ok(state.map_or(Replay::Unknown, Replay::NotDead))
    }

    /// Records what this process says of itself, and forgets those that have said nothing for long.
    pub(super) fn report(&mut self, report: &ProcessReport, now_ms: i64) -> rusqlite::Result<()> {
        self.report.execute(params![
            self.terms.owner,
            now_ms,
            report.role,
            report.host,
            report.pid,
            report.in_flight,
            report.done.attempts as i64,
            report.done.processed as i64,
            report.done.retries as i64,
            report.done.dead as i64,
            report.breaker,
            report.breaker_reason,
        ])?;
        self.connection.execute(
            "DELETE FROM processes WHERE seen_ms < ?1",
            [now_ms - KEPT_MS],
        )?;
        Ok(())
    }

    /// This process is about to end.
    pub(super) fn depart(&mut self) -> rusqlite::Result<()> {
        self.connection
            .execute("DELETE FROM processes WHERE owner = ?1", [self.terms.owner])?;
        Ok(())
    }
}
