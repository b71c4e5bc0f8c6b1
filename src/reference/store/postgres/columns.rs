//! Values in rows that another program may have changed.

use tokio_postgres::Row;
use uuid::Uuid;

use crate::reference::store::unreadable::{attempts, base_of};
use crate::reference::store::{EventId, EventState};

pub(super) fn event_id(row: &Row, column: usize) -> EventId {
    EventId::from_bytes(row.get::<_, Uuid>(column).into_bytes())
}

/// The state in a row; `None` for a number that is not a state of this version.
pub(super) fn state(row: &Row, column: usize) -> Option<EventState> {
    let code: i16 = row.get(column);
    EventState::from_code(code.into())
}

/// Attempts begun, and those of them that do not count any more.
pub(super) fn counts(begun: i32, base: i32) -> Result<(u32, u32), String> {
    let begun = attempts("attempts", begun.into())?;
    let base = attempts("base", base.into())?;
    base_of(base, begun)?;
    Ok((begun, base))
}

/// For listings: a number that is never negative.
pub(super) fn count_or_zero(row: &Row, column: usize) -> u32 {
    row.get::<_, i32>(column).max(0).unsigned_abs()
}
