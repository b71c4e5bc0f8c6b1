//! Rows that another program has written and that cannot be read: each is given up with its reason, and the others are
//! processed.

use rusqlite::types::ValueRef;
use rusqlite::{Row, params};

use super::transaction::Statements;
use crate::reference::store::signals::Changes;
use crate::reference::store::unreadable::{self as reasons, NO_STATE, Unreadable};
use crate::reference::store::{EventId, EventState};

pub(super) const UNREADABLE: &str = "SELECT seq, state, attempts, processed_ms FROM jobs
    INDEXED BY jobs_unreadable
    WHERE typeof(state) <> 'integer' OR state NOT BETWEEN 0 AND 5 OR typeof(due_ms) <> 'integer' LIMIT 64";
pub(super) const RESTORE: &str = "UPDATE jobs SET state = ?2, due_ms = ?3 WHERE seq = ?1";
/// Dead, with readable numbers.
pub(super) const GIVE_UP: &str = "UPDATE jobs SET state = 4, due_ms = ?2, base = 0, attempts =
    CASE WHEN typeof(attempts) = 'integer' AND attempts BETWEEN 0 AND 1000000000 THEN attempts ELSE 0 END
    WHERE seq = ?1";
pub(super) const GIVEN_UP: &str = "INSERT INTO effects (job, effect, attempt, outcome, at_ms, detail)
    SELECT seq, 'insert', attempts, 'failed', ?2, ?3 FROM jobs WHERE seq = ?1 ON CONFLICT DO NOTHING";

/// The id in a column, or the reason why it is not an id.
pub(super) fn event_id(row: &Row<'_>, column: usize) -> Result<EventId, String> {
    match row.get_ref(column) {
        Ok(ValueRef::Blob(bytes)) => bytes
            .try_into()
            .map(EventId::from_bytes)
            .map_err(|_| format!("event_id has {} bytes", bytes.len())),
        other => Err(not_a("event_id", "an id", other.ok())),
    }
}

/// A count of attempts in a column.
pub(super) fn attempts(row: &Row<'_>, column: usize, name: &str) -> Result<u32, String> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(n)) => reasons::attempts(name, n),
        other => Err(not_a(name, "a whole number", other.ok())),
    }
}

/// The payload of an event with this many attempts, until it has moved to `events`. It must be the one that was
/// accepted.
pub(super) fn payload(
    row: &Row<'_>,
    (column, fingerprint): (usize, usize),
    attempts: u32,
) -> Result<Option<Vec<u8>>, String> {
    let payload = match row.get_ref(column) {
        Ok(ValueRef::Blob(bytes)) => bytes.to_vec(),
        Ok(ValueRef::Null) if attempts > 0 => return Ok(None),
        other => return Err(not_a("payload", "a body", other.ok())),
    };
    match row.get_ref(fingerprint) {
        Ok(ValueRef::Blob(bytes)) => reasons::is_accepted(&payload, bytes).map(|()| Some(payload)),
        other => Err(not_a("fingerprint", "a hash", other.ok())),
    }
}

fn not_a(name: &str, what: &str, value: Option<ValueRef<'_>>) -> String {
    let kind = match value {
        Some(ValueRef::Null) => "NULL",
        Some(ValueRef::Integer(_)) => "an integer",
        Some(ValueRef::Real(_)) => "a real number",
        Some(ValueRef::Text(_)) => "text",
        Some(ValueRef::Blob(_)) => "a blob",
        None => "missing",
    };
    format!("{name} is {kind}, not {what}")
}

/// Whether the row itself, and not the database, prevents reading it.
pub(super) fn is_of_the_row(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
    };
    matches!(
        error,
        FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..)
    )
}

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
                    let reason = NO_STATE.to_owned();
                    let row = Unreadable {
                        seq,
                        state,
                        event_id: None,
                        reason,
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
        let said = row.say();
        self.give_up.execute(params![row.seq, changes.now_ms])?;
        self.given_up
            .execute(params![row.seq, changes.now_ms, said])?;
        changes.left(row.state);
        changes.entered(EventState::Dead);
        changes.settled.extend(row.event_id);
        Ok(())
    }
}

/// The state if it is settled, else the one in which the row is most likely counted.
fn state_or_guess(row: &Row<'_>) -> Result<EventState, EventState> {
    let state = match row.get_ref(1) {
        Ok(ValueRef::Integer(code)) => EventState::from_code(code),
        _ => None,
    };
    let is_processed = matches!(row.get_ref(3), Ok(ValueRef::Integer(_)));
    match state {
        Some(state) if state.is_settled() => Ok(state),
        Some(state) => Err(state),
        None if is_processed => Ok(EventState::Processed),
        None if attempts(row, 2, "attempts").is_ok_and(|attempts| attempts > 0) => {
            Err(EventState::Retrying)
        }
        None => Err(EventState::Queued),
    }
}

/// For listings: the number in a column, or a substitute.
pub(super) fn integer_or(row: &Row<'_>, column: usize, other: i64) -> i64 {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(n)) => n,
        _ => other,
    }
}

/// For listings: a number that is never large.
pub(super) fn count_or_zero(row: &Row<'_>, column: usize) -> u32 {
    integer_or(row, column, 0).clamp(0, i64::from(u32::MAX)) as u32
}

/// For listings: the id, or a substitute.
pub(super) fn event_id_or_stand_in(row: &Row<'_>, column: usize) -> EventId {
    event_id(row, column).unwrap_or_else(|_| {
        let bytes = bytes(row, column).unwrap_or_default();
        EventId::from_key(&format!("unreadable {}", bytes.escape_ascii()))
    })
}

/// For listings: the text in a column, with invalid UTF-8 replaced.
pub(super) fn text(row: &Row<'_>, column: usize) -> Option<String> {
    bytes(row, column).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The value in a column, of any type; `None` for NULL.
pub(super) fn bytes(row: &Row<'_>, column: usize) -> Option<Vec<u8>> {
    match row.get_ref(column).ok()? {
        ValueRef::Null => None,
        ValueRef::Integer(n) => Some(n.to_string().into_bytes()),
        ValueRef::Real(n) => Some(n.to_string().into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
    }
}
