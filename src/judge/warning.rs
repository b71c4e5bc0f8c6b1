//! What may mislead, as values: each with its numbers. `report::text` writes the sentences.

use std::time::Duration;

use serde::Serialize;

use crate::judge::failure_hints::UnexpectedStatus;
use crate::judge::summary::{Growth, LevelChange, SlowStart};
use crate::run::completion::audit_trouble::in_words;
use crate::run::completion::{AuditRemark, AuditTrouble};
use crate::run::import::ImportRemark;
use crate::run::run_file::{FactDifference, MachineDifference};
use crate::run::sample::FailureKind;
use crate::units::{serialize_ms, serialize_s};

/// Something that may mislead, and how to fix it.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// The file or the side that it is about; empty where there is only one.
    pub label: String,
    /// What is the matter.
    pub kind: WarningKind,
}

/// What is the matter.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum WarningKind {
    /// A run as a whole.
    Run(RunWarning),
    /// The load on one endpoint.
    Load(LoadWarning),
    /// A service that changed during the run.
    Drift(DriftWarning),
    /// A completion audit.
    Audit(AuditWarning),
    /// Two sides of a comparison.
    Comparison(ComparisonWarning),
    /// A file of another tool.
    Import(ImportRemark),
}

/// What a run says against itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum RunWarning {
    /// A signal cut it.
    #[serde(rename = "run_interrupted")]
    Interrupted {
        /// Whether it was to stop when it was decided.
        is_adaptive: bool,
    },
    /// A signal cut the steps of a diagnosis.
    DiagnosisInterrupted,
    /// This process used much of the processor time of its threads.
    ProcessorBusy {
        /// From 0 to 1.
        cpu_share: f64,
        /// Sending threads.
        threads: usize,
    },
    /// The control group was kept from the processor.
    Throttled {
        /// For how long.
        #[serde(rename = "time_ms", serialize_with = "serialize_ms")]
        time: Duration,
        /// In how many periods.
        periods: u64,
    },
    /// The certificate is of another machine.
    CertifiedElsewhere {
        /// What differs.
        differences: Vec<MachineDifference>,
    },
    /// Requests failed.
    RequestsFailed {
        /// Of which endpoint.
        endpoint: String,
        /// How.
        kind: FailureKind,
        /// How many.
        requests: u64,
        /// The first of them, in the words of the engine.
        first: String,
        /// What to do next, of a status that is not expected.
        #[serde(skip)]
        status: Option<UnexpectedStatus>,
    },
    /// Requests had no complete answer in time.
    RequestsTimedOut {
        /// Of which endpoint.
        endpoint: String,
        /// How many.
        requests: u64,
        /// The request timeout.
        #[serde(rename = "timeout_ms", serialize_with = "serialize_ms")]
        timeout: Duration,
    },
    /// The closed model cannot see what is not sent.
    ClosedModel,
    /// `--episode` was given, and no rate is known.
    EpisodeWithoutRate {
        /// Which files.
        files: Vec<String>,
    },
}

/// The load on one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum LoadWarning {
    /// Requests were never sent.
    Unsent {
        /// To which endpoint.
        endpoint: String,
        /// How many.
        unsent: u64,
        /// Of how many.
        planned: u64,
    },
    /// Requests were sent late by this machine.
    SentLate {
        /// To which endpoint.
        endpoint: String,
        /// P99 of the send lag.
        #[serde(rename = "send_lag_p99_ms", serialize_with = "serialize_ms")]
        p99: Duration,
        /// The largest send lag.
        #[serde(rename = "send_lag_max_ms", serialize_with = "serialize_ms")]
        max: Duration,
    },
    /// The offered rate was not reached.
    LoadNotReached {
        /// On which endpoint.
        endpoint: String,
        /// Requests sent per second.
        achieved_per_s: f64,
        /// Requests planned per second.
        offered_per_s: f64,
    },
    /// Requests waited because the in-flight cap was reached.
    PoolLimited {
        /// To which endpoint.
        endpoint: String,
        /// How many.
        waited: u64,
    },
}

/// A service that changed during the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum DriftWarning {
    /// Halves or tenths differ.
    LevelChanged {
        /// Which endpoint.
        endpoint: String,
        /// How.
        #[serde(skip)]
        change: LevelChange,
    },
    /// Latency grows.
    LatencyGrows {
        /// Which endpoint.
        endpoint: String,
        /// How.
        #[serde(skip)]
        growth: Growth,
    },
    /// The beginning is slower than the rest.
    SlowStart {
        /// Which endpoint.
        endpoint: String,
        /// How long.
        #[serde(skip)]
        start: SlowStart,
        /// Warm-up that was sent before.
        #[serde(rename = "warmup_s", serialize_with = "serialize_s")]
        warmup: Duration,
    },
    /// The shares above a target differ from half to half.
    HalvesDiffer {
        /// Which endpoint.
        endpoint: String,
        /// The target.
        #[serde(rename = "target_ms", serialize_with = "serialize_ms")]
        target: Duration,
        /// Of the first half.
        first: CountAbove,
        /// Of the second half.
        second: CountAbove,
    },
}

/// Requests above a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CountAbove {
    /// How many.
    pub above: u64,
    /// Of how many.
    pub requests: u64,
}

/// What an audit says against itself, and what it found that no gate may be about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum AuditWarning {
    /// Nothing could be read.
    #[serde(rename = "audit_unread")]
    Unread {
        /// Of which endpoint.
        endpoint: String,
        /// Why, as the audit says it.
        #[serde(with = "in_words")]
        reason: AuditTrouble,
    },
    /// A signal cut it.
    #[serde(rename = "audit_interrupted")]
    Interrupted {
        /// Of which endpoint.
        endpoint: String,
    },
    /// The server does not know accepted events.
    Lost {
        /// Of which endpoint.
        endpoint: String,
        /// How many.
        lost: u64,
        /// Of how many.
        accepted: u64,
    },
    /// Requests were answered with another request's event.
    Shared {
        /// Of which endpoint.
        endpoint: String,
        /// How many.
        requests: u64,
    },
    /// Events were done more than once.
    Duplicated {
        /// Of which endpoint.
        endpoint: String,
        /// How many.
        events: u64,
    },
    /// Calls of the provider were cut off.
    CutOff {
        /// Of which endpoint.
        endpoint: String,
        /// Events that may have been notified twice.
        perhaps_twice: u64,
        /// Events that may never have been notified.
        perhaps_never: u64,
    },
    /// The server gave events up.
    Dead {
        /// Of which endpoint.
        endpoint: String,
        /// How many.
        dead: u64,
        /// Of how many.
        accepted: u64,
    },
    /// The listing has events that were not sent.
    Unexpected {
        /// Of which endpoint.
        endpoint: String,
        /// How many at least.
        events: u64,
    },
    /// Events were still pending when the wait ended.
    Pending {
        /// Of which endpoint.
        endpoint: String,
        /// How many.
        events: u64,
        /// After how long.
        #[serde(rename = "waited_ms", serialize_with = "serialize_ms")]
        waited: Duration,
    },
    /// What must be known to read the counts.
    #[serde(rename = "audit_remark")]
    Remark(AuditRemark),
}

/// Why two sides may not be comparable.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum ComparisonWarning {
    /// Their plans differ.
    DifferentPlans {
        /// In what.
        difference: FactDifference,
    },
    /// A file hides whether the plans differ.
    UnknownPlan {
        /// In what.
        field: String,
    },
    /// The side after of an `ab` is given as the run before.
    SidesExchanged,
    /// Both sides are one run.
    SameRun,
    /// The run after was made earlier.
    AfterIsEarlier,
    /// They were measured from different places.
    DifferentMachines {
        /// What differs.
        differences: Vec<FactDifference>,
    },
    /// One side lacks an endpoint.
    MissingEndpoint {
        /// Its name.
        endpoint: String,
        /// The side that has it.
        only_in: &'static str,
    },
}

impl Warning {
    /// A warning about the only run or file there is.
    pub fn of(kind: impl Into<WarningKind>) -> Warning {
        Warning {
            label: String::new(),
            kind: kind.into(),
        }
    }

    /// The same about one of several files or sides.
    pub fn labelled(self, label: &str) -> Warning {
        Warning {
            label: label.to_owned(),
            ..self
        }
    }
}

impl From<RunWarning> for WarningKind {
    fn from(warning: RunWarning) -> WarningKind {
        WarningKind::Run(warning)
    }
}

impl From<LoadWarning> for WarningKind {
    fn from(warning: LoadWarning) -> WarningKind {
        WarningKind::Load(warning)
    }
}

impl From<DriftWarning> for WarningKind {
    fn from(warning: DriftWarning) -> WarningKind {
        WarningKind::Drift(warning)
    }
}

impl From<AuditWarning> for WarningKind {
    fn from(warning: AuditWarning) -> WarningKind {
        WarningKind::Audit(warning)
    }
}

impl From<ComparisonWarning> for WarningKind {
    fn from(warning: ComparisonWarning) -> WarningKind {
        WarningKind::Comparison(warning)
    }
}

impl From<ImportRemark> for WarningKind {
    fn from(remark: ImportRemark) -> WarningKind {
        WarningKind::Import(remark)
    }
}
