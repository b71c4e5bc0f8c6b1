//! What a run says against itself: a cut, a late or busy instrument, a load that was not reached, a change on the way.

mod drift;
mod shards;

use std::time::Duration;

use super::failure_hints::UnexpectedStatus;
use super::gate::BUSY;
use super::summary::SendLag;
use super::warning::{LoadWarning, RunWarning, Warning};
use crate::run::plan::{Model, Plan};
use crate::run::run_file::{EndpointRun, Run, RunEnd};
use crate::run::sample::FailureKind;
use crate::stats::rank::Quantile;

pub use drift::of_list;

/// A send lag P99 above this is worth a word, whatever the target (METHOD §7).
const SEND_LAG: Duration = Duration::from_millis(1);

/// Share of the offered rate that must have been achieved.
const ACHIEVED: f64 = 0.99;

/// Share of the requests that must have waited for a stream for it to be worth a word.
const STREAM_WAITS: f64 = 0.01;

/// The warnings of one run; `label` tells it from others.
pub fn of(label: &str, run: &Run) -> Vec<Warning> {
    let of_run = [
        interrupted(run),
        busy(run),
        throttled(run),
        certified_elsewhere(run),
    ];
    let mut warnings: Vec<Warning> = of_run.into_iter().flatten().map(Warning::of).collect();
    for endpoint in &run.endpoints {
        let of_load = [
            unsent(endpoint),
            late(endpoint),
            slow_load(run, endpoint),
            pool_limited(endpoint),
            stream_limited(run, endpoint),
        ];
        warnings.extend(of_load.into_iter().flatten().map(Warning::of));
        warnings.extend(drift::of_endpoint(run, endpoint));
    }
    warnings.extend(shards::of_run(run).into_iter().map(Warning::of));
    let warnings = warnings.into_iter();
    warnings.map(|warning| warning.labelled(label)).collect()
}

/// How the requests of a run failed, and what its model cannot see.
pub fn of_failures(plan: &Plan, endpoints: &[EndpointRun]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (endpoint, result) in plan.endpoints.iter().zip(endpoints) {
        let counts = &result.recording.counts;
        for (kind, message) in &result.errors {
            let requests = counts.failed.get(kind).copied().unwrap_or(0);
            if requests > 0 {
                warnings.push(RunWarning::RequestsFailed {
                    endpoint: endpoint.name.clone(),
                    kind: *kind,
                    requests,
                    first: message.clone(),
                    status: (*kind == FailureKind::Status).then(|| {
                        UnexpectedStatus::most_frequent(endpoint, &result.recording.statuses)
                    }),
                });
            }
        }
        if counts.timeout > 0 {
            warnings.push(RunWarning::RequestsTimedOut {
                endpoint: endpoint.name.clone(),
                requests: counts.timeout,
                timeout: plan.timeout,
            });
        }
    }
    if matches!(plan.model, Model::Closed { .. }) {
        warnings.push(RunWarning::ClosedModel);
    }
    warnings.into_iter().map(Warning::of).collect()
}

fn interrupted(run: &Run) -> Option<RunWarning> {
    match (run.ended, &run.aborted_by) {
        (RunEnd::Complete, _) => None,
        (RunEnd::Aborted, Some(rule)) => Some(RunWarning::Aborted { rule: rule.clone() }),
        _ => Some(RunWarning::Interrupted {
            is_adaptive: run.judging.adaptive.is_some(),
        }),
    }
}

fn busy(run: &Run) -> Option<RunWarning> {
    let cpu_share = run.busy().filter(|share| *share > BUSY)?;
    Some(RunWarning::ProcessorBusy {
        cpu_share,
        threads: run.instrument.threads,
    })
}

fn throttled(run: &Run) -> Option<RunWarning> {
    let throttled = run.instrument.throttled.filter(|t| !t.time.is_zero())?;
    Some(RunWarning::Throttled {
        time: throttled.time,
        periods: throttled.periods,
    })
}

fn certified_elsewhere(run: &Run) -> Option<RunWarning> {
    let certificate = run.instrument.certificate.as_ref()?;
    let differences = certificate.differences(&run.environment);
    (!differences.is_empty()).then_some(RunWarning::CertifiedElsewhere { differences })
}

fn unsent(endpoint: &EndpointRun) -> Option<LoadWarning> {
    let unsent = endpoint.recording.counts.unsent;
    (unsent > 0).then(|| LoadWarning::Unsent {
        endpoint: endpoint.name.clone(),
        unsent,
        planned: endpoint.recording.planned(),
    })
}

fn late(endpoint: &EndpointRun) -> Option<LoadWarning> {
    let lag = SendLag::of(&endpoint.recording).filter(|lag| lag.p99 > SEND_LAG)?;
    Some(LoadWarning::SentLate {
        endpoint: endpoint.name.clone(),
        p99: lag.p99,
        max: lag.max,
    })
}

fn slow_load(run: &Run, endpoint: &EndpointRun) -> Option<LoadWarning> {
    let mut planned = run.plan.endpoints.iter();
    let planned = planned.find(|planned| planned.name == endpoint.name)?;
    let offered_per_s = planned.mean_rate()?.as_per_second() * sharded(run, endpoint);
    let achieved_per_s = endpoint.recording.achieved_per_s()?;
    // The first and the last request of a few may stand anywhere in their intervals of the jitter.
    let leeway = 2.0 / endpoint.recording.planned() as f64;
    (achieved_per_s < offered_per_s * (ACHIEVED - leeway)).then(|| LoadWarning::LoadNotReached {
        endpoint: endpoint.name.clone(),
        achieved_per_s,
        offered_per_s,
    })
}

/// The part of the plan's load that a shard has, or that the shards of a merged run have together.
fn sharded(run: &Run, endpoint: &EndpointRun) -> f64 {
    if let Some(shard) = run.shard {
        return 1.0 / f64::from(shard.of);
    }
    let planned = run.merged.as_ref();
    let planned = planned.and_then(|_| run.plan.planned_requests(&endpoint.name));
    planned.map_or(1.0, |planned| {
        endpoint.recording.planned() as f64 / planned.max(1) as f64
    })
}

fn pool_limited(endpoint: &EndpointRun) -> Option<LoadWarning> {
    let waited = endpoint.recording.pool_limited;
    (waited > 0).then(|| LoadWarning::PoolLimited {
        endpoint: endpoint.name.clone(),
        waited,
    })
}

fn stream_limited(run: &Run, endpoint: &EndpointRun) -> Option<LoadWarning> {
    let planned = run.plan.connections.version.depth() as u64;
    let limits = run
        .instrument
        .streams
        .iter()
        .filter_map(|used| used.allowed);
    let allowed = limits.min().filter(|allowed| *allowed < planned)?;
    let slot = &endpoint.recording.phases.slot;
    let p95_ns = slot.value_at_rank(Quantile::P95.rank(slot.count()))?;
    let requests = endpoint.recording.planned() as f64;
    (slot.count() as f64 > STREAM_WAITS * requests).then(|| LoadWarning::StreamLimited {
        endpoint: endpoint.name.clone(),
        waited: slot.count(),
        p95: Duration::from_nanos(p95_ns),
        allowed,
        planned,
    })
}
