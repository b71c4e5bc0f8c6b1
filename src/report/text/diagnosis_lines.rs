//! The lines of a diagnosis' screen: what each cause rests on, in one line.

use std::time::Duration;

use super::diagnosis::{EndpointNames, evidence};
use super::diagnosis_numbers::{grown, range};
use super::diagnosis_sharing::bursts;
use crate::judge::diagnosis::{
    CauseEvidence, CauseFinding, CauseNextStep, DelayedShare, EndpointRole, LatencyGrowth,
    MissedStep, RootCause, SampleKind, ServedRequests, Support, TooFew,
};
use crate::printable::one_line;
use crate::report::diagnosis_report::DiagnosisReport;
use crate::report::figures::{LatencyScale, share, thousands};
use crate::report::model::Report;
use crate::report::style::Verbosity;
use crate::units::{Pretty, trimmed};

/// `http://127.0.0.1:8080`, `health and ingest`, `5 steps in 58 s`.
pub(in crate::report) fn diagnosis_facts(
    report: &Report,
    diagnosis: &DiagnosisReport,
) -> Vec<String> {
    let observations = &diagnosis.observations;
    let steps = diagnosis.rows(Verbosity::Normal).len();
    let seconds = Duration::from_secs_f64(diagnosis.took.as_secs_f64().round().max(1.0));
    let noun = if steps == 1 { "step" } else { "steps" };
    let facts = [
        report.title.clone(),
        format!("{} and {}", observations.probe, observations.load),
        format!("{steps} {noun} in {}", Pretty(seconds)),
    ];
    facts.map(|fact| one_line(&fact).into_owned()).to_vec()
}

/// What a finding rests on, in one line.
pub(in crate::report) fn in_short(finding: &CauseFinding, names: EndpointNames<'_>) -> String {
    let supported = finding.support == Support::Supported;
    let parts: Vec<String> = match finding.evidence.as_slice() {
        [
            CauseEvidence::Growth(growth),
            CauseEvidence::Served(served),
            ..,
        ] => {
            vec![overload(growth, served, finding.support, names.load)]
        }
        [CauseEvidence::NewConnections { new, reused, shift }, ..] if supported => vec![format!(
            "{} P50 {} on new connections, {} on reused ones ({} more)",
            names.probe,
            median(*new),
            median(*reused),
            range(shift.ranges.difference_ns)
        )],
        [CauseEvidence::NewConnections { shift, .. }, ..] => {
            vec![format!(
                "new ones add {}",
                range(shift.ranges.difference_ns)
            )]
        }
        [CauseEvidence::OneAtATime { load, .. }, rest @ ..] if supported => {
            let alone = format!("{} P50 {} alone", names.load, median(load.p50));
            let timing = rest.iter().find_map(server_timing);
            std::iter::once(alone).chain(timing).collect()
        }
        [CauseEvidence::OneAtATime { shift, .. }, ..] => vec![format!(
            "{} alone takes {} more than {}",
            names.load,
            range(shift.ranges.difference_ns),
            names.probe
        )],
        [CauseEvidence::Delayed(delayed), ..] => vec![late(delayed, names)],
        [CauseEvidence::LateSends(sends), ..] => {
            let lag = |time| LatencyScale::Millis.latency(time);
            let busy = format!("{} of the processor used", share(round(sends.cpu_share)));
            let lag = format!(
                "send lag P99 {} (allowed {})",
                lag(sends.p99),
                Pretty(sends.limit)
            );
            std::iter::once(lag)
                .chain(supported.then_some(busy))
                .collect()
        }
        [CauseEvidence::BurstTimes(times), limit @ ..] => {
            let limit = { limit.iter().filter(|_| supported) }.map(|one| evidence(one, names));
            let bursts = bursts(times, finding.support, names.load);
            std::iter::once(bursts).chain(limit).collect()
        }
        [shared @ CauseEvidence::SharedConnection, ..] => vec![evidence(shared, names)],
        [CauseEvidence::StepNotMade(step), ..] => vec![missed(*step, names)],
        [CauseEvidence::FailedRequests(failed), ..] => {
            let endpoint = match failed.endpoint {
                EndpointRole::Probe => names.probe,
                EndpointRole::Load => names.load,
            };
            vec![format!(
                "{} of {} requests to {endpoint} failed",
                thousands(failed.not_ok),
                thousands(failed.requests)
            )]
        }
        [CauseEvidence::TooFew(few), ..] => vec![too_few(few)],
        others => others.iter().map(|other| evidence(other, names)).collect(),
    };
    parts.join("; ")
}

/// The step that would decide most of the open causes: the largest budget, else the first that is named.
pub(in crate::report) fn open_next(findings: &[&CauseFinding]) -> Option<CauseNextStep> {
    let seconds = |next: &CauseNextStep| match next {
        CauseNextStep::Budget { seconds } => *seconds,
        _ => 0.0,
    };
    let steps = findings.iter().filter_map(|finding| finding.next);
    steps.reduce(|best, next| {
        if seconds(&next) > seconds(&best) {
            next
        } else {
            best
        }
    })
}

/// `health over 16 ms: 0% alone, 51% during ingest (31 to 70%)`.
fn late(delayed: &DelayedShare, names: EndpointNames<'_>) -> String {
    let during = &delayed.during_load;
    let low = share(round(during.low));
    format!(
        "{} over {}: {} alone, {} during {} ({} to {})",
        names.probe,
        Pretty(whole_millis(delayed.limit)),
        share(round(delayed.alone.share())),
        share(round(during.share())),
        names.load,
        low.trim_end_matches('%'),
        share(round(during.high))
    )
}

/// `Server-Timing: provider 86% of it`.
fn server_timing(evidence: &CauseEvidence) -> Option<String> {
    match evidence {
        CauseEvidence::ServerTiming {
            metric,
            share: of_it,
            ..
        } => Some(format!(
            "Server-Timing: {} {} of it",
            one_line(metric),
            share(round(*of_it))
        )),
        _ => None,
    }
}

fn overload(
    growth: &LatencyGrowth,
    served: &ServedRequests,
    support: Support,
    load: &str,
) -> String {
    let unanswered = served.requests - served.answered;
    let counts = format!(
        "{} of {} unanswered",
        thousands(unanswered),
        thousands(served.requests)
    );
    let rate = format!("{}/s", trimmed(growth.rate_per_s, 1));
    let p = format!(
        "p = {}",
        trimmed(growth.p, if growth.p < 0.01 { 4 } else { 2 })
    );
    match support {
        Support::Supported if served.decides => {
            format!("{load} at {rate}: {counts}, one at a time they are answered")
        }
        Support::Supported => format!(
            "{load} at {rate}: P50 grows from {} to {} ({p})",
            grown(growth.first_ns),
            grown(growth.last_ns)
        ),
        Support::NotEnough if unanswered > 0 => format!("{counts}, growth not shown ({p})"),
        Support::NotEnough if growth.at_most_ns.is_finite() => format!(
            "growth up to {} is not ruled out ({} matters)",
            grown(growth.at_most_ns),
            grown(growth.material_ns)
        ),
        Support::NotEnough => format!("growth is neither shown nor ruled out ({p})"),
        Support::NotSupported => {
            format!(
                "P50 grows by at most {} at {rate}",
                grown(growth.at_most_ns)
            )
        }
    }
}

fn missed(step: MissedStep, EndpointNames { probe, load }: EndpointNames<'_>) -> String {
    match step {
        MissedStep::NewConnections => format!("{probe} on new connections was not measured"),
        MissedStep::OneAtATime => format!("{load} one at a time was not measured"),
        MissedStep::DuringLoad => format!("{probe} during {load} was not measured"),
        MissedStep::Bursts => format!("bursts of {load} were not measured"),
        MissedStep::AtRate { per_s } => {
            format!("{load} at {}/s was not measured", trimmed(per_s, 1))
        }
    }
}

fn too_few(few: &TooFew) -> String {
    let noun = match few.of {
        SampleKind::Sends => "sends",
        SampleKind::Bursts => "bursts",
        SampleKind::Requests | SampleKind::RequestsForMedian | SampleKind::RequestsForTrend => {
            "requests"
        }
    };
    format!(
        "{} {noun}, {} needed",
        thousands(few.present),
        thousands(few.needed)
    )
}

/// A rung of the ladder as it is read: `19 ms`.
fn whole_millis(limit: Duration) -> Duration {
    if limit < Duration::from_millis(10) {
        limit
    } else {
        Duration::from_millis(limit.as_millis() as u64)
    }
}

/// Whole percent are enough for a share with wide bounds.
fn round(share: f64) -> f64 {
    match share {
        s if s < 0.01 => (s * 1e3).round() / 1e3,
        s => (s * 1e2).round() / 1e2,
    }
}

fn median(latency: Option<Duration>) -> String {
    latency.map_or_else(
        || "no answer".to_owned(),
        |latency| LatencyScale::Millis.latency(latency),
    )
}

/// Whether a finding is on a cause that may be, not on all of them together.
pub(in crate::report) fn is_of_a_cause(finding: &CauseFinding) -> bool {
    finding.cause != RootCause::Nothing && !finding.is_excluded()
}
