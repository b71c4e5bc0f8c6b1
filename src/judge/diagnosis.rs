//! Which root cause do the data support? Numbers of a few short runs in, causes with their evidence out.
//!
//! Five causes are tested, each by a stated statistic at the 5 % level that leaves out our own send lag:
//!
//! - network or connection set-up: the 95 % profile interval of P50 of new connections minus P50 of reused ones;
//! - a slow call inside every request: the same of the loaded endpoint, one request at a time, minus the other one;
//! - a blocked event loop: how many requests to the other endpoint are late beside load, a share with the bounds of the
//!   cluster guard, and whether they are a mode of their own;
//! - queueing over capacity: Mann and Kendall's test of the medians of up to ten parts of a run at constant load;
//! - client-limited: the share of sends that were late, an exact binomial test, and the processor time of this process.
//!
//! Effects below [`MATERIAL`] of the target do not matter. A cause is ruled out only if the opposite is shown for
//! effects of that size. Every other result is "cannot tell".

mod blocked_loop;
mod client;
mod connection;
mod ladder;
mod observation;
mod queueing;
mod slow_call;
mod steps;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

pub use ladder::ladder;
pub use observation::Observation;
pub use steps::{DiagnosisStep, Pilot, StepLoad, StepPlan, patience, steps};

/// The share of the target that a cause must cost to matter.
pub const MATERIAL: f64 = 0.1;

/// The advice for too few data; [`Diagnosis::within`] names the budget.
const LARGER: &str = "give a larger --budget";

/// The advice for failed requests.
const FAILING: &str = "find out why requests fail, or give a larger --budget";

/// Multiple of the least number of requests: arrivals are random, and the pilot takes its part.
const RESERVE: f64 = 1.5;

/// Budgets are named in whole multiples of this, in seconds.
const ROUND_S: f64 = 5.0;

/// Level of every one-sided test.
const ALPHA: f64 = 0.05;

/// What may be the cause, and that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootCause {
    /// Connecting takes long: distance, DNS, TLS, a slow accept.
    Connection,
    /// Something slow is called inside of every request.
    SlowCall,
    /// A call blocks the event loop, so that everything else waits.
    BlockedLoop,
    /// More is offered than can be served.
    Queueing,
    /// This machine is too slow or too busy to measure.
    Client,
    /// Nothing is wrong.
    Nothing,
}

impl RootCause {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            RootCause::Connection => "connection",
            RootCause::SlowCall => "slow_call",
            RootCause::BlockedLoop => "blocked_loop",
            RootCause::Queueing => "queueing",
            RootCause::Client => "client",
            RootCause::Nothing => "nothing_wrong",
        }
    }

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            RootCause::Connection => "network or connection set-up",
            RootCause::SlowCall => "a slow call inside every request",
            RootCause::BlockedLoop => "a blocked event loop",
            RootCause::Queueing => "queueing over capacity",
            RootCause::Client => "client-limited",
            RootCause::Nothing => "nothing wrong",
        }
    }
}

/// Whether the data support a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Shown at the 5 % level.
    Supported,
    /// The opposite is shown at the 5 % level, for effects of [`MATERIAL`] of the target or more.
    NotSupported,
    /// The data leave it open.
    NotEnough,
}

impl Support {
    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Support::Supported => "likely cause",
            Support::NotSupported => "ruled out",
            Support::NotEnough => "cannot tell",
        }
    }
}

/// What speaks for or against a cause: a sentence, and its numbers by name (durations in ms).
#[derive(Clone, Debug, PartialEq)]
pub struct CauseEvidence {
    /// In words.
    pub text: String,
    /// Names end in their unit: `p50_ms`, `ratio_low`.
    pub numbers: Vec<(&'static str, f64)>,
}

impl CauseEvidence {
    fn new(
        text: impl Into<String>,
        numbers: impl IntoIterator<Item = (&'static str, f64)>,
    ) -> CauseEvidence {
        CauseEvidence {
            text: text.into(),
            numbers: numbers.into_iter().collect(),
        }
    }

    fn text(text: impl Into<String>) -> CauseEvidence {
        CauseEvidence::new(text, [])
    }
}

/// What the data say of one cause.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseFinding {
    /// Of which.
    pub cause: RootCause,
    /// Whether they support it.
    pub support: Support,
    /// Latency that it explains, where that is known.
    pub cost: Option<Duration>,
    /// What speaks for or against it.
    pub evidence: Vec<CauseEvidence>,
    /// What to do next.
    pub next: Option<String>,
}

impl CauseFinding {
    /// Undecided; `numbers` are those of the sentence.
    fn open(
        cause: RootCause,
        why: impl Into<String>,
        numbers: impl IntoIterator<Item = (&'static str, f64)>,
    ) -> CauseFinding {
        CauseFinding {
            cause,
            support: Support::NotEnough,
            cost: None,
            evidence: vec![CauseEvidence::new(why, numbers)],
            next: Some(LARGER.to_owned()),
        }
    }

    /// Too few requests of a step.
    fn too_few(cause: RootCause, why: impl Into<String>, n: u64, least: u64) -> CauseFinding {
        let numbers = [("requests", n as f64), ("least", least as f64)];
        CauseFinding::open(cause, why, numbers)
    }

    /// A required step was not made.
    fn without(cause: RootCause, step: impl std::fmt::Display) -> CauseFinding {
        CauseFinding::open(
            cause,
            format!("0 requests of the step '{step}': it was not made"),
            [("requests", 0.0)],
        )
    }

    /// Too many requests of a step failed, so its latencies mean nothing.
    fn failing(cause: RootCause, failed: &observation::FailedRequests) -> CauseFinding {
        CauseFinding {
            next: Some(FAILING.to_owned()),
            ..CauseFinding::open(
                cause,
                failed.to_string(),
                [
                    ("not_ok", failed.bad as f64),
                    ("requests", failed.of as f64),
                ],
            )
        }
    }
}

/// What was measured; a step that was not made is `None`.
#[derive(Clone, Debug)]
pub struct Observations {
    /// What latency should be within.
    pub target: Duration,
    /// Name of the endpoint that should be quick whatever else happens.
    pub probe: String,
    /// Name of the endpoint under suspicion.
    pub load: String,
    /// The probe, alone, on reused connections.
    pub alone: Option<Observation>,
    /// The probe, alone, on a new connection for each request.
    pub new_connections: Option<Observation>,
    /// The load, alone, so seldom that no request meets another.
    pub one_at_a_time: Option<Observation>,
    /// The probe while the load is offered, at a part of what it can bear.
    pub beside: Option<Observation>,
    /// The load meanwhile.
    pub meanwhile: Option<Observation>,
    /// The rate of the load that was asked for, a second.
    pub asked_per_s: f64,
    /// The load, alone, at that rate; `None` too where `one_at_a_time` already is.
    pub offered: Option<Observation>,
}

impl Observations {
    /// The least latency that matters, in ns.
    fn material_ns(&self) -> f64 {
        self.target.as_nanos() as f64 * MATERIAL
    }

    fn all(&self) -> impl Iterator<Item = &Observation> {
        [
            &self.alone,
            &self.new_connections,
            &self.one_at_a_time,
            &self.beside,
            &self.meanwhile,
            &self.offered,
        ]
        .into_iter()
        .flatten()
    }
}

/// What the data say of every cause, the most important first.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// One for each cause, those that are supported first.
    pub findings: Vec<CauseFinding>,
}

/// What follows from all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosisOutcome {
    /// At least one cause is supported; this explains most.
    Found(RootCause),
    /// Every cause is shown not to matter, and the latency is within the target.
    NothingWrong,
    /// Neither.
    NotEnough,
}

impl Diagnosis {
    /// Tests every cause.
    pub fn of(observations: &Observations) -> Diagnosis {
        let mut findings = vec![
            blocked_loop::test(observations),
            slow_call::test(observations),
            queueing::test(observations),
            connection::test(observations),
            client::test(observations),
        ];
        // A queue or a slow call that comes of a blocked loop goes with it, so that one is named first.
        let rank = |finding: &CauseFinding| {
            let first = finding.cause != RootCause::BlockedLoop;
            let cost = std::cmp::Reverse(finding.cost.unwrap_or_default());
            match finding.support {
                Support::Supported => (0, first, cost),
                Support::NotEnough => (1, true, std::cmp::Reverse(Duration::ZERO)),
                Support::NotSupported => (2, true, std::cmp::Reverse(Duration::ZERO)),
            }
        };
        findings.sort_by_key(rank);
        findings.push(verdict::nothing_wrong(observations, &findings));
        Diagnosis { findings }
    }

    /// The same, naming a budget that gives the least number of requests, or twice the data where that is not what is
    /// missing.
    pub fn within(mut self, budget: Duration) -> Diagnosis {
        for finding in &mut self.findings {
            if finding.next.as_deref() == Some(LARGER) {
                let number = |wanted: &str| {
                    let numbers = finding.evidence.iter().flat_map(|e| &e.numbers);
                    let mut found = numbers.filter(|(name, _)| *name == wanted);
                    found.next().map(|(_, number)| *number)
                };
                let had = number("requests").or(number("sends"));
                let factor = match (had.filter(|n| *n > 0.0), number("least")) {
                    (Some(n), Some(least)) => (RESERVE * least / n).max(2.0),
                    _ => 2.0,
                };
                let seconds = (budget.as_secs_f64().max(1.0) * factor / ROUND_S).ceil() * ROUND_S;
                finding.next = Some(format!("--budget {seconds}s"));
            }
        }
        self
    }

    /// The same where the steps were cut short: data are few because of that, not because of the budget.
    pub fn of_interrupted(mut self) -> Diagnosis {
        for finding in &mut self.findings {
            if finding.next.as_deref() == Some(LARGER) {
                finding.next = Some("let the diagnosis finish: it was interrupted".to_owned());
            }
        }
        self
    }

    /// What follows.
    pub fn outcome(&self) -> DiagnosisOutcome {
        let supported = |f: &&CauseFinding| f.support == Support::Supported;
        match self.findings.iter().find(supported).map(|f| f.cause) {
            Some(RootCause::Nothing) => DiagnosisOutcome::NothingWrong,
            Some(cause) => DiagnosisOutcome::Found(cause),
            None => DiagnosisOutcome::NotEnough,
        }
    }

    /// What is said of one cause.
    pub fn finding(&self, cause: RootCause) -> Option<&CauseFinding> {
        self.findings.iter().find(|finding| finding.cause == cause)
    }
}
