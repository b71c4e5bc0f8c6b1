//! Values in rows that another program may have changed.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::reference::store::unreadable as reasons;
use crate::reference::store::{EventId, EventState};

pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<EventState> {
    let code = row.get(column)?;
    EventState::from_code(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, code))
}

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
    column: usize,
    fingerprint: usize,
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

/// The number in a column, if it is one.
pub(super) fn integer(row: &Row<'_>, column: usize) -> Option<i64> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(n)) => Some(n),
        _ => None,
    }
}

/// For listings: the number in a column, or a substitute.
pub(super) fn integer_or(row: &Row<'_>, column: usize, other: i64) -> i64 {
    integer(row, column).unwrap_or(other)
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
