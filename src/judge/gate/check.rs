//! Holds gates against the plan before the first request, so that no run ends in an avoidable doubt.

use std::time::Duration;

use super::condition::{Condition, Scope};
use super::evidence::ProportionTest;
use super::parse_error::did_you_mean;
use super::spec::{Gate, Selector};
use super::subject::Subject;
use crate::run::plan::{Design, Guard};
use crate::run::recording::Failures;
use crate::units::{Pretty, grouped};

/// What a plan sends to one endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned<'a> {
    /// Name of the endpoint.
    pub endpoint: &'a str,
    /// Planned requests; `None` where the plan is bounded by time alone, as in the closed model.
    pub samples: Option<u64>,
    /// Requests per second; `None` in the closed model.
    pub rate_per_s: Option<f64>,
    /// Whether bursts are reckoned with.
    pub guard: Guard,
    /// Whether the number of samples is fixed, or the most that there may be.
    pub design: Design,
}

/// A gate that does not fit the plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No endpoint has this name.
    #[error("gate '{gate}': unknown endpoint '{endpoint}'; {}", endpoint_hint(.suggestion, .known))]
    UnknownEndpoint {
        /// The gate.
        gate: String,
        /// The name in it.
        endpoint: String,
        /// What may be meant.
        suggestion: Option<String>,
        /// The names there are.
        known: Vec<String>,
    },
    /// A gate on before and after where there is one run.
    #[error("gate '{gate}' needs a run before and a run after; use it with `a7probe compare`")]
    NeedsTwoRuns {
        /// The gate.
        gate: String,
    },
    /// It could not pass, whatever is measured.
    #[error(
        "gate '{gate}' cannot pass with {} planned requests: even with none above the limit it takes {}; \
         plan more, or gate a lower percentile", grouped(*.planned), grouped(*.needed)
    )]
    TooFewSamples {
        /// The gate.
        gate: String,
        /// Planned requests.
        planned: u64,
        /// Fewest that can pass.
        needed: u64,
    },
    /// Another tool has left out failures, and what it kept would flatter.
    #[error(
        "gate '{gate}' cannot be judged: the file of {endpoint} leaves out requests that failed; \
         gate its latency, or give a file that has them"
    )]
    FailuresLeftOut {
        /// The gate.
        gate: String,
        /// The endpoint.
        endpoint: String,
    },
    /// It could not pass, because a clean run would not exclude a slow episode.
    #[error(
        "gate '{gate}' cannot pass a clean service within {}: to exclude slow episodes of {} takes {}; {} longer, exclude \
         shorter ones with --episode, or take requests as independent with --iid",
        Pretty(*.planned), Pretty(*.episode), Pretty(*.needed), longer(*.design)
    )]
    TooShort {
        /// The gate.
        gate: String,
        /// The slow episode.
        episode: Duration,
        /// Planned time.
        planned: Duration,
        /// Shortest time that can pass.
        needed: Duration,
        /// Whether the time is fixed.
        design: Design,
    },
    /// Whoever waits less than the target cannot tell what exceeds it.
    #[error(
        "gate '{gate}': the timeout of {} is below the target; raise the timeout or lower the target",
        Pretty(*.timeout)
    )]
    BeyondTimeout {
        /// The gate.
        gate: String,
        /// The plan's timeout.
        timeout: Duration,
    },
    /// What the audit saw pending when it ended may have been done within the target.
    #[error(
        "gate '{gate}': the audit waited {}, which is below the target; lower the target, or measure with a longer \
         --audit-timeout",
        Pretty(*.patience)
    )]
    BeyondPatience {
        /// The gate.
        gate: String,
        /// How long the audit waited at the most.
        patience: Duration,
    },
}

fn longer(design: Design) -> &'static str {
    match design {
        Design::Fixed => "run",
        Design::Adaptive => "let it run (--budget)",
    }
}

fn endpoint_hint(suggestion: &Option<String>, known: &[String]) -> String {
    match suggestion {
        Some(name) => format!("did you mean '{name}'?"),
        None => format!("there are: {}", known.join(", ")),
    }
}

/// Whether every gate can be judged on one run of this plan, and can pass at all.
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
        check_timeout(gate, timeout)?;
    }
    for check in [check_size, check_episodes] {
        let pairs = gates
            .iter()
            .flat_map(|gate| plan.iter().map(move |p| (gate, p)));
        pairs
            .into_iter()
            .try_for_each(|(gate, planned)| check(gate, planned))?;
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
/// [`CheckError::NeedsTwoRuns`] if the gate compares two runs.
pub fn check_scope(gate: &Gate) -> Result<(), CheckError> {
    match gate.condition.scope() {
        Scope::OneRun => Ok(()),
        Scope::TwoRuns => Err(CheckError::NeedsTwoRuns {
            gate: gate.to_string(),
        }),
    }
}

fn check_timeout(gate: &Gate, timeout: Option<Duration>) -> Result<(), CheckError> {
    match (gate.condition.target(), timeout) {
        (Some(target), Some(timeout)) if timeout < target => Err(CheckError::BeyondTimeout {
            gate: gate.to_string(),
            timeout,
        }),
        _ => Ok(()),
    }
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

/// Whether there are enough samples, whatever the guard asks for.
fn check_size(gate: &Gate, planned: &Planned<'_>) -> Result<(), CheckError> {
    match (planned.samples, planned.needed(gate, Guard::Iid)) {
        (Some(samples), Some(needed)) if samples < needed => Err(CheckError::TooFewSamples {
            gate: gate.for_endpoint(planned.endpoint).to_string(),
            planned: samples,
            needed,
        }),
        _ => Ok(()),
    }
}

/// Whether a clean service could pass with the guard; a rate is what turns episodes into requests.
fn check_episodes(gate: &Gate, planned: &Planned<'_>) -> Result<(), CheckError> {
    let (Guard::Episode(episode), Some(rate)) = (planned.guard, planned.rate_per_s) else {
        return Ok(());
    };
    match (planned.samples, planned.needed(gate, planned.guard)) {
        (Some(samples), Some(needed)) if samples < needed => Err(CheckError::TooShort {
            gate: gate.for_endpoint(planned.endpoint).to_string(),
            episode,
            planned: tenths_of_a_second(samples as f64 / rate),
            needed: tenths_of_a_second(needed as f64 / rate),
            design: planned.design,
        }),
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
        let about_it = gate.selector.selects(self.endpoint);
        about_it.then(|| test.min_samples())
    }
}

/// Rounded up, but for what rounding itself adds.
fn tenths_of_a_second(seconds: f64) -> Duration {
    Duration::from_millis(((seconds * 10.0 - 1e-6).ceil() as u64).saturating_mul(100))
}

/// Whether every gate can be judged on these recordings. A recording may be too small for a gate; that is
/// no error but an INCONCLUSIVE finding.
///
/// # Errors
/// [`CheckError`] of the first gate that these recordings cannot answer.
pub fn check_recorded(gates: &[Gate], subjects: &[Subject<'_>]) -> Result<(), CheckError> {
    let endpoints: Vec<&str> = subjects.iter().map(|subject| subject.endpoint).collect();
    check_names(gates, &endpoints)?;
    for gate in gates {
        check_scope(gate)?;
        subjects
            .iter()
            .filter(|subject| gate.selector.selects(subject.endpoint))
            .try_for_each(|subject| {
                check_timeout(gate, subject.timeout)?;
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
mod tests {
    use std::time::Duration;

    use super::{Gate, Planned, check, targets_for};
    use crate::run::plan::{Design, Guard};

    fn gates(texts: &[&str]) -> Vec<Gate> {
        texts
            .iter()
            .map(|text| Gate::parse(text).expect(text))
            .collect()
    }

    fn plan(samples: u64) -> [Planned<'static>; 2] {
        ["health", "ingest"].map(|endpoint| Planned {
            endpoint,
            samples: Some(samples),
            rate_per_s: Some(20.0),
            guard: Guard::Iid,
            design: Design::Fixed,
        })
    }

    fn refusal(text: &str, samples: u64) -> String {
        let timeout = Some(Duration::from_secs(10));
        check(&gates(&[text]), &plan(samples), timeout)
            .expect_err(text)
            .to_string()
    }

    #[test]
    fn a_plan_that_can_decide_every_gate_is_accepted() {
        let gates = gates(&["* p99 <= 150ms", "ingest error_rate <= 1%"]);
        assert_eq!(check(&gates, &plan(299), None), Ok(()));
        let unbounded = [Planned {
            samples: None,
            ..plan(0)[1]
        }];
        assert_eq!(check(&gates, &unbounded, None), Ok(()));
    }

    #[test]
    fn a_gate_that_does_not_fit_the_plan_is_refused_before_the_first_request() {
        assert_eq!(
            refusal("helth p95 <= 150ms", 600),
            "gate 'helth p95 <= 150ms': unknown endpoint 'helth'; did you mean 'health'?"
        );
        assert_eq!(
            refusal("orders p95 <= 150ms", 600),
            "gate 'orders p95 <= 150ms': unknown endpoint 'orders'; there are: health, ingest"
        );
        assert_eq!(
            refusal("p95 reduction >= 70%", 600),
            "gate '* p95 reduction >= 70%' needs a run before and a run after; use it with `a7probe compare`"
        );
        assert_eq!(
            refusal("p99 <= 150ms", 298),
            "gate 'health p99 <= 150ms' cannot pass with 298 planned requests: even with none above the \
             limit it takes 299; plan more, or gate a lower percentile"
        );
        assert_eq!(
            refusal("error_rate <= 0.1%", 600),
            "gate 'health error_rate <= 0.1%' cannot pass with 600 planned requests: even with none above \
             the limit it takes 2 995; plan more, or gate a lower percentile"
        );
        assert_eq!(
            refusal("p95 <= 15s", 600),
            "gate '* p95 <= 15s': the timeout of 10 s is below the target; raise the timeout or lower the target"
        );
    }

    #[test]
    fn each_endpoint_counts_its_own_targets_once() {
        let gates = gates(&[
            "* p95 <= 150ms",
            "health p99 <= 0.15s",
            "health p50 < 20ms",
            "ingest p50 <= 1s",
            "error_rate <= 1%",
        ]);
        assert_eq!(
            targets_for(&gates, "health"),
            [Duration::from_nanos(19_999_999), Duration::from_millis(150)]
        );
    }
}
