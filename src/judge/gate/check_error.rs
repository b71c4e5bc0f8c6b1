//! Why a gate cannot be judged on a plan or on a saved run.

use std::time::Duration;

use super::planned::Planned;
use super::shortfall::Shortfall;
use super::spec::Gate;
use crate::units::{Exact, Pretty, grouped};

/// A gate that does not fit the plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No endpoint has this name.
    #[error(
        "gate '{gate}': unknown endpoint '{endpoint}'\nhint: {}",
        endpoint_hint(.gate, .endpoint, .suggestion, .known)
    )]
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
    #[error(
        "gate '{gate}' needs a baseline\nhint: name a saved run with --baseline FILE, or use a7probe compare"
    )]
    NeedsTwoRuns {
        /// The gate.
        gate: String,
    },
    /// It is judged on the trials of a search.
    #[error(
        "gate '{gate}': the backlog is gated only in a search: a7probe capacity URL --gate '{gate}'\nhint: in a run, gate the time to completion: 'done.p95 <= 2s'"
    )]
    NeedsSearch {
        /// The gate.
        gate: String,
    },
    /// It could not pass, whatever the requests return.
    #[error("{0}")]
    TooFewSamples(Shortfall),
    /// Another tool has left out failures, and what it kept would flatter.
    #[error(
        "gate '{gate}' cannot be judged: the file of {endpoint} leaves out failed requests\nhint: gate its latency, \
         or give a file that has them"
    )]
    FailuresLeftOut {
        /// The gate.
        gate: String,
        /// The endpoint.
        endpoint: String,
    },
    /// The same of a step, whose length the profile decides, or of a replay, whose length the file decides.
    #[error(
        "gate '{gate}' cannot pass with {} requests (needs {})\nhint: {}, gate a lower percentile, or use a shorter --spell or --iid",
        grouped(*.planned), grouped(*.needed), longer_segment(*.step)
    )]
    SegmentTooShort {
        /// The gate.
        gate: String,
        /// Planned requests.
        planned: u64,
        /// Fewest that can pass.
        needed: u64,
        /// The time of a step with that many; `None` of a replay.
        step: Option<Duration>,
    },
    /// A percentile of requests at different rates is one of no load.
    #[error(
        "gate '{gate}' asks for a percentile across a ramp, and each rate of a ramp has its own\nhint: use steps, such as --rate 50/s@30s,100/s@30s, gate the error rate, or measure without a verdict: --no-gates"
    )]
    AcrossRamp {
        /// The gate.
        gate: String,
    },
    /// Latencies beyond the timeout are not measured.
    #[error(
        "gate '{gate}': the timeout of {} is shorter than the limit of {}\nhint: raise the timeout, such as -t {}",
        Pretty(*.timeout), Pretty(*.limit), Exact(2 * *.limit)
    )]
    BeyondTimeout {
        /// The gate.
        gate: String,
        /// The gate's limit.
        limit: Duration,
        /// The plan's timeout.
        timeout: Duration,
    },
    /// The same in a saved run.
    #[error(
        "gate '{gate}' cannot be judged: the run's timeout was {}\nhint: use a limit of at most {}, or measure again",
        Pretty(*.timeout), Pretty(*.timeout)
    )]
    BeyondRecordedTimeout {
        /// The gate.
        gate: String,
        /// The run's timeout.
        timeout: Duration,
    },
    /// Events that were pending when the audit ended may have been processed within the limit.
    #[error(
        "gate '{gate}' cannot be judged: the audit waited {}, less than the limit\nhint: lower the limit, or measure \
         with a longer --audit-timeout",
        Pretty(*.patience)
    )]
    BeyondPatience {
        /// The gate.
        gate: String,
        /// The longest time that the audit waited.
        patience: Duration,
    },
}

impl CheckError {
    /// The gate as it was typed, where only one endpoint can be meant.
    pub(super) fn of(self, gate: &Gate, plan: &[Planned<'_>]) -> CheckError {
        match self {
            CheckError::TooFewSamples(shortfall) if plan.len() == 1 => {
                CheckError::TooFewSamples(shortfall.with_gate_of(gate))
            }
            other => other,
        }
    }
}

fn longer_segment(step: Option<Duration>) -> String {
    match step {
        Some(time) => format!("make the step {} long", Exact(time)),
        None => "replay a longer file".to_owned(),
    }
}

fn endpoint_hint(
    gate: &str,
    endpoint: &str,
    suggestion: &Option<String>,
    known: &[String],
) -> String {
    match suggestion {
        Some(name) => format!("did you mean '{}'?", gate.replacen(endpoint, name, 1)),
        None => format!("endpoints: {}", known.join(", ")),
    }
}
