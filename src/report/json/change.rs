//! A change of one percentile, for programs: numbers as they are, `null` where the data do not bound them.

use serde::Serialize;
use serde_json::{Map, Value};

use super::endpoint::JsonObserved;
use super::reason::CodedReason;
use crate::judge::comparison::{
    CandidateIntervals, Change, ChangeRange, Effect, IntervalMethod, Noise,
};
use crate::judge::summary::Observed;
use crate::report::baseline_report::BaselineReport;
use crate::report::comparison_report::ComparisonReport;
use crate::report::text::{effect, turns::no_pairs};
use crate::units::millis;

/// One percentile of one endpoint before and after.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

/// One an endpoint and percentile.
pub(super) fn changes(report: &ComparisonReport) -> Vec<JsonChange> {
    let comparisons = report.comparisons.iter();
    comparisons
        .flat_map(|comparison| {
            let changes = comparison.changes.iter();
            changes.map(|change| JsonChange::of(&comparison.endpoint, change, &report.noise))
        })
        .collect()
}

/// The saved run that gates were judged against, and what changed since.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonBaseline {
    /// The name of its file.
    pub file: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// The id of the run.
    pub run: String,
    /// When it was measured, RFC 3339 in UTC.
    pub started_at: String,
    /// What counted as no change.
    pub noise: Noise,
    /// One for each endpoint that a gate compares, and percentile.
    pub changes: Vec<JsonChange>,
}

impl From<&BaselineReport> for JsonBaseline {
    fn from(report: &BaselineReport) -> JsonBaseline {
        let comparisons = report.comparisons.iter();
        JsonBaseline {
            file: report.file.clone(),
            sha256: report.sha256.clone(),
            run: report.run.to_string(),
            started_at: report.started_at.to_string(),
            noise: report.noise,
            changes: comparisons
                .flat_map(|comparison| {
                    let changes = comparison.changes.iter();
                    changes
                        .map(|change| JsonChange::of(&comparison.endpoint, change, &report.noise))
                })
                .collect(),
        }
    }
}

impl JsonChange {
    pub(in crate::report) fn of(endpoint: &str, change: &Change, noise: &Noise) -> JsonChange {
        let reason = CodedReason::of(&change.reason);
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
fn ratio_ends(ratio: Option<ChangeRange>) -> [Option<f64>; 2] {
    let [low, high] = ends(ratio);
    [low.filter(|&low| low > 0.0), high]
}

pub(super) fn ends(range: Option<ChangeRange>) -> [Option<f64>; 2] {
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
