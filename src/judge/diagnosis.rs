//! Which root cause do the data support? Numbers of a few short runs in, causes with their evidence out.
//!
//! Six causes are tested, each by a stated statistic at the 5 % level that leaves out our own send lag:
//!
//! - network or connection set-up: the 95 % profile interval of P50 of new connections minus P50 of reused ones;
//! - a slow call inside every request: the same of the loaded endpoint, one request at a time, minus the other one;
//! - a blocked event loop: how many requests to the other endpoint are late during load, a share with the bounds of
//!   the cluster guard, and whether they are a mode of their own;
//! - queueing over capacity: Mann and Kendall's test of the medians of up to ten parts of a run at constant load;
//! - a shared HTTP/2 connection: the 95 % profile interval of P50 of what a burst takes over one connection minus P50 of
//!   the same over a connection for each request;
//! - client-limited: the share of sends that were late, an exact binomial test, and the processor time of this process.
//!
//! Effects below [`MATERIAL`] of the target do not matter. A cause is ruled out only if the opposite is shown for
//! effects of that size. Every other result is "cannot tell".

mod blocked_loop;
mod bounded_share;
mod cause;
mod client;
mod connection;
mod evidence;
mod ladder;
mod observation;
mod observations;
mod percentile_shift;
mod queueing;
#[cfg(test)]
pub(crate) mod sample_steps;
mod shared_connection;
mod slow_call;
mod steps;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

pub(crate) use bounded_share::BoundedShare;
pub(crate) use cause::{CauseFinding, CauseNextStep, RootCause, Support};
pub(crate) use evidence::{
    BurstTimes, CauseEvidence, DelayedShare, EndpointRole, EvidenceCode, FailedRequests, LateSends,
    LatencyGrowth, LatencyShape, MissedStep, NotShared, OverallReason, SampleKind, ServedRequests,
    TooFew,
};
pub(crate) use ladder::ladder;
pub(crate) use observation::Observation;
pub(crate) use observations::{BurstSteps, ConnectionSharing, MATERIAL, Observations};
pub(crate) use steps::{
    DiagnosisStep, MOST_IN_BURST, Pilot, StepLoad, StepPlan, StepRates, patience, steps,
};

/// Multiple of the least number of requests: arrivals are random, and the pilot takes its part.
const RESERVE: f64 = 1.5;

/// Budgets are named in whole multiples of this, in seconds.
const ROUND_S: f64 = 5.0;

/// What the data say of every cause, the most important first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Diagnosis {
    /// One for each cause, those that are supported first.
    pub(crate) findings: Vec<CauseFinding>,
}

/// What follows from all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiagnosisOutcome {
    /// At least one cause is supported; this explains most.
    Found(RootCause),
    /// Every cause is shown not to matter, and the latency is within the target.
    NothingWrong,
    NotEnough,
}

impl Diagnosis {
    pub(crate) fn of(observations: &Observations) -> Diagnosis {
        let mut findings = vec![
            blocked_loop::test(observations),
            slow_call::test(observations),
            queueing::test(observations),
            connection::test(observations),
            client::test(observations),
            shared_connection::test(observations),
        ];
        shared_connection::leave_open(&mut findings);
        // A queue or a slow call that comes of a blocked loop goes with it, so that one is named first; and all of them may
        // come of a shared connection.
        let rank = |finding: &CauseFinding| {
            let place = match finding.cause {
                RootCause::SharedConnection => 0,
                RootCause::BlockedLoop => 1,
                _ => 2,
            };
            let cost = std::cmp::Reverse(finding.cost.unwrap_or_default());
            match finding.support {
                Support::Supported => (0, place, cost),
                Support::NotEnough => (1, 0, std::cmp::Reverse(Duration::ZERO)),
                Support::NotSupported => (2, 0, std::cmp::Reverse(Duration::ZERO)),
            }
        };
        findings.sort_by_key(rank);
        findings.push(verdict::nothing_wrong(observations, &findings));
        Diagnosis { findings }
    }

    /// The same, naming a budget that gives the least number of requests, or twice the data where that is not what is
    /// missing.
    pub(crate) fn within(mut self, budget: Duration) -> Diagnosis {
        for finding in &mut self.findings {
            if finding.next == Some(CauseNextStep::LargerBudget) {
                let factor = match finding.shortage() {
                    Some(too_few) if too_few.present > 0 => {
                        (RESERVE * too_few.needed as f64 / too_few.present as f64).max(2.0)
                    }
                    _ => 2.0,
                };
                let seconds = (budget.as_secs_f64().max(1.0) * factor / ROUND_S).ceil() * ROUND_S;
                finding.next = Some(CauseNextStep::Budget { seconds });
            }
        }
        self
    }

    /// The same where the steps were cut short: data are few because of that, not because of the budget.
    pub(crate) fn of_interrupted(mut self) -> Diagnosis {
        for finding in &mut self.findings {
            if finding.next == Some(CauseNextStep::LargerBudget) {
                finding.next = Some(CauseNextStep::LetItFinish);
            }
        }
        self
    }

    pub(crate) fn outcome(&self) -> DiagnosisOutcome {
        let supported = |f: &&CauseFinding| f.support == Support::Supported;
        match self.findings.iter().find(supported).map(|f| f.cause) {
            Some(RootCause::Nothing) => DiagnosisOutcome::NothingWrong,
            Some(cause) => DiagnosisOutcome::Found(cause),
            None => DiagnosisOutcome::NotEnough,
        }
    }

    /// What is said of one cause.
    pub(crate) fn finding(&self, cause: RootCause) -> Option<&CauseFinding> {
        self.findings.iter().find(|finding| finding.cause == cause)
    }
}
