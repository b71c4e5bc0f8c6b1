//! One trial of a capacity search as JSON.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::judge::capacity::{BoundSide, ShareSide, TrialPurpose, TrialVerdict};
use crate::judge::summary::Observed;
use crate::report::capacity_trial::{
    CapacityTrial, JudgedPair, TrialMetric, TrialRecovery, TrialTime, TrialTrace, TrialWork,
};
use crate::report::json::JsonObserved;
use crate::report::text::capacity as text;
use crate::units::millis;

/// One trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct JsonTrial {
    /// `reference`, `expand`, `narrow` or `confirm`.
    purpose: String,
    /// `lower`, `upper` or `middle`, of a block.
    side: Option<String>,
    rate_per_s: f64,
    requests: u64,
    sent: u64,
    failed: u64,
    /// Requests sent per second, first send to last.
    achieved_per_s: Option<f64>,
    #[serde(flatten)]
    p50: JsonP50,
    #[serde(flatten)]
    p99: JsonP99,
    /// The percentile of the strictest gate.
    percentile: String,
    percentile_of: JsonTrialTime,
    #[serde(flatten)]
    value: JsonPercentileValue,
    /// `pass`, `fail`, `growing`, `undecided_within`, `undecided_beyond` or `client_limited`.
    verdict: String,
    /// Both blocks of a rate together.
    pair: Option<JsonJudgedPair>,
    recovered: Option<bool>,
    /// Seconds until the service answered as in the reference; `null` if it did not have to, or did not.
    recovered_s: Option<f64>,
    /// Where the service did not recover: how long was waited, and the percentile at the end.
    not_recovered: Option<JsonNotRecovered>,
    /// What became of its accepted events, where a gate is about them.
    work: Option<JsonTrialWork>,
    /// The slowest and the first failed requests, of a search with `--trace`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    traces: Vec<JsonTrialTrace>,
}

/// Which time a percentile is of.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum JsonTrialTime {
    /// From the intended start to the answer.
    Response,
    /// From acceptance to completion.
    Completion,
}

/// The median response time; `null` where no latency stands at its rank.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonP50 {
    p50_ms: Option<f64>,
    p50_observed: JsonObserved,
}

/// The 99th percentile of the response time; `null` where no latency stands at its rank.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonP99 {
    p99_ms: Option<f64>,
    p99_observed: JsonObserved,
}

/// The value of the percentile of the strictest gate; `null` where no latency stands at its rank.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonPercentileValue {
    percentile_ms: Option<f64>,
    percentile_observed: JsonObserved,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonJudgedPair {
    test: u32,
    level: f64,
    verdict: String,
    /// Of the percentile of the strictest gate over both blocks.
    #[serde(flatten)]
    value: JsonPercentileValue,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonNotRecovered {
    waited_s: f64,
    #[serde(flatten)]
    value: JsonPercentileValue,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonTrialWork {
    accepted: u64,
    processed: u64,
    /// The most that were accepted and not done at the end of any second.
    most_waiting: Option<u64>,
    /// From the last request to the last event that was done; `null` if events were pending when the audit ended.
    drained_s: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct JsonTrialTrace {
    trace_id: String,
    ms: f64,
    /// How the request ended: `ok`, or the kind of its failure.
    ended: String,
}

impl From<&CapacityTrial> for JsonTrial {
    fn from(trial: &CapacityTrial) -> JsonTrial {
        let (p50_ms, p50_observed) = parts(trial.median);
        let (p99_ms, p99_observed) = parts(trial.p99);
        JsonTrial {
            purpose: text::purpose(trial.purpose).to_owned(),
            side: side(trial.purpose).map(str::to_owned),
            rate_per_s: trial.rate,
            requests: trial.requests,
            sent: trial.sent,
            failed: trial.failed,
            achieved_per_s: trial.achieved,
            p50: JsonP50 {
                p50_ms,
                p50_observed,
            },
            p99: JsonP99 {
                p99_ms,
                p99_observed,
            },
            percentile: trial.metric.quantile.to_string(),
            percentile_of: match trial.metric.time {
                TrialTime::Response => JsonTrialTime::Response,
                TrialTime::Completion => JsonTrialTime::Completion,
            },
            value: trial.value.into(),
            verdict: verdict_code(trial.verdict),
            pair: trial.pair.as_ref().map(JsonJudgedPair::from),
            recovered: trial
                .recovered
                .map(|recovered| matches!(recovered, TrialRecovery::After(_))),
            recovered_s: match trial.recovered {
                Some(TrialRecovery::After(took)) => Some(took.as_secs_f64()),
                Some(TrialRecovery::NotWithin { .. }) | None => None,
            },
            not_recovered: match trial.recovered {
                Some(TrialRecovery::NotWithin { took, value }) => Some(JsonNotRecovered {
                    waited_s: took.as_secs_f64(),
                    value: value.into(),
                }),
                Some(TrialRecovery::After(_)) | None => None,
            },
            work: trial.work.map(|work| JsonTrialWork {
                accepted: work.accepted,
                processed: work.processed,
                most_waiting: work.most_waiting,
                drained_s: work.drained.map(|drained| drained.as_secs_f64()),
            }),
            traces: trial.traces.iter().map(JsonTrialTrace::from).collect(),
        }
    }
}

impl From<&JudgedPair> for JsonJudgedPair {
    fn from(pair: &JudgedPair) -> JsonJudgedPair {
        JsonJudgedPair {
            test: pair.number,
            level: pair.level,
            verdict: verdict_code(pair.verdict),
            value: pair.value.into(),
        }
    }
}

impl From<&TrialTrace> for JsonTrialTrace {
    fn from(trace: &TrialTrace) -> JsonTrialTrace {
        JsonTrialTrace {
            trace_id: trace.trace_id.clone(),
            ms: millis(trace.latency),
            ended: trace.outcome.clone(),
        }
    }
}

impl From<Observed> for JsonPercentileValue {
    fn from(observed: Observed) -> JsonPercentileValue {
        let (percentile_ms, percentile_observed) = parts(observed);
        JsonPercentileValue {
            percentile_ms,
            percentile_observed,
        }
    }
}

fn parts(observed: Observed) -> (Option<f64>, JsonObserved) {
    (observed.value().map(millis), JsonObserved::from(observed))
}

fn side(purpose: TrialPurpose) -> Option<&'static str> {
    match purpose {
        TrialPurpose::Block(BoundSide::Lower) => Some("lower"),
        TrialPurpose::Block(BoundSide::Upper) => Some("upper"),
        TrialPurpose::Block(BoundSide::Middle) => Some("middle"),
        TrialPurpose::Reference | TrialPurpose::Expand | TrialPurpose::Narrow => None,
    }
}

/// The code of a verdict.
pub(super) fn verdict_code(verdict: TrialVerdict) -> String {
    match verdict {
        TrialVerdict::Pass => "pass".to_owned(),
        TrialVerdict::Fail => "fail".to_owned(),
        TrialVerdict::Growing => "growing".to_owned(),
        TrialVerdict::Undecided(side) => format!("undecided_{}", text::share_side(side)),
        TrialVerdict::ClientLimited => "client_limited".to_owned(),
    }
}

/// The verdict of a code.
pub(super) fn verdict_of(code: &str) -> Result<TrialVerdict, String> {
    Ok(match code {
        "pass" => TrialVerdict::Pass,
        "fail" => TrialVerdict::Fail,
        "growing" => TrialVerdict::Growing,
        "undecided_within" => TrialVerdict::Undecided(ShareSide::Within),
        "undecided_beyond" => TrialVerdict::Undecided(ShareSide::Beyond),
        "client_limited" => TrialVerdict::ClientLimited,
        other => return Err(format!("unknown verdict '{other}'")),
    })
}

impl JsonTrial {
    /// The trial that it is of; `timeout` is that of its requests.
    pub(super) fn restored(&self, timeout: Duration) -> Result<CapacityTrial, String> {
        if !(self.rate_per_s.is_finite() && self.rate_per_s > 0.0) {
            return Err(format!("a trial has the rate {}", self.rate_per_s));
        }
        if self.sent > self.requests || self.failed > self.requests {
            return Err(format!(
                "a trial of {} requests has {} sent and {} failed",
                self.requests, self.sent, self.failed
            ));
        }
        let value = |value: &JsonPercentileValue| {
            observed(value.percentile_ms, value.percentile_observed, timeout)
        };
        Ok(CapacityTrial {
            purpose: self.purpose()?,
            rate: self.rate_per_s,
            requests: self.requests,
            sent: self.sent,
            failed: self.failed,
            achieved: self.achieved_per_s,
            median: observed(self.p50.p50_ms, self.p50.p50_observed, timeout)?,
            p99: observed(self.p99.p99_ms, self.p99.p99_observed, timeout)?,
            metric: TrialMetric {
                quantile: (self.percentile.parse())
                    .map_err(|_| format!("unknown percentile '{}'", self.percentile))?,
                time: match self.percentile_of {
                    JsonTrialTime::Response => TrialTime::Response,
                    JsonTrialTime::Completion => TrialTime::Completion,
                },
            },
            value: value(&self.value)?,
            verdict: verdict_of(&self.verdict)?,
            pair: match &self.pair {
                Some(pair) => Some(JudgedPair {
                    number: pair.test,
                    level: pair.level,
                    verdict: verdict_of(&pair.verdict)?,
                    value: value(&pair.value)?,
                }),
                None => None,
            },
            recovered: match (self.recovered_s, &self.not_recovered) {
                (Some(took), _) => Some(TrialRecovery::After(seconds(took)?)),
                (None, Some(not)) => Some(TrialRecovery::NotWithin {
                    took: seconds(not.waited_s)?,
                    value: value(&not.value)?,
                }),
                (None, None) => None,
            },
            work: self.work.map(JsonTrialWork::restored).transpose()?,
            traces: self
                .traces
                .iter()
                .map(JsonTrialTrace::restored)
                .collect::<Result<_, _>>()?,
        })
    }

    fn purpose(&self) -> Result<TrialPurpose, String> {
        let side = self.side.as_deref();
        Ok(match (self.purpose.as_str(), side) {
            ("reference", None) => TrialPurpose::Reference,
            ("expand", None) => TrialPurpose::Expand,
            ("narrow", None) => TrialPurpose::Narrow,
            ("confirm", Some("lower")) => TrialPurpose::Block(BoundSide::Lower),
            ("confirm", Some("upper")) => TrialPurpose::Block(BoundSide::Upper),
            ("confirm", Some("middle")) => TrialPurpose::Block(BoundSide::Middle),
            (purpose, _) => return Err(format!("unknown purpose '{purpose}' of a trial")),
        })
    }
}

impl JsonTrialWork {
    fn restored(self) -> Result<TrialWork, String> {
        Ok(TrialWork {
            accepted: self.accepted,
            processed: self.processed,
            most_waiting: self.most_waiting,
            drained: self.drained_s.map(seconds).transpose()?,
        })
    }
}

impl JsonTrialTrace {
    fn restored(&self) -> Result<TrialTrace, String> {
        Ok(TrialTrace {
            trace_id: self.trace_id.clone(),
            latency: seconds(self.ms / 1e3)?,
            outcome: self.ended.clone(),
        })
    }
}

fn observed(ms: Option<f64>, what: JsonObserved, timeout: Duration) -> Result<Observed, String> {
    Ok(match (what, ms) {
        (JsonObserved::Latency, Some(ms)) => Observed::Value(seconds(ms / 1e3)?),
        (JsonObserved::Latency, None) => return Err("a percentile has no value".to_owned()),
        (JsonObserved::Timeout, _) => Observed::BeyondTimeout(timeout),
        (JsonObserved::Failed, _) => Observed::Failed,
        (JsonObserved::Unsent, _) => Observed::Unsent,
        (JsonObserved::NoData, _) => Observed::NoData,
        (JsonObserved::AcrossRamp, _) => {
            return Err("a trial has one rate, and no percentile across a ramp".to_owned());
        }
    })
}

/// A time of a file.
pub(super) fn seconds(seconds: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("{seconds} is not a time in seconds"))
}
