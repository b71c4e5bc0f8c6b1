//! A comparison as JSON and CSV hold it: numbers as they are, `null` where the data do not bound them.

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::json::{CodedReason, JsonFinding, JsonObserved};
use super::super::text::effect;
use super::ComparisonReport;
use super::turns::no_pairs;
use crate::judge::comparison::{
    CandidateIntervals, Change, ChangeRange, Comparison, Effect, ErrorRate, ErrorRateChange,
    IntervalMethod, Noise,
};
use crate::judge::gate::Finding;
use crate::judge::summary::Observed;
use crate::run::recording::TimeBase;
use crate::units::millis;
use crate::verdict::Verdict;

/// One percentile of one endpoint before and after.
#[derive(Clone, Debug, Serialize)]
pub struct JsonChange {
    /// What gates call it.
    pub endpoint: String,
    /// `p95`.
    pub metric: String,
    /// Before; `null` if there is no number, and `before` says why.
    pub before_ms: Option<f64>,
    /// What stands at the percentile's rank before.
    pub before: JsonObserved,
    /// After; `null` if there is no number, and `after` says why.
    pub after_ms: Option<f64>,
    /// What stands at the percentile's rank after.
    pub after: JsonObserved,
    /// After divided by before.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio; an end is `null` where the data do not bound it.
    pub ratio_interval: [Option<f64>; 2],
    /// After minus before.
    pub difference_ms: Option<f64>,
    /// 95 % interval of the difference; an end is `null` where the data do not bound it.
    pub difference_interval_ms: [Option<f64>; 2],
    /// 1 − ratio: 0.7 is a reduction of 70 %.
    pub reduction: Option<f64>,
    /// What follows, given the noise band.
    pub effect: Effect,
    /// Of `ab`, both intervals of the ratio; the one that is chosen stands above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intervals: Option<JsonIntervals>,
    /// Whether there are enough requests on both sides for an interval.
    pub resolved: bool,
    /// How many requests that takes on each side, if there are too few.
    pub samples_needed: Option<u64>,
    /// Why, in one sentence.
    pub reason: String,
    /// The same as a code.
    pub reason_code: String,
    /// The numbers of the reason; their names end in their unit, counts have none.
    pub reason_values: Map<String, Value>,
}

/// Both intervals of a ratio after/before; an end is `null` where the data do not bound it.
#[derive(Clone, Debug, Serialize)]
pub struct JsonIntervals {
    /// The wider one, which counts: `profile` or `paired`.
    pub chosen: IntervalMethod,
    /// Of the profile likelihood, over all requests.
    pub profile: [Option<f64>; 2],
    /// Student's t over the logarithms of the ratios of pairs of blocks; `null` if there is none.
    pub paired: Option<[Option<f64>; 2]>,
    /// Why there is no paired interval.
    pub paired_missing: Option<String>,
}

/// Error rate and achieved rate of one endpoint before and after, and from where its latencies count.
#[derive(Clone, Debug, Serialize)]
pub struct JsonRates {
    /// What gates call it.
    pub endpoint: String,
    /// From where the latencies before count.
    pub clock_before: TimeBase,
    /// From where the latencies after count.
    pub clock_after: TimeBase,
    /// Before.
    pub error_rate_before: JsonErrorRate,
    /// After.
    pub error_rate_after: JsonErrorRate,
    /// Share after − share before.
    pub error_rate_difference: Option<f64>,
    /// 95 % interval of the difference.
    pub error_rate_interval: [Option<f64>; 2],
    /// Improved or regressed if the interval lies on one side of zero.
    pub error_rate_effect: Effect,
    /// Requests sent per second before.
    pub achieved_per_s_before: Option<f64>,
    /// Requests sent per second after.
    pub achieved_per_s_after: Option<f64>,
}

/// How many requests did not end ok.
#[derive(Clone, Debug, Serialize)]
pub struct JsonErrorRate {
    /// Failed, timed out or unsent.
    pub not_ok: u64,
    /// All.
    pub planned: u64,
    /// From 0 to 1; `null` without requests.
    pub share: Option<f64>,
}

impl ComparisonReport {
    pub(in super::super) fn json_changes(&self) -> Vec<JsonChange> {
        let comparisons = self.comparisons.iter();
        comparisons
            .flat_map(|comparison| {
                let changes = comparison.changes.iter();
                changes.map(|change| JsonChange::of(&comparison.endpoint, change, &self.noise))
            })
            .collect()
    }

    pub(in super::super) fn json_rates(&self) -> Vec<JsonRates> {
        self.comparisons.iter().map(JsonRates::from).collect()
    }
}

impl JsonChange {
    fn of(endpoint: &str, change: &Change, noise: &Noise) -> JsonChange {
        let reason = CodedReason::from(&change.reason);
        let observed_ms = |observed: Observed| observed.value().map(millis);
        let difference_ms = change.difference_interval_ns().map(|ns| ChangeRange {
            low: ns.low / 1e6,
            high: ns.high / 1e6,
        });
        let ratio = change.ratio_interval();
        JsonChange {
            endpoint: endpoint.to_owned(),
            metric: String::from(change.quantile),
            before_ms: observed_ms(change.observed.before),
            before: change.observed.before.into(),
            after_ms: observed_ms(change.observed.after),
            after: change.observed.after.into(),
            ratio: change.ratio(),
            ratio_interval: ratio_ends(ratio),
            difference_ms: change.difference_ns().map(|ns| ns / 1e6),
            difference_interval_ms: ends(difference_ms),
            reduction: change.reduction(),
            effect: change.effect,
            intervals: change.candidates.as_ref().map(JsonIntervals::from),
            resolved: change.ratio_interval().is_some(),
            samples_needed: change.samples_needed(),
            reason: effect::reason(change, noise),
            reason_code: reason.code,
            reason_values: reason.values,
        }
    }
}

/// A ratio of zero as the low end only says that latencies are not negative.
pub(super) fn ratio_ends(ratio: Option<ChangeRange>) -> [Option<f64>; 2] {
    let [low, high] = ends(ratio);
    [low.filter(|&low| low > 0.0), high]
}

fn ends(range: Option<ChangeRange>) -> [Option<f64>; 2] {
    let finite = |end: fn(ChangeRange) -> f64| range.map(end).filter(|end| end.is_finite());
    [finite(|range| range.low), finite(|range| range.high)]
}

impl From<&CandidateIntervals> for JsonIntervals {
    fn from(candidates: &CandidateIntervals) -> JsonIntervals {
        let paired = candidates.paired();
        JsonIntervals {
            chosen: candidates.chosen(),
            profile: ratio_ends(Some(candidates.profile().ratio)),
            paired: paired.ok().map(|paired| ratio_ends(Some(paired.ratio))),
            paired_missing: paired.err().map(no_pairs),
        }
    }
}

impl From<&Comparison> for JsonRates {
    fn from(comparison: &Comparison) -> JsonRates {
        let ErrorRateChange {
            rates,
            difference,
            interval,
            effect,
        } = comparison.error_rate;
        JsonRates {
            endpoint: comparison.endpoint.clone(),
            clock_before: comparison.clocks.before,
            clock_after: comparison.clocks.after,
            error_rate_before: rates.before.into(),
            error_rate_after: rates.after.into(),
            error_rate_difference: difference,
            error_rate_interval: ends(interval),
            error_rate_effect: effect,
            achieved_per_s_before: comparison.achieved_per_s.before,
            achieved_per_s_after: comparison.achieved_per_s.after,
        }
    }
}

impl From<ErrorRate> for JsonErrorRate {
    fn from(rate: ErrorRate) -> JsonErrorRate {
        JsonErrorRate {
            not_ok: rate.not_ok,
            planned: rate.planned,
            share: rate.share(),
        }
    }
}

/// One row of the CSV; a cell is empty where there is no number.
#[derive(Clone, Default, Serialize)]
pub(in super::super) struct ChangeRow {
    endpoint: String,
    metric: String,
    before_ms: Option<f64>,
    before: Option<JsonObserved>,
    after_ms: Option<f64>,
    after: Option<JsonObserved>,
    ratio: Option<f64>,
    ratio_low: Option<f64>,
    ratio_high: Option<f64>,
    difference_ms: Option<f64>,
    difference_low_ms: Option<f64>,
    difference_high_ms: Option<f64>,
    reduction: Option<f64>,
    effect: Option<Effect>,
    samples_needed: Option<u64>,
    planned_before: u64,
    planned_after: u64,
    not_ok_before: u64,
    not_ok_after: u64,
    gate: Option<String>,
    severity: Option<String>,
    verdict: Option<Verdict>,
}

/// One row per endpoint and percentile, or one for each gate on it; then the other gates.
pub(in super::super) fn csv_rows(
    report: &ComparisonReport,
    findings: &[Finding],
) -> Vec<ChangeRow> {
    let findings: Vec<JsonFinding> = findings.iter().map(JsonFinding::from).collect();
    let comparisons = report.comparisons.iter();
    comparisons
        .flat_map(|comparison| endpoint_rows(comparison, &findings, &report.noise))
        .collect()
}

fn endpoint_rows(
    comparison: &Comparison,
    findings: &[JsonFinding],
    noise: &Noise,
) -> Vec<ChangeRow> {
    let own = |finding: &&JsonFinding| finding.endpoint == comparison.endpoint;
    let changes = comparison.changes.iter();
    let changes: Vec<ChangeRow> = changes.map(|c| csv_row(comparison, c, noise)).collect();
    let is_shown = |finding: &&JsonFinding| changes.iter().any(|row| row.metric == finding.metric);
    let mut rows = Vec::new();
    for change in &changes {
        let gates = findings.iter().filter(own);
        let gates = gates.filter(|finding| finding.metric == change.metric);
        let before = rows.len();
        rows.extend(gates.map(|finding| change.clone().gated(finding)));
        if rows.len() == before {
            rows.push(change.clone());
        }
    }
    let others = findings.iter().filter(own).filter(|f| !is_shown(f));
    rows.extend(others.map(|finding| bare_row(comparison, finding.metric.clone()).gated(finding)));
    rows
}

impl ChangeRow {
    fn gated(mut self, finding: &JsonFinding) -> ChangeRow {
        self.gate = Some(finding.gate.clone());
        self.severity = Some(finding.severity.clone());
        self.verdict = Some(finding.verdict);
        self
    }
}

/// What is known of an endpoint whatever the metric.
fn bare_row(comparison: &Comparison, metric: String) -> ChangeRow {
    let rates = comparison.error_rate.rates;
    ChangeRow {
        endpoint: comparison.endpoint.clone(),
        metric,
        planned_before: comparison.planned.before,
        planned_after: comparison.planned.after,
        not_ok_before: rates.before.not_ok,
        not_ok_after: rates.after.not_ok,
        ..ChangeRow::default()
    }
}

fn csv_row(comparison: &Comparison, change: &Change, noise: &Noise) -> ChangeRow {
    let JsonChange {
        metric,
        before_ms,
        before,
        after_ms,
        after,
        ratio,
        ratio_interval: [ratio_low, ratio_high],
        difference_ms,
        difference_interval_ms: [difference_low_ms, difference_high_ms],
        reduction,
        effect,
        samples_needed,
        ..
    } = JsonChange::of(&comparison.endpoint, change, noise);
    ChangeRow {
        before_ms,
        before: Some(before),
        after_ms,
        after: Some(after),
        ratio,
        ratio_low,
        ratio_high,
        difference_ms,
        difference_low_ms,
        difference_high_ms,
        reduction,
        effect: Some(effect),
        samples_needed,
        ..bare_row(comparison, metric)
    }
}
