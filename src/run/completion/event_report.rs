//! What the server says of one request.

use std::time::Duration;

/// What the server says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventReport {
    /// Where it stands.
    pub status: EventStatus,
    /// Rows that it inserted, if that is told.
    pub inserts: Option<u64>,
    /// Notifications that were sent for it, if that is told.
    pub notifications: Option<u64>,
    /// More notifications that may have been sent: of attempts that were cut off.
    pub notify_unknown: u64,
}

/// Where a request stands with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStatus {
    /// Known, not done yet.
    Pending,
    /// Done.
    Processed {
        /// It took at least so long.
        at_least: Duration,
        /// It took at most so long.
        at_most: Duration,
    },
    /// Given up: dead after its retries, or failed inside its synchronous call.
    GivenUp,
    /// It could not be read when the wait ended: pending, done or lost, nobody knows.
    Unread,
}

/// What an accepted request is that the server does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownMeans {
    /// Lost: nothing more was appearing.
    Lost,
    /// Pending: events were still appearing, so it may come yet.
    Pending,
}

impl EventReport {
    /// Whether it is done.
    pub(crate) fn is_processed(&self) -> bool {
        matches!(self.status, EventStatus::Processed { .. })
    }
}
