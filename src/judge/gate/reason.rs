//! Why a gate came out as it did, as a value with its numbers; `report::text` writes the sentence.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::audit_reason::AuditReason;
use super::baseline_reason::BaselineReason;
use super::change_reason::{ChangeReason, CutRuns};
use super::instrument_state::Limitation;
use crate::run::completion::AuditTrouble;
use crate::run::completion::audit_trouble::as_optional_cause;
use crate::run::run_file::MissingShare;
use crate::units::{serialize_ms, serialize_optional_ms};
use crate::verdict::Verdict;

/// Why a gate came out as it did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "code", content = "values")]
pub(crate) enum FindingReason {
    /// Nothing was compared: no baseline was given.
    #[serde(rename = "no_baseline")]
    NoBaseline {
        /// The baseline that the run was judged against when it was measured.
        recorded: Option<String>,
    },
    /// A percentile of requests at different rates is one of no load.
    #[serde(rename = "across_ramp")]
    AcrossRamp,
    /// A gate on two runs of which at least one was cut.
    #[serde(rename = "runs_cut")]
    Cut {
        runs: CutRuns,
        /// What the gate would say if the runs were whole.
        otherwise: Box<FindingReason>,
    },
    /// A PASS of the requests that are there, where some shards of the run are missing.
    #[serde(rename = "shards_missing")]
    ShardsMissing {
        #[serde(flatten)]
        missing: MissingShare,
        /// What the gate would say if they were all.
        otherwise: Box<FindingReason>,
    },
    /// By a test of the share of requests beyond the limit.
    #[serde(untagged)]
    Tested(TestReason),
    /// By the completion audit, without a test.
    #[serde(untagged)]
    Audit(AuditReason),
    /// By the change between two runs.
    #[serde(untagged)]
    Change(ChangeReason),
    /// By the change since a baseline, compared with an allowance.
    #[serde(untagged)]
    Baseline(BaselineReason),
}

/// What a test decided, and of what.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TestReason {
    #[serde(skip)]
    pub(crate) sample: TestedSample,
    /// What came of it.
    #[serde(flatten)]
    pub(crate) decision: DecisionReason,
}

/// The tested sample, as far as [`super::Finding`] does not describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TestedSample {
    pub(crate) unit: SampleUnit,
    /// Whether each exceedance was counted.
    pub(crate) counting: Counting,
    /// Exceedances that failed; of the audit, events whose state was not read.
    pub(crate) failed: u64,
    /// Exceedances that timed out; of the audit, events that were never done.
    pub(crate) timed_out: u64,
    /// Exceedances that were never sent.
    pub(crate) unsent: u64,
}

/// What a sample consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleUnit {
    /// Requests that this program sent.
    Request,
    /// Latencies that another tool measured.
    Sample,
    /// Requests that were answered ok, of a gate on the time to completion.
    AcceptedEvent,
}

/// Whether each exceedance was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    Exact,
    /// The limit lies inside a stored step or bucket: between two numbers.
    Bucket,
}

/// Why a test decided as it did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub(crate) enum DecisionReason {
    /// Shown to be beyond the limit.
    Failed {
        /// The fewest requests of a pass, where the sample has fewer.
        #[serde(rename = "samples_to_pass")]
        pass_from: Option<u64>,
    },
    /// There are no requests.
    NoData,
    /// It fails on its own, but not among this many gates.
    #[serde(rename = "not_significant_among_gates")]
    AmongMany {
        /// Gates of the same severity.
        gates: usize,
    },
    /// One slow request never fails a gate.
    SingleExceedance,
    /// The numbers would decide, but it is unknown whether the exceedances came in spells.
    OrderUnknown,
    /// The numbers would fail it, but they came in too few episodes.
    FewEpisodes(SlowEpisodes),
    /// The numbers would pass it, but slow spells are not excluded yet.
    #[serde(rename = "episodes_not_excluded")]
    NotExcluded {
        /// What excluding them needs.
        #[serde(flatten)]
        exclusion: Exclusion,
        /// The slow spells that were seen.
        #[serde(flatten)]
        seen: SlowEpisodes,
    },
    /// Shown to be within the limit at one time and beyond it at another.
    ShownBothWays,
    /// One half of the run passes on its own and the other fails.
    HalvesDisagree {
        #[serde(rename = "first_half")]
        first: HalfResult,
        #[serde(rename = "second_half")]
        second: HalfResult,
    },
    /// Not even without an exceedance could it pass.
    #[serde(rename = "too_few_samples")]
    TooFew {
        /// The fewest requests of a pass by their number alone.
        #[serde(rename = "samples_to_pass")]
        by_number: u64,
        /// What excluding slow spells needs, where that is more.
        #[serde(flatten)]
        exclusion: Option<Exclusion>,
    },
    /// Shown to be within the limit.
    #[serde(untagged)]
    Passed(PassMargin),
    /// The verdict would be another at the other end of the range.
    #[serde(untagged)]
    Uncertain(Uncertainty),
    /// Neither shown nor refuted.
    #[serde(untagged)]
    Undecided(UndecidedMargin),
}

/// How far a PASS is from undecided.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "code", content = "values")]
pub(crate) enum PassMargin {
    /// Of an adaptive run: the evidence was enough when it was looked at.
    #[serde(rename = "passed_at_look")]
    EvidenceAtLook,
    /// It passes in every order of its exceedances.
    #[serde(rename = "passed_in_any_order")]
    AnyOrder,
    /// What requests in such bursts are worth is enough.
    #[serde(rename = "passed_in_bursts")]
    Bursts(BurstWorth),
    /// It would pass with more exceedances, or with none but these.
    #[serde(rename = "passed")]
    UpTo {
        /// The most exceedances that would pass; `None` where a single one would not.
        #[serde(rename = "exceedances_to_pass", serialize_with = "zero_if_none")]
        most: Option<u64>,
    },
}

/// What an undecided gate lacks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "code", content = "values")]
pub(crate) enum UndecidedMargin {
    /// It is unknown whether the exceedances came in spells.
    #[serde(rename = "undecided_order_unknown")]
    OrderUnknown,
    /// What requests in such bursts are worth is too little.
    #[serde(rename = "undecided_in_bursts")]
    Bursts(BurstWorth),
    /// The numbers of exceedances that would decide it.
    #[serde(rename = "undecided")]
    Bounds {
        /// The most that would pass.
        #[serde(rename = "exceedances_to_pass")]
        pass_up_to: Option<u64>,
        /// The fewest that would fail.
        #[serde(rename = "exceedances_to_fail")]
        fail_from: Option<u64>,
    },
}

fn zero_if_none<S: Serializer>(most: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(most.unwrap_or(0))
}

/// Runs of consecutive exceedances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct SlowEpisodes {
    #[serde(rename = "episodes")]
    pub(crate) count: u64,
    /// Requests in the longest of them.
    #[serde(rename = "longest_episode_requests")]
    pub(crate) longest: u64,
}

/// What requests that come in spells are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct BurstWorth {
    /// The slow spells that were seen.
    #[serde(flatten)]
    pub(crate) episodes: SlowEpisodes,
    /// The number of independent requests that are worth as much.
    #[serde(rename = "independent_samples")]
    pub(crate) independent: u64,
}

/// What it needs to exclude a slow spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Exclusion {
    #[serde(rename = "samples_to_exclude_episodes")]
    pub(crate) samples: u64,
    /// The length of the episode; `None` where no rate is known, and an episode is one request.
    #[serde(rename = "episode_ms", serialize_with = "serialize_optional_ms")]
    pub(crate) episode: Option<Duration>,
}

/// One half of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct HalfResult {
    pub(crate) samples: u64,
    /// Those beyond the limit.
    pub(crate) exceedances: u64,
    pub(crate) verdict: Verdict,
}

/// Why the number of exceedances is a range.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub(crate) enum Uncertainty {
    /// Requests that ended badly for a cause on this machine.
    ClientFailures { requests: u64 },
    /// The run was cut.
    #[serde(rename = "run_cut")]
    Unsent {
        /// Requests that were never sent, or failed for a cause on this machine.
        requests: u64,
    },
    /// The state of events could not be read when the audit ended.
    #[serde(rename = "events_unread")]
    UnreadEvents {
        events: u64,
        /// What came instead of a state, where that is known.
        #[serde(serialize_with = "as_optional_cause")]
        #[cfg_attr(test, schemars(with = "Option<String>"))]
        last_answer: Option<AuditTrouble>,
    },
    /// The limit was not counted at record time and lies inside a histogram's bucket.
    #[serde(rename = "limit_not_counted")]
    Bucket,
    /// The send lag of this machine is part of the latency.
    SendLag,
    /// The measurement overhead is, as it was calibrated.
    #[serde(rename = "measurement_overhead")]
    OwnError {
        #[serde(rename = "overhead_ms", serialize_with = "serialize_ms")]
        at_most: Duration,
    },
    /// The instrument may have been impaired, so the measurement overhead may have been larger.
    #[serde(untagged)]
    Limited(Limitation),
}
