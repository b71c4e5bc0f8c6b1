//! What the attempts of this process came to.

use crate::reference::counters::{AtomicHistogram, Counter, LATENCY_BOUNDS_NS};
use crate::reference::provider::SendError;
use crate::reference::store::Notification;

/// How an attempt ended, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptEnd {
    Sent,
    /// It had been taken before; nothing was sent.
    SentBefore,
    /// It is unknown whether it was sent, and it must not be sent again.
    Unknown,
    Refused,
    Timeout,
    Broken,
    Unreachable,
    /// A worker elsewhere says that it failed, and names no status.
    Elsewhere,
}

impl AttemptEnd {
    /// Every one, in the order in which they are counted.
    pub(crate) const ALL: [AttemptEnd; 8] = [
        AttemptEnd::Sent,
        AttemptEnd::SentBefore,
        AttemptEnd::Unknown,
        AttemptEnd::Refused,
        AttemptEnd::Timeout,
        AttemptEnd::Broken,
        AttemptEnd::Unreachable,
        AttemptEnd::Elsewhere,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            AttemptEnd::Sent => "sent",
            AttemptEnd::SentBefore => "sent-before",
            AttemptEnd::Unknown => "unknown",
            AttemptEnd::Refused => "refused",
            AttemptEnd::Timeout => "timeout",
            AttemptEnd::Broken => "broken",
            AttemptEnd::Unreachable => "unreachable",
            AttemptEnd::Elsewhere => "elsewhere",
        }
    }

    /// Of an attempt that called the provider, or of one that did not.
    pub(super) fn of(notification: Notification, sent: &Result<(), SendError>) -> AttemptEnd {
        match (notification, sent) {
            (Notification::Sent, _) => AttemptEnd::SentBefore,
            (Notification::Unknown, _) => AttemptEnd::Unknown,
            (Notification::Due, Ok(())) => AttemptEnd::Sent,
            (Notification::Due, Err(error)) => match error {
                SendError::Refused { .. } => AttemptEnd::Refused,
                SendError::Timeout(_) => AttemptEnd::Timeout,
                SendError::Broken(_) => AttemptEnd::Broken,
                SendError::Unreachable(_) => AttemptEnd::Unreachable,
                SendError::Elsewhere(_) => AttemptEnd::Elsewhere,
            },
        }
    }
}

/// Counted where attempts are made, read anywhere.
#[derive(Debug)]
pub(crate) struct WorkCounters {
    attempts: [Counter; AttemptEnd::ALL.len()],
    /// From the call of the provider to its answer, in nanoseconds.
    pub(crate) calls: AtomicHistogram,
    pub(crate) retries: Counter,
    pub(crate) processed: Counter,
    /// Events that were given up.
    pub(crate) dead: Counter,
    /// Attempts that outlived their lease: their outcome decided nothing.
    pub(crate) leases_lost: Counter,
    /// Notifications sent by such attempts: another worker was to send it too.
    pub(crate) duplicates: Counter,
}

impl Default for WorkCounters {
    fn default() -> Self {
        WorkCounters {
            attempts: Default::default(),
            calls: AtomicHistogram::new(LATENCY_BOUNDS_NS),
            retries: Counter::default(),
            processed: Counter::default(),
            dead: Counter::default(),
            leases_lost: Counter::default(),
            duplicates: Counter::default(),
        }
    }
}

impl WorkCounters {
    pub(super) fn ended(&self, end: AttemptEnd) {
        self.attempts[end as usize].increment();
    }

    pub(crate) fn all_attempts(&self) -> u64 {
        self.attempts.iter().map(Counter::get).sum()
    }

    pub(crate) fn attempts(&self, end: AttemptEnd) -> u64 {
        self.attempts[end as usize].get()
    }
}

#[cfg(test)]
mod tests {
    use super::AttemptEnd;

    #[test]
    fn every_end_has_a_place_of_its_own() {
        for (index, end) in AttemptEnd::ALL.into_iter().enumerate() {
            assert_eq!(end as usize, index, "{}", end.name());
        }
    }
}
