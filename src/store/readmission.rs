//! What is done about a key that came again: the rules of idempotency, the same for every engine.

use super::{Admission, Fingerprint, Handling, Promise, State, Submission};

/// What the store knows of a key that came again.
pub(super) struct Known {
    pub(super) seq: i64,
    pub(super) fingerprint: Fingerprint,
    pub(super) promise: Promise,
    pub(super) state: State,
    pub(super) accepted_ms: i64,
    pub(super) attempts: u32,
    pub(super) base: u32,
    pub(super) payload: Option<Vec<u8>>,
}

/// What is to be done about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Readmission {
    /// It was answered, or cannot be: say so.
    Answer(Admission),
    /// The synchronous call failed or was cut off by a crash: the caller tries again.
    TakeOver,
    /// The same, but a worker shall try.
    Requeue,
}

/// The rules of a repeated key. `expired_ms`: keys that came before have expired.
pub(super) fn readmission(known: &Known, submission: &Submission, expired_ms: i64) -> Readmission {
    if known.fingerprint != submission.fingerprint {
        let expired = known.accepted_ms < expired_ms;
        return Readmission::Answer(if expired {
            Admission::IdTaken
        } else {
            Admission::BodyDiffers
        });
    }
    match (known.promise, known.state) {
        (Promise::Later, _) => Readmission::Answer(Admission::Replayed(Promise::Later)),
        (Promise::Done, State::Processed) => {
            Readmission::Answer(Admission::Replayed(Promise::Done))
        }
        (Promise::Done, State::Working) => Readmission::Answer(Admission::InProgress),
        // The client never heard that it is done.
        (Promise::Done, State::Queued | State::Retrying | State::Failed | State::Dead) => {
            match submission.handling {
                Handling::Call => Readmission::TakeOver,
                Handling::Queue | Handling::Adopt => Readmission::Requeue,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Readmission, readmission};
    use crate::store::{Admission, EventId, Fingerprint, Handling, Promise, State, Submission};

    const HOUR_MS: i64 = 3_600_000;

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

    fn known(promise: Promise, state: State) -> Known {
        let fingerprint = Fingerprint::of(b"{}");
        Known {
            seq: 1,
            fingerprint,
            promise,
            state,
            accepted_ms: 0,
            attempts: 1,
            base: 0,
            payload: None,
        }
    }

    #[test]
    fn what_was_answered_202_is_answered_202_again_whatever_became_of_it() {
        for state in State::ALL {
            for handling in [Handling::Queue, Handling::Call] {
                let again = readmission(
                    &known(Promise::Later, state),
                    &submission(handling),
                    -HOUR_MS,
                );
                assert_eq!(
                    again,
                    Readmission::Answer(Admission::Replayed(Promise::Later)),
                    "{state:?}"
                );
            }
        }
    }

    #[test]
    fn a_synchronous_call_is_replayed_when_done_refused_while_running_and_tried_again_when_it_failed()
     {
        let again = |state| {
            readmission(
                &known(Promise::Done, state),
                &submission(Handling::Call),
                -HOUR_MS,
            )
        };
        assert_eq!(
            again(State::Processed),
            Readmission::Answer(Admission::Replayed(Promise::Done))
        );
        assert_eq!(
            again(State::Working),
            Readmission::Answer(Admission::InProgress)
        );
        for state in [State::Queued, State::Retrying, State::Failed, State::Dead] {
            assert_eq!(again(state), Readmission::TakeOver, "{state:?}");
        }
    }

    #[test]
    fn a_failed_synchronous_call_is_queued_when_its_retry_meets_a_background_server() {
        let again = readmission(
            &known(Promise::Done, State::Failed),
            &submission(Handling::Queue),
            -HOUR_MS,
        );
        assert_eq!(again, Readmission::Requeue);
    }

    #[test]
    fn another_body_is_never_accepted_under_a_known_id_expired_or_not() {
        let mut known = known(Promise::Later, State::Processed);
        known.fingerprint = Fingerprint::of(b"[]");
        let again = |expired_ms| readmission(&known, &submission(Handling::Queue), expired_ms);
        assert_eq!(again(-HOUR_MS), Readmission::Answer(Admission::BodyDiffers));
        assert_eq!(again(HOUR_MS), Readmission::Answer(Admission::IdTaken));
    }
}
