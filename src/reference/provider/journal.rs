//! What the provider itself saw: the independent witness of duplicates.

use std::collections::HashMap;
use std::sync::Mutex;

use serde::Serialize;
use uuid::Uuid;

use super::mail::Mail;
use crate::reference::mutex::lock;
use crate::reference::timestamp::{now_ms, rfc3339};

/// What a journal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalDetail {
    /// Numbers only: about 30 bytes an event.
    Counts,
    /// Every call: about 90 bytes more for each.
    Calls,
}

/// Mails taken, by event, and every call if it is to be listed.
pub(super) struct ProviderJournal {
    detail: JournalDetail,
    seen: Mutex<JournalState>,
}

#[derive(Default)]
struct JournalState {
    count: u64,
    calls: Vec<(Uuid, ProviderCall)>,
    /// Accepted mails of all events: kept as a sum, so that no reader waits for it.
    taken: u64,
    sent: HashMap<Uuid, u32>,
    /// Calls without the number of their attempt.
    unnumbered: HashMap<Uuid, u32>,
}

/// What a journal comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JournalCounts {
    /// Requests that came in.
    pub calls: u64,
    /// Mails that were taken.
    pub sent: u64,
    /// Events with an accepted mail.
    pub events: u64,
    /// Mails beyond the first of their event: `sent − events`.
    pub duplicates: u64,
}

/// One request for a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProviderCall {
    /// The caller's attempt, from 1.
    pub attempt: u32,
    /// When it came, in milliseconds since the Unix epoch; written as RFC 3339.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: i64,
    /// Status of the answer: 202 is an accepted mail.
    pub status: u16,
    /// As it came with the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Box<str>>,
}

/// One event in the listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalEntry {
    /// The event.
    pub event_id: Uuid,
    /// Accepted mails of the event.
    pub sent: u32,
    /// Every call for it, in order of arrival.
    pub calls: Vec<ProviderCall>,
}

impl ProviderJournal {
    pub(super) fn new(detail: JournalDetail) -> ProviderJournal {
        ProviderJournal {
            detail,
            seen: Mutex::default(),
        }
    }

    /// A request came in, and this is what it will be answered; 202 takes the mail.
    pub(super) fn called(&self, mail: Mail, status: u16, traceparent: Option<String>) {
        let at_ms = now_ms();
        let mut seen = lock(&self.seen);
        seen.count += 1;
        if status == 202 {
            *seen.sent.entry(mail.event_id).or_default() += 1;
            seen.taken += 1;
        }
        if self.detail == JournalDetail::Calls {
            let call = ProviderCall {
                attempt: mail.attempt,
                at_ms,
                status,
                traceparent: traceparent.map(String::into_boxed_str),
            };
            seen.calls.push((mail.event_id, call));
        }
    }

    /// Which attempt the next call for this event is, from 1, if the caller does not name it.
    pub(super) fn next_attempt(&self, event_id: Uuid) -> u32 {
        let mut seen = lock(&self.seen);
        let attempt = seen.unnumbered.entry(event_id).or_default();
        *attempt += 1;
        *attempt
    }

    pub(super) fn counts(&self) -> JournalCounts {
        let seen = lock(&self.seen);
        let events = seen.sent.len() as u64;
        JournalCounts {
            calls: seen.count,
            sent: seen.taken,
            events,
            duplicates: seen.taken - events,
        }
    }

    /// Every event that was called for, in order of the first call; nothing with [`JournalDetail::Counts`].
    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        let calls = lock(&self.seen).calls.clone();
        let mut place = HashMap::new();
        let mut entries: Vec<JournalEntry> = Vec::new();
        for (event_id, call) in calls {
            let at = *place.entry(event_id).or_insert_with(|| {
                entries.push(JournalEntry {
                    event_id,
                    sent: 0,
                    calls: Vec::new(),
                });
                entries.len() - 1
            });
            entries[at].sent += u32::from(call.status == 202);
            entries[at].calls.push(call);
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{JournalCounts, JournalDetail, ProviderJournal};
    use crate::reference::provider::Mail;

    fn mail(event: u128, attempt: u32) -> Mail {
        Mail {
            event_id: Uuid::from_u128(event),
            attempt,
        }
    }

    #[test]
    fn an_event_is_one_entry_with_all_its_calls_in_order() {
        let journal = ProviderJournal::new(JournalDetail::Calls);
        journal.called(mail(1, 1), 500, None);
        journal.called(mail(2, 1), 202, None);
        journal.called(mail(1, 2), 202, Some("00-…".to_owned()));
        let entries = journal.entries();
        let seen: Vec<(u128, u32, Vec<u16>)> = entries
            .iter()
            .map(|entry| {
                let statuses = entry.calls.iter().map(|call| call.status).collect();
                (entry.event_id.as_u128(), entry.sent, statuses)
            })
            .collect();
        assert_eq!(seen, [(1, 1, vec![500, 202]), (2, 1, vec![202])]);
        assert_eq!(entries[0].calls[1].traceparent.as_deref(), Some("00-…"));
    }

    #[test]
    fn without_calls_it_still_counts() {
        let journal = ProviderJournal::new(JournalDetail::Counts);
        journal.called(mail(1, 1), 202, None);
        journal.called(mail(1, 2), 202, None);
        journal.called(mail(2, 1), 500, None);
        journal.called(mail(2, 2), 202, None);
        assert!(journal.entries().is_empty());
        let expected = JournalCounts {
            calls: 4,
            sent: 3,
            events: 2,
            duplicates: 1,
        };
        assert_eq!(journal.counts(), expected);
    }
}
