//! What the server says of one request.

use std::time::Duration;

/// What the server says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventReport {
    /// Where it stands.
    pub status: EventStatus,
    /// Rows that it inserted, if reported.
    pub inserts: Option<u64>,
    /// Notifications that were sent for it, if reported.
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
        /// The shortest time that fits the observations.
        at_least: Duration,
        /// The longest time that fits the observations.
        at_most: Duration,
    },
    /// Given up: dead after its retries, or failed inside its synchronous call.
    GivenUp,
    /// Its state could not be read when the wait ended: pending, processed or lost.
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
    /// How long after acceptance it was done, at most; `None` if it was not.
    pub(crate) fn done_after(&self) -> Option<Duration> {
        match self.status {
            EventStatus::Processed { at_most, .. } => Some(at_most),
            EventStatus::Pending | EventStatus::GivenUp | EventStatus::Unread => None,
        }
    }

    /// Whether it is done.
    pub(crate) fn is_processed(&self) -> bool {
        matches!(self.status, EventStatus::Processed { .. })
    }
}
