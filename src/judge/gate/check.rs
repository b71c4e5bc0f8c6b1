//! Checks gates against the plan before the first request, so that a run that cannot decide them does not start.

use std::time::Duration;

use super::check_error::CheckError;
use super::condition::{Condition, Scope};
use super::evidence::ProportionTest;
use super::parse_error::did_you_mean;
use super::planned::Planned;
use super::segments::{ShapedEndpoint, check_ramps, is_across_ramp};
use super::shortfall::{Shortfall, tenths_of_a_second, typed};
use super::spec::{Gate, GateOrigin, Selector};
use super::subject::Subject;
use crate::run::plan::{Guard, LoadShape};
use crate::run::recording::Failures;

/// Whether every gate can be judged on one run of this plan, and whether each that was asked for can pass at all.
///
/// # Errors
/// [`CheckError`] of the first gate that this plan cannot satisfy.
pub fn check(
    gates: &[Gate],
    plan: &[Planned<'_>],
    timeout: Option<Duration>,
) -> Result<(), CheckError> {
    let endpoints: Vec<&str> = plan.iter().map(|planned| planned.endpoint).collect();
    check_names(gates, &endpoints)?;
    for gate in gates {
        check_scope(gate)?;
    }
    let asked = || gates.iter().filter(|gate| gate.origin == GateOrigin::Asked);
    let shapes = plan.iter().map(|planned| ShapedEndpoint {
        name: planned.endpoint,
        shape: planned.shape,
    });
    check_ramps(asked(), &shapes.collect::<Vec<_>>())?;
    asked().try_for_each(|gate| check_timeout(gate, timeout))?;
    for check in [check_segment, check_size, check_episodes] {
        let pairs = asked().flat_map(|gate| plan.iter().map(move |p| (gate, p)));
        pairs
            .into_iter()
            .try_for_each(|(gate, planned)| check(gate, planned).map_err(|e| e.of(gate, plan)))?;
    }
    Ok(())
}

/// Whether every endpoint that a gate names is there.
///
/// # Errors
/// [`CheckError::UnknownEndpoint`] of the first gate that names another endpoint.
pub fn check_names(gates: &[Gate], endpoints: &[&str]) -> Result<(), CheckError> {
    for gate in gates {
        if let Selector::Named(name) = &gate.selector
            && !endpoints.contains(&name.as_str())
        {
            return Err(CheckError::UnknownEndpoint {
                gate: gate.to_string(),
                endpoint: name.clone(),
                suggestion: did_you_mean(name, endpoints.iter().copied()),
                known: endpoints.iter().map(|&name| name.to_owned()).collect(),
            });
        }
    }
    Ok(())
}

/// Whether a gate is about one run.
///
/// # Errors
/// [`CheckError::NeedsTwoRuns`] if the gate compares two runs, [`CheckError::NeedsSearch`] if it is about a search.
pub fn check_scope(gate: &Gate) -> Result<(), CheckError> {
    match gate.condition.scope() {
        Scope::OneRun => Ok(()),
        Scope::TwoRuns => Err(CheckError::NeedsTwoRuns {
            gate: gate.to_string(),
        }),
        Scope::Search => Err(CheckError::NeedsSearch {
            gate: gate.to_string(),
        }),
    }
}

fn check_timeout(gate: &Gate, timeout: Option<Duration>) -> Result<(), CheckError> {
    match (gate.condition.target(), timeout) {
        (Some(limit), Some(timeout)) if timeout < limit => Err(CheckError::BeyondTimeout {
            gate: typed(gate),
            limit,
            timeout,
        }),
        _ => Ok(()),
    }
}

fn check_recorded_timeout(gate: &Gate, timeout: Option<Duration>) -> Result<(), CheckError> {
    check_timeout(gate, timeout).map_err(|error| match error {
        CheckError::BeyondTimeout { gate, timeout, .. } => {
            CheckError::BeyondRecordedTimeout { gate, timeout }
        }
        other => other,
    })
}

fn check_patience(gate: &Gate, subject: &Subject<'_>) -> Result<(), CheckError> {
    let completion = subject.audit.and_then(|audit| audit.completion());
    let patience = completion.map(|completion| completion.patience);
    match (gate.condition.done_target(), patience) {
        (Some(target), Some(patience)) if patience < target => Err(CheckError::BeyondPatience {
            gate: gate.to_string(),
            patience,
        }),
        _ => Ok(()),
    }
}

fn check_failures(gate: &Gate, subject: &Subject<'_>) -> Result<(), CheckError> {
    match (gate.condition, subject.recording.failures) {
        (Condition::ErrorRate { .. }, Failures::Incomplete) => Err(CheckError::FailuresLeftOut {
            gate: gate.to_string(),
            endpoint: subject.endpoint.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Whether a step or a replay has enough samples with the guard, and with it without.
fn check_segment(gate: &Gate, planned: &Planned<'_>) -> Result<(), CheckError> {
    let step = match (planned.shape, planned.rate_per_s) {
        (LoadShape::Step, Some(rate)) => Some(rate),
        (LoadShape::Replay(_), _) => None,
        _ => return Ok(()),
    };
    let needed = [Guard::Iid, planned.guard].map(|guard| planned.needed(gate, guard));
    match (planned.samples, needed.into_iter().flatten().max()) {
        (Some(samples), Some(needed)) if samples < needed => Err(CheckError::SegmentTooShort {
            gate: gate.for_endpoint(planned.endpoint).to_string(),
            planned: samples,
            needed,
            step: step.map(|rate| tenths_of_a_second(needed as f64 / rate)),
        }),
        _ => Ok(()),
    }
}

/// Whether there are enough samples even without the guard.
fn check_size(gate: &Gate, planned: &Planned<'_>) -> Result<(), CheckError> {
    match (planned.samples, planned.needed(gate, Guard::Iid)) {
        (Some(samples), Some(needed)) if samples < needed => {
            // The hint must hold with the guard as well.
            let guarded = planned.needed(gate, planned.guard).unwrap_or(needed);
            let shortfall = Shortfall::of(gate, planned, samples, guarded.max(needed));
            Err(CheckError::TooFewSamples(shortfall))
        }
        _ => Ok(()),
    }
}

/// Whether a clean service could pass with the guard; a rate is what turns episodes into requests.
fn check_episodes(gate: &Gate, planned: &Planned<'_>) -> Result<(), CheckError> {
    let (Guard::Episode(_), Some(_)) = (planned.guard, planned.rate_per_s) else {
        return Ok(());
    };
    match (planned.samples, planned.needed(gate, planned.guard)) {
        (Some(samples), Some(needed)) if samples < needed => {
            let shortfall = Shortfall::of(gate, planned, samples, needed);
            Err(CheckError::TooFewSamples(shortfall))
        }
        _ => Ok(()),
    }
}

impl Planned<'_> {
    /// The fewest samples with which a gate can pass; `None` if it is not about this endpoint alone.
    fn needed(&self, gate: &Gate, guard: Guard) -> Option<u64> {
        let test = ProportionTest {
            theta0: gate.condition.allowed_share()?,
            design: self.design,
            episode: guard.requests(self.rate_per_s),
        };
        let about_it = gate.selector.selects(self.endpoint) && !is_across_ramp(gate, self.shape);
        about_it.then(|| test.min_samples())
    }
}

/// Whether every gate can be judged on these recordings. A recording may be too small for a gate; that is not an error
/// but an INCONCLUSIVE finding.
///
/// # Errors
/// [`CheckError`] of the first gate that these recordings cannot answer.
pub fn check_recorded(gates: &[Gate], subjects: &[Subject<'_>]) -> Result<(), CheckError> {
    let endpoints: Vec<&str> = subjects.iter().map(|subject| subject.endpoint).collect();
    check_names(gates, &endpoints)?;
    let shapes = subjects.iter().map(|subject| ShapedEndpoint {
        name: subject.endpoint,
        shape: subject.shape,
    });
    let asked = gates.iter().filter(|gate| gate.origin == GateOrigin::Asked);
    check_ramps(asked, &shapes.collect::<Vec<_>>())?;
    for gate in gates {
        check_scope(gate)?;
        subjects
            .iter()
            .filter(|subject| gate.selector.selects(subject.endpoint))
            .try_for_each(|subject| {
                check_recorded_timeout(gate, subject.timeout)?;
                check_patience(gate, subject)?;
                check_failures(gate, subject)
            })?;
    }
    Ok(())
}

/// The latencies above which the requests to an endpoint must be counted, ascending and unique.
pub fn targets_for(gates: &[Gate], endpoint: &str) -> Vec<Duration> {
    let mut targets: Vec<Duration> = gates
        .iter()
        .filter(|gate| gate.selector.selects(endpoint))
        .filter_map(|gate| gate.condition.target())
        .collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// The times to completion above which the accepted events of an endpoint must be counted, ascending and unique.
pub fn done_targets_for(gates: &[Gate], endpoint: &str) -> Vec<Duration> {
    let selected = gates.iter().filter(|gate| gate.selector.selects(endpoint));
    let mut targets: Vec<Duration> = selected
        .filter_map(|gate| gate.condition.done_target())
        .collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

#[cfg(test)]
mod tests;
