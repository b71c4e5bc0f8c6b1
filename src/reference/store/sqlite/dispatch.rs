//! What dispatchers, operators and other processes need: events that no worker took, dead letters back, who is there.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, params};

use super::columns;
use super::statements::Statements;
use crate::reference::store::changes::Changes;
use crate::reference::store::process::KEPT_MS;
use crate::reference::store::sweep::{self, Candidate, Position, SweepStep};
use crate::reference::store::unreadable::Unreadable;
use crate::reference::store::{EventId, EventState, ProcessReport, Replay, Swept};

const IS_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM processes WHERE owner = ?1)";
const FORGOTTEN: &str = "SELECT owner FROM processes WHERE seen_ms < ?1";
const FORGET: &str = "DELETE FROM processes WHERE owner = ?1";
/// The counts of a process have no owner from now on.
const FOLD: &str = "INSERT INTO counts SELECT 0, state, n FROM counts WHERE owner = ?1
    ON CONFLICT (owner, state) DO UPDATE SET n = n + excluded.n";
const FOLDED: &str = "DELETE FROM counts WHERE owner = ?1";

/// An event that is announced to workers, if it has a readable id.
fn candidate(row: &Row<'_>, state: EventState) -> rusqlite::Result<Result<Candidate, Unreadable>> {
    let at = Position {
        due_ms: columns::integer_or(row, 2, 0),
        seq: row.get(0)?,
    };
    let event_id = columns::event_id(row, 1);
    let has_no_body = matches!(row.get_ref(4), Ok(ValueRef::Integer(1)));
    let reason = match &event_id {
        Ok(_) if has_no_body => "payload is not a body".to_owned(),
        Ok(event_id) => {
            return Ok(Ok(Candidate {
                at,
                event_id: *event_id,
                swept_ms: columns::integer(row, 3),
            }));
        }
        Err(reason) => reason.clone(),
    };
    Ok(Err(Unreadable {
        seq: at.seq,
        state,
        event_id: event_id.ok(),
        reason,
    }))
}

impl Statements<'_> {
    /// Makes a step over what has been due for long and that no worker took.
    pub(super) fn sweep(
        &mut self,
        mut step: SweepStep,
        changes: &mut Changes,
    ) -> rusqlite::Result<Swept> {
        self.give_up_unreadable(changes)?;
        for (index, state) in sweep::STATES.into_iter().enumerate() {
            let Position { due_ms, seq } = step.reached(index);
            let (code, horizon_ms) = (state.code(), step.horizon_ms());
            let parameters = params![code, horizon_ms, due_ms, seq, step.left()];
            let rows = self
                .unclaimed
                .query_map(parameters, |row| candidate(row, state))?;
            for candidate in rows.collect::<rusqlite::Result<Vec<_>>>()? {
                match candidate {
                    Ok(candidate) => step.look(index, &candidate),
                    Err(row) => self.give_up(&row, changes)?,
                }
            }
        }
        for seq in step.found() {
            self.swept.execute(params![seq, changes.now_ms])?;
        }
        Ok(step.end())
    }

    /// Makes a dead event due again, with all its attempts.
    pub(super) fn replay(
        &mut self,
        event_id: EventId,
        changes: &mut Changes,
    ) -> rusqlite::Result<Replay> {
        let id = event_id.as_bytes();
        if self.replay.execute(params![id, changes.now_ms])? == 1 {
            changes.moved(EventState::Dead, EventState::Retrying);
            changes.arrived.push(event_id);
            return Ok(Replay::Requeued);
        }
        let state = self
            .lease_status
            .query_row([id], |row| columns::state(row, 6));
        Ok(state.optional()?.map_or(Replay::Unknown, Replay::NotDead))
    }

    /// Records what this process says of itself, and forgets those that have said nothing for long.
    pub(super) fn report(
        &mut self,
        report: &ProcessReport,
        changes: &mut Changes,
    ) -> rusqlite::Result<()> {
        let (owner, now_ms) = (self.context.rules.owner, changes.now_ms);
        let mut is_known = self.connection.prepare_cached(IS_KNOWN)?;
        changes.is_reported_anew |= !is_known.query_row([owner], |row| row.get::<_, bool>(0))?;
        let [attempts, processed, retries, dead] = report.done.to_row();
        self.report.execute(params![
            owner,
            now_ms,
            report.role,
            report.host,
            report.pid,
            report.in_flight,
            attempts,
            processed,
            retries,
            dead,
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
        self.forget(self.context.rules.owner)?;
        self.context.clock.keep(self.connection)?;
        transaction.commit()
    }
}
