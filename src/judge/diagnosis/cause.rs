//! A root cause and what the data say of it.

use std::time::Duration;

use serde::Serialize;

use super::evidence::{CauseEvidence, FailedRequests, MissedStep, SampleKind, TooFew};

/// What may be the cause, and that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum RootCause {
    /// Connecting takes long: distance, DNS, TLS, a slow accept.
    Connection,
    /// Something slow is called inside of every request.
    SlowCall,
    /// A call blocks the event loop, so that everything else waits.
    BlockedLoop,
    /// More is offered than can be served.
    Queueing,
    /// Requests that share an HTTP/2 connection wait for each other.
    SharedConnection,
    /// This machine is too slow or too busy to measure.
    Client,
    #[serde(rename = "nothing_wrong")]
    Nothing,
}

/// Whether the data support a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// Shown at the 5 % level.
    Supported,
    /// The opposite is shown at the 5 % level, for effects of [`MATERIAL`](super::MATERIAL) of the target or more.
    NotSupported,
    /// The data leave it open.
    NotEnough,
}

/// What to do next about a cause.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub(crate) enum CauseNextStep {
    /// Too few data, of which more would decide.
    LargerBudget,
    /// The same, with the budget that gives enough.
    #[serde(rename = "larger_budget")]
    Budget {
        #[serde(rename = "budget_s")]
        seconds: f64,
    },
    FindFailures,
    /// The steps were cut short.
    LetItFinish,
    /// Of a new connection that costs.
    KeepConnections,
    /// Of a slow call.
    AnswerBeforeTheCall,
    /// Of a blocked loop.
    TakeOffTheLoop,
    LowerLoad,
    /// Of a shared connection.
    MoreConnections,
    /// Of what a shared connection explains as well.
    SeparateConnections,
    QuieterMachine,
}

/// What the data say of one cause.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CauseFinding {
    pub(crate) cause: RootCause,
    /// Whether they support it.
    pub(crate) support: Support,
    /// Latency that it explains, where that is known.
    pub(crate) cost: Option<Duration>,
    /// What speaks for or against it.
    pub(crate) evidence: Vec<CauseEvidence>,
    /// What to do next.
    pub(crate) next: Option<CauseNextStep>,
}

impl Support {
    /// What to do next: `of_cause` where the cause is shown, more data where the data leave it open.
    pub(super) fn next(self, of_cause: CauseNextStep) -> Option<CauseNextStep> {
        match self {
            Support::Supported => Some(of_cause),
            Support::NotEnough => Some(CauseNextStep::LargerBudget),
            Support::NotSupported => None,
        }
    }

    /// Of an effect between `low` and `high`, one-sided each, where less than `material` does not matter.
    pub(super) fn of_effect(low: f64, high: f64, material: f64) -> Support {
        if low > material {
            Support::Supported
        } else if high < material {
            Support::NotSupported
        } else {
            Support::NotEnough
        }
    }
}

impl CauseFinding {
    fn open(cause: RootCause, evidence: CauseEvidence, next: CauseNextStep) -> CauseFinding {
        CauseFinding {
            cause,
            support: Support::NotEnough,
            cost: None,
            evidence: vec![evidence],
            next: Some(next),
        }
    }

    /// Too few requests or sends.
    pub(super) fn too_few(
        cause: RootCause,
        of: SampleKind,
        present: u64,
        needed: u64,
    ) -> CauseFinding {
        let too_few = TooFew {
            of,
            present,
            needed,
        };
        CauseFinding::open(
            cause,
            CauseEvidence::TooFew(too_few),
            CauseNextStep::LargerBudget,
        )
    }

    /// A required step was not made.
    pub(super) fn without(cause: RootCause, step: MissedStep) -> CauseFinding {
        let missed = CauseEvidence::StepNotMade(step);
        CauseFinding::open(cause, missed, CauseNextStep::LargerBudget)
    }

    /// Too many requests of a step failed, so its latencies mean nothing.
    pub(super) fn failing(cause: RootCause, failed: FailedRequests) -> CauseFinding {
        let failed = CauseEvidence::FailedRequests(failed);
        CauseFinding::open(cause, failed, CauseNextStep::FindFailures)
    }

    /// Whether the cause cannot be, because of how the service was measured.
    pub(crate) fn is_excluded(&self) -> bool {
        matches!(self.evidence.as_slice(), [CauseEvidence::NotShared(_)])
    }

    /// How many requests or sends there are and how many are needed, where there are too few.
    pub(super) fn shortage(&self) -> Option<TooFew> {
        self.evidence.iter().find_map(|evidence| match evidence {
            CauseEvidence::TooFew(too_few) => Some(*too_few),
            _ => None,
        })
    }
}
