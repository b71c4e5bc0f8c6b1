//! Events that have been due for long and that no worker took, a bounded number of rows at a time, so that the writer
//! is never blocked for long.

use std::time::Duration;

use super::lease::millis;
use super::{EventId, EventState};

/// The states in which something may have been lost on its way to a worker.
pub(super) const STATES: [EventState; 3] = [
    EventState::Working,
    EventState::Retrying,
    EventState::Queued,
];

/// How often an event may be named: the longest pause in units of the shortest.
const LONGEST_PAUSE: i64 = 20;

/// How far a pass over the open events has come; the default is its begin. What becomes due later stands behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepCursor {
    reached: [Position; STATES.len()],
    spares_queued: bool,
}

impl SweepCursor {
    /// The same place, where a step looks at what is merely queued, or leaves it out.
    pub fn sparing_queued(self, spares_queued: bool) -> SweepCursor {
        SweepCursor {
            spares_queued,
            ..self
        }
    }
}

/// A row, in the order in which events are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) due_ms: i64,
    pub(super) seq: i64,
}

impl Position {
    /// Behind every row.
    const END: Position = Position {
        due_ms: i64::MAX,
        seq: i64::MAX,
    };
}

/// One step of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The events to dispatch again, oldest first within each state.
    pub ids: Vec<EventId>,
    /// The place where the next step continues.
    pub cursor: SweepCursor,
    /// No other event has been due for this long.
    pub is_over: bool,
}

/// An event that a step looks at.
pub(super) struct Candidate {
    pub(super) at: Position,
    pub(super) event_id: EventId,
    /// When it was last named.
    pub(super) swept_ms: Option<i64>,
}

/// A step while it is made.
pub(super) struct SweepStep {
    cursor: SweepCursor,
    idle_ms: i64,
    now_ms: i64,
    left: u32,
    pub(super) found: Vec<(i64, EventId)>,
}

impl SweepStep {
    pub(super) fn begin(cursor: SweepCursor, idle: Duration, limit: u32, now_ms: i64) -> SweepStep {
        SweepStep {
            cursor,
            idle_ms: millis(idle),
            now_ms,
            left: limit,
            found: Vec::new(),
        }
    }

    /// How many rows may still be looked at.
    pub(super) fn left(&self) -> u32 {
        self.left
    }

    /// Only what has been due since then is looked at.
    pub(super) fn horizon_ms(&self) -> i64 {
        self.now_ms.saturating_sub(self.idle_ms)
    }

    /// The last row of the state with this index that was read.
    pub(super) fn reached(&self, index: usize) -> Position {
        if self.cursor.spares_queued && STATES[index] == EventState::Queued {
            return Position::END;
        }
        self.cursor.reached[index]
    }

    /// Takes the next row of the state with this index.
    pub(super) fn look(&mut self, index: usize, candidate: &Candidate) {
        self.left = self.left.saturating_sub(1);
        self.cursor.reached[index] = candidate.at;
        if candidate.is_overdue(self.now_ms, self.idle_ms) {
            self.found.push((candidate.at.seq, candidate.event_id));
        }
    }

    /// The rows that are to be named, by `seq`.
    pub(super) fn found(&self) -> impl Iterator<Item = i64> {
        self.found.iter().map(|(seq, _)| *seq)
    }

    /// The step is made.
    pub(super) fn end(self) -> Swept {
        Swept {
            ids: self.found.into_iter().map(|(_, id)| id).collect(),
            cursor: self.cursor,
            is_over: self.left > 0,
        }
    }
}

impl Candidate {
    /// Not named since it became due, or named as long ago as it had waited then. That doubles the pauses, so an event
    /// in a long queue is not dispatched at every pass.
    fn is_overdue(&self, now_ms: i64, idle_ms: i64) -> bool {
        self.swept_ms.is_none_or(|swept_ms| {
            let longest = idle_ms.saturating_mul(LONGEST_PAUSE);
            let pause = (swept_ms - self.at.due_ms).clamp(idle_ms, longest);
            now_ms.saturating_sub(swept_ms) >= pause
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Candidate, Position, SweepCursor, SweepStep};
    use crate::reference::store::EventId;

    fn candidate(due_ms: i64, seq: i64, swept_ms: Option<i64>) -> Candidate {
        Candidate {
            at: Position { due_ms, seq },
            event_id: EventId::from_key(&seq.to_string()),
            swept_ms,
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        let (idle_ms, due_ms) = (1_000, 50_000);
        let (mut named, mut swept_ms) = (Vec::new(), None);
        for now_ms in (due_ms + idle_ms..due_ms + 100_000).step_by(100) {
            if candidate(due_ms, 1, swept_ms).is_overdue(now_ms, idle_ms) {
                named.push(now_ms - due_ms);
                swept_ms = Some(now_ms);
            }
        }
        assert_eq!(
            named,
            [
                1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 52_000, 72_000, 92_000
            ]
        );
    }

    #[test]
    fn what_is_due_again_after_it_was_named_waits_the_shortest_pause() {
        // Named at 1 s, tried in vain, due again at 5 s.
        let retried = candidate(5_000, 1, Some(1_000));
        assert!(!retried.is_overdue(1_999, 1_000));
        assert!(retried.is_overdue(6_000, 1_000));
    }

    #[test]
    fn a_step_that_spares_what_is_queued_goes_on_there_later() {
        let idle = Duration::from_secs(1);
        let mut step = SweepStep::begin(SweepCursor::default(), idle, 2, 100_000);
        step.look(2, &candidate(1_000, 7, None));
        let cursor = step.end().cursor;
        let step = SweepStep::begin(cursor.sparing_queued(true), idle, 2, 100_000);
        assert_eq!(step.reached(2), Position::END);
        assert_eq!(step.reached(1), Position::default());
        let cursor = step.end().cursor.sparing_queued(false);
        let step = SweepStep::begin(cursor, idle, 2, 100_000);
        assert_eq!(step.reached(2).seq, 7);
    }

    #[test]
    fn a_step_counts_rows_and_not_what_it_finds() {
        let idle = Duration::from_secs(1);
        let mut step = SweepStep::begin(SweepCursor::default(), idle, 2, 100_000);
        assert_eq!(step.horizon_ms(), 99_000);
        step.look(2, &candidate(1_000, 1, Some(99_500)));
        step.look(2, &candidate(1_000, 2, None));
        assert_eq!((step.left(), step.reached(2).seq), (0, 2));
        assert_eq!(step.reached(0), Position::default());
        assert_eq!(step.found().collect::<Vec<_>>(), [2]);
        let swept = step.end();
        assert_eq!(swept.ids, [EventId::from_key("2")]);
        assert!(!swept.is_over);
    }
}
