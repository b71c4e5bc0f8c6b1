//! The right to work on one event for a while, and what may come of it.

use std::time::Duration;

use super::EventId;

/// The right to make one attempt. The attempt's number is the fencing token: whoever takes the job over raises it, and
/// [`finish`](super::Store::finish) with an old number no longer decides anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub(super) job: i64,
    /// The event to work on.
    pub event_id: EventId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Whether there is anything left to send.
    pub notification: Notification,
}

/// What the effect log says about an event's notification when an attempt begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification {
    /// To be sent.
    Due,
    /// The provider took it in an earlier attempt whose owner lost the lease.
    Sent,
    /// An earlier attempt may have sent it, and [`Repeat::AtMostOnce`] forbids to try again.
    Unknown,
}

/// Mail has no idempotency key at the provider, so an attempt that was cut off leaves a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Send again; duplicates are counted.
    AtLeastOnce,
    /// Never send again what may have been sent; the start of every attempt is recorded first.
    AtMostOnce,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took the notification.
    Sent,
    /// The provider had taken it before; nothing was sent now.
    SentBefore,
    /// Whether it was sent will never be known, and it must not be sent again.
    Unknown {
        /// Why.
        reason: String,
    },
    /// It was not sent, as far as is known.
    NotSent {
        /// Why.
        reason: String,
        /// What is to be done about it.
        next: Next,
    },
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt after this time.
    Retry(Duration),
    /// No more: the event is dead.
    GiveUp,
    /// The client is told, and its retry with the same key will try again.
    Answer,
}

/// What [`finish`](super::Store::finish) found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The outcome is the event's state now.
    Recorded,
    /// The lease had been taken over; only the effect log was written.
    Stale,
}

/// What [`claim`](super::Store::claim) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// One for each attempt to be made.
    pub leases: Vec<Lease>,
    /// When there was nothing: how long until a retry or an expired lease is due, if any is known.
    pub idle_for: Option<Duration>,
}
