//! Dead letters: events whose every attempt failed, with the last error.

use serde::Serialize;

use super::EventId;
use crate::reference::timestamp::rfc3339;

/// One dead event, as `GET /dead` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// Id of the event.
    pub event_id: EventId,
    /// When it was accepted, in milliseconds since the Unix epoch; written as RFC 3339.
    #[serde(rename = "accepted_at", serialize_with = "rfc3339")]
    pub accepted_ms: i64,
    /// When it was given up; written as RFC 3339.
    #[serde(rename = "dead_at", serialize_with = "rfc3339")]
    pub dead_ms: i64,
    /// Attempts begun.
    pub attempts: u32,
    /// The effect that failed last: `insert` or `notify`.
    pub effect: Option<String>,
    /// Why, in the words of the provider or the database.
    pub error: Option<String>,
}

/// Some dead letters, in the order in which they died.
#[derive(Clone, Debug)]
pub struct DeadPage {
    /// The letters.
    pub letters: Vec<DeadLetter>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<DeadCursor>,
}

impl DeadPage {
    /// From at most `limit` rows, each with its number.
    pub(super) fn of(rows: Vec<(i64, DeadLetter)>, limit: u32) -> DeadPage {
        let last = rows.last().map(|(job, letter)| DeadCursor {
            dead_ms: letter.dead_ms,
            job: *job,
        });
        DeadPage {
            next: last.filter(|_| rows.len() == limit as usize),
            letters: rows.into_iter().map(|(_, letter)| letter).collect(),
        }
    }
}

/// A place in the list of dead letters; the default is its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadCursor {
    pub(super) dead_ms: i64,
    pub(super) job: i64,
}
