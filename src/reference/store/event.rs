//! What the store tells of an event.

use serde::Serialize;

use super::EventId;
use crate::reference::timestamp::{rfc3339, rfc3339_or_null};

/// Where an event is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventState {
    /// Accepted; no attempt was made yet.
    Queued,
    /// An attempt failed; the next one is due later.
    Retrying,
    /// An attempt is being made.
    Working,
    /// The synchronous call failed and the client has the error; its retry will try again.
    Failed,
    /// Every attempt failed; there is no automatic retry.
    Dead,
    /// Inserted and notified; or, with [`RepeatPolicy::AtMostOnce`](super::RepeatPolicy), perhaps notified and not to be again.
    Processed,
}

impl EventState {
    /// Every state, in the order of [`EventState::code`].
    pub(super) const ALL: [EventState; 6] = [
        EventState::Queued,
        EventState::Retrying,
        EventState::Working,
        EventState::Failed,
        EventState::Dead,
        EventState::Processed,
    ];

    /// The number in the database. Stored, so it must not change.
    pub(super) fn code(self) -> i64 {
        self as i64
    }

    /// The state with this number; `None` if a later version wrote it.
    pub(super) fn from_code(code: i64) -> Option<EventState> {
        usize::try_from(code)
            .ok()
            .and_then(|code| EventState::ALL.get(code))
            .copied()
    }

    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            EventState::Queued => "queued",
            EventState::Retrying => "retrying",
            EventState::Working => "working",
            EventState::Failed => "failed",
            EventState::Dead => "dead",
            EventState::Processed => "processed",
        }
    }

    /// Whether the state is final.
    pub fn is_settled(self) -> bool {
        matches!(
            self,
            EventState::Failed | EventState::Dead | EventState::Processed
        )
    }
}

/// One event, as `GET /events/{id}` and the listing of a run show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventRecord {
    /// Id of the event.
    pub event_id: EventId,
    /// Where it is on its way.
    pub state: EventState,
    /// When it was accepted, in milliseconds since the Unix epoch; written as RFC 3339.
    #[serde(rename = "accepted_at", serialize_with = "rfc3339")]
    pub accepted_ms: i64,
    /// When it was processed; written as RFC 3339 or null.
    #[serde(rename = "processed_at", serialize_with = "rfc3339_or_null")]
    pub processed_ms: Option<i64>,
    /// Attempts begun.
    pub attempts: u32,
    /// Rows that these attempts inserted into `events`: more than one would be a double insert.
    pub inserts: u32,
    /// Notifications that the provider took: more than one is a duplicate.
    pub notifications: u32,
    /// Attempts with an unknown outcome at the provider: interrupted by a time-out, a broken connection or the end of
    /// their worker.
    pub notify_unknown: u32,
}

/// What the effect log tells of an event's calls of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Calls {
    /// The first attempt whose mail was taken.
    pub(super) first_sent: Option<u32>,
    /// Attempts before it, or all, that certainly sent nothing.
    pub(super) unsent: u32,
    /// Attempts after it that were cut off.
    pub(super) broken_after: u32,
}

impl EventRecord {
    /// An attempt that ended is in the log; one before the first success that is not may have sent its mail. After that
    /// success nothing is sent again, but by who did not know of it.
    pub(super) fn with(self, calls: &Calls) -> EventRecord {
        let ended =
            self.attempts - u32::from(self.state == EventState::Working && self.attempts > 0);
        let before = calls
            .first_sent
            .map_or(ended, |first| first.saturating_sub(1));
        EventRecord {
            notify_unknown: before.saturating_sub(calls.unsent) + calls.broken_after,
            ..self
        }
    }
}

/// Some events of a run.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// In order of acceptance.
    pub events: Vec<EventRecord>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<i64>,
}

impl EventPage {
    /// From at most `limit` rows, each with its number.
    pub(super) fn of(rows: Vec<(i64, EventRecord)>, limit: u32) -> EventPage {
        let last = rows.last().map(|(seq, _)| *seq);
        EventPage {
            next: last.filter(|_| rows.len() == limit as usize),
            events: rows.into_iter().map(|(_, event)| event).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, EventRecord, EventState};
    use crate::reference::store::EventId;

    #[test]
    fn a_record_reads_as_the_contract_says() {
        let record = EventRecord {
            event_id: EventId::from_bytes([0x11; 16]),
            state: EventState::Processed,
            accepted_ms: 1_700_000_000_120,
            processed_ms: None,
            attempts: 2,
            inserts: 1,
            notifications: 1,
            notify_unknown: 0,
        };
        let json = serde_json::to_string(&record).expect("a record is JSON");
        assert_eq!(
            json,
            r#"{"event_id":"11111111-1111-1111-1111-111111111111","state":"processed","accepted_at":"2023-11-14T22:13:20.120Z","processed_at":null,"attempts":2,"inserts":1,"notifications":1,"notify_unknown":0}"#
        );
    }

    #[test]
    fn an_attempt_that_left_no_certain_word_may_have_sent_its_mail() {
        let unknown = |state, attempts, first_sent, unsent, broken_after| {
            let calls = Calls {
                first_sent,
                unsent,
                broken_after,
            };
            let record = EventRecord {
                event_id: EventId::from_bytes([0x11; 16]),
                state,
                accepted_ms: 0,
                processed_ms: None,
                attempts,
                inserts: 1,
                notifications: 0,
                notify_unknown: 0,
            };
            record.with(&calls).notify_unknown
        };
        // Refused twice, then sent.
        assert_eq!(unknown(EventState::Processed, 3, Some(3), 2, 0), 0);
        // Cut off, then sent; another attempt only for the insert.
        assert_eq!(unknown(EventState::Processed, 3, Some(2), 0, 0), 1);
        // Never to be known.
        assert_eq!(unknown(EventState::Processed, 2, None, 1, 0), 1);
        // Under way: its end is not due yet.
        assert_eq!(unknown(EventState::Working, 1, None, 0, 0), 0);
        assert_eq!(unknown(EventState::Queued, 0, None, 0, 0), 0);
        // A caller that did not know that it was sent.
        assert_eq!(unknown(EventState::Processed, 2, Some(1), 0, 1), 1);
    }

    #[test]
    fn every_state_survives_its_number() {
        for state in EventState::ALL {
            assert_eq!(EventState::from_code(state.code()), Some(state));
        }
        assert_eq!(EventState::from_code(6), None);
    }
}
