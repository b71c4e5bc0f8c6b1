//! What would decide a gate, as a value; `report::text` writes the sentence.

use std::time::Duration;

use super::baseline_reason::BaselineNeed;
use super::change_reason::UnresolvedChange;
use super::instrument_state::Limitation;
use crate::run::completion::AuditTrouble;
use crate::verdict::Verdict;

/// What would decide a gate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NextStep {
    /// A step that needs no number.
    Fix(Remedy),
    /// Lift what limits the instrument.
    Lift(Limitation),
    /// Run at least as long as a number of requests needs.
    RunAtLeast {
        samples: u64,
        /// Their time at the rate of the run, where that is known.
        time: Option<Duration>,
        /// What that would show.
        purpose: RunPurpose,
    },
    MoreSamples(SampleEstimate),
    /// Count the limit in order, and take more samples.
    MoreSamplesInOrder(SampleEstimate),
    /// A step of the completion audit.
    Audit(AuditStep),
    /// Widen the allowance over the baseline, or measure both runs with more requests.
    Baseline(BaselineNeed),
    /// Measure both runs with at least this many requests.
    MeasureBothSides {
        /// Requests that each side needs.
        samples_needed: u64,
    },
}

impl NextStep {
    /// Of a change that has no interval.
    pub(crate) fn of_lack(lack: UnresolvedChange) -> NextStep {
        NextStep::MeasureBothSides {
            samples_needed: lack.samples_needed,
        }
    }
}

/// A step that needs no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Check that the run reached the endpoint.
    CheckReached,
    /// Let the server report when events were done.
    ReportDoneTimes,
    /// Give a file that has every latency.
    GiveEveryLatency,
    /// Measure again, so that the limit is counted exactly.
    CountLimit,
    /// Give a file in the order of time.
    GiveOrder,
    /// Measure again, so that the limit is counted in order.
    CountLimitInOrder,
    /// Measure from a quieter machine, or move the limit.
    QuieterMachineOrLimit,
    /// Measure from a quieter machine, or at a lower rate.
    QuieterMachineOrRate,
    /// Raise the limit of open files.
    RaiseOpenFiles,
    /// Let the run finish.
    FinishRun,
    /// Run longer: a third slow spell fails the gate.
    ThirdEpisode,
    /// Find out what changed during the run.
    FindChange,
    /// Measure with a longer warm-up, or find out what changed.
    LongerWarmup,
    /// Measure both runs from a quieter machine, or at a lower rate.
    QuieterMachineForBoth,
    /// Narrow the interval with more requests on both sides.
    NarrowInterval,
    /// Let both runs finish.
    FinishBothRuns,
    GiveBaseline,
    /// Run all shards, and let them finish.
    RunEveryShard,
}

/// What a longer run would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunPurpose {
    /// That slow spells are not excluded: a FAIL, if they continue.
    Fail,
    /// That slow spells of this length are excluded; `None` is an episode of one request.
    ExcludeEpisodes(Option<Duration>),
}

/// How many samples would decide a gate, if they continue as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleEstimate {
    /// This many more would show a verdict.
    More {
        samples: u64,
        verdict: Verdict,
    },
    /// A PASS needs at least this many.
    AtLeast(u64),
    AFewMore,
    /// The share is too near the limit for any number.
    TooNearLimit,
}

/// What would complete a count of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AuditStep {
    /// Solve what kept the audit from reading.
    Solve {
        /// The trouble, which may have a remedy of its own.
        trouble: AuditTrouble,
        /// The step where it has none.
        otherwise: Box<AuditStep>,
    },
    AuditRun,
    /// Let the audit finish.
    Finish,
    /// Let the audit finish, or shorten it.
    FinishOrShorten,
    /// Check what the endpoint answers.
    CheckAnswers,
    /// Let the server report inserts and notifications.
    ReportEffects,
    /// Measure a server that lists its runs.
    ListRuns,
    /// Give each request its own event.
    OneEventEach,
    /// Look at the service and audit again, or leave the second reading out.
    AuditAgainOrSkipReading,
    /// Let the client's key name the event.
    NameEvents,
    /// Look at the provider's record.
    LookAtProvider,
    /// Look at the service and audit again.
    AuditAgain,
    /// Give the server longer.
    WaitLonger,
}
