//! What is done about a key that came again: the rules of idempotency, the same for every engine.

use super::changes::Changes;
use super::next_attempt::NextAttempt;
use super::{Admission, EventId, EventState, Fingerprint, Handling, Promise, Submission};

/// What the store knows of a key that came again.
pub(super) struct KnownKey {
    pub(super) seq: i64,
    pub(super) fingerprint: Fingerprint,
    pub(super) promise: Promise,
    pub(super) state: EventState,
    pub(super) accepted_ms: i64,
    /// While it is worked on: the end of the lease.
    pub(super) due_ms: i64,
    pub(super) attempts: u32,
    pub(super) base: u32,
    pub(super) payload: Option<Vec<u8>>,
}

impl KnownKey {
    /// Attempts that do not count any more when the event is admitted again. One that failed or was given up has been
    /// answered: its client asks for a new attempt, and that is not one too many.
    fn base_again(&self) -> u32 {
        match self.state {
            EventState::Failed | EventState::Dead => self.attempts,
            EventState::Queued
            | EventState::Retrying
            | EventState::Working
            | EventState::Processed => self.base,
        }
    }

    /// A worker shall try again.
    pub(super) fn requeue(&mut self, event_id: EventId, changes: &mut Changes) {
        self.base = self.base_again();
        changes.moved(self.state, EventState::Queued);
        changes.arrived.push(event_id);
        (self.state, self.promise) = (EventState::Queued, Promise::Later);
    }

    /// The caller tries again, with a lease until then.
    pub(super) fn take_over(
        &mut self,
        event_id: EventId,
        lease_end_ms: i64,
        changes: &mut Changes,
    ) -> NextAttempt<Vec<u8>> {
        self.base = self.base_again();
        changes.moved(self.state, EventState::Working);
        (self.state, self.due_ms) = (EventState::Working, lease_end_ms);
        self.attempts += 1;
        NextAttempt {
            seq: self.seq,
            event_id,
            attempt: self.attempts,
            base: self.base,
            payload: self.payload.take(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum DuplicateAction {
    /// It was answered, or cannot be: say so.
    Answer(Admission),
    /// The synchronous call failed, or was interrupted and its lease has ended: the caller tries again.
    TakeOver,
    /// The same, but a worker shall try.
    Requeue,
}

/// The rules of a repeated key, which lives for `key_lifetime_ms`.
pub(super) fn duplicate_action(
    known: &KnownKey,
    submission: &Submission,
    now_ms: i64,
    key_lifetime_ms: i64,
) -> DuplicateAction {
    if known.fingerprint != submission.fingerprint {
        let expired = known.accepted_ms < now_ms - key_lifetime_ms;
        return DuplicateAction::Answer(if expired {
            Admission::IdTaken
        } else {
            Admission::BodyDiffers
        });
    }
    match (known.promise, known.state) {
        (Promise::Later, _) => DuplicateAction::Answer(Admission::Replayed(Promise::Later)),
        (Promise::Done, EventState::Processed) => {
            DuplicateAction::Answer(Admission::Replayed(Promise::Done))
        }
        (Promise::Done, EventState::Working) if known.due_ms > now_ms => {
            DuplicateAction::Answer(Admission::InProgress)
        }
        // The client never heard that it is done.
        (
            Promise::Done,
            EventState::Queued
            | EventState::Retrying
            | EventState::Working
            | EventState::Failed
            | EventState::Dead,
        ) => match submission.handling {
            Handling::Call => DuplicateAction::TakeOver,
            Handling::Queue | Handling::Adopt => DuplicateAction::Requeue,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{DuplicateAction, KnownKey, duplicate_action};
    use crate::reference::store::{
        Admission, EventId, EventState, Fingerprint, Handling, Promise, Submission,
    };

    const HOUR_MS: i64 = 3_600_000;

    /// Before any lease has ended.
    fn again(known: &KnownKey, handling: Handling) -> DuplicateAction {
        duplicate_action(known, &submission(handling), 0, HOUR_MS)
    }

    fn submission(handling: Handling) -> Submission {
        Submission {
            event_id: EventId::from_key("k"),
            fingerprint: Fingerprint::of(b"{}"),
            payload: b"{}".to_vec(),
            run: None,
            accepted_ms: 0,
            handling,
        }
    }

    fn known(promise: Promise, state: EventState) -> KnownKey {
        let fingerprint = Fingerprint::of(b"{}");
        KnownKey {
            seq: 1,
            fingerprint,
            promise,
            state,
            accepted_ms: 0,
            due_ms: 1,
            attempts: 1,
            base: 0,
            payload: None,
        }
    }

    #[test]
    fn what_was_answered_202_is_answered_202_again_whatever_became_of_it() {
        for state in EventState::ALL {
            for handling in [Handling::Queue, Handling::Call] {
                assert_eq!(
                    again(&known(Promise::Later, state), handling),
                    DuplicateAction::Answer(Admission::Replayed(Promise::Later)),
                    "{state:?}"
                );
            }
        }
    }

    #[test]
    fn a_synchronous_call_is_replayed_when_done_refused_while_running_and_tried_again_when_it_failed()
     {
        let again = |state| again(&known(Promise::Done, state), Handling::Call);
        assert_eq!(
            again(EventState::Processed),
            DuplicateAction::Answer(Admission::Replayed(Promise::Done))
        );
        assert_eq!(
            again(EventState::Working),
            DuplicateAction::Answer(Admission::InProgress)
        );
        for state in [
            EventState::Queued,
            EventState::Retrying,
            EventState::Failed,
            EventState::Dead,
        ] {
            assert_eq!(again(state), DuplicateAction::TakeOver, "{state:?}");
        }
    }

    #[test]
    fn a_failed_synchronous_call_is_queued_when_its_retry_meets_a_background_server() {
        let failed = known(Promise::Done, EventState::Failed);
        assert_eq!(again(&failed, Handling::Queue), DuplicateAction::Requeue);
    }

    #[test]
    fn a_synchronous_call_that_was_cut_off_is_tried_again_once_its_lease_is_over() {
        let cut_off = known(Promise::Done, EventState::Working);
        let at =
            |now_ms, handling| duplicate_action(&cut_off, &submission(handling), now_ms, HOUR_MS);
        let end_ms = cut_off.due_ms;
        assert_eq!(
            at(end_ms - 1, Handling::Call),
            DuplicateAction::Answer(Admission::InProgress)
        );
        assert_eq!(at(end_ms, Handling::Call), DuplicateAction::TakeOver);
        assert_eq!(at(end_ms, Handling::Queue), DuplicateAction::Requeue);
    }

    #[test]
    fn what_was_answered_with_a_failure_gets_all_its_attempts_again_and_nothing_else_does() {
        for state in EventState::ALL {
            let known = KnownKey {
                attempts: 8,
                ..known(Promise::Done, state)
            };
            let answered = [EventState::Failed, EventState::Dead].contains(&state);
            assert_eq!(
                known.base_again(),
                if answered { 8 } else { 0 },
                "{state:?}"
            );
        }
    }

    #[test]
    fn another_body_is_never_accepted_under_a_known_id_expired_or_not() {
        let mut known = known(Promise::Later, EventState::Processed);
        known.fingerprint = Fingerprint::of(b"[]");
        let again =
            |now_ms| duplicate_action(&known, &submission(Handling::Queue), now_ms, HOUR_MS);
        assert_eq!(
            again(HOUR_MS),
            DuplicateAction::Answer(Admission::BodyDiffers)
        );
        assert_eq!(
            again(HOUR_MS + 1),
            DuplicateAction::Answer(Admission::IdTaken)
        );
    }
}
