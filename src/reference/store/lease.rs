//! The right to work on one event for a while, and what may come of it.

use std::time::Duration;

use super::{EventId, EventState, FailureText};

/// The right to make one attempt. The attempt's number is the fencing token: a take-over raises it, and
/// [`finish`](super::Store::finish) with an old number no longer decides anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub(super) job: i64,
    /// The event to work on.
    pub event_id: EventId,
    /// Which attempt this is, from 1; it only grows.
    pub attempt: u32,
    /// The same, counted since the event was accepted or last replayed: what the retry policy looks at.
    pub tries: u32,
    /// What became of the insert.
    pub insert: Insert,
    /// Whether there is anything left to send.
    pub notification: Notification,
}

/// What became of the insert into `events`, which is tried where the lease is granted, if it was not done before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Insert {
    /// The event is in `events`.
    Done,
    /// The database refused it; the next attempt tries again. The notification does not wait for it.
    Failed {
        /// What the database said.
        reason: String,
    },
}

/// What the effect log says about an event's notification when an attempt begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification {
    /// To be sent.
    Due,
    /// The provider took it in an earlier attempt: its owner lost the lease, or only the insert is left.
    Sent,
    /// An earlier attempt may have sent it, and [`RepeatPolicy::AtMostOnce`] forbids to try again.
    Unknown,
}

impl Notification {
    /// What is left to send after earlier attempts, by the effect log.
    pub(super) fn after(sent: bool, unknown: bool, repeat: RepeatPolicy) -> Notification {
        match repeat {
            _ if sent => Notification::Sent,
            RepeatPolicy::AtMostOnce if unknown => Notification::Unknown,
            _ => Notification::Due,
        }
    }
}

/// Mail has no idempotency key at the provider, so an attempt that was cut off leaves a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatPolicy {
    /// Send again; duplicates are counted.
    AtLeastOnce,
    /// Never send again what may have been sent; the start of every attempt is recorded first.
    AtMostOnce,
}

/// How an attempt ended: what became of the notification, and what follows for the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptOutcome {
    /// What became of the notification.
    pub notified: Notified,
    /// What follows for the event.
    pub next: Next,
}

/// What became of the notification in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notified {
    /// The provider took it.
    Sent,
    /// It was settled before; nothing was sent now.
    Before,
    /// Whether it was sent will never be known, and it must not be sent again.
    Unknown {
        /// Why.
        reason: FailureText,
    },
    /// The call was cut off: it may have been sent, and is sent again.
    Broken {
        /// Reason of the failure.
        reason: FailureText,
    },
    /// It was not sent.
    Failed {
        /// Why.
        reason: FailureText,
    },
}

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the event is processed.
    Done,
    /// Another attempt after this time.
    Retry(Duration),
    /// No more: the event is dead.
    GiveUp,
    /// The client gets the error, and its retry with the same key will try again.
    Answer,
}

impl AttemptOutcome {
    /// The provider took the notification, and nothing is left to do.
    pub fn sent() -> AttemptOutcome {
        AttemptOutcome {
            notified: Notified::Sent,
            next: Next::Done,
        }
    }

    /// The provider had taken it before, and nothing is left to do.
    pub fn sent_before() -> AttemptOutcome {
        AttemptOutcome {
            notified: Notified::Before,
            next: Next::Done,
        }
    }

    /// The outcome stays unknown; the event counts as processed.
    pub fn unknown(reason: impl Into<FailureText>) -> AttemptOutcome {
        AttemptOutcome {
            notified: Notified::Unknown {
                reason: reason.into(),
            },
            next: Next::Done,
        }
    }

    /// It was not sent.
    pub fn not_sent(reason: impl Into<FailureText>, next: Next) -> AttemptOutcome {
        AttemptOutcome {
            notified: Notified::Failed {
                reason: reason.into(),
            },
            next,
        }
    }

    /// The row that it leaves in the effect log.
    pub(super) fn effect(&self) -> Option<(&'static str, Option<&str>)> {
        match &self.notified {
            Notified::Sent => Some(("sent", None)),
            Notified::Before => None,
            Notified::Unknown { reason } => Some(("unknown", Some(reason))),
            Notified::Broken { reason } => Some(("broken", Some(reason))),
            Notified::Failed { reason } => Some(("failed", Some(reason))),
        }
    }

    /// The event's state once this is recorded for the attempt that was leased so.
    pub fn becomes(&self, lease: &Lease) -> EventState {
        match (self.next, &lease.insert) {
            // An event that is not in `events` must not count as processed.
            (Next::Done, Insert::Failed { .. }) | (Next::Retry(_), _) => EventState::Retrying,
            (Next::Done, Insert::Done) => EventState::Processed,
            (Next::GiveUp, _) => EventState::Dead,
            (Next::Answer, _) => EventState::Failed,
        }
    }

    /// The same, and when the event is due.
    pub(super) fn state(&self, lease: &Lease, now_ms: i64) -> (EventState, i64) {
        let state = self.becomes(lease);
        let pause_ms = match self.next {
            Next::Retry(after) => millis(after),
            _ if state == EventState::Retrying => INSERT_PAUSE_MS,
            _ => 0,
        };
        (state, now_ms + pause_ms)
    }
}

/// What the effect log says of an attempt whose lease was given back.
pub(super) const NOT_BEGUN: &str = "no worker took it";

/// Longer than any pause, and than a provider may ask for. Also the span of rows that do not record their own.
pub(super) const LONGEST_SPAN_MS: i64 = 2 * 3_600_000;
/// A lease is as long as it was asked for.
const LONGEST_LEASE_MS: i64 = i64::MAX / 4;
/// The greatest distance between two readings of a clock.
pub(super) const SPAN_SLACK_MS: i64 = 1000;

/// The longest possible span of an event that is due in this state.
pub(super) fn longest_ms(state: EventState) -> i64 {
    match state {
        EventState::Working => LONGEST_LEASE_MS,
        _ => LONGEST_SPAN_MS,
    }
}

/// When an event is due, and the length of its pause or lease if the row records it.
#[derive(Clone, Copy)]
pub(super) struct DueTime {
    pub(super) due_ms: i64,
    pub(super) span_ms: Option<i64>,
}

impl DueTime {
    /// Whether a pause or a lease of this length ends later than possible. Then a clock has been set back since it began.
    pub(super) fn is_too_late(self, state: EventState, now_ms: i64) -> bool {
        let span_ms = self.span_ms.unwrap_or(LONGEST_SPAN_MS);
        let latest_ms = now_ms.saturating_add(span_ms.min(longest_ms(state)));
        self.due_ms > latest_ms.saturating_add(SPAN_SLACK_MS)
    }
}

/// When an insert is tried again if the finished attempt did not name a time.
const INSERT_PAUSE_MS: i64 = 1000;

/// Milliseconds, far below overflow when added to a time.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis())
        .unwrap_or(i64::MAX)
        .min(i64::MAX / 4)
}

/// What [`finish`](super::Store::finish) found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The outcome is the event's state now.
    Recorded,
    /// It was settled before: a worker without a confirmation records its outcome again.
    RecordedAgain,
    /// The lease had been taken over, or another outcome recorded; only the effect log was written.
    Stale,
    /// The effect log knew even that.
    StaleAgain,
}

impl Finished {
    /// By whether the outcome decided the event's state, now or before, and whether it was there before.
    pub(super) fn found(decided: bool, before: bool) -> Finished {
        match (decided, before) {
            (true, false) => Finished::Recorded,
            (true, true) => Finished::RecordedAgain,
            (false, false) => Finished::Stale,
            (false, true) => Finished::StaleAgain,
        }
    }
}

/// What [`claim`](super::Store::claim) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// One for each attempt to be made.
    pub leases: Vec<Lease>,
    /// How long no other event is due, unless new ones arrive: until the next retry or expired lease, if one is known.
    /// `None` together with leases: perhaps there are more at once.
    pub idle_for: Option<Duration>,
}

/// What [`claim_event`](super::Store::claim_event) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The caller's to work on.
    Leased(Lease),
    /// Another worker holds it for at most this time.
    Taken(Duration),
    /// Its next attempt is due after this time.
    NotDue(Duration),
    /// Nothing is to be done any more.
    Settled(EventState),
    /// It was not accepted here.
    Unknown,
}

/// What [`replay`](super::Store::replay) found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It is due again, with all its attempts.
    Requeued,
    /// It is not dead.
    NotDead(EventState),
    /// It was not accepted here.
    Unknown,
}

/// The state of a job that a consumer asks for by its id.
pub(super) struct LeaseStatus {
    pub(super) state: EventState,
    pub(super) due_ms: i64,
}

impl LeaseStatus {
    /// Why it cannot be leased now; `None` when it can.
    pub(super) fn refusal(&self, now_ms: i64) -> Option<Grant> {
        let left = Duration::from_millis(self.due_ms.saturating_sub(now_ms).max(0) as u64);
        match self.state {
            EventState::Queued => None,
            EventState::Retrying if left.is_zero() => None,
            EventState::Working if left.is_zero() => None,
            EventState::Retrying => Some(Grant::NotDue(left)),
            EventState::Working => Some(Grant::Taken(left)),
            settled => Some(Grant::Settled(settled)),
        }
    }
}

/// What the database knows of a lease that a worker elsewhere holds.
pub(super) struct ExternalLease {
    pub(super) job: i64,
    /// Attempts that do not count any more.
    pub(super) base: u32,
    /// Why the insert failed in this very attempt, if it did.
    pub(super) not_inserted: Option<String>,
}

impl ExternalLease {
    /// The lease of this attempt, put together again.
    pub(super) fn into_lease(self, event_id: EventId, attempt: u32) -> Lease {
        Lease {
            job: self.job,
            event_id,
            attempt,
            tries: attempt.saturating_sub(self.base),
            insert: self
                .not_inserted
                .map_or(Insert::Done, |reason| Insert::Failed { reason }),
            notification: Notification::Due,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DueTime;
    use crate::reference::store::EventState;

    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn nothing_ends_later_than_its_own_length_from_now() {
        let now_ms = 1_000_000_000;
        for state in [EventState::Retrying, EventState::Working] {
            let is_too_late = |in_ms, span_ms| {
                let due_ms = now_ms + in_ms;
                DueTime { due_ms, span_ms }.is_too_late(state, now_ms)
            };
            assert!(!is_too_late(30_000, Some(30_000)));
            assert!(is_too_late(630_000, Some(30_000)));
            assert!(is_too_late(600_000, Some(0)));
            assert!(!is_too_late(-5_000, Some(0)));
            // Written by an older version.
            assert!(!is_too_late(HOUR_MS, None));
            assert!(is_too_late(3 * HOUR_MS, None));
        }
    }

    #[test]
    fn no_pause_is_longer_than_a_provider_may_ask_for_but_a_lease_may_be() {
        let day = DueTime {
            due_ms: 24 * HOUR_MS,
            span_ms: Some(24 * HOUR_MS),
        };
        assert!(day.is_too_late(EventState::Retrying, 0));
        assert!(!day.is_too_late(EventState::Working, 0));
    }
}
