//! The report as one JSON object: stable names, times in milliseconds, exact where the data are.

mod reason;

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

pub(super) use reason::CodedReason;

use super::audit::{JsonAudit, JsonAudits};
use super::comparison::{JsonChange, JsonNoise, JsonRates, JsonTurns};
use super::diagnosis::JsonDiagnosis;
use super::drift::JsonDrift;
use super::instrument::{JsonCalibration, JsonCertificate};
use super::{EndpointReport, Report, RunInfo, Traffic, text};
use crate::judge::gate::{Finding, ObservedMetric};
use crate::judge::summary::{Observed, ObservedInterval, PERCENTILES, Percentile, Resolution};
use crate::run::plan::{Design, Model};
use crate::run::recording::{Counts, TimeBase};
use crate::run::run_file::{RunEnd, SizeRecord, StopReason};
use crate::stats::rank::Quantile;
use crate::units::millis;
use crate::verdict::Verdict;

/// Name and version of this form; the number rises when a field changes its meaning or goes.
pub const SCHEMA: &str = "a7probe.report/1";

/// A report as JSON holds it.
#[derive(Clone, Debug, Serialize)]
pub struct JsonReport {
    /// [`SCHEMA`].
    pub schema: String,
    /// The command: `measure`, `judge`, `compare`, `ab` or `diagnose`.
    pub kind: String,
    /// What it is about: a URL, or files.
    pub title: String,
    /// Over the gates that decide; `null` where nothing was asked.
    pub verdict: Option<Verdict>,
    /// What the gates say.
    pub findings: Vec<JsonFinding>,
    /// Before and after; only in a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<JsonChange>>,
    /// Error rates and achieved rates before and after; only in a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<Vec<JsonRates>>,
    /// Completion audits before and after; only in a comparison of runs of which at least one was audited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audits: Option<Vec<JsonAudits>>,
    /// What counted as no change; only in a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<JsonNoise>,
    /// How both sides were measured in turns; only of `ab`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turns: Option<JsonTurns>,
    /// Root causes; only in a diagnosis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<JsonDiagnosis>,
    /// Percentiles and counts of each endpoint.
    pub endpoints: Vec<JsonEndpoint>,
    /// The runs behind it, in brief.
    pub runs: Vec<JsonRun>,
    /// What may mislead, and how to mend it.
    pub warnings: Vec<JsonWarning>,
    /// What must be known to read the numbers.
    pub notes: Vec<String>,
}

/// What one gate says about one endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct JsonFinding {
    /// The endpoint.
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
    /// `fixed_size`: the probability of so few, or so many, exceedances at the limit itself, in a sample whose size was
    /// fixed beforehand. `anytime`: valid however often the run was looked at and whenever it stopped. `null` where
    /// there are no p-values.
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
#[serde(rename_all = "snake_case")]
pub enum JsonPKind {
    /// Of a sample whose size was fixed beforehand, looked at once.
    FixedSize,
    /// Valid at any time.
    Anytime,
}

/// What the cluster guard saw and excludes.
#[derive(Clone, Debug, Serialize)]
pub struct JsonGuard {
    /// The length of the slow episode that a PASS excludes.
    pub episode_ms: f64,
    /// How many requests such an episode meets.
    pub episode_requests: f64,
    /// Runs of consecutive exceedances; `null` if their order is not known.
    pub episodes: Option<u64>,
    /// Requests in the longest of them.
    pub longest_episode: Option<u64>,
    /// So many requests are worth one independent one.
    pub design_effect: Option<f64>,
}

/// Why an adaptive run stopped.
#[derive(Clone, Debug, Serialize)]
pub struct JsonAdaptive {
    /// The longest that it might have taken.
    pub budget_s: f64,
    /// `decided`, `budget` or `interrupted`.
    pub stopped: StopReason,
}

/// What stands at a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonObserved {
    /// A latency.
    Latency,
    /// A request without an answer within the timeout.
    Timeout,
    /// A failed request.
    Failed,
    /// A request that was never sent.
    Unsent,
    /// Nothing: there are no data.
    NoData,
}

/// One endpoint's numbers.
#[derive(Clone, Debug, Serialize)]
pub struct JsonEndpoint {
    /// What gates call it.
    pub name: String,
    /// The file it came from.
    pub source: Option<String>,
    /// From where the latencies count: `intended_start` (response time), `send` (service time) or `given`.
    pub clock: TimeBase,
    /// Planned requests: the sum of the counts.
    pub planned: u64,
    /// How they ended.
    pub counts: Counts,
    /// Nearest rank over all planned requests; those that did not end ok are slower than everything.
    pub percentiles: Vec<JsonPercentile>,
    /// Fastest of the requests that ended ok.
    pub min_ms: Option<f64>,
    /// Mean over the requests that ended ok.
    pub mean_ms: Option<f64>,
    /// Slowest of all planned requests; `null` if it did not end ok.
    pub max_ms: Option<f64>,
    /// Halves and tenths of the run.
    pub drift: JsonDrift,
    /// How the load was put on it.
    pub traffic: Option<JsonTraffic>,
    /// What became of what was accepted; absent if nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<JsonAudit>,
}

/// One percentile.
#[derive(Clone, Debug, Serialize)]
pub struct JsonPercentile {
    /// `p99.9`.
    pub metric: String,
    /// Its rank, from 1.
    pub rank: u64,
    /// Its value; `null` if it is no latency.
    pub observed_ms: Option<f64>,
    /// What stands at the rank.
    pub observed: JsonObserved,
    /// 95 % interval; an end is `null` where the data do not bound it.
    pub interval_ms: [Option<f64>; 2],
    /// Whether there are enough requests for an interval with two ends.
    pub resolved: bool,
    /// How many requests that takes.
    pub samples_needed: u64,
}

/// How the load was put on an endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct JsonTraffic {
    /// Requests per second that were planned; `null` in the closed model.
    pub offered_per_s: Option<f64>,
    /// Requests per second that were sent.
    pub achieved_per_s: Option<f64>,
    /// Actual send − intended start; `null` in the closed model.
    pub send_lag_ms: Option<JsonSendLag>,
    /// Requests that opened a connection.
    pub new_connections: u64,
    /// Requests that waited because the in-flight cap was reached.
    pub pool_limited: u64,
}

/// Actual send − intended start, in ms.
#[derive(Clone, Debug, Serialize)]
pub struct JsonSendLag {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

/// A run in brief.
#[derive(Clone, Debug, Serialize)]
pub struct JsonRun {
    /// What tells it from the others: a file, `before`, `after`; empty if there is only one.
    pub label: String,
    /// Where the requests went.
    pub target: String,
    /// Open or closed.
    pub model: Model,
    /// For how long requests were sent, if that was planned.
    pub duration_s: Option<f64>,
    /// How many requests were sent to each endpoint, if that was planned.
    pub requests: Option<u64>,
    /// Of a run that stops when its gates are decided, where `duration_s` is the budget.
    pub adaptive: Option<JsonAdaptive>,
    /// Sent before the measurement.
    pub warmup_s: f64,
    /// Longest response time that was waited for.
    pub timeout_s: f64,
    /// Feeds the schedule's jitter and the templates.
    pub seed: u64,
    /// Whether it was cut by a signal.
    pub interrupted: bool,
    /// When t0 was, RFC 3339 in UTC.
    pub started_at: String,
    /// What the instrument measured of itself before.
    pub calibration: JsonCalibration,
    /// What `a7probe selftest` said of it, if its file was given.
    pub certificate: Option<JsonCertificate>,
}

/// Something that may mislead.
#[derive(Clone, Debug, Serialize)]
pub struct JsonWarning {
    /// What is the matter.
    pub text: String,
    /// What to do about it.
    pub hint: String,
}

/// Writes the report as indented JSON and a newline.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &JsonReport::from(report))?;
    writeln!(out)
}

impl From<&Report> for JsonReport {
    fn from(report: &Report) -> JsonReport {
        JsonReport {
            schema: SCHEMA.to_owned(),
            kind: report.kind.as_str().to_owned(),
            title: report.title.clone(),
            verdict: report.verdict(),
            findings: report.findings.iter().map(JsonFinding::from).collect(),
            changes: report.comparison.as_ref().map(|c| c.json_changes()),
            rates: report.comparison.as_ref().map(|c| c.json_rates()),
            audits: report.comparison.as_ref().and_then(|c| c.json_audits()),
            noise: report
                .comparison
                .as_ref()
                .map(|c| JsonNoise::from(&c.noise)),
            turns: report.comparison.as_ref().and_then(|c| c.json_turns()),
            diagnosis: report.diagnosis.as_ref().map(JsonDiagnosis::from),
            endpoints: report.endpoints.iter().map(JsonEndpoint::from).collect(),
            runs: report.runs.iter().map(JsonRun::from).collect(),
            warnings: report
                .warnings
                .iter()
                .map(|warning| JsonWarning {
                    text: warning.text.clone(),
                    hint: warning.hint.clone(),
                })
                .collect(),
            notes: text::notes(report),
        }
    }
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
        let reason = CodedReason::from(&finding.reason);
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
                condition.target().or(condition.done_target()).map(millis)
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
            reason_code: reason.code.to_owned(),
            reason_values: reason.values,
            next_step: text::next_step(finding),
        }
    }
}

impl From<Observed> for JsonObserved {
    fn from(observed: Observed) -> JsonObserved {
        match observed {
            Observed::Value(_) => JsonObserved::Latency,
            Observed::BeyondTimeout(_) => JsonObserved::Timeout,
            Observed::Failed => JsonObserved::Failed,
            Observed::Unsent => JsonObserved::Unsent,
            Observed::NoData => JsonObserved::NoData,
        }
    }
}

impl From<&EndpointReport> for JsonEndpoint {
    fn from(endpoint: &EndpointReport) -> JsonEndpoint {
        let summary = &endpoint.summary;
        let percentile = |quantile: Quantile| JsonPercentile::from(&summary.percentile(quantile));
        JsonEndpoint {
            name: endpoint.name.clone(),
            source: endpoint.source.clone(),
            clock: summary.clock,
            planned: summary.planned(),
            counts: summary.counts.clone(),
            percentiles: PERCENTILES.into_iter().map(percentile).collect(),
            min_ms: summary.min().map(millis),
            mean_ms: summary.mean.map(millis),
            max_ms: observed_ms(summary.max()),
            drift: JsonDrift::from(&endpoint.drift),
            traffic: endpoint.traffic.as_ref().map(JsonTraffic::from),
            audit: endpoint.audit.as_ref().map(JsonAudit::from),
        }
    }
}

impl From<&Percentile> for JsonPercentile {
    fn from(percentile: &Percentile) -> JsonPercentile {
        JsonPercentile {
            metric: String::from(percentile.quantile),
            rank: percentile.rank,
            observed_ms: observed_ms(percentile.value),
            observed: percentile.value.into(),
            interval_ms: interval_ms(percentile.interval),
            resolved: percentile.resolution == Resolution::Resolved,
            samples_needed: percentile.samples_needed,
        }
    }
}

impl From<&Traffic> for JsonTraffic {
    fn from(traffic: &Traffic) -> JsonTraffic {
        JsonTraffic {
            offered_per_s: traffic.offered.map(|rate| rate.as_per_second()),
            achieved_per_s: traffic.achieved_per_s,
            send_lag_ms: traffic.send_lag.map(|lag| JsonSendLag {
                p50: millis(lag.p50),
                p99: millis(lag.p99),
                max: millis(lag.max),
            }),
            new_connections: traffic.new_connections,
            pool_limited: traffic.pool_limited,
        }
    }
}

impl From<&RunInfo> for JsonRun {
    fn from(run: &RunInfo) -> JsonRun {
        let (duration_s, requests) = match run.size {
            SizeRecord::Duration { duration } => (Some(duration.as_secs_f64()), None),
            SizeRecord::Requests { requests } => (None, Some(requests)),
        };
        JsonRun {
            label: run.label.clone(),
            target: run.target.clone(),
            model: run.model,
            duration_s,
            requests,
            adaptive: run.adaptive.map(|adaptive| JsonAdaptive {
                budget_s: adaptive.budget.as_secs_f64(),
                stopped: adaptive.stopped,
            }),
            warmup_s: run.warmup.as_secs_f64(),
            timeout_s: run.timeout.as_secs_f64(),
            seed: run.seed,
            interrupted: run.ended != RunEnd::Complete,
            started_at: run.started_at.to_string(),
            calibration: JsonCalibration::from(&run.calibration),
            certificate: run.certificate.as_ref().map(JsonCertificate::from),
        }
    }
}

fn observed_ms(observed: Observed) -> Option<f64> {
    observed.value().map(millis)
}

fn interval_ms(interval: ObservedInterval) -> [Option<f64>; 2] {
    [interval.lower, interval.upper]
        .map(|end| end.and_then(Observed::value).map(|v: Duration| millis(v)))
}
