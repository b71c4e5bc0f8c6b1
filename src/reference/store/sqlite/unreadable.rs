//! Rows that another program has written and that cannot be read: each is given up with its reason, and the others are
//! processed.

use rusqlite::{Row, params};

use super::columns;
use super::statements::Statements;
use crate::reference::store::EventState;
use crate::reference::store::changes::Changes;
use crate::reference::store::unreadable::{NO_STATE, Unreadable};

impl Statements<'_> {
    /// Finds rows that no other query finds, and gives them up. Settled rows stay so.
    pub(super) fn give_up_unreadable(&mut self, changes: &mut Changes) -> rusqlite::Result<()> {
        let found: Vec<(i64, Result<EventState, EventState>)> = self
            .unreadable
            .query_map([], |row| Ok((row.get(0)?, state_or_guess(row))))?
            .collect::<rusqlite::Result<_>>()?;
        for (seq, state) in found {
            match state {
                Ok(settled) => {
                    let row = params![seq, settled.code(), changes.now_ms];
                    self.restore.execute(row)?;
                }
                Err(state) => {
                    let row = Unreadable {
                        seq,
                        state,
                        event_id: None,
                        reason: NO_STATE.to_owned(),
                    };
                    self.give_up(&row, changes)?;
                }
            }
        }
        Ok(())
    }

    /// Makes one row dead, with its reason.
    pub(super) fn give_up(
        &mut self,
        row: &Unreadable,
        changes: &mut Changes,
    ) -> rusqlite::Result<()> {
        let (seq, now_ms, said) = (row.seq, changes.now_ms, row.say());
        self.give_up.execute(params![seq, now_ms])?;
        self.given_up.execute(params![seq, now_ms, said])?;
        changes.gave_up(row);
        Ok(())
    }
}

/// The state if it is settled, else the one in which the row is most likely counted.
fn state_or_guess(row: &Row<'_>) -> Result<EventState, EventState> {
    let state = columns::integer(row, 1).and_then(EventState::from_code);
    match state {
        Some(state) if state.is_settled() => Ok(state),
        Some(state) => Err(state),
        None if columns::integer(row, 3).is_some() => Ok(EventState::Processed),
        None if columns::attempts(row, 2, "attempts").is_ok_and(|attempts| attempts > 0) => {
            Err(EventState::Retrying)
        }
        None => Err(EventState::Queued),
    }
}
