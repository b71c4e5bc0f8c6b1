//! The `next` lines of a screen: for a verdict that is not PASS, one step with one number.

use std::time::Duration;

use super::audit;
use super::baseline::RULE_OUT_DRIFT;
use super::next_step::{fix, next_step};
use crate::judge::gate::{
    Finding, FindingReason, NextStep, ObservedMetric, Remedy, RunPurpose, SampleEstimate,
    SampleUnit, Severity,
};
use crate::judge::summary::Observed;
use crate::printable::one_line;
use crate::report::endpoint_report::EndpointReport;
use crate::report::figures::{share, share_against, thousands};
use crate::report::model::{Report, ReportKind};
use crate::run::plan::Model;
use crate::run::recording::TimeBase;
use crate::run::run_file::SizeRecord;
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
        Verdict::Pass | Verdict::NotJudged => not_judged(report, endpoint).map(|line| vec![line]),
        Verdict::Fail => failed(report, endpoint, findings),
        // Without all shards no gate can pass, so its other needs come later.
        Verdict::Inconclusive if report.runs.iter().any(|run| run.missing.is_some()) => {
            Some(vec![fix(Remedy::RunEveryShard).to_owned()])
        }
        Verdict::Inconclusive => open(report, endpoint, findings).map(|line| vec![line]),
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
        .find(|f| f.gate.condition.quantile().is_some() && f.p_fail.is_some());
    let Some(first) = first else {
        if report.baseline.is_some() {
            return Some(vec![RULE_OUT_DRIFT.to_owned()]);
        }
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
        (ReportKind::Measure | ReportKind::Judge | ReportKind::Merge, Some(target))
            if is_diagnosable(endpoint) =>
        {
            vec![
                format!("{excess}; to find the cause:"),
                format!("a7probe diagnose {}", one_line(target)),
            ]
        }
        // Without that, what the other gates need is the better advice.
        _ => vec![
            open(
                report,
                endpoint,
                &of_verdict(report, endpoint, Verdict::Inconclusive),
            )
            .unwrap_or(excess),
        ],
    })
}

/// Whether `diagnose` with the base URL asks this endpoint: it measures health and ingest. Others would have to be named,
/// and an event that was not asked for would be posted.
fn is_diagnosable(endpoint: &EndpointReport) -> bool {
    matches!(endpoint.name.as_str(), "health" | "ingest")
}

/// The gates on an endpoint that decide and have this verdict.
fn of_verdict<'a>(
    report: &'a Report,
    endpoint: &EndpointReport,
    verdict: Verdict,
) -> Vec<&'a Finding> {
    let own = report.findings.iter();
    own.filter(|f| {
        f.endpoint == endpoint.name && f.verdict == verdict && f.severity() == Severity::Decides
    })
    .collect()
}

/// What the implied gates need that the plan could not pass.
fn not_judged(report: &Report, endpoint: &EndpointReport) -> Option<String> {
    let findings = of_verdict(report, endpoint, Verdict::NotJudged);
    match report.runs.first().map(|run| run.model) {
        Some(Model::Closed { concurrency }) => longer_closed_run(endpoint, &findings, concurrency)
            .or_else(|| open(report, endpoint, &findings)),
        _ => open(report, endpoint, &findings),
    }
}

/// `run 30 s to judge all three: -z 30s -c 50 (or -n 299 --iid)`: in a closed model the answers decide how many
/// requests a time takes.
fn longer_closed_run(
    endpoint: &EndpointReport,
    findings: &[&Finding],
    in_flight: usize,
) -> Option<String> {
    let traffic = endpoint.traffic.as_ref()?;
    let needed = findings.iter().filter_map(|f| need(f)).map(|n| n.samples);
    let seconds = needed.max()? as f64 / traffic.achieved_per_s?;
    let seconds = (seconds - 0.01).ceil().max(1.0);
    let independent = findings.iter().filter_map(|f| f.needed_if_independent());
    let judged = match findings {
        [only] => only.gate.condition.quantile()?.to_string(),
        [_, _] => "both".to_owned(),
        [_, _, _] => "all three".to_owned(),
        more => format!("all {}", more.len()),
    };
    Some(format!(
        "run {seconds} s to judge {judged}: -z {seconds}s -c {in_flight} (or -n {} --iid)",
        independent.max()?
    ))
}

/// The largest need of all open gates.
fn open(report: &Report, endpoint: &EndpointReport, findings: &[&Finding]) -> Option<String> {
    let largest = findings
        .iter()
        .filter_map(|f| Some((f, need(f)?)))
        .max_by_key(|(_, need)| need.samples);
    match largest {
        Some((finding, mut need)) => {
            need.is_by_time = is_by_time(report);
            Some(needs(endpoint, finding, need))
        }
        None => findings.iter().find_map(|f| next_step(f)),
    }
}

/// Whether the run was given a time, which does not go together with a number of requests.
fn is_by_time(report: &Report) -> bool {
    let run = report.runs.first();
    run.is_some_and(|run| run.adaptive.is_none() && matches!(run.size, SizeRecord::Duration { .. }))
}

/// Samples that would decide a gate, as far as the data say.
#[derive(Clone, Copy)]
struct Need {
    samples: u64,
    /// Whether it is a forecast from the observed share.
    certainty: Certainty,
    /// Whether it is shown as a time.
    is_by_time: bool,
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
        is_by_time: false,
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
            is_by_time: false,
        }),
        NextStep::MoreSamples(SampleEstimate::AtLeast(samples)) => Some(exact(*samples)),
        NextStep::MoreSamples(SampleEstimate::More { samples, .. }) => Some(Need {
            samples: finding.n + samples,
            certainty: Certainty::Forecast,
            is_by_time: false,
        }),
        _ => None,
    }
}

/// `50/s@30s`: a step is as long as its profile says, and a replay as its file.
fn of_segment(endpoint: &EndpointReport, time: Duration) -> Option<String> {
    let segment = endpoint.segment.as_ref()?;
    Some(match segment.part() {
        Some(part) => format!("--rate {part}@{}s", time.as_secs()),
        None => "replay a longer file".to_owned(),
    })
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
        (Certainty::Exact, Some(time)) => {
            let size = match of_segment(endpoint, time) {
                Some(size) => format!("({}): {size}", Pretty(time)),
                None if need.is_by_time => {
                    return format!("{metric} needs {count} {noun}: -z {}s", time.as_secs());
                }
                None => format!("({}): -n {}", Pretty(time), need.samples),
            };
            format!("{metric} needs {count} {noun} {size}")
        }
        (Certainty::Exact, None) => format!("{metric} needs {count} {noun}: -n {}", need.samples),
        (Certainty::Forecast, time) => {
            let slow = finding.exceedances.at_most as f64 / finding.n.max(1) as f64;
            let size = match time {
                Some(time) => {
                    of_segment(endpoint, time).unwrap_or_else(|| format!("-z {}s", time.as_secs()))
                }
                None => format!("-n {}", need.samples),
            };
            format!(
                "{metric} needs about {count} {noun} if {} stay slow: {size}",
                share(slow)
            )
        }
    }
}
