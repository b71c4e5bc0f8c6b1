//! The first lines of a screen: a verdict for each endpoint, with the percentile against its limit.

use super::{audit, baseline};
use crate::judge::gate::{
    ChangeReason, Condition, Counting, DecisionReason, Finding, FindingReason, LimitOperator,
    ObservedMetric, SampleUnit, Severity, Uncertainty, UndecidedMargin,
};
use crate::judge::summary::Observed;
use crate::printable::one_line;
use crate::report::endpoint_report::EndpointReport;
use crate::report::figures::{LatencyScale, share, share_against, thousands};
use crate::report::model::Report;
use crate::run::rate_profile::RatePart;
use crate::run::run_file::SegmentRecord;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, percent};
use crate::verdict::Verdict;

/// What a screen says first of one endpoint.
#[derive(Debug, PartialEq)]
pub(in crate::report) struct Headline {
    /// The worst verdict of its gates that decide; `None` without such a gate.
    pub(in crate::report) verdict: Option<Verdict>,
    /// The first word: the verdict, or the effect of a change without a gate; may be empty.
    pub(in crate::report) word: String,
    pub(in crate::report) endpoint: String,
    /// What stands between two dots.
    pub(in crate::report) parts: Vec<String>,
}

/// One line an endpoint, the worst first; endpoints of one verdict stay in their order.
pub(in crate::report) fn headlines(report: &Report) -> Vec<Headline> {
    let mut lines: Vec<Headline> = report
        .endpoints
        .iter()
        .map(|endpoint| of_endpoint(report, endpoint))
        .collect();
    lines.sort_by_key(|line| rank(line.verdict));
    lines
}

/// FAIL, INCONCLUSIVE, NOT JUDGED, PASS, no gate.
pub(in crate::report) fn rank(verdict: Option<Verdict>) -> u8 {
    match verdict {
        Some(Verdict::Fail) => 0,
        Some(Verdict::Inconclusive) => 1,
        Some(Verdict::NotJudged) => 2,
        Some(Verdict::Pass) => 3,
        None => 4,
    }
}

/// The findings on one endpoint that make its verdict.
pub(in crate::report) fn of_verdict<'a>(
    report: &'a Report,
    endpoint: &str,
) -> (Option<Verdict>, Vec<&'a Finding>) {
    let own = report.findings.iter().filter(|f| f.endpoint == endpoint);
    let deciding: Vec<&Finding> = own.filter(|f| f.severity() == Severity::Decides).collect();
    let verdict = Verdict::of_all(deciding.iter().map(|f| f.verdict));
    let decisive = deciding
        .into_iter()
        .filter(|f| Some(f.verdict) == verdict)
        .collect();
    (verdict, decisive)
}

fn of_endpoint(report: &Report, endpoint: &EndpointReport) -> Headline {
    let scale = endpoint.scale();
    let (verdict, decisive) = of_verdict(report, &endpoint.name);
    let mut parts = match verdict {
        None | Some(Verdict::NotJudged) if is_ramp(endpoint) => vec![RAMP.to_owned()],
        None => vec![ungated(report, endpoint, scale)],
        Some(verdict) if verdict != Verdict::Pass && endpoint.summary.planned() == 0 => {
            vec!["no data".to_owned()]
        }
        Some(verdict) => of_findings(verdict, &decisive, scale),
    };
    if verdict == Some(Verdict::Pass) {
        parts.extend(left_open(report, &endpoint.name));
    }
    let own = report.findings.iter();
    let warned = own.filter(|f| {
        f.endpoint == endpoint.name && f.severity() == Severity::Warns && f.verdict == Verdict::Fail
    });
    parts.extend(warned.map(|f| format!("{} (warns only)", open(f, scale))));
    let failed = endpoint.summary.counts.not_ok();
    if verdict == Some(Verdict::Fail) && failed > 0 && decisive.iter().any(|f| is_in_the_tail(f)) {
        let planned = endpoint.summary.planned();
        parts.push(format!(
            "{} of {} {} failed ({})",
            thousands(failed),
            thousands(planned),
            super::endpoint::noun(endpoint.summary.clock),
            share(failed as f64 / planned as f64)
        ));
    }
    Headline {
        verdict,
        word: verdict.map_or("", Verdict::as_str).to_owned(),
        endpoint: one_line(&endpoint.name).into_owned(),
        parts,
    }
}

/// What stands for the percentiles of a ramp.
const RAMP: &str = "a ramp, shown over time: each of its rates has percentiles of its own";

fn is_ramp(endpoint: &EndpointReport) -> bool {
    let part = endpoint.segment.as_ref().and_then(SegmentRecord::part);
    part.is_some_and(RatePart::is_ramp)
}

/// Whether failures stand at the percentile of a gate.
fn is_in_the_tail(finding: &Finding) -> bool {
    let ObservedMetric::Latency { value, .. } = finding.measured else {
        return false;
    };
    matches!(value, Observed::Failed | Observed::BeyondTimeout(_))
}

/// `P50 17.3 ms · P95 29.3 ms · P99 37.6 ms   no gates`.
fn ungated(report: &Report, endpoint: &EndpointReport, scale: LatencyScale) -> String {
    let percentiles = [Quantile::P50, Quantile::P95, Quantile::P99].map(|quantile| {
        let value = endpoint.summary.percentile(quantile).value;
        format!("{quantile} {}", scale.observed(value))
    });
    let without = if report.findings.iter().any(|f| f.endpoint == endpoint.name) {
        "no verdict: all gates only warn"
    } else {
        "no gates"
    };
    format!("{}   {without}", percentiles.join(" · "))
}

/// `P50 17.3 ms`, `P95 29.3 ms`, `P99 37.6 ms, all ≤ 150 ms`, then what is not a latency.
fn passed(findings: &[&Finding], scale: LatencyScale) -> Vec<String> {
    let latencies: Vec<(&Finding, String)> = findings
        .iter()
        .filter_map(|f| Some((*f, limit(&f.gate.condition)?)))
        .collect();
    let one_limit = match latencies.as_slice() {
        [] | [_] => None,
        [(_, first), rest @ ..] => rest
            .iter()
            .all(|(_, limit)| limit == first)
            .then(|| first.clone()),
    };
    let mut parts: Vec<String> = match &one_limit {
        Some(_) => latencies
            .iter()
            .map(|(f, _)| format!("{} {}", name(f), measured(f, scale)))
            .collect(),
        None => latencies
            .iter()
            .map(|(f, limit)| format!("{} {} {limit}", name(f), measured(f, scale)))
            .collect(),
    };
    if let (Some(limit), Some(last)) = (one_limit, parts.last_mut()) {
        let all = if latencies.len() == 2 { "both" } else { "all" };
        last.push_str(&format!(", {all} {limit}"));
    }
    let others = findings
        .iter()
        .filter(|f| limit(&f.gate.condition).is_none());
    parts.extend(others.map(|f| other(f, scale)));
    parts
}

/// `P95 31.4 ms`, `P99 43.4 ms, limit 150 ms: too few requests` where limit and reason are the same.
fn undecided(findings: &[&Finding], scale: LatencyScale) -> Vec<String> {
    values_before(findings, scale, |finding| {
        let limit = Pretty(finding.gate.condition.latency_limit()?);
        Some(format!(", limit {limit}: {}", open_reason(finding)))
    })
}

/// `P50 4.1 ms`, `P95 7.9 ms, limit 150 ms` of gates that were not judged.
fn not_judged(findings: &[&Finding], scale: LatencyScale) -> Vec<String> {
    values_before(findings, scale, |finding| {
        let limit = Pretty(finding.gate.condition.latency_limit()?);
        Some(format!(", limit {limit}"))
    })
}

/// The percentiles alone, and the ending that all share behind the last; each in full where they differ.
fn values_before(
    findings: &[&Finding],
    scale: LatencyScale,
    ending: impl Fn(&Finding) -> Option<String>,
) -> Vec<String> {
    let endings: Vec<Option<String>> = findings.iter().map(|f| ending(f)).collect();
    let common = endings.first().cloned().flatten();
    let Some(common) = common.filter(|first| endings.iter().all(|e| e.as_ref() == Some(first)))
    else {
        return findings.iter().map(|f| open(f, scale)).collect();
    };
    let values = findings
        .iter()
        .map(|f| format!("{} {}", name(f), measured(f, scale)));
    let mut parts: Vec<String> = values.collect();
    if let Some(last) = parts.last_mut() {
        last.push_str(&common);
    }
    parts
}

/// `P95, P99 not judged`, of the gates that follow those that passed.
fn left_open(report: &Report, endpoint: &str) -> Option<String> {
    let own = report.findings.iter().filter(|f| {
        f.endpoint == endpoint
            && f.severity() == Severity::Decides
            && f.verdict == Verdict::NotJudged
    });
    let names: Vec<String> = own.map(name).collect();
    (!names.is_empty()).then(|| format!("{} not judged", names.join(", ")))
}

/// What stands between the dots of findings that share a verdict.
pub(super) fn of_findings(
    verdict: Verdict,
    findings: &[&Finding],
    scale: LatencyScale,
) -> Vec<String> {
    match verdict {
        Verdict::Pass => passed(findings, scale),
        Verdict::Inconclusive => undecided(findings, scale),
        Verdict::Fail => findings.iter().map(|f| open(f, scale)).collect(),
        Verdict::NotJudged => not_judged(findings, scale),
    }
}

/// `P95 236 ms > 150 ms`, `P99 43.4 ms, limit 150 ms: too few requests`.
pub(super) fn open(finding: &Finding, scale: LatencyScale) -> String {
    let condition = &finding.gate.condition;
    let Some(limit) = condition.latency_limit() else {
        return other(finding, scale);
    };
    let limit = Pretty(limit);
    let name = name(finding);
    let value = measured(finding, scale);
    let is_number = matches!(
        finding.measured,
        ObservedMetric::Latency {
            value: Observed::Value(_),
            ..
        }
    );
    match finding.verdict {
        Verdict::Fail if is_number => format!("{name} {value} > {limit}"),
        Verdict::Fail | Verdict::NotJudged => format!("{name} {value}, limit {limit}"),
        Verdict::Inconclusive => {
            format!("{name} {value}, limit {limit}: {}", open_reason(finding))
        }
        Verdict::Pass => format!("{name} {value} ≤ {limit}"),
    }
}

/// `P95`, `done P95`.
fn name(finding: &Finding) -> String {
    metric(&finding.gate.condition)
}

/// The same of a gate that is not judged yet.
pub(super) fn metric(condition: &Condition) -> String {
    match condition.quantile() {
        Some(quantile) => quantile.to_string(),
        None => audit::name(condition),
    }
}

/// `≤ 150 ms`; `None` for what is not a latency.
pub(super) fn limit(condition: &Condition) -> Option<String> {
    let (Condition::Latency {
        operator, limit, ..
    }
    | Condition::Done {
        operator, limit, ..
    }) = condition
    else {
        return None;
    };
    Some(format!("{} {}", sign(*operator), Pretty(*limit)))
}

pub(in crate::report) fn sign(operator: LimitOperator) -> &'static str {
    match operator {
        LimitOperator::AtMost => "≤",
        LimitOperator::Below => "<",
    }
}

/// The percentile of a gate, with more digits where it would print like its limit.
fn measured(finding: &Finding, scale: LatencyScale) -> String {
    match (finding.measured, finding.gate.condition.latency_limit()) {
        (
            ObservedMetric::Latency {
                value: Observed::Value(value),
                ..
            },
            Some(limit),
        ) => scale.against(value, limit),
        (ObservedMetric::Latency { value, .. }, _) => scale.observed(value),
        _ => "no data".to_owned(),
    }
}

/// A gate on a share or a count: `error rate 2.3% > 0.1%`, `lost 101, limit 0`.
fn other(finding: &Finding, scale: LatencyScale) -> String {
    match &finding.reason {
        FindingReason::Baseline(reason) => return baseline::headline(finding, reason, scale),
        FindingReason::NoBaseline { .. } => {
            return baseline::without(finding, &measured(finding, scale));
        }
        _ => {}
    }
    let reason = match finding.verdict {
        Verdict::Inconclusive => format!(": {}", open_reason(finding)),
        Verdict::NotJudged => " not judged".to_owned(),
        Verdict::Pass | Verdict::Fail => String::new(),
    };
    match (&finding.gate.condition, finding.measured) {
        (Condition::ErrorRate { operator, limit }, ObservedMetric::Share { value, .. }) => {
            let allowed = limit.as_fraction();
            let shown = share_against(value, allowed);
            let allowed = share(allowed);
            match finding.verdict {
                Verdict::Pass => format!("error rate {shown} {} {allowed}", sign(*operator)),
                Verdict::Fail => format!("error rate {shown} > {allowed}"),
                Verdict::Inconclusive | Verdict::NotJudged => {
                    format!("error rate {shown}, limit {allowed}{reason}")
                }
            }
        }
        (Condition::Count { what, at_most }, ObservedMetric::Count(count)) => format!(
            "{} {}, limit {}{reason}",
            what.as_str(),
            thousands(count),
            thousands(*at_most)
        ),
        (Condition::Count { what, at_most }, _) => format!(
            "{} unknown, limit {}{reason}",
            what.as_str(),
            thousands(*at_most)
        ),
        (Condition::ErrorRate { limit, .. }, _) => format!(
            "error rate unknown, limit {}{reason}",
            percent(limit.as_fraction())
        ),
        _ => format!("{}{reason}", finding.gate.condition),
    }
}

/// Why a gate is INCONCLUSIVE, in three or four words.
pub(in crate::report) fn open_reason(finding: &Finding) -> &'static str {
    let tested = match &finding.reason {
        FindingReason::Audit(_) => return "audit incomplete",
        FindingReason::Cut { .. } => return "interrupted",
        FindingReason::ShardsMissing { .. } => return "shards missing",
        FindingReason::Change(ChangeReason::SentLate { .. }) => return "client-limited",
        FindingReason::AcrossRamp => return "across a ramp",
        FindingReason::Change(_) | FindingReason::NoBaseline { .. } => return "too few requests",
        FindingReason::Baseline(reason) => return baseline::open_reason(reason),
        FindingReason::Tested(tested) => tested,
    };
    let too_few = match tested.sample.unit {
        SampleUnit::Sample => "too few samples",
        SampleUnit::Request | SampleUnit::AcceptedEvent => "too few requests",
    };
    match &tested.decision {
        DecisionReason::Uncertain(uncertainty) => match uncertainty {
            Uncertainty::ClientFailures { .. } | Uncertainty::SendLag | Uncertainty::Limited(_) => {
                "client-limited"
            }
            Uncertainty::Unsent { .. } => "interrupted",
            Uncertainty::UnreadEvents { .. } => "audit incomplete",
            Uncertainty::Bucket => "stored resolution too coarse",
            Uncertainty::OwnError { .. } => "within measurement overhead",
        },
        DecisionReason::HalvesDisagree { .. } | DecisionReason::ShownBothWays => "halves disagree",
        DecisionReason::FewEpisodes(_) | DecisionReason::Undecided(UndecidedMargin::Bursts(_)) => {
            "slow requests too clustered"
        }
        DecisionReason::NotExcluded { seen, .. } if seen.count > 0 => "slow requests too clustered",
        DecisionReason::OrderUnknown | DecisionReason::Undecided(UndecidedMargin::OrderUnknown) => {
            "stored resolution too coarse"
        }
        DecisionReason::Undecided(UndecidedMargin::Bounds { .. })
            if tested.sample.counting == Counting::Bucket =>
        {
            "stored resolution too coarse"
        }
        _ => too_few,
    }
}
