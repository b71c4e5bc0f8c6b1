//! Gates over a baseline in words: the limit in force, the change since, and what would decide them.

use std::time::Duration;

use super::{change_reason, effect};
use crate::judge::gate::{
    AllowancePart, BaselineDecision, BaselineNeed, BaselineReason, ChangeReason, ChangeSpan,
    Finding, FindingReason,
};
use crate::judge::summary::Observed;
use crate::report::baseline_report::BaselineReport;
use crate::report::figures::{LatencyScale, thousands};
use crate::report::model::Report;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, trimmed};
use crate::verdict::Verdict;

/// From here on bursts, and not their number, keep requests from deciding.
const CLEARLY_IN_BURSTS: f64 = 2.0;

/// `P95 1.25 ms ≤ 2.32 ms (baseline 1.32 ms + 1 ms)`.
pub(super) fn headline(finding: &Finding, reason: &BaselineReason, scale: LatencyScale) -> String {
    let name = name(finding);
    let Some(limit) = reason.limit else {
        return format!(
            "{name} {}, baseline {}: {}",
            scale.observed(reason.observed),
            reason.baseline,
            open_reason(reason)
        );
    };
    let value = match reason.observed {
        Observed::Value(value) => scale.against(value, limit),
        other => scale.observed(other),
    };
    let is_number = matches!(reason.observed, Observed::Value(_));
    let shown = limit_of(reason, scale).unwrap_or_default();
    match finding.verdict {
        Verdict::Pass => format!("{name} {value} ≤ {shown}"),
        Verdict::Fail if is_number => format!("{name} {value} > {shown}"),
        Verdict::Fail | Verdict::NotJudged => format!("{name} {value}, limit {shown}"),
        // The facts below it have what the limit is made of.
        Verdict::Inconclusive => {
            let limit = scale.latency(limit);
            format!("{name} {value}, limit {limit}: {}", open_reason(reason))
        }
    }
}

/// `2.32 ms (baseline 1.32 ms + 1 ms)`.
fn limit_of(reason: &BaselineReason, scale: LatencyScale) -> Option<String> {
    Some(format!(
        "{} (baseline {} + {})",
        scale.latency(reason.limit?),
        scale.observed(reason.baseline),
        allowance(reason.part)
    ))
}

/// `≤ 2.32 ms`, in a table; `baseline + 10%` where the baseline is not a latency or was not given.
pub(in crate::report) fn limit_cell(finding: &Finding, scale: LatencyScale) -> String {
    match finding.latency_limit() {
        Some(limit) => format!("≤ {}", scale.latency(limit)),
        None => format!("≤ {}", wanted(finding)),
    }
}

/// `baseline + 10% or 1ms` of the gate.
fn wanted(finding: &Finding) -> String {
    let condition = finding.gate.condition.to_string();
    match condition.split_once("<= ") {
        Some((_, wanted)) => wanted.to_owned(),
        None => condition,
    }
}

fn allowance(part: AllowancePart) -> String {
    match part {
        AllowancePart::Share(share) => share.to_string(),
        AllowancePart::Time(time) => Pretty(time).to_string(),
    }
}

fn name(finding: &Finding) -> String {
    let quantile = finding.gate.condition.quantile();
    quantile.map_or_else(|| finding.gate.condition.metric(), |q| q.to_string())
}

/// `P95 1.25 ms: no baseline given`.
pub(super) fn without(finding: &Finding, value: &str) -> String {
    format!("{} {value}: no baseline given", name(finding))
}

/// Why a gate is INCONCLUSIVE, in three or four words.
pub(super) fn open_reason(reason: &BaselineReason) -> &'static str {
    match reason.decision {
        BaselineDecision::SentLate(_) => "client-limited",
        BaselineDecision::Unresolved(lack)
            if lack.independent_samples_before == lack.samples_before
                && lack.independent_samples_after == lack.samples_after =>
        {
            "too few requests"
        }
        _ if reason.design_effect >= CLEARLY_IN_BURSTS => "slow requests too clustered",
        _ => "too few requests",
    }
}

/// `baseline main.json · change −9.4 to −0.8% · effect below 1 ms`, one line a gate over the baseline.
pub(in crate::report) fn facts(report: &Report) -> Vec<Vec<String>> {
    let Some(baseline) = &report.baseline else {
        return Vec::new();
    };
    let over_baseline = |reason: &FindingReason| {
        matches!(
            reason,
            FindingReason::Baseline(_) | FindingReason::Change(_)
        )
    };
    let findings = report.findings.iter();
    let findings: Vec<&Finding> = findings.filter(|f| over_baseline(&f.reason)).collect();
    let line = |finding: &&Finding| {
        let about = match findings.len() {
            1 => String::new(),
            _ => format!("{} {} ", finding.endpoint, name(finding)),
        };
        let mut parts = vec![source(report, baseline, finding)];
        parts.extend(change(baseline, finding, &about));
        parts
    };
    findings.iter().map(line).collect()
}

/// `baseline main.json`; `baseline main.json: 312 ms + 10%` where the headline has no room for it.
fn source(report: &Report, baseline: &BaselineReport, finding: &Finding) -> String {
    let file = &baseline.file;
    let mut endpoints = report.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.name == finding.endpoint);
    match (&finding.reason, finding.verdict, endpoint) {
        (
            FindingReason::Baseline(BaselineReason {
                limit: Some(_),
                part,
                baseline,
                ..
            }),
            Verdict::Inconclusive,
            Some(endpoint),
        ) => format!(
            "baseline {file}: {} + {}",
            endpoint.scale().observed(*baseline),
            allowance(*part)
        ),
        _ => format!("baseline {file}"),
    }
}

/// `change −9.4 to −0.8%`, `effect below 1 ms`; or what an interval needs.
fn change(baseline: &BaselineReport, finding: &Finding, about: &str) -> Vec<String> {
    let Some(change) = baseline.change_of(finding) else {
        return vec![format!("{about}not compared")];
    };
    let span = match &finding.reason {
        FindingReason::Baseline(reason) => reason.decision.span(),
        _ => change.ratio_interval().map(|ratio| ChangeSpan::Ratio {
            low: ratio.low,
            high: ratio.high,
        }),
    };
    match span {
        Some(span) => vec![
            format!("{about}change {}", interval(span)),
            format!("effect {}", effect::of_change(change, &baseline.noise)),
        ],
        None => vec![unresolved(
            change.quantile,
            change.samples_needed(),
            change.planned.after,
        )],
    }
}

fn unresolved(quantile: Quantile, needed: Option<u64>, planned: u64) -> String {
    format!(
        "{quantile} cannot be compared: needs {} requests per side (you have {})",
        thousands(needed.unwrap_or(0)),
        thousands(planned)
    )
}

/// The interval that decided a gate of a comparison, next to the gate's allowance.
pub(super) fn decisive_end(finding: &Finding, reason: &BaselineReason) -> Option<String> {
    let (span, is_sent_late) = match reason.decision {
        BaselineDecision::NotCompared | BaselineDecision::Unresolved(_) => return None,
        BaselineDecision::SentLate(span) => (span, true),
        BaselineDecision::Within(span)
        | BaselineDecision::Beyond(span)
        | BaselineDecision::Undecided(span) => (span, false),
    };
    if let ChangeSpan::Ratio { low, high } = span {
        let of_ratio = match reason.decision {
            BaselineDecision::Within(_) => ChangeReason::RatioAtMost { ratio: high },
            BaselineDecision::Beyond(_) if low.is_infinite() => ChangeReason::FailuresAfter,
            BaselineDecision::Beyond(_) => ChangeReason::RatioAtLeast { ratio: low },
            _ if is_sent_late => ChangeReason::SentLate { low, high },
            _ => ChangeReason::RatioBetween { low, high },
        };
        return change_reason::decisive_end(finding, &of_ratio);
    }
    let lag = if is_sent_late {
        "without this machine's delay "
    } else {
        ""
    };
    Some(format!(
        "{lag}the change is {} (allowed: {})",
        interval(span),
        allowance(reason.part)
    ))
}

/// `−9.4 to −0.8%`, `−0.12 to +0.94 ms`; ends are rounded outwards.
pub(super) fn interval(span: ChangeSpan) -> String {
    let (low, high, unit) = match span {
        ChangeSpan::Ratio { low, high } => ((low - 1.0) * 100.0, (high - 1.0) * 100.0, "%"),
        ChangeSpan::DifferenceNs { low, high } => (low / 1e6, high / 1e6, " ms"),
    };
    let smallest = match span {
        ChangeSpan::Ratio { .. } => -100.0,
        ChangeSpan::DifferenceNs { .. } => f64::NEG_INFINITY,
    };
    let digits = decimals(low, high, unit);
    let low_end = || signed(low, digits, f64::floor);
    let high_end = || signed(high, digits, f64::ceil);
    match (low > smallest, high.is_finite()) {
        _ if low.is_infinite() && low > 0.0 => "beyond every latency (failures)".to_owned(),
        (true, true) => format!("{} to {}{unit}", low_end(), high_end()),
        (true, false) => format!("{}{unit} or more", low_end()),
        (false, true) => format!("{}{unit} or less", high_end()),
        (false, false) => "not bounded".to_owned(),
    }
}

/// One decimal of percents; of milliseconds as many as three digits of the larger end need.
fn decimals(low: f64, high: f64, unit: &str) -> usize {
    let size = |end: f64| if end.is_finite() { end.abs() } else { 0.0 };
    match size(low).max(size(high)) {
        _ if unit == "%" => 1,
        s if s >= 100.0 => 0,
        s if s >= 10.0 => 1,
        s if s >= 0.1 => 2,
        _ => 3,
    }
}

fn signed(value: f64, digits: usize, round: fn(f64) -> f64) -> String {
    let unit = 10f64.powi(digits as i32);
    // What a binary fraction lacks must not cost a digit.
    let rounded = round((value * unit * 1e6).round() / 1e6) / unit;
    let sign = match rounded {
        r if r < 0.0 => "−",
        r if r > 0.0 => "+",
        _ => "",
    };
    format!("{sign}{}", trimmed(rounded.abs(), digits))
}

/// Why a gate came out as it did, in one sentence.
pub(super) fn sentence(finding: &Finding, reason: &BaselineReason) -> String {
    let scale = LatencyScale::Millis;
    let limit = limit_of(reason, scale);
    let limit = limit.map_or_else(
        || format!("the baseline's {} is {}", name(finding), reason.baseline),
        |limit| format!("limit {limit}"),
    );
    match reason.decision {
        BaselineDecision::NotCompared => format!("{} was not compared", name(finding)),
        BaselineDecision::Unresolved(lack) => {
            let quantile = finding.gate.condition.quantile();
            let fewer = lack.samples_before.min(lack.samples_after);
            quantile.map_or_else(String::new, |quantile| {
                unresolved(quantile, Some(lack.samples_needed), fewer)
            })
        }
        BaselineDecision::SentLate(span) => format!(
            "this machine sent late: without that delay the change is {} at 95% confidence, and the verdict depends on it; {limit}",
            interval(span)
        ),
        BaselineDecision::Within(span)
        | BaselineDecision::Beyond(span)
        | BaselineDecision::Undecided(span) => {
            format!(
                "the change is {} at 95% confidence; {limit}",
                interval(span)
            )
        }
    }
}

/// Why a gate was not judged, in one sentence.
pub(super) fn no_baseline(recorded: Option<&str>) -> String {
    match recorded {
        Some(file) => format!("no baseline given; the run was measured against {file}"),
        None => "no baseline given".to_owned(),
    }
}

pub(super) fn give_baseline(finding: &Finding) -> String {
    let recorded = match &finding.reason {
        FindingReason::NoBaseline { recorded } => recorded.as_deref(),
        _ => None,
    };
    format!(
        "{} compares with a saved run: --baseline {}",
        name(finding),
        recorded.unwrap_or("FILE")
    )
}

/// `P95 passes with 'baseline + 21%', or needs about 8,400 requests on each side`.
pub(super) fn need(finding: &Finding, need: &BaselineNeed) -> String {
    let name = name(finding);
    let wider = need
        .allowance
        .map(|part| format!("'{} <= baseline + {part}'", finding.gate.condition.metric()));
    let shows = |verdict| match verdict {
        Verdict::Pass => "to pass",
        Verdict::Fail | Verdict::Inconclusive | Verdict::NotJudged => "to fail",
    };
    match (wider, need.samples) {
        (Some(wider), Some((samples, Verdict::Pass))) => format!(
            "{name} needs about {} requests on each side, or {wider}",
            thousands(samples)
        ),
        (_, Some((samples, verdict))) => format!(
            "{name} needs about {} requests on each side {}",
            thousands(samples),
            shows(verdict)
        ),
        (Some(wider), None) => format!("{name} is too near its limit; it passes {wider}"),
        (None, None) => format!("{name} has no upper end; measure both sides with more requests"),
    }
}

/// After a FAIL: the baseline was measured at another time.
pub(super) const RULE_OUT_DRIFT: &str = "to rule out drift: a7probe ab --before URL --after URL";

/// What a saved run was judged against before, and with how much care its change can be read.
pub(super) const DRIFT_SHORT: &str = "drift since the baseline not controlled";

/// The same in full.
pub(super) fn drift_note(baseline: &BaselineReport) -> String {
    format!(
        "drift not controlled: {} was measured at {}, so every change since then is in the difference; a7probe ab controls it",
        baseline.file, baseline.started_at
    )
}

/// The baseline of a dry run: what it is and what it makes of each gate.
pub fn planned_limit(baseline: Observed, part: Option<(AllowancePart, Duration)>) -> String {
    match part {
        Some((part, limit)) => format!(
            "at most {} (baseline {baseline} + {})",
            Pretty(limit),
            allowance(part)
        ),
        None => {
            format!("the baseline's percentile is {baseline}, so no run can be compared with it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ChangeSpan, interval};

    #[test]
    fn intervals_are_rounded_outwards_and_name_their_unit_once() {
        let infinite = f64::INFINITY;
        for (span, shown) in [
            (
                ChangeSpan::Ratio {
                    low: 0.9061,
                    high: 0.9918,
                },
                "−9.4 to −0.8%",
            ),
            (
                ChangeSpan::Ratio {
                    low: 0.93,
                    high: 1.10004,
                },
                "−7 to +10.1%",
            ),
            (
                ChangeSpan::Ratio {
                    low: 1.0,
                    high: 1.1,
                },
                "0 to +10%",
            ),
            (
                ChangeSpan::Ratio {
                    low: 1.2,
                    high: infinite,
                },
                "+20% or more",
            ),
            (
                ChangeSpan::Ratio {
                    low: 0.0,
                    high: 0.9,
                },
                "−10% or less",
            ),
            (
                ChangeSpan::Ratio {
                    low: 0.0,
                    high: infinite,
                },
                "not bounded",
            ),
            (
                ChangeSpan::Ratio {
                    low: infinite,
                    high: infinite,
                },
                "beyond every latency (failures)",
            ),
            (
                ChangeSpan::DifferenceNs {
                    low: -123_400.0,
                    high: 940_100.0,
                },
                "−0.13 to +0.95 ms",
            ),
            (
                ChangeSpan::DifferenceNs {
                    low: -31.2e6,
                    high: 42.0e6,
                },
                "−31.2 to +42 ms",
            ),
        ] {
            assert_eq!(interval(span), shown, "{span:?}");
        }
    }
}
