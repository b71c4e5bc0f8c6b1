//! A finding as the page shows it: its name, its numbers, and its place as a multiple of its limit.

use std::time::Duration;

use super::number::{self, NO_BREAK};
use crate::judge::gate::{Condition, Finding, FindingReason, ObservedMetric, Severity};
use crate::judge::summary::{Observed, ObservedInterval};
use crate::report::figures::{share, share_against, thousands};
use crate::report::text::{audit, sign};
use crate::units::trimmed;

/// A finding as the page shows it.
pub(super) struct GateView<'a> {
    pub(super) finding: &'a Finding,
    /// `ingest P95`.
    pub(super) subject: String,
    /// `≤ 150 ms`.
    pub(super) demand: String,
    pub(super) measured: String,
    pub(super) interval: GateInterval,
    /// `150 ms`.
    pub(super) limit: String,
    pub(super) place: Option<LimitMultiples>,
}

/// What stands in the column of the interval.
pub(super) enum GateInterval {
    /// `283 to 961 ms`
    Shown(String),
    ExactCount,
    Unknown,
}

/// A value and its interval as multiples of the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LimitMultiples {
    /// `∞` among failures.
    pub(super) value: f64,
    /// `None` where the data give no bound.
    pub(super) low: Option<f64>,
    /// `None` where the data give no bound.
    pub(super) high: Option<f64>,
}

impl<'a> GateView<'a> {
    pub(super) fn of(finding: &'a Finding) -> GateView<'a> {
        let condition = &finding.gate.condition;
        let (demand, limit) = demand(finding);
        let metric = match condition {
            Condition::ErrorRate { .. } => "error rate".to_owned(),
            Condition::Reduction { quantile, .. } => format!("{quantile} reduction"),
            _ => match condition.quantile() {
                Some(quantile) => quantile.to_string(),
                None => audit::name(condition),
            },
        };
        let warns = match finding.severity() {
            Severity::Decides => "",
            Severity::Warns => " (warns only)",
        };
        GateView {
            finding,
            subject: format!("{} {metric}{warns}", finding.endpoint),
            demand,
            measured: measured(finding),
            interval: interval(finding),
            limit,
            place: place(finding),
        }
    }

    /// By how much the limit is exceeded; what cannot be drawn comes last.
    pub(super) fn ratio(&self) -> f64 {
        match (
            self.place,
            self.finding.measured,
            &self.finding.gate.condition,
        ) {
            (Some(place), _, _) => place.value,
            (None, ObservedMetric::Count(count), Condition::Count { at_most, .. })
                if count > *at_most =>
            {
                f64::INFINITY
            }
            _ => 0.0,
        }
    }
}

/// `≤ 150 ms` and `150 ms`.
fn demand(finding: &Finding) -> (String, String) {
    let with = |sign: &str, limit: String| (format!("{sign}{NO_BREAK}{limit}"), limit);
    match &finding.gate.condition {
        Condition::Latency {
            operator, limit, ..
        }
        | Condition::Done {
            operator, limit, ..
        } => with(sign(*operator), number::limit(*limit)),
        Condition::ErrorRate { operator, limit } => with(sign(*operator), limit.to_string()),
        Condition::Count { at_most, .. } | Condition::Backlog { at_most, .. } => {
            with("≤", thousands(*at_most))
        }
        Condition::Reduction { at_least, .. } => with("≥", at_least.to_string()),
        Condition::Baseline { allowance, .. } => {
            let allowed = format!("baseline + {allowance}");
            let limit = finding.latency_limit().map(number::latency);
            (format!("≤{NO_BREAK}{allowed}"), limit.unwrap_or(allowed))
        }
    }
}

fn measured(finding: &Finding) -> String {
    let limit = finding.latency_limit();
    match (finding.measured, baseline_of(finding)) {
        (_, Some((_, observed))) => against(observed, limit),
        (ObservedMetric::Latency { value, .. }, None) => against(value, limit),
        (ObservedMetric::Share { value, .. }, None) => {
            let allowed = finding.gate.condition.allowed_share();
            allowed.map_or_else(|| share(value), |allowed| share_against(value, allowed))
        }
        (ObservedMetric::Ratio { value, .. }, None) => {
            value.map_or_else(|| "no data".to_owned(), reduction)
        }
        (ObservedMetric::Count(count), None) => thousands(count),
        (ObservedMetric::Nothing, None) => "no data".to_owned(),
    }
}

fn against(value: Observed, limit: Option<Duration>) -> String {
    match (value, limit) {
        (Observed::Value(value), Some(limit)) => number::latency_against(value, limit),
        (value, _) => number::observed(value),
    }
}

/// The percentile of the baseline and of the run, of a gate over a baseline.
fn baseline_of(finding: &Finding) -> Option<(Observed, Observed)> {
    match &finding.reason {
        FindingReason::Baseline(reason) => Some((reason.baseline, reason.observed)),
        _ => None,
    }
}

/// `99.3%`, `−12%`: how much of the latency is gone.
fn reduction(ratio: f64) -> String {
    let percent = (1.0 - ratio) * 100.0;
    let sign = if percent < 0.0 { "−" } else { "" };
    let decimals = if percent > 90.0 { 2 } else { 1 };
    format!("{sign}{}%", trimmed(percent.abs(), decimals))
}

fn interval(finding: &Finding) -> GateInterval {
    match finding.measured {
        ObservedMetric::Latency { interval, .. } => GateInterval::Shown(number::interval(interval)),
        ObservedMetric::Share {
            interval: (low, high),
            ..
        } => {
            let low = share(low);
            GateInterval::Shown(format!("{} to {}", low.trim_end_matches('%'), share(high)))
        }
        ObservedMetric::Ratio {
            interval: (low, high),
            ..
        } => of_ratio(finding, low, high).map_or(GateInterval::Unknown, GateInterval::Shown),
        ObservedMetric::Count(_) => GateInterval::ExactCount,
        ObservedMetric::Nothing => GateInterval::Unknown,
    }
}

/// Of a reduction in percent, of a gate over a baseline as latencies.
fn of_ratio(finding: &Finding, low: Option<f64>, high: Option<f64>) -> Option<String> {
    if let Some((Observed::Value(baseline), _)) = baseline_of(finding) {
        let end = |ratio: f64| Some(Observed::Value(baseline.mul_f64(ratio.clamp(0.0, 1e6))));
        return Some(number::interval(ObservedInterval {
            lower: low.and_then(end),
            upper: high.and_then(end),
        }));
    }
    match (low, high) {
        (Some(low), Some(high)) => {
            let (least, most) = (reduction(high), reduction(low));
            Some(format!("{} to {most}", least.trim_end_matches('%')))
        }
        (Some(low), None) => Some(format!("≤{NO_BREAK}{}", reduction(low))),
        (None, Some(high)) => Some(format!("≥{NO_BREAK}{}", reduction(high))),
        (None, None) => None,
    }
}

fn place(finding: &Finding) -> Option<LimitMultiples> {
    let condition = &finding.gate.condition;
    match (finding.measured, condition) {
        (ObservedMetric::Latency { value, interval }, _) => {
            let limit = finding.latency_limit()?.as_secs_f64();
            let multiple = |value: Observed| match value {
                Observed::Value(value) => Some(value.as_secs_f64() / limit),
                Observed::NoData | Observed::AcrossRamp => None,
                _ => Some(f64::INFINITY),
            };
            Some(LimitMultiples {
                value: multiple(value)?,
                low: interval.lower.and_then(multiple),
                high: interval.upper.and_then(multiple),
            })
        }
        (ObservedMetric::Share { value, interval }, _) => {
            let limit = condition.allowed_share()?;
            Some(LimitMultiples {
                value: value / limit,
                low: Some(interval.0 / limit),
                high: Some(interval.1 / limit),
            })
        }
        (ObservedMetric::Ratio { value, interval }, Condition::Reduction { at_least, .. }) => {
            let left = 1.0 - at_least.as_fraction();
            (left > 0.0).then_some(())?;
            Some(LimitMultiples {
                value: value? / left,
                low: interval.0.map(|end| end / left),
                high: interval.1.map(|end| end / left),
            })
        }
        (ObservedMetric::Ratio { value, interval }, Condition::Baseline { .. }) => {
            let limit = finding.latency_limit()?.as_secs_f64();
            let (baseline, _) = baseline_of(finding)?;
            let unit = baseline.value()?.as_secs_f64() / limit;
            Some(LimitMultiples {
                value: value? * unit,
                low: interval.0.map(|end| end * unit),
                high: interval.1.map(|end| end * unit),
            })
        }
        _ => None,
    }
}
