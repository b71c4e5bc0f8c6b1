//! What one gate says about one endpoint, for programs.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::endpoint::{JsonObserved, interval_ms, observed_ms};
use super::reason::CodedReason;
use crate::judge::gate::{Condition, Finding, ObservedMetric};
use crate::judge::summary::ObservedInterval;
use crate::report::text;
use crate::run::plan::Design;
use crate::units::millis;
use crate::verdict::Verdict;

/// What one gate says about one endpoint.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonFinding {
    pub endpoint: String,
    /// The gate for this endpoint, as `--gate` reads it.
    pub gate: String,
    /// `p95`, `error_rate`.
    pub metric: String,
    /// `fail` if the exit code depends on it, `warn` if not.
    pub severity: String,
    /// The percentile; `null` if there is no number, and `observed` says why.
    pub observed_ms: Option<f64>,
    /// What stands at the percentile's rank; `null` for other metrics.
    pub observed: Option<JsonObserved>,
    /// 95 % interval of the percentile; an end is `null` where the data do not bound it.
    pub interval_ms: [Option<f64>; 2],
    /// The share, from 0 to 1, of a gate on a share.
    pub observed_share: Option<f64>,
    /// 95 % interval of the share.
    pub interval_share: Option<[f64; 2]>,
    /// The count, of a gate on a count of the audit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_count: Option<u64>,
    /// After divided by before, of a gate on two runs.
    pub observed_ratio: Option<f64>,
    /// 95 % interval of the ratio; an end is `null` where the data do not bound it.
    pub interval_ratio: Option<[Option<f64>; 2]>,
    /// The largest latency within the limit.
    pub target_ms: Option<f64>,
    /// Planned requests; of a gate on the audit, accepted ones.
    pub n: u64,
    /// Requests beyond the limit, everything counted that did not end ok; a PASS is judged from these.
    pub exceedances: u64,
    /// Those of them that are certain and not of this side's making; a FAIL is judged from these.
    pub exceedances_certain: u64,
    /// p-value of "within the limit", of the kind that `p_kind` says.
    pub p_pass: Option<f64>,
    /// p-value of "beyond the limit", of the kind that `p_kind` says.
    pub p_fail: Option<f64>,
    /// `fixed_size`: the probability of at most, or at least, this many exceedances at the limit itself, in a sample
    /// whose size was fixed beforehand. `anytime`: valid however often the run was looked at and whenever it stopped.
    /// `null` where there are no p-values.
    pub p_kind: Option<JsonPKind>,
    /// What the cluster guard saw and excludes; `null` where requests were taken as independent (`--iid`).
    pub guard: Option<JsonGuard>,
    /// The verdict of this gate.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub reason: String,
    /// Why, as a word that stays the same when the sentence changes.
    pub reason_code: String,
    /// The numbers of the reason; their names end in their unit, counts have none.
    pub reason_values: Map<String, Value>,
    /// What would decide it.
    pub next_step: Option<String>,
}

/// Of what kind p-values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum JsonPKind {
    /// Of a sample whose size was fixed beforehand, looked at once.
    FixedSize,
    /// Valid at any time.
    Anytime,
}

/// What the cluster guard saw and excludes.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonGuard {
    /// The length of the slow spell that a PASS excludes.
    pub episode_ms: f64,
    /// How many requests such an episode meets.
    pub episode_requests: f64,
    /// Runs of consecutive exceedances; `null` if their order is not known.
    pub episodes: Option<u64>,
    /// Requests in the longest of them.
    pub longest_episode: Option<u64>,
    /// The number of requests that count as one independent request.
    pub design_effect: Option<f64>,
}

/// The limit that a baseline makes.
fn over_baseline(finding: &Finding) -> Option<Duration> {
    let condition = &finding.gate.condition;
    matches!(condition, Condition::Baseline { .. }).then(|| finding.latency_limit())?
}

impl From<&Finding> for JsonFinding {
    fn from(finding: &Finding) -> JsonFinding {
        let (value, interval) = match finding.measured {
            ObservedMetric::Latency { value, interval } => (Some(value), interval),
            _ => (None, ObservedInterval::UNBOUNDED),
        };
        let share = match finding.measured {
            ObservedMetric::Share { value, interval } => Some((value, interval)),
            _ => None,
        };
        let ratio = match finding.measured {
            ObservedMetric::Ratio { value, interval } => Some((value, interval)),
            _ => None,
        };
        let reason = CodedReason::of(&finding.reason);
        JsonFinding {
            endpoint: finding.endpoint.clone(),
            gate: finding.gate.to_string(),
            metric: finding.gate.condition.metric(),
            severity: finding.severity().as_str().to_owned(),
            observed_ms: value.and_then(observed_ms),
            observed: value.map(JsonObserved::from),
            interval_ms: interval_ms(interval),
            observed_share: share.map(|(value, _)| value),
            interval_share: share.map(|(_, (low, high))| [low, high]),
            observed_count: match finding.measured {
                ObservedMetric::Count(count) => Some(count),
                _ => None,
            },
            observed_ratio: ratio.and_then(|(value, _)| value),
            interval_ratio: ratio.map(|(_, (low, high))| [low, high]),
            target_ms: {
                let condition = &finding.gate.condition;
                let target = condition.target().or(condition.done_target());
                target.or_else(|| over_baseline(finding)).map(millis)
            },
            n: finding.n,
            exceedances: finding.exceedances.at_most,
            exceedances_certain: finding.exceedances.at_least,
            p_pass: finding.p_pass,
            p_fail: finding.p_fail,
            p_kind: finding.p_pass.map(|_| match finding.design {
                Design::Fixed => JsonPKind::FixedSize,
                Design::Adaptive => JsonPKind::Anytime,
            }),
            guard: finding.episodes.map(|episodes| JsonGuard {
                episode_ms: millis(episodes.excluded),
                episode_requests: episodes.excluded_requests,
                episodes: episodes.seen.map(|seen| seen.count),
                longest_episode: episodes.seen.map(|seen| seen.longest),
                design_effect: episodes.seen.map(|seen| seen.design_effect),
            }),
            verdict: finding.verdict,
            reason: text::reason(finding),
            reason_code: reason.code,
            reason_values: reason.values,
            next_step: text::next_step(finding),
        }
    }
}
