//! What the provider itself saw: the independent witness of duplicates.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use uuid::Uuid;

/// Mails taken, by event.
#[derive(Default)]
pub(super) struct Journal {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    calls: u64,
    sent: HashMap<Uuid, u32>,
}

/// What a journal comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JournalCounts {
    /// Requests that came in.
    pub calls: u64,
    /// Mails that were taken.
    pub sent: u64,
    /// Events that a mail was taken for.
    pub events: u64,
    /// Mails beyond the first of their event: `sent − events`.
    pub duplicates: u64,
}

impl Journal {
    /// A request came in.
    pub(super) fn called(&self) {
        self.lock().calls += 1;
    }

    /// A mail was taken.
    pub(super) fn sent(&self, event_id: Uuid) {
        *self.lock().sent.entry(event_id).or_default() += 1;
    }

    pub(super) fn counts(&self) -> JournalCounts {
        let seen = self.lock();
        let sent = seen.sent.values().map(|count| u64::from(*count)).sum();
        let events = seen.sent.len() as u64;
        JournalCounts {
            calls: seen.calls,
            sent,
            events,
            duplicates: sent - events,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
