//! What the store tells of an event.

use serde::{Serialize, Serializer};

use super::EventId;

/// Where an event is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Accepted; no attempt was made yet.
    Queued,
    /// An attempt failed; the next one is due later.
    Retrying,
    /// An attempt is being made.
    Working,
    /// The synchronous call failed and the client was told so; its retry will try again.
    Failed,
    /// Every attempt failed; nothing tries again by itself.
    Dead,
    /// Inserted and notified; or, with [`Repeat::AtMostOnce`](super::Repeat), perhaps notified and not to be again.
    Processed,
}

impl State {
    /// Every state, in the order of [`State::code`].
    pub(super) const ALL: [State; 6] = [
        State::Queued,
        State::Retrying,
        State::Working,
        State::Failed,
        State::Dead,
        State::Processed,
    ];

    /// The number in the database. Those below [`State::SETTLED`] are still to be worked on.
    pub(super) fn code(self) -> i64 {
        self as i64
    }

    /// The state with this number; `None` if a later version wrote it.
    pub(super) fn from_code(code: i64) -> Option<State> {
        usize::try_from(code)
            .ok()
            .and_then(|code| State::ALL.get(code))
            .copied()
    }

    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Retrying => "retrying",
            State::Working => "working",
            State::Failed => "failed",
            State::Dead => "dead",
            State::Processed => "processed",
        }
    }

    /// Will nothing more happen to the event by itself?
    pub fn is_settled(self) -> bool {
        matches!(self, State::Failed | State::Dead | State::Processed)
    }
}

/// One event, as `GET /events/{id}` and the listing of a run show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventRecord {
    /// Its id.
    pub event_id: EventId,
    /// Where it is on its way.
    pub state: State,
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
}

/// Some events of a run.
#[derive(Clone, Debug)]
pub struct Page {
    /// In order of acceptance.
    pub events: Vec<EventRecord>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<i64>,
}

pub(super) fn rfc3339<S: Serializer>(ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339_or_null(&Some(*ms), serializer)
}

fn rfc3339_or_null<S: Serializer>(ms: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) {
        // Always three digits, so that the texts sort as the times do.
        Some(time) => serializer.collect_str(&format_args!("{time:.3}")),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::{EventRecord, State};
    use crate::store::EventId;

    #[test]
    fn a_record_reads_as_the_contract_says() {
        let record = EventRecord {
            event_id: EventId::from_bytes([0x11; 16]),
            state: State::Processed,
            accepted_ms: 1_700_000_000_120,
            processed_ms: None,
            attempts: 2,
            inserts: 1,
            notifications: 1,
        };
        let json = serde_json::to_string(&record).expect("a record is JSON");
        assert_eq!(
            json,
            r#"{"event_id":"11111111-1111-1111-1111-111111111111","state":"processed","accepted_at":"2023-11-14T22:13:20.120Z","processed_at":null,"attempts":2,"inserts":1,"notifications":1}"#
        );
    }

    #[test]
    fn every_state_survives_its_number() {
        for state in State::ALL {
            assert_eq!(State::from_code(state.code()), Some(state));
        }
        assert_eq!(State::from_code(6), None);
    }
}
