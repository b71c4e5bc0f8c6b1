//! Which trace an event belongs to, from its acceptance to its attempts in the same process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::EventId;
use crate::trace::Trace;

/// Events that are remembered at the same time; a trace beyond is dropped. About 10 MB.
const LIMIT: usize = 65_536;

/// Kept in memory for the events of callers who trace, and for no others: a trace explains, it promises nothing.
#[derive(Default)]
pub struct Traces {
    of: Mutex<HashMap<EventId, Trace>>,
}

/// Whether a trace was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// To be forgotten when no attempt follows.
    Yes,
    /// There was no room, or another trace.
    No,
}

impl Traces {
    /// The event is a step of this trace, unless it is one of another already.
    pub fn remember(&self, event_id: EventId, trace: Trace) -> Remembered {
        let mut of = self.lock();
        if of.len() >= LIMIT || of.contains_key(&event_id) {
            return Remembered::No;
        }
        of.insert(event_id, trace);
        Remembered::Yes
    }

    /// The trace of an event, if its caller named one.
    pub(super) fn of(&self, event_id: EventId) -> Option<Trace> {
        self.lock().get(&event_id).cloned()
    }

    /// No more attempts follow.
    pub fn forget(&self, event_id: EventId) {
        let mut of = self.lock();
        if !of.is_empty() {
            of.remove(&event_id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EventId, Trace>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, Traces};
    use crate::store::EventId;
    use crate::trace::Trace;

    #[test]
    fn what_is_forgotten_makes_room_and_what_finds_none_is_dropped() {
        let (traces, trace) = (Traces::default(), Trace::start());
        let id = |n: usize| EventId::from_key(&n.to_string());
        for n in 0..=LIMIT {
            traces.remember(id(n), trace.clone());
        }
        assert!(traces.of(id(0)).is_some() && traces.of(id(LIMIT)).is_none());
        traces.forget(id(0));
        traces.remember(id(LIMIT), trace);
        assert!(traces.of(id(0)).is_none() && traces.of(id(LIMIT)).is_some());
    }
}
