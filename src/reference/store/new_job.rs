//! The row of a new event: queued, or leased to its caller at once.

use super::changes::Changes;
use super::next_attempt::NextAttempt;
use super::options::WriteRules;
use super::{EventState, Handling, Submission};

/// What depends on who does the work; the rest of the row is the submission.
pub(super) struct NewJob<'a> {
    pub(super) state: EventState,
    pub(super) due_ms: i64,
    pub(super) accepted_ms: i64,
    pub(super) attempts: u8,
    pub(super) owner: Option<i64>,
    pub(super) payload: Option<&'a [u8]>,
    pub(super) span_ms: i64,
}

impl NewJob<'_> {
    pub(super) fn of<'a>(
        submission: &'a Submission,
        accepted_ms: i64,
        now_ms: i64,
        rules: &WriteRules,
    ) -> NewJob<'a> {
        if submission.handling == Handling::Queue {
            return NewJob {
                state: EventState::Queued,
                due_ms: accepted_ms,
                accepted_ms,
                attempts: 0,
                owner: None,
                payload: Some(&submission.payload),
                span_ms: 0,
            };
        }
        NewJob {
            state: EventState::Working,
            due_ms: now_ms + rules.lease_ms,
            accepted_ms,
            attempts: 1,
            owner: Some(rules.owner),
            payload: None,
            span_ms: rules.lease_ms,
        }
    }
}

/// Counts a new event, and returns the attempt that its caller makes at once.
pub(super) fn first_attempt<'a>(
    seq: i64,
    submission: &'a Submission,
    changes: &mut Changes,
) -> Option<NextAttempt<&'a [u8]>> {
    if submission.handling == Handling::Queue {
        changes.entered(EventState::Queued);
        changes.arrived.push(submission.event_id);
        return None;
    }
    changes.entered(EventState::Working);
    Some(NextAttempt {
        seq,
        event_id: submission.event_id,
        attempt: 1,
        base: 0,
        payload: Some(&submission.payload),
    })
}
