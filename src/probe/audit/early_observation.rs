//! Observations of events during the run.

use std::collections::HashMap;
use std::time::Duration;

use super::received_answers::ReceivedAnswers;
use super::reported_state::{ReportedStage, ReportedState};

/// The observations of a run's events, made during the run.
#[derive(Clone, Debug, Default)]
pub struct EarlyObservations {
    /// By endpoint and index.
    pub(super) looks: HashMap<(usize, u64), EarlyObservation>,
    pub(super) received: ReceivedAnswers,
}

/// The observations of one event. Times count from its acceptance.
#[derive(Clone, Copy, Debug)]
pub(super) struct EarlyObservation {
    pub(super) state: Option<ReportedState>,
    /// When it was last asked for and not done.
    pub(super) not_done: Option<Duration>,
    /// When the last answer came.
    pub(super) answered: Duration,
    /// Whether the service did not know the event within its own retention time.
    pub(super) is_missing: bool,
}

impl EarlyObservation {
    pub(super) fn is_done(&self) -> bool {
        self.state
            .is_some_and(|state| state.stage == ReportedStage::Done)
    }
}
