//! Gates on two runs of a run without a baseline: shown with their percentile, and not judged.

use super::condition::Scope;
use super::finding::{ExceedanceRange, Finding, ObservedMetric};
use super::next_step::{NextStep, Remedy};
use super::reason::FindingReason;
use super::segments::is_across_ramp;
use super::spec::Gate;
use super::subject::Subject;
use crate::judge::summary::Summary;
use crate::run::plan::Design;
use crate::verdict::Verdict;

/// A finding for every gate on two runs and each endpoint it is about. `recorded` is the baseline that the run was
/// judged against when it was measured.
pub fn without_baseline(
    gates: &[Gate],
    subjects: &[Subject<'_>],
    recorded: Option<&str>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for subject in subjects {
        let own = gates.iter().filter(|gate| {
            gate.condition.scope() == Scope::TwoRuns
                && gate.selector.selects(subject.endpoint)
                && !is_across_ramp(gate, subject.shape)
        });
        for gate in own {
            let gate = gate.for_endpoint(subject.endpoint);
            if findings.iter().all(|finding| finding.gate != gate) {
                findings.push(not_judged(gate, subject, recorded));
            }
        }
    }
    findings
}

fn not_judged(gate: Gate, subject: &Subject<'_>, recorded: Option<&str>) -> Finding {
    let summary = Summary::of(subject.recording, subject.timeout);
    let percentile = gate.condition.quantile().map(|q| summary.percentile(q));
    Finding {
        endpoint: subject.endpoint.to_owned(),
        gate,
        measured: match percentile {
            Some(percentile) if summary.planned() > 0 => ObservedMetric::Latency {
                value: percentile.value,
                interval: percentile.interval,
            },
            _ => ObservedMetric::Nothing,
        },
        n: summary.planned(),
        exceedances: ExceedanceRange::default(),
        p_pass: None,
        p_fail: None,
        design: Design::Fixed,
        episodes: None,
        verdict: Verdict::NotJudged,
        reason: FindingReason::NoBaseline {
            recorded: recorded.map(str::to_owned),
        },
        next_step: Some(NextStep::Fix(Remedy::GiveBaseline)),
    }
}
