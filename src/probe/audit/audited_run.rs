//! What the engine left behind, as far as an audit needs it.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::early_observation::EarlyObservations;
use crate::run::completion::{Answers, Resends};
use crate::run::plan::Plan;
use crate::run::recording::Recording;

/// A run that is to be audited.
#[derive(Clone, Copy, Debug)]
pub struct AuditedRun<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The name under which the service may list it.
    pub id: Uuid,
    /// When t0 was.
    pub started_at: Timestamp,
    /// Whether the service listed runs before.
    pub listing_support: ListingSupport,
    /// Observations of its events during the run.
    pub early: Option<&'a EarlyObservations>,
    /// What is left of each endpoint, in the order of the plan.
    pub endpoints: &'a [SentRequests<'a>],
}

/// Whether the service listed runs before there was anything to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingSupport {
    /// It did: if it does not now, it is unwell, and that may pass.
    Seen,
    /// It did not, or was not asked.
    NotSeen,
}

/// What a run left behind of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct SentRequests<'a> {
    /// How its requests ended.
    pub recording: &'a Recording,
    /// The retained parts of its answers.
    pub answers: &'a Answers,
    /// Times to completion above which events are counted.
    pub targets: &'a [Duration],
    /// Whether some requests were sent twice on purpose, and which share.
    pub resent: Option<f64>,
}

impl SentRequests<'_> {
    pub(super) fn resends(&self) -> Option<Resends> {
        self.resent.map(|share| Resends {
            share,
            ..self.answers.resends
        })
    }
}
