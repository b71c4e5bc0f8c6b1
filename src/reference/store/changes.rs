//! What a transaction changes outside the database; published once it is committed.

use super::totals::Delta;
use super::unreadable::Unreadable;
use super::{EventId, EventState};

/// The changes of one transaction.
pub(super) struct Changes {
    pub(super) now_ms: i64,
    /// Nothing more will happen to these.
    pub(super) settled: Vec<EventId>,
    /// These are due from now on.
    pub(super) arrived: Vec<EventId>,
    pub(super) delta: Delta,
    /// The process had not reported before; or others had forgotten it and taken over what it had counted.
    pub(super) is_reported_anew: bool,
}

impl Changes {
    pub(super) fn at(now_ms: i64) -> Changes {
        Changes {
            now_ms,
            settled: Vec::new(),
            arrived: Vec::new(),
            delta: Delta::default(),
            is_reported_anew: false,
        }
    }

    /// A new event is in this state.
    pub(super) fn entered(&mut self, state: EventState) {
        self.delta[state as usize] += 1;
    }

    /// An event was in one state before, and is in another one now.
    pub(super) fn moved(&mut self, from: EventState, to: EventState) {
        self.delta[from as usize] -= 1;
        self.delta[to as usize] += 1;
    }

    /// An attempt has ended so.
    pub(super) fn finished(&mut self, event_id: EventId, state: EventState) {
        self.moved(EventState::Working, state);
        if state.is_settled() {
            self.settled.push(event_id);
        }
    }

    /// A row that cannot be read is dead.
    pub(super) fn gave_up(&mut self, row: &Unreadable) {
        self.moved(row.state, EventState::Dead);
        self.settled.extend(row.event_id);
    }

    /// Is there something to claim that was not before, now or later?
    pub(super) fn brought_work(&self) -> bool {
        self.delta[EventState::Queued as usize] > 0 || self.delta[EventState::Retrying as usize] > 0
    }
}
