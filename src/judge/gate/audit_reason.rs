//! Why a gate on the completion audit came out as it did without a test.

use std::time::Duration;

/// Why a gate on the completion audit came out as it did.
#[derive(Clone, Debug, PartialEq)]
pub enum AuditReason {
    /// The run was not audited.
    NotAudited,
    /// The audit could not read the server's answers.
    Unread {
        /// What the audit says of it.
        cause: String,
    },
    /// Keys that were sent twice were answered with two events.
    SeveralEvents {
        /// Keys with two events.
        keys: u64,
        /// Keys that were sent twice.
        resent: u64,
    },
    /// The audit was interrupted before the time to completion of every event was known.
    Interrupted {
        /// Events that were still pending.
        pending: u64,
    },
    /// The count alone decides.
    Counted {
        /// How long after completion the events were read again, if they were.
        read_again_after: Option<Duration>,
    },
    /// The count is within its limit, but it may be incomplete.
    Incomplete {
        /// Why.
        cause: IncompleteCount,
        /// How long after completion the events were read again, if they were.
        read_again_after: Option<Duration>,
    },
}

/// Why a count may be incomplete.
#[derive(Clone, Debug, PartialEq)]
pub enum IncompleteCount {
    /// No request was accepted.
    NothingAccepted,
    /// The server does not report how often this happened.
    EffectsNotReported(MissingEffects),
    /// There is no listing of this run alone.
    NoListing,
    /// Requests were answered with another request's event.
    SharedEvents {
        /// How many.
        requests: u64,
    },
    /// The audit was interrupted before it had read everything again.
    InterruptedBeforeReadingAgain,
    /// The processed events could not be read again.
    NotReadAgain,
    /// Requests whose answer was not seen have no known names.
    UnknownNames,
    /// An attempt was cut off before its answer, and another one was made.
    PerhapsTwice {
        /// Events that may have been notified twice.
        events: u64,
    },
    /// The state of events could not be read.
    UnreadEvents {
        /// How many.
        events: u64,
        /// What came instead of a state.
        last_answer: String,
    },
    /// Events were pending when the audit ended.
    Pending {
        /// How many.
        events: u64,
        /// What ended it.
        end: AuditEnd,
    },
}

/// The counts of effects that the server does not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingEffects {
    /// Inserts.
    Inserts,
    /// Notifications.
    Notifications,
    /// Both.
    Both,
}

/// What ended an audit while events were pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditEnd {
    /// Its deadline.
    Deadline,
    /// A signal.
    Signal,
}
