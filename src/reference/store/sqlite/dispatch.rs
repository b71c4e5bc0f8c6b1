//! What dispatchers, operators and other processes need: events that nobody took, dead letters back, who is there.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, params};

use super::transaction::Statements;
use super::unreadable;
use crate::reference::store::process::KEPT_MS;
use crate::reference::store::signals::Changes;
use crate::reference::store::sweep::{self, Candidate, Position, SweepStep};
use crate::reference::store::unreadable::Unreadable;
use crate::reference::store::{EventId, EventState, ProcessReport, Replay, Swept};

pub(super) const UNCLAIMED: &str = "SELECT seq, event_id, due_ms, swept_ms,
    attempts = 0 AND typeof(payload) <> 'blob' FROM jobs INDEXED BY jobs_open
    WHERE state = ?1 AND state < 5 AND due_ms <= ?2 AND (due_ms, seq) > (?3, ?4) ORDER BY due_ms, seq LIMIT ?5";
pub(super) const SWEPT: &str = "UPDATE jobs SET swept_ms = ?2 WHERE seq = ?1";
pub(super) const REPLAY: &str =
    "UPDATE jobs SET state = 1, due_ms = ?2, span_ms = 0, base = attempts
    WHERE event_id = ?1 AND state = 4";
pub(super) const REPORT: &str = "INSERT OR REPLACE INTO processes
    (owner, seen_ms, role, host, pid, in_flight, attempts, processed, retries, dead, breaker, breaker_reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const IS_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM processes WHERE owner = ?1)";
const FORGOTTEN: &str = "SELECT owner FROM processes WHERE seen_ms < ?1";
const FORGET: &str = "DELETE FROM processes WHERE owner = ?1";
/// What a process has counted is nobody's from now on.
const FOLD: &str = "INSERT INTO counts SELECT 0, state, n FROM counts WHERE owner = ?1
    ON CONFLICT (owner, state) DO UPDATE SET n = n + excluded.n";
const FOLDED: &str = "DELETE FROM counts WHERE owner = ?1";

/// An event that is announced to workers, if it has a readable id.
fn candidate(row: &Row<'_>, state: EventState) -> rusqlite::Result<Result<Candidate, Unreadable>> {
    let at = Position {
        due_ms: unreadable::integer_or(row, 2, 0),
        seq: row.get(0)?,
    };
    let event_id = unreadable::event_id(row, 1).and_then(|event_id| match row.get_ref(4) {
        Ok(ValueRef::Integer(1)) => Err("payload is not a body".to_owned()),
        _ => Ok(event_id),
    });
    let swept_ms = match row.get_ref(3) {
        Ok(ValueRef::Integer(ms)) => Some(ms),
        _ => None,
    };
    Ok(match event_id {
        Ok(event_id) => Ok(Candidate {
            at,
            event_id,
            swept_ms,
        }),
        Err(reason) => Err(Unreadable {
            seq: at.seq,
            state,
            event_id: unreadable::event_id(row, 1).ok(),
            reason,
        }),
    })
}

impl Statements<'_> {
    /// Makes a step over what has been due for long and that nobody took.
    pub(super) fn sweep(
        &mut self,
        mut step: SweepStep,
        changes: &mut Changes,
    ) -> rusqlite::Result<Swept> {
        self.give_up_unreadable(changes)?;
        let now_ms = changes.now_ms;
        for (index, state) in sweep::STATES.into_iter().enumerate() {
            let Position { due_ms, seq } = step.reached(index);
            let (code, horizon_ms) = (state.code(), step.horizon_ms());
            let rows = params![code, horizon_ms, due_ms, seq, step.left()];
            let found: Vec<_> = self
                .unclaimed
                .query_map(rows, |row| candidate(row, state))?
                .collect::<rusqlite::Result<_>>()?;
            for candidate in found {
                match candidate {
                    Ok(candidate) => step.look(index, &candidate),
                    Err(row) => self.give_up(&row, changes)?,
                }
            }
        }
        for seq in step.found() {
            self.swept.execute(params![seq, now_ms])?;
        }
        Ok(step.end())
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
            changes.left(EventState::Dead);
            changes.entered(EventState::Retrying);
            changes.arrived.push(event_id);
            return Ok(Replay::Requeued);
        }
        let state = self
            .lease_status
            .query_row([event_id.as_bytes()], |row| super::state(row, 6))
            .optional()?;
        Ok(state.map_or(Replay::Unknown, Replay::NotDead))
    }

    /// Records what this process says of itself, and forgets those that have said nothing for long.
    pub(super) fn report(
        &mut self,
        report: &ProcessReport,
        changes: &mut Changes,
    ) -> rusqlite::Result<()> {
        let (owner, now_ms) = (self.context.owner, changes.now_ms);
        let mut is_known = self.connection.prepare_cached(IS_KNOWN)?;
        changes.is_reported_anew |= !is_known.query_row([owner], |row| row.get::<_, bool>(0))?;
        self.report.execute(params![
            owner,
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
            report.breaker_reason.as_deref(),
        ])?;
        self.context.clock.keep(self.connection)?;
        let mut forgotten = self.connection.prepare_cached(FORGOTTEN)?;
        let owners = forgotten.query_map([now_ms - KEPT_MS], |row| row.get(0))?;
        for owner in owners.collect::<rusqlite::Result<Vec<i64>>>()? {
            self.forget(owner)?;
        }
        Ok(())
    }

    fn forget(&mut self, owner: i64) -> rusqlite::Result<()> {
        for sql in [FOLD, FOLDED, FORGET] {
            self.connection.prepare_cached(sql)?.execute([owner])?;
        }
        Ok(())
    }

    /// This process is about to end.
    pub(super) fn depart(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        self.forget(self.context.owner)?;
        self.context.clock.keep(self.connection)?;
        transaction.commit()
    }
}
