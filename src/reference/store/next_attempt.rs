//! An event whose next attempt begins.

use super::EventId;
use super::lease::{Insert, Lease, Notification};

/// The event, with its payload as the engine has it.
pub(super) struct NextAttempt<P> {
    pub(super) seq: i64,
    pub(super) event_id: EventId,
    /// The number of the attempt that begins.
    pub(super) attempt: u32,
    /// Attempts that do not count any more.
    pub(super) base: u32,
    /// Until it has moved to `events`.
    pub(super) payload: Option<P>,
}

impl<P> NextAttempt<P> {
    /// The right to make it.
    pub(super) fn lease(&self, insert: Insert, notification: Notification) -> Lease {
        Lease {
            job: self.seq,
            event_id: self.event_id,
            attempt: self.attempt,
            tries: self.attempt.saturating_sub(self.base),
            insert,
            notification,
        }
    }
}
