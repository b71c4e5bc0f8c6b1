//! Gates on an endpoint that is measured in segments: each holds for every segment, and a percentile never across a ramp.

use super::check_error::CheckError;
use super::condition::{Condition, Scope};
use super::finding::{ExceedanceRange, Finding, ObservedMetric};
use super::reason::FindingReason;
use super::spec::{Gate, Selector};
use super::subject::Subject;
use crate::run::plan::{Design, LoadShape};
use crate::verdict::Verdict;

/// A segment and the endpoint that it is a part of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedSegment<'a> {
    /// What tables call it.
    pub name: &'a str,
    /// The endpoint.
    pub endpoint: &'a str,
    /// How its rate goes over time.
    pub shape: LoadShape<'a>,
}

/// The same gates, where one that names an endpoint is one of each of its segments; of a percentile, of those that have
/// percentiles, if there are any.
pub fn of_segments(gates: Vec<Gate>, all: &[NamedSegment<'_>]) -> Vec<Gate> {
    let mut own = Vec::new();
    for gate in gates {
        let named = match &gate.selector {
            Selector::Named(name) if all.iter().all(|segment| segment.name != name) => name,
            _ => {
                own.push(gate);
                continue;
            }
        };
        let segments: Vec<&NamedSegment<'_>> = all
            .iter()
            .filter(|segment| segment.endpoint == named)
            .collect();
        let of = |only_judged: bool| -> Vec<Gate> {
            let is_judged =
                |s: &&&NamedSegment<'_>| !only_judged || !is_across_ramp(&gate, s.shape);
            let chosen = segments.iter().filter(is_judged);
            chosen
                .map(|segment| gate.for_endpoint(segment.name))
                .collect()
        };
        let judged = [of(true), of(false), vec![gate.clone()]];
        own.extend(
            judged
                .into_iter()
                .find(|gates| !gates.is_empty())
                .unwrap_or_default(),
        );
    }
    own
}

impl Condition {
    /// Whether it is about a percentile of requests, which a ramp has none of. The share of failed requests is a count.
    pub(super) fn needs_one_load(&self) -> bool {
        self.quantile().is_some() || self.done_quantile().is_some()
    }
}

/// Whether a gate asks for a percentile across a ramp.
pub(super) fn is_across_ramp(gate: &Gate, shape: LoadShape<'_>) -> bool {
    gate.condition.needs_one_load() && !shape.has_percentiles()
}

/// An endpoint and how its rate goes over time.
pub(super) struct ShapedEndpoint<'a> {
    pub(super) name: &'a str,
    pub(super) shape: LoadShape<'a>,
}

/// Whether gates are about anything but percentiles across ramps. One on every endpoint is not judged on ramps.
pub(super) fn check_ramps<'a>(
    mut gates: impl Iterator<Item = &'a Gate>,
    endpoints: &[ShapedEndpoint<'_>],
) -> Result<(), CheckError> {
    let is_refused = |gate: &&Gate| {
        let own = endpoints.iter().filter(|e| gate.selector.selects(e.name));
        let mut own = own.map(|e| is_across_ramp(gate, e.shape)).peekable();
        own.peek().is_some() && own.all(|is_across| is_across)
    };
    match gates.find(is_refused) {
        Some(gate) => Err(CheckError::AcrossRamp {
            gate: gate.to_string(),
        }),
        None => Ok(()),
    }
}

/// What is found of a gate on one run that asks for a percentile across a ramp.
pub(super) fn across_ramp(gate: Gate, subject: &Subject<'_>) -> Finding {
    Finding {
        endpoint: subject.endpoint.to_owned(),
        gate,
        measured: ObservedMetric::Nothing,
        n: subject.recording.planned(),
        exceedances: ExceedanceRange::default(),
        p_pass: None,
        p_fail: None,
        design: Design::Fixed,
        episodes: None,
        verdict: Verdict::NotJudged,
        reason: FindingReason::AcrossRamp,
        next_step: None,
    }
}

/// The same of gates on two runs.
pub fn two_runs_across_ramps(gates: &[Gate], subjects: &[Subject<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in subjects {
        let own = gates.iter().filter(|gate| {
            gate.condition.scope() == Scope::TwoRuns
                && gate.selector.selects(subject.endpoint)
                && is_across_ramp(gate, subject.shape)
        });
        findings.extend(own.map(|gate| across_ramp(gate.for_endpoint(subject.endpoint), subject)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{NamedSegment, of_segments};
    use crate::judge::gate::Gate;
    use crate::run::plan::LoadShape;

    #[test]
    fn a_gate_on_an_endpoint_holds_for_each_of_its_segments() {
        let segment = |name, endpoint, shape| NamedSegment {
            name,
            endpoint,
            shape,
        };
        let all = [
            segment("health@5/s", "health", LoadShape::Step),
            segment("health@5/s..9/s", "health", LoadShape::Ramp),
            segment("health@9/s", "health", LoadShape::Step),
            segment("ingest", "ingest", LoadShape::Ramp),
        ];
        let gates = |texts: &[&str]| -> Vec<Gate> {
            texts
                .iter()
                .map(|text| Gate::parse(text).expect(text))
                .collect()
        };
        let typed = gates(&[
            "health p95 <= 1s",
            "* p50 <= 1s",
            "ingest p99 <= 1s",
            "health@9/s p50 <= 1s",
            "x p50 <= 1s",
            "health error_rate <= 1%",
        ]);
        let own: Vec<String> = of_segments(typed, &all)
            .iter()
            .map(Gate::to_string)
            .collect();
        assert_eq!(
            own,
            [
                "health@5/s p95 <= 1s",
                "health@9/s p95 <= 1s",
                "* p50 <= 1s",
                "ingest p99 <= 1s",
                "health@9/s p50 <= 1s",
                "x p50 <= 1s",
                "health@5/s error_rate <= 1%",
                "health@5/s..9/s error_rate <= 1%",
                "health@9/s error_rate <= 1%",
            ]
        );
    }
}
