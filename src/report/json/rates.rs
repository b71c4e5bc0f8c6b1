//! Error rates and achieved rates before and after, for programs.

use serde::Serialize;

use super::change::ends;
use crate::judge::comparison::{Comparison, Effect, ErrorRate, ErrorRateChange};
use crate::report::comparison_report::ComparisonReport;
use crate::run::recording::TimeBase;

/// Error rate and achieved rate of one endpoint before and after, and from where its latencies count.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonErrorRate {
    /// Failed, timed out or unsent.
    pub not_ok: u64,
    /// All.
    pub planned: u64,
    /// From 0 to 1; `null` without requests.
    pub share: Option<f64>,
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

/// One an endpoint.
pub(super) fn rates(report: &ComparisonReport) -> Vec<JsonRates> {
    report.comparisons.iter().map(JsonRates::from).collect()
}
