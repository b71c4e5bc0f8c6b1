//! An event on its way in, and what the store answers.

use sha2::{Digest, Sha256};

use super::{EventId, EventRecord, EventState, Lease};

/// SHA-256 of a request body: tells a retry from another request that carries the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub(super) [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a body, byte for byte.
    pub fn of(body: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(body).into())
    }
}

/// One event as `POST /ingest` hands it over.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What its key stands for.
    pub event_id: EventId,
    /// Of the payload.
    pub fingerprint: Fingerprint,
    /// The body as it came.
    pub payload: Vec<u8>,
    /// The run that the request named.
    pub run: Option<String>,
    /// When it came, in milliseconds since the Unix epoch.
    pub accepted_ms: i64,
    /// Who does the work.
    pub handling: Handling,
}

impl Submission {
    /// Its answer while it is only in memory.
    pub(super) fn held(&self) -> EventRecord {
        EventRecord {
            event_id: self.event_id,
            state: EventState::Queued,
            accepted_ms: self.accepted_ms,
            processed_ms: None,
            attempts: 0,
            inserts: 0,
            notifications: 0,
            notify_unknown: 0,
        }
    }
}

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// A worker, later: the event is queued.
    Queue,
    /// The caller, before it answers: the event is leased to it.
    Call,
    /// The caller, for an event that was acknowledged from memory before.
    Adopt,
}

/// The answer to a client, repeated for a repeated key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// 202: it will be done.
    Later,
    /// 200: it has been done.
    Done,
}

impl Promise {
    pub(super) fn code(self) -> i64 {
        match self {
            Promise::Later => 0,
            Promise::Done => 1,
        }
    }

    pub(super) fn from_code(code: i64) -> Promise {
        if code == 0 {
            Promise::Later
        } else {
            Promise::Done
        }
    }
}

impl Handling {
    /// The client's answer on success.
    pub(super) fn promise(self) -> Promise {
        match self {
            Handling::Queue | Handling::Adopt => Promise::Later,
            Handling::Call => Promise::Done,
        }
    }
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// New, and committed.
    Queued,
    /// Committed, and the caller's to work on.
    Leased(Lease),
    /// The key was answered before; this was the answer.
    Replayed(Promise),
    /// The key's first request is still being worked on.
    InProgress,
    /// The key came with another body before.
    BodyDiffers,
    /// The key has expired, but its event id does not expire and belongs to another body.
    IdTaken,
}

impl Admission {
    pub(super) fn into_lease(self) -> Option<Lease> {
        match self {
            Admission::Leased(lease) => Some(lease),
            _ => None,
        }
    }
}
