//! What a step of a diagnosis sends: the plan of a short run.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::resolve::Diagnose;
use crate::judge::diagnosis::{DiagnosisStep, StepLoad, ladder};
use crate::run::plan::{
    Arrivals, ConnectionPolicy, Endpoint, HttpVersion, Keepalive, Model, Plan, Size,
};
use crate::run::replay::PlannedReplay;
use crate::units::Rate;

/// The part of a step that is sent before it, so that connections are open.
const WARMUP: f64 = 0.1;

/// The plan of a step.
pub(super) fn plan_of(diagnose: &Diagnose, planned: &StepLoad, timeout: Duration) -> Plan {
    let rates = [planned.probe_per_s, planned.load_per_s];
    let endpoints = diagnose.plan.endpoints.iter().zip(rates);
    let mut endpoints: Vec<Endpoint> = endpoints
        .filter_map(|(endpoint, rate)| Some(endpoint_at(endpoint, Some(rate?))))
        .collect();
    for endpoint in &mut endpoints {
        endpoint.targets = ladder();
        endpoint.targets.push(diagnose.target);
        endpoint.targets.sort_unstable();
        endpoint.targets.dedup();
        set_bursts(endpoint, planned);
    }
    let warmup = match planned.step {
        // A queue must be seen from its beginning, single requests need no more than one connection, and the first burst
        // opens those of the others.
        DiagnosisStep::Offered
        | DiagnosisStep::OneAtATime
        | DiagnosisStep::OneConnection
        | DiagnosisStep::SeparateConnections => Duration::ZERO,
        _ => planned.duration.mul_f64(WARMUP),
    };
    Plan {
        endpoints,
        model: Model::Open {
            // One at a time means as far from each other as can be.
            arrivals: match planned.step {
                DiagnosisStep::OneAtATime => Arrivals::Grid,
                _ => Arrivals::Jitter,
            },
        },
        size: Size::Duration(planned.duration - warmup),
        warmup,
        timeout,
        connections: connections(&diagnose.plan.connections, planned),
        ..diagnose.plan.clone()
    }
}

/// An endpoint at another rate; `None` in the closed model.
pub(super) fn endpoint_at(endpoint: &Endpoint, rate_per_s: Option<f64>) -> Endpoint {
    Endpoint {
        rate: rate_per_s.and_then(Rate::per_second),
        ..endpoint.clone()
    }
}

fn connections(policy: &ConnectionPolicy, planned: &StepLoad) -> ConnectionPolicy {
    let mut connections = policy.clone();
    connections.keepalive = match planned.step {
        DiagnosisStep::NewConnections => Keepalive::PerRequest,
        _ => Keepalive::Reuse,
    };
    if let Some(burst) = planned.burst {
        // As many requests in flight as a burst has: on one connection, or each on its own.
        connections.max_in_flight = burst;
        connections.version = HttpVersion::Http2 {
            streams: match planned.step {
                DiagnosisStep::SeparateConnections => 1,
                _ => burst,
            },
        };
    }
    connections
}

/// Requests that are due at once, again and again.
fn set_bursts(endpoint: &mut Endpoint, planned: &StepLoad) {
    let (Some(burst), Some(every)) = (planned.burst, planned.between_bursts()) else {
        return;
    };
    let bursts = planned.duration.as_nanos() / every.as_nanos().max(1);
    let replay = PlannedReplay::of_bursts(burst, every, bursts.max(1) as u64);
    endpoint.set_replay(Arc::new(replay));
}
