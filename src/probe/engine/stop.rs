//! Stopping a run early: one switch, seen by every sending thread.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// From a decision to its effect: by then every thread has seen it, so all stop at the same start of the schedule.
const NOTICE: Duration = Duration::from_millis(20);

/// Throws the switch; dropping it throws nothing.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<StopState>);

/// Sees the switch.
#[derive(Debug, Clone)]
pub struct StopSignal {
    state: watch::Receiver<StopState>,
}

/// What became of the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopState {
    Running,
    /// Requests due after `last` are not part of the run.
    Decided {
        last: Instant,
    },
    Interrupted {
        last: Instant,
    },
}

/// A switch and its view.
pub fn stop_switch() -> (Stopper, StopSignal) {
    let (sender, state) = watch::channel(StopState::Running);
    (Stopper(sender), StopSignal { state })
}

impl Stopper {
    /// Interrupts the run: the schedule ends now, whatever its planned size. Requests in flight are waited for.
    /// Requests that are due and still wait for a connection are unsent.
    pub fn stop(&self) {
        let now = Instant::now();
        self.0.send_modify(|state| {
            let last = match *state {
                StopState::Running => now + NOTICE,
                StopState::Decided { last } | StopState::Interrupted { last } => last,
            };
            *state = StopState::Interrupted { last };
        });
    }

    /// Ends the schedule of a run that is decided: what is due by then is sent and waited for, the rest is not planned
    /// any more. Does nothing to a run that is stopped.
    pub fn decide(&self) {
        let last = Instant::now() + NOTICE;
        self.0.send_if_modified(|state| match state {
            StopState::Running => {
                *state = StopState::Decided { last };
                true
            }
            StopState::Decided { .. } | StopState::Interrupted { .. } => false,
        });
    }
}

impl StopSignal {
    /// Whether the run was stopped, for whatever reason.
    pub fn is_stopped(&self) -> bool {
        *self.state.borrow() != StopState::Running
    }

    /// Whether the run was interrupted.
    pub fn is_interrupted(&self) -> bool {
        matches!(*self.state.borrow(), StopState::Interrupted { .. })
    }

    /// Returns when the run is interrupted; never, if the stopper is gone.
    pub async fn interrupted(mut self) {
        let interrupted = |state: &StopState| matches!(state, StopState::Interrupted { .. });
        if self.state.wait_for(interrupted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns when the run is stopped, for any reason; never, if the stopper is gone.
    pub async fn stopped(mut self) {
        let stopped = |state: &StopState| *state != StopState::Running;
        if self.state.wait_for(stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What becomes of a start of the schedule.
    pub(super) fn fate_of(&self, due: Instant) -> StartFate {
        match *self.state.borrow() {
            StopState::Running => StartFate::Sent,
            StopState::Decided { last } | StopState::Interrupted { last } if due > last => {
                StartFate::NotPlanned
            }
            StopState::Decided { .. } | StopState::Interrupted { .. } => StartFate::Sent,
        }
    }
}

/// What becomes of a start of the schedule when the run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StartFate {
    /// It is sent when it is due.
    Sent,
    /// The schedule has ended before it.
    NotPlanned,
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{StartFate, stop_switch};

    const LATER: Duration = Duration::from_secs(1);

    #[test]
    fn an_interruption_ends_the_schedule_at_what_is_due() {
        let (stopper, stop) = stop_switch();
        let now = Instant::now();
        assert_eq!(stop.fate_of(now + LATER), StartFate::Sent);
        stopper.stop();
        assert!(stop.is_stopped() && stop.is_interrupted());
        assert_eq!(
            (stop.fate_of(now), stop.fate_of(now + LATER)),
            (StartFate::Sent, StartFate::NotPlanned)
        );
    }

    #[test]
    fn a_decision_sends_what_is_due_and_plans_no_more() {
        let (stopper, stop) = stop_switch();
        let now = Instant::now();
        stopper.decide();
        assert!(stop.is_stopped() && !stop.is_interrupted());
        assert_eq!(
            (stop.fate_of(now), stop.fate_of(now + LATER)),
            (StartFate::Sent, StartFate::NotPlanned)
        );
        // The end stays where it was if a signal comes too.
        stopper.stop();
        assert!(stop.is_interrupted());
        assert_eq!(
            (stop.fate_of(now), stop.fate_of(now + LATER)),
            (StartFate::Sent, StartFate::NotPlanned)
        );
    }
}
