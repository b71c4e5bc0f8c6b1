//! Requests that were sent twice on purpose, to see whether their key makes them one event.

use serde::{Deserialize, Serialize};

/// The answer to one repeated request, compared with the original's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// Accepted, and it names the same event as the original's answer.
    Same,
    /// Accepted and marked as a replay (`Idempotent-Replayed`).
    Replayed,
    /// Refused because the key is in use: 409.
    Conflict,
    /// Accepted, but it names another event than the original's answer.
    OtherEvent,
    /// Accepted, but one of the two answers names no event, so that they cannot be compared.
    NotCompared,
    /// Refused otherwise, or not answered: it shows nothing.
    Unanswered,
}

/// What became of requests that were sent twice on purpose, with the same key and the same body. They are in no
/// percentile and in no count of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Resends {
    /// Share of the requests that was to be repeated, from 0 to 1.
    pub share: f64,
    /// Requests that were repeated while the original was under way.
    pub concurrent: u64,
    /// Requests that were repeated when the original was answered.
    pub after: u64,
    /// Answered with the same event as the original, without a mark.
    pub same_event: u64,
    /// Answered as a replay (`Idempotent-Replayed`).
    pub replayed: u64,
    /// Refused with 409, because the key is in use.
    pub conflict: u64,
    /// Answered with another event than the original: one key, two events.
    pub several_events: u64,
    /// Accepted, but the original's answer or the repetition's names no event: unknown whether it is the same.
    #[serde(default)]
    pub not_compared: u64,
    /// Refused otherwise, or not answered.
    pub unanswered: u64,
}

impl Resends {
    /// Counts one.
    pub fn add(&mut self, resend: Resend) {
        *match resend {
            Resend::Same => &mut self.same_event,
            Resend::Replayed => &mut self.replayed,
            Resend::Conflict => &mut self.conflict,
            Resend::OtherEvent => &mut self.several_events,
            Resend::NotCompared => &mut self.not_compared,
            Resend::Unanswered => &mut self.unanswered,
        } += 1;
    }

    /// How many requests were repeated.
    pub fn sent(&self) -> u64 {
        self.concurrent + self.after
    }

    /// Adds another thread's.
    pub(crate) fn merge(&mut self, other: &Resends) {
        self.concurrent += other.concurrent;
        self.after += other.after;
        self.same_event += other.same_event;
        self.replayed += other.replayed;
        self.conflict += other.conflict;
        self.several_events += other.several_events;
        self.not_compared += other.not_compared;
        self.unanswered += other.unanswered;
    }
}
