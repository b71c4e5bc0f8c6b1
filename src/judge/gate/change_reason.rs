//! Why a gate on two runs came out as it did.

use serde::{Serialize, Serializer};

/// Why a gate on two runs came out as it did; ratios are after divided by before, at 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub(crate) enum ChangeReason {
    /// The percentile was not compared.
    NotCompared,
    /// One side has too few requests, or they are worth too few because they come in spells.
    #[serde(rename = "change_unresolved")]
    Unresolved(UnresolvedChange),
    /// Without the send lag of this machine the verdict would be another.
    #[serde(rename = "change_send_lag")]
    SentLate {
        /// The smallest ratio without the send lag.
        #[serde(rename = "ratio_low", serialize_with = "open_low_end")]
        low: f64,
        #[serde(rename = "ratio_high")]
        high: f64,
    },
    /// It passes: the ratio is at most this.
    #[serde(rename = "change_within_limit")]
    RatioAtMost {
        #[serde(rename = "ratio_high")]
        ratio: f64,
    },
    /// It fails: the ratio is at least this.
    #[serde(rename = "change_beyond_limit")]
    RatioAtLeast {
        #[serde(rename = "ratio_low")]
        ratio: f64,
    },
    /// It fails: failures stand after where the percentile was.
    FailuresAfter,
    /// The interval lies on both sides of the limit.
    #[serde(rename = "change_undecided")]
    RatioBetween {
        #[serde(rename = "ratio_low", serialize_with = "open_low_end")]
        low: f64,
        #[serde(rename = "ratio_high")]
        high: f64,
    },
}

/// What an interval of a change lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnresolvedChange {
    /// Requests before.
    pub samples_before: u64,
    /// Requests after.
    pub samples_after: u64,
    /// The number of independent requests that are worth as much, before.
    pub independent_samples_before: u64,
    /// The same after.
    pub independent_samples_after: u64,
    /// Requests that each side needs.
    pub samples_needed: u64,
}

/// An open end is `null`.
pub(in crate::judge) fn open_low_end<S: Serializer>(low: &f64, to: S) -> Result<S::Ok, S::Error> {
    (*low > 0.0).then_some(*low).serialize(to)
}

/// Which of two runs were cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum CutRuns {
    Before,
    After,
    Both,
}
