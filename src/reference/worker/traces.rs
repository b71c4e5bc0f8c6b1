//! Which trace an event belongs to, from its acceptance to its attempts in the same process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::reference::store::EventId;
use crate::trace::Trace;

/// Events that are remembered at the same time; one more drops the oldest. About 15 MB.
const LIMIT: usize = 65_536;

/// Kept in memory for the events of callers who trace, and for no others: a trace explains, it promises nothing.
#[derive(Default)]
pub(crate) struct Traces {
    table: Mutex<TraceTable>,
}

#[derive(Default)]
struct TraceTable {
    of: HashMap<EventId, (u64, Trace)>,
    /// Numbered as they came.
    by_age: BTreeMap<u64, EventId>,
    next: u64,
}

/// Whether a trace was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remembered {
    /// To be forgotten when no attempt follows.
    Yes,
    /// There was another trace.
    No,
}

impl Traces {
    /// The event is a step of this trace, unless it is one of another already.
    pub(crate) fn remember(&self, event_id: EventId, trace: Trace) -> Remembered {
        let mut table = self.lock();
        if table.of.contains_key(&event_id) {
            return Remembered::No;
        }
        if table.of.len() >= LIMIT
            && let Some((_, oldest)) = table.by_age.pop_first()
        {
            // It waits for long, or its end was not reported here.
            table.of.remove(&oldest);
        }
        let age = table.next;
        table.next += 1;
        table.by_age.insert(age, event_id);
        table.of.insert(event_id, (age, trace));
        Remembered::Yes
    }

    /// The trace of an event, if its caller named one.
    pub(super) fn of(&self, event_id: EventId) -> Option<Trace> {
        self.lock()
            .of
            .get(&event_id)
            .map(|(_, trace)| trace.clone())
    }

    /// No more attempts follow.
    pub(crate) fn forget(&self, event_id: EventId) {
        let mut table = self.lock();
        if !table.of.is_empty()
            && let Some((age, _)) = table.of.remove(&event_id)
        {
            table.by_age.remove(&age);
        }
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.lock().of.len()
    }

    fn lock(&self) -> MutexGuard<'_, TraceTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, Remembered, Traces};
    use crate::reference::store::EventId;
    use crate::trace::Trace;

    fn id(n: usize) -> EventId {
        EventId::from_key(&n.to_string())
    }

    #[test]
    fn what_is_forgotten_makes_room_and_where_there_is_none_the_oldest_goes() {
        let (traces, trace) = (Traces::default(), Trace::start());
        for n in 0..LIMIT {
            traces.remember(id(n), trace.clone());
        }
        traces.forget(id(1));
        traces.remember(id(LIMIT), trace.clone());
        assert!(traces.of(id(0)).is_some(), "there was room");
        traces.remember(id(LIMIT + 1), trace);
        assert!(traces.of(id(0)).is_none(), "the oldest");
        assert!(traces.of(id(2)).is_some() && traces.of(id(LIMIT + 1)).is_some());
        assert_eq!(traces.count(), LIMIT);
    }

    #[test]
    fn the_first_trace_of_an_event_is_its_trace() {
        let (traces, first) = (Traces::default(), Trace::start());
        assert_eq!(traces.remember(id(1), first.clone()), Remembered::Yes);
        assert_eq!(traces.remember(id(1), Trace::start()), Remembered::No);
        assert_eq!(traces.of(id(1)), Some(first));
    }
}
