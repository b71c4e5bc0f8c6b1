//! What may mislead, as values: each with its numbers. `report::text` writes the sentences.

use std::time::Duration;

use serde::Serialize;

use crate::judge::failure_hints::UnexpectedStatus;
use crate::judge::shard_warning::ShardWarning;
use crate::judge::summary::{Growth, LevelChange, SlowStart};
use crate::run::completion::audit_trouble::as_cause;
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// The shards of a merged run.
    Shard(ShardWarning),
    /// Two sides of a comparison.
    Comparison(ComparisonWarning),
    /// A file of another tool.
    Import(ImportRemark),
}

/// What a run says against itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum RunWarning {
    /// A signal cut it.
    #[serde(rename = "run_interrupted")]
    Interrupted {
        /// Whether it was to stop when it was decided.
        is_adaptive: bool,
    },
    /// A rule of `--abort-on` ended it.
    #[serde(rename = "run_aborted")]
    Aborted {
        /// The rule.
        rule: String,
    },
    /// A signal cut the steps of a diagnosis.
    DiagnosisInterrupted,
    /// This process used much of the processor time of its threads.
    #[serde(rename = "client_busy")]
    ProcessorBusy {
        /// From 0 to 1.
        cpu_share: f64,
        /// Sending threads.
        threads: usize,
    },
    /// The control group was kept from the processor.
    #[serde(rename = "client_throttled")]
    Throttled {
        /// For how long.
        #[serde(rename = "throttled_ms", serialize_with = "serialize_ms")]
        time: Duration,
        /// In how many periods.
        periods: u64,
    },
    /// The certificate is of another machine.
    CertifiedElsewhere {
        /// The differing facts.
        differences: Vec<MachineDifference>,
    },
    /// Requests failed.
    RequestsFailed {
        /// Name of the endpoint.
        endpoint: String,
        /// How they failed.
        kind: FailureKind,
        /// How many.
        requests: u64,
        /// The first of them, in the words of the engine.
        first: String,
        /// The status that is not expected, and what to do next.
        #[serde(flatten)]
        status: Option<UnexpectedStatus>,
    },
    /// Requests had no complete answer in time.
    RequestsTimedOut {
        /// Name of the endpoint.
        endpoint: String,
        /// How many.
        requests: u64,
        /// The request timeout.
        #[serde(rename = "timeout_ms", serialize_with = "serialize_ms")]
        timeout: Duration,
    },
    /// The closed model cannot see what is not sent.
    ClosedModel,
    /// `--spell` was given, and no rate is known.
    EpisodeWithoutRate {
        /// Names of the files.
        files: Vec<String>,
    },
}

/// The load on one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum LoadWarning {
    /// Requests were never sent.
    Unsent {
        /// Name of the endpoint.
        endpoint: String,
        /// How many.
        unsent: u64,
        /// Of how many.
        planned: u64,
    },
    /// Requests were sent late by this machine.
    #[serde(rename = "client_late")]
    SentLate {
        /// Name of the endpoint.
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
        /// Name of the endpoint.
        endpoint: String,
        /// Requests sent per second.
        achieved_per_s: f64,
        /// Requests planned per second.
        offered_per_s: f64,
    },
    /// Requests waited because the in-flight cap was reached.
    PoolLimited {
        /// Name of the endpoint.
        endpoint: String,
        /// How many.
        waited: u64,
    },
    /// HTTP/2: requests waited for a stream because the server allows fewer than the plan.
    StreamLimited {
        /// Name of the endpoint.
        endpoint: String,
        /// How many.
        waited: u64,
        /// P95 of their wait.
        #[serde(rename = "wait_p95_ms", serialize_with = "serialize_ms")]
        p95: Duration,
        /// The fewest streams that the server allowed on a connection.
        allowed: u64,
        /// Most streams of a connection in the plan.
        planned: u64,
    },
}

/// A service that changed during the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum DriftWarning {
    /// Halves or tenths differ.
    LevelChanged {
        /// Name of the endpoint.
        endpoint: String,
        /// The change of the level.
        #[serde(flatten)]
        change: LevelChange,
    },
    /// Latency grows.
    LatencyGrows {
        /// Name of the endpoint.
        endpoint: String,
        /// The growth of the latency.
        #[serde(flatten)]
        growth: Growth,
    },
    /// The beginning is slower than the rest.
    SlowStart {
        /// Name of the endpoint.
        endpoint: String,
        /// How long.
        #[serde(flatten)]
        start: SlowStart,
        /// Warm-up that was sent before.
        #[serde(rename = "warmup_s", serialize_with = "serialize_s")]
        warmup: Duration,
    },
    /// The shares above a target differ from half to half.
    HalvesDiffer {
        /// Name of the endpoint.
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CountAbove {
    /// How many.
    pub above: u64,
    /// Of how many.
    pub requests: u64,
}

/// What an audit says against itself, and what it found that no gate may be about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum AuditWarning {
    /// Nothing could be read.
    #[serde(rename = "audit_unread")]
    Unread {
        /// Name of the endpoint.
        endpoint: String,
        /// Why, as the audit says it.
        #[serde(rename = "cause", serialize_with = "as_cause")]
        #[cfg_attr(test, schemars(with = "String"))]
        reason: AuditTrouble,
    },
    /// A signal cut it.
    #[serde(rename = "audit_interrupted")]
    Interrupted {
        /// Name of the endpoint.
        endpoint: String,
    },
    /// The server does not know accepted events.
    Lost {
        /// Name of the endpoint.
        endpoint: String,
        /// How many.
        lost: u64,
        /// Of how many.
        accepted: u64,
    },
    /// Requests were answered with another request's event.
    #[serde(rename = "shared_events")]
    Shared {
        /// Name of the endpoint.
        endpoint: String,
        /// How many.
        requests: u64,
    },
    /// Events were done more than once.
    Duplicated {
        /// Name of the endpoint.
        endpoint: String,
        /// How many.
        events: u64,
    },
    /// Calls of the provider were cut off.
    CutOff {
        /// Name of the endpoint.
        endpoint: String,
        /// Events that may have been notified twice.
        perhaps_twice: u64,
        /// Events that may never have been notified.
        perhaps_never: u64,
    },
    /// The server gave events up.
    Dead {
        /// Name of the endpoint.
        endpoint: String,
        /// How many.
        dead: u64,
        /// Of how many.
        accepted: u64,
    },
    /// The listing has events that were not sent.
    Unexpected {
        /// Name of the endpoint.
        endpoint: String,
        /// How many at least.
        events: u64,
    },
    /// Events were still pending when the wait ended.
    #[serde(rename = "events_pending")]
    Pending {
        /// Name of the endpoint.
        endpoint: String,
        /// How many.
        events: u64,
        /// After how long.
        #[serde(rename = "waited_ms", serialize_with = "serialize_ms")]
        waited: Duration,
    },
    /// What must be known to read the counts.
    #[serde(untagged)]
    Remark(
        #[serde(with = "CodedRemark")]
        #[cfg_attr(test, schemars(with = "CodedRemark"))]
        AuditRemark,
    ),
}

/// A remark with a code; run files have another form.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    remote = "AuditRemark",
    rename_all = "snake_case",
    tag = "code",
    content = "values"
)]
enum CodedRemark {
    #[serde(rename = "events_unread")]
    Trouble {
        #[serde(rename = "events")]
        unread: u64,
        #[serde(rename = "last_answer", serialize_with = "as_cause")]
        #[cfg_attr(test, schemars(with = "String"))]
        last: AuditTrouble,
    },
    ClocksDisagree {
        events: u64,
    },
    #[serde(rename = "times_without_offset")]
    NoOffset {
        events: u64,
    },
    #[serde(rename = "events_without_time")]
    NoTime {
        events: u64,
    },
    NotReadAgain {
        #[serde(rename = "cause", serialize_with = "as_cause")]
        #[cfg_attr(test, schemars(with = "String"))]
        reason: AuditTrouble,
    },
}

/// Why two sides may not be comparable.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub enum ComparisonWarning {
    /// Their plans differ.
    DifferentPlans {
        /// The differing fact.
        difference: FactDifference,
    },
    /// One side was measured over HTTP/1.1 and the other over HTTP/2.
    DifferentProtocols {
        /// What each side was measured over.
        difference: FactDifference,
    },
    /// A file hides whether the plans differ.
    UnknownPlan {
        /// The differing fact.
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
        /// The differing facts.
        differences: Vec<FactDifference>,
    },
    /// The baseline was measured from another place.
    BaselineElsewhere {
        /// The differing facts.
        differences: Vec<FactDifference>,
    },
    /// The run was judged against another baseline when it was measured.
    OtherBaseline {
        /// The file of that one.
        recorded: String,
        /// The file of this one.
        given: String,
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

impl From<ShardWarning> for WarningKind {
    fn from(warning: ShardWarning) -> WarningKind {
        WarningKind::Shard(warning)
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
