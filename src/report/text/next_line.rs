//! The `next` lines of a screen: for a verdict that is not PASS, one step with one number.

use std::time::Duration;

use super::audit;
use super::next_step::next_step;
use crate::judge::gate::{
    Finding, FindingReason, NextStep, ObservedMetric, RunPurpose, SampleEstimate, SampleUnit,
    Severity,
};
use crate::judge::summary::Observed;
use crate::printable::one_line;
use crate::report::endpoint_report::EndpointReport;
use crate::report::figures::{share, share_against, thousands};
use crate::report::model::{Report, ReportKind};
use crate::run::recording::TimeBase;
use crate::units::Pretty;
use crate::verdict::Verdict;

/// What to do about the verdict of one endpoint; a second line holds a command.
pub(in crate::report) fn next_line(
    report: &Report,
    endpoint: &EndpointReport,
    verdict: Verdict,
    findings: &[&Finding],
) -> Option<Vec<String>> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Fail => failed(report, endpoint, findings),
        Verdict::Inconclusive => open(endpoint, findings).map(|line| vec![line]),
    }
}

/// Why requests are too slow is a question for `diagnose`; what failed is to be read from the answers.
fn failed(
    report: &Report,
    endpoint: &EndpointReport,
    findings: &[&Finding],
) -> Option<Vec<String>> {
    let first = findings
        .iter()
        .find(|f| f.gate.condition.quantile().is_some());
    let Some(first) = first else {
        return findings.iter().find_map(|f| Some(vec![next_step(f)?]));
    };
    let allowed = first.gate.condition.allowed_share()?;
    let failures = endpoint.summary.counts.failed_total() + endpoint.summary.counts.timeout;
    let failing = findings.iter().find(|f| {
        matches!(
            f.measured,
            ObservedMetric::Latency {
                value: Observed::Failed | Observed::BeyondTimeout(_),
                ..
            }
        )
    });
    if let Some(failing) = failing {
        let allowed = failing.gate.condition.allowed_share()?;
        return Some(vec![format!(
            "{} {} failed, {} may be slow or fail",
            thousands(failures),
            super::endpoint::noun(endpoint.summary.clock),
            thousands((allowed * failing.n as f64).floor() as u64)
        )]);
    }
    let slow = first.exceedances.at_most as f64 / first.n.max(1) as f64;
    let noun = super::endpoint::noun(endpoint.summary.clock);
    let excess = format!(
        "{} of {noun} are too slow, {} may be",
        share_against(slow, allowed),
        share(allowed)
    );
    let target = report.runs.first().map(|run| run.target.as_str());
    Some(match (report.kind, target) {
        (ReportKind::Measure | ReportKind::Judge, Some(target)) if is_diagnosable(endpoint) => {
            vec![
                format!("{excess}; to find the cause:"),
                format!("a7probe diagnose {}", one_line(target)),
            ]
        }
        // Without that, what the other gates need is the better advice.
        _ => vec![open(endpoint, &undecided(report, endpoint)).unwrap_or(excess)],
    })
}

/// Whether `diagnose` with the base URL asks this endpoint: it measures health and ingest. Others would have to be named,
/// and an event that was not asked for would be posted.
fn is_diagnosable(endpoint: &EndpointReport) -> bool {
    matches!(endpoint.name.as_str(), "health" | "ingest")
}

/// The gates on an endpoint that are INCONCLUSIVE.
fn undecided<'a>(report: &'a Report, endpoint: &EndpointReport) -> Vec<&'a Finding> {
    let own = report.findings.iter();
    own.filter(|f| {
        f.endpoint == endpoint.name
            && f.verdict == Verdict::Inconclusive
            && f.severity() == Severity::Decides
    })
    .collect()
}

/// The largest need of all open gates.
fn open(endpoint: &EndpointReport, findings: &[&Finding]) -> Option<String> {
    let largest = findings
        .iter()
        .filter_map(|f| Some((f, need(f)?)))
        .max_by_key(|(_, need)| need.samples);
    match largest {
        Some((finding, need)) => Some(needs(endpoint, finding, need)),
        None => findings.iter().find_map(|f| next_step(f)),
    }
}

/// Samples that would decide a gate, as far as the data say.
#[derive(Clone, Copy)]
struct Need {
    samples: u64,
    /// Whether it is a forecast from what was seen.
    certainty: Certainty,
}

#[derive(Clone, Copy, PartialEq)]
enum Certainty {
    Exact,
    Forecast,
}

fn need(finding: &Finding) -> Option<Need> {
    let exact = |samples| Need {
        samples,
        certainty: Certainty::Exact,
    };
    match finding.next_step.as_ref()? {
        NextStep::RunAtLeast {
            samples,
            purpose: RunPurpose::ExcludeEpisodes(_),
            ..
        } => Some(exact(*samples)),
        NextStep::RunAtLeast { samples, .. } => Some(Need {
            samples: *samples,
            certainty: Certainty::Forecast,
        }),
        NextStep::MoreSamples(SampleEstimate::AtLeast(samples)) => Some(exact(*samples)),
        NextStep::MoreSamples(SampleEstimate::More { samples, .. }) => Some(Need {
            samples: finding.n + samples,
            certainty: Certainty::Forecast,
        }),
        _ => None,
    }
}

/// `P99 needs about 3,000 requests if 0.3% stay slow: -z 150s`, `P99 needs 600 requests (30 s): -n 600`.
fn needs(endpoint: &EndpointReport, finding: &Finding, need: Need) -> String {
    let metric = match finding.gate.condition.quantile() {
        Some(quantile) => quantile.to_string(),
        None if finding.gate.condition.needs_audit() => audit::name(&finding.gate.condition),
        None => "error rate".to_owned(),
    };
    let unit = match &finding.reason {
        FindingReason::Tested(tested) => tested.sample.unit,
        _ => SampleUnit::Request,
    };
    let noun = match unit {
        SampleUnit::Request => "requests",
        SampleUnit::Sample => "samples",
        SampleUnit::AcceptedEvent => "accepted events",
    };
    if unit == SampleUnit::Sample && need.samples > finding.n {
        let more = thousands(need.samples - finding.n);
        return match need.certainty {
            Certainty::Exact => format!("{metric} needs {more} more {noun}"),
            Certainty::Forecast => format!("{metric} needs about {more} more {noun}"),
        };
    }
    let offered = endpoint.traffic.as_ref().and_then(|t| t.offered);
    let offered = offered.filter(|_| endpoint.summary.clock == TimeBase::IntendedStart);
    let time = offered.map(|rate| {
        let seconds = (need.samples as f64 / rate.as_per_second()).ceil();
        Duration::from_secs_f64(seconds)
    });
    let count = thousands(need.samples);
    match (need.certainty, time) {
        (Certainty::Exact, Some(time)) => format!(
            "{metric} needs {count} {noun} ({}): -n {}",
            Pretty(time),
            need.samples
        ),
        (Certainty::Exact, None) => format!("{metric} needs {count} {noun}: -n {}", need.samples),
        (Certainty::Forecast, time) => {
            let slow = finding.exceedances.at_most as f64 / finding.n.max(1) as f64;
            let size = match time {
                Some(time) => format!("-z {}s", time.as_secs()),
                None => format!("-n {}", need.samples),
            };
            format!(
                "{metric} needs about {count} {noun} if {} stay slow: {size}",
                share(slow)
            )
        }
    }
}
