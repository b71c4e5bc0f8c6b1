//! Shards: their evidence, merged, is that of one machine, byte for byte; and the program with several processes.

mod command;
mod engine;
mod merging;
mod namespaces;
mod starting;

use std::time::Duration;

use a7probe::run::plan::{Arrivals, Plan, Segment, Size};
use a7probe::run::rate_profile::{RateParts, RateProfile};
use a7probe::run::recording::{IndexShare, Recording, TimeBase};
use a7probe::run::run_file::{
    EndpointRun, FinishedRun, Gating, Instrument, Run, RunContext, ShardRecord,
};
use a7probe::run::sample::{ConnectionUse, FailureKind, Outcome, Phases, Sample};
use a7probe::run::schedule::{Schedule, mix};
use a7probe::run::shard::Shard;
use a7probe::units::Rate;
use jiff::Timestamp;
use uuid::Uuid;

use crate::runs;

/// What both machines and one have in common: who sends, and when.
#[derive(Clone, Copy)]
struct Sender {
    shard: Shard,
    threads: u64,
}

/// Everything on one machine, in one thread.
const ALONE: Sender = Sender {
    shard: Shard::WHOLE,
    threads: 1,
};

fn shard(index: u64, count: u64) -> Shard {
    Shard::new(index, count).unwrap()
}

/// `health` and `ingest`, each this many requests, with these arrivals.
fn plan(arrivals: Arrivals, requests: u64) -> Plan {
    let mut plan = runs::plan(requests);
    plan.model = a7probe::run::plan::Model::Open { arrivals };
    plan.seed = 7;
    plan.warmup = Duration::ZERO;
    for (endpoint, rate) in plan.endpoints.iter_mut().zip([20.0, 47.0]) {
        endpoint.rate = Rate::per_second(rate);
    }
    plan
}

/// The same endpoints, over a ramp and two steps.
fn profiled(arrivals: Arrivals) -> Plan {
    let parts = RateParts::try_from("10/s..60/s@8s,60/s@6s,30/s@5s".to_owned()).unwrap();
    let mut plan = plan(arrivals, 1);
    plan.size = Size::Duration(parts.length());
    let whole = plan.endpoints.clone();
    plan.endpoints.clear();
    for endpoint in whole {
        for number in 0..parts.parts().len() {
            let mut part = endpoint.clone();
            part.name = format!("{}@{}", endpoint.name, number + 1);
            part.rate = Rate::per_second(parts.parts()[number].highest());
            part.segment = Some(Segment {
                endpoint: endpoint.name.clone(),
                number,
                profile: RateProfile::Parts(parts.clone()),
                first_request: 0,
            });
            plan.endpoints.push(part);
        }
    }
    plan
}

/// The answer of a deterministic client: latency, lag, connection and end are a function of endpoint and index.
fn sample(stream: u64, global: u64, start_ns: u64, own: u64) -> Sample {
    let draw = mix(stream.wrapping_mul(0x9e37) ^ mix(global));
    let lag_ns = (draw >> 8) % 60_000;
    // Equally slow requests, whose lower index counts.
    let latency_ns = lag_ns + 1_000_000 + (draw >> 20) % 64 * 5_000_000;
    let outcome = match draw % 40 {
        0 => Outcome::Failed(FailureKind::Status),
        1 => Outcome::Timeout,
        2 => Outcome::Failed(FailureKind::Client),
        _ => Outcome::Ok,
    };
    let sent_ns = start_ns + lag_ns;
    Sample {
        index: own,
        intended_start_ns: Some(start_ns),
        dispatched_ns: sent_ns,
        sent_ns: Some(sent_ns),
        finished_ns: start_ns + latency_ns,
        outcome,
        status: match outcome {
            Outcome::Ok => Some(200),
            Outcome::Failed(FailureKind::Status) => Some(503),
            _ => None,
        },
        connection: Some(match draw % 7 {
            0 => ConnectionUse::New,
            _ => ConnectionUse::Reused,
        }),
        phases: Phases {
            first_byte_ns: Some(latency_ns - lag_ns),
            body_ns: Some(draw % 3_000),
            ..Phases::default()
        },
        body_bytes: draw % 100,
        server_timing: vec![("db".to_owned(), Duration::from_nanos(draw % 9_000_000))],
    }
}

/// What one machine records of an endpoint, thread by thread as the engine does.
fn recorded(plan: &Plan, endpoint: usize, sender: Sender) -> Recording {
    let schedule = Schedule::of_plan(plan, endpoint).unwrap();
    let Sender { shard, threads } = sender;
    let count = u64::from(shard.count());
    let of_thread = |thread: u64| {
        let share = match threads {
            1 => IndexShare::All,
            step => IndexShare::EveryNth {
                first: thread,
                step,
            },
        };
        let targets = &plan.endpoints[endpoint].targets;
        let mut recording = Recording::new(TimeBase::IntendedStart, targets)
            .with_own_error(runs::OWN_ERROR)
            .of_share(share)
            .of_shard(shard);
        for (global, start_ns) in schedule.share(shard.global(thread), count * threads) {
            let own = global / count;
            let sample = sample(endpoint as u64, global, start_ns, own);
            recording.add(&sample);
        }
        recording
    };
    let mut whole = of_thread(0);
    (1..threads).for_each(|thread| whole.merge(&of_thread(thread)));
    whole
}

/// The run of one machine.
fn run_of(plan: &Plan, sender: Sender) -> Run {
    let endpoints = (0..plan.endpoints.len()).map(|place| {
        let recording = recorded(plan, place, sender);
        EndpointRun::new(&*plan.endpoints[place].name, recording)
    });
    let endpoints: Vec<EndpointRun> = endpoints.collect();
    let ends = endpoints.iter().map(|one| one.recording.last_finished_ns);
    let finished = FinishedRun {
        instrument: Instrument {
            threads: sender.threads as usize,
            pacer: "timerfd".to_owned(),
            wall: Duration::from_nanos(ends.max().unwrap_or(0)),
            ..Instrument::default()
        },
        endpoints,
        stopped: false,
        started_at: "2026-12-01T12:00:00Z".parse::<Timestamp>().unwrap(),
    };
    Run::of(
        finished,
        RunContext {
            plan,
            id: Uuid::from_u128(77),
            gates: vec!["p95 <= 150ms".to_owned()],
            implied_gates: Vec::new(),
            gating: Gating::Gates,
            guard: a7probe::run::plan::Guard::default(),
            design: a7probe::run::plan::Design::Fixed,
            calibration: runs::calibration(),
            certificate: None,
            signal: None,
            decided: false,
            aborted_by: None,
            shard: (!sender.shard.is_whole()).then_some(ShardRecord {
                index: sender.shard.index(),
                of: sender.shard.count(),
                audit: None,
            }),
            wall_clock: None,
        },
    )
}
