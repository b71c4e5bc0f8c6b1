//! Why a gate over a baseline came out as it did, with the limit that the baseline makes.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::allowance::AllowancePart;
use super::change_reason::{UnresolvedChange, open_low_end};
use crate::judge::summary::Observed;
use crate::units::{serialize_ns_as_ms, serialize_optional_ms};
use crate::verdict::Verdict;

/// Why a gate over a baseline came out as it did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct BaselineReason {
    #[serde(flatten)]
    pub(crate) decision: BaselineDecision,
    /// The percentile of the baseline.
    #[serde(rename = "baseline_ms", serialize_with = "serialize_latency")]
    #[cfg_attr(test, schemars(with = "Option<f64>"))]
    pub(crate) baseline: Observed,
    /// The percentile of the run.
    #[serde(rename = "observed_ms", serialize_with = "serialize_latency")]
    #[cfg_attr(test, schemars(with = "Option<f64>"))]
    pub(crate) observed: Observed,
    /// The limit in force; `None` where the percentile of the baseline is not a latency.
    #[serde(rename = "limit_ms", serialize_with = "serialize_optional_ms")]
    pub(crate) limit: Option<Duration>,
    /// The part of the allowance that allows more, and makes the limit.
    #[serde(rename = "allowance", serialize_with = "serialize_part")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub(crate) part: AllowancePart,
    /// φ, the larger of both runs.
    pub(crate) design_effect: f64,
}

/// What came of the interval of the change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub(crate) enum BaselineDecision {
    /// The percentile was not compared.
    NotCompared,
    /// There is no interval.
    #[serde(rename = "change_unresolved")]
    Unresolved(UnresolvedChange),
    /// Without the send lag of this machine the verdict would be another.
    #[serde(rename = "change_send_lag")]
    SentLate(ChangeSpan),
    /// The upper end is within the allowance.
    #[serde(rename = "change_within_limit")]
    Within(ChangeSpan),
    /// The lower end is beyond the allowance.
    #[serde(rename = "change_beyond_limit")]
    Beyond(ChangeSpan),
    /// The interval lies on both sides.
    #[serde(rename = "change_undecided")]
    Undecided(ChangeSpan),
}

/// The interval of the change that decided, in the measure of its allowance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum ChangeSpan {
    /// After divided by before.
    Ratio {
        #[serde(rename = "ratio_low", serialize_with = "open_low_end")]
        low: f64,
        #[serde(rename = "ratio_high")]
        high: f64,
    },
    /// After minus before, in ns.
    DifferenceNs {
        #[serde(rename = "difference_low_ms", serialize_with = "serialize_ns_as_ms")]
        low: f64,
        #[serde(rename = "difference_high_ms", serialize_with = "serialize_ns_as_ms")]
        high: f64,
    },
}

/// What would decide a gate over a baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BaselineNeed {
    /// With this allowance it would pass; `None` where the interval has no upper end.
    pub(crate) allowance: Option<AllowancePart>,
    /// Requests on each side, and what they would show if the change stays as it is.
    pub(crate) samples: Option<(u64, Verdict)>,
}

impl BaselineDecision {
    /// The interval that decided.
    pub(crate) fn span(&self) -> Option<ChangeSpan> {
        match *self {
            BaselineDecision::NotCompared | BaselineDecision::Unresolved(_) => None,
            BaselineDecision::SentLate(span)
            | BaselineDecision::Within(span)
            | BaselineDecision::Beyond(span)
            | BaselineDecision::Undecided(span) => Some(span),
        }
    }
}

/// `null` for what is not a latency.
fn serialize_latency<S: Serializer>(observed: &Observed, to: S) -> Result<S::Ok, S::Error> {
    serialize_optional_ms(&observed.value(), to)
}

/// `share` or `time`.
fn serialize_part<S: Serializer>(part: &AllowancePart, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(match part {
        AllowancePart::Share(_) => "share",
        AllowancePart::Time(_) => "time",
    })
}
