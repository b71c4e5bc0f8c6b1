//! Runs built in memory: their truth is known, and they use every field of the format.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use a7probe::run::completion::{
    AuditOutcome, AuditRemark, AuditTrouble, Completion, DoneClock, EventReport, EventStatus,
    Resends, Settled, UnexpectedEvents, UnknownMeans,
};
use a7probe::run::plan::{
    Arrivals, ClientIdentity, ConnectTo, ConnectionPolicy, Endpoint, HttpVersion, Keepalive, Model,
    Plan, RedirectPolicy, Scheme, Size, StatusSet, Target, Template, Tracing, Trust,
};
use a7probe::run::recording::{Counts, Recording, TimeBase};
use a7probe::run::run_file::{
    Calibration, EndpointRun, Environment, Gating, Instrument, Judging, MeasurementOverhead,
    PlanRecord, Run, RunEnd,
};
use a7probe::run::sample::{ConnectionUse, FailureKind, Outcome, Phases, Sample};
use a7probe::units::Rate;
use uuid::Uuid;

/// The target of every endpoint.
pub(crate) const TARGET: Duration = Duration::from_millis(150);

/// e of every run here.
pub(crate) const OWN_ERROR: Duration = Duration::from_micros(160);

/// `POST /ingest` and `GET /health`, 20 a second, this many requests each.
pub(crate) fn plan(requests: u64) -> Plan {
    Plan {
        target: Target {
            scheme: Scheme::Http,
            host: "127.0.0.1".to_owned(),
            port: 8080,
            prefix: String::new(),
        },
        endpoints: vec![endpoint("health", "GET"), endpoint("ingest", "POST")],
        model: Model::Open {
            arrivals: Arrivals::Grid,
        },
        size: Size::Requests(requests),
        warmup: Duration::from_secs(2),
        timeout: Duration::from_secs(5),
        seed: u64::MAX,
        connections: ConnectionPolicy {
            max_in_flight: 256,
            keepalive: Keepalive::Reuse,
            trust: Trust::System,
            identity: Some(ClientIdentity {
                chain: "client.pem".into(),
                key: "client.key".into(),
            }),
            connect_to: vec![ConnectTo::of_plan("127.0.0.1", 9090)],
            unix_socket: None,
            proxy: None,
            redirects: RedirectPolicy::Answer,
            tracing: Tracing::Off,
            version: HttpVersion::Http1,
        },
        rows: None,
    }
}

fn endpoint(name: &str, method: &str) -> Endpoint {
    let text = |source: &str| Template::parse(source.as_bytes()).expect("a template");
    Endpoint {
        elsewhere: None,
        name: name.to_owned(),
        method: method.to_owned(),
        path: text(&format!("/{name}?api_key=s3cr3t")),
        headers: vec![("Authorization".to_owned(), text("Bearer s3cr3t"))],
        body: (method == "POST").then(|| text(r#"{"id":"{{uuid}}","password":"s3cr3t"}"#)),
        expect: StatusSet::success(),
        expect_body: None,
        rate: Rate::per_second(20.0),
        segment: None,
        targets: vec![TARGET],
    }
}

/// A complete run whose endpoints have these recordings.
pub(crate) fn run(health: Recording, ingest: Recording) -> Run {
    let warmup = Counts {
        ok: 40,
        ..Counts::default()
    };
    let ends = [health.last_finished_ns, ingest.last_finished_ns];
    let wall = Duration::from_nanos(ends.into_iter().max().unwrap_or(0));
    let part = |name: &str, recording| EndpointRun {
        warmup: warmup.clone(),
        ..EndpointRun::new(name, recording)
    };
    Run {
        shard: None,
        merged: None,
        implied_gates: Vec::new(),
        gating: Gating::Gates,
        aborted_by: None,
        id: Uuid::from_u128(7),
        plan: PlanRecord::of(&plan(health.planned())),
        environment: Environment::here(),
        started_at: "2026-01-02T03:04:05.678Z".parse().expect("a time"),
        ended: RunEnd::Complete,
        endpoints: vec![part("health", health), part("ingest", ingest)],
        instrument: Instrument {
            threads: 2,
            pacer: "timerfd".to_owned(),
            cpu: Duration::from_millis(812),
            wall: wall.max(Duration::from_secs(32)),
            calibration: calibration(),
            throttled: None,
            certificate: None,
            streams: Vec::new(),
            addresses: Vec::new(),
            wall_clock: None,
        },
        gates: vec!["* p95 <= 150ms".to_owned()],
        judging: Judging::default(),
        turns: None,
        baseline: None,
    }
}

/// Done this many milliseconds after it was accepted, and once.
pub(crate) fn done(after_ms: u64) -> EventReport {
    let took = Duration::from_millis(after_ms);
    EventReport {
        status: EventStatus::Processed {
            at_least: took,
            at_most: took,
        },
        inserts: Some(1),
        notifications: Some(1),
        notify_unknown: 0,
    }
}

/// An audit of which the service told everything.
pub(crate) fn all_known(recording: &Recording, reports: &HashMap<u64, EventReport>) -> Completion {
    let asked = AuditOutcome {
        clock: DoneClock::Server,
        settled: Settled::Done,
        unknown: UnknownMeans::Lost,
        patience: Duration::from_secs(30),
    };
    Completion::of(recording, &HashSet::new(), reports, asked, &[])
}

/// An audit with something in every field, of a recording of at least 60 requests.
pub(crate) fn audit(recording: &Recording) -> Completion {
    let report = |index: u64| EventReport {
        status: match index % 10 {
            0 => EventStatus::Pending,
            1 => EventStatus::GivenUp,
            2 => EventStatus::Unread,
            _ => EventStatus::Processed {
                at_least: Duration::from_millis(index),
                at_most: Duration::from_millis(2 * index),
            },
        },
        inserts: Some(1 + u64::from(index == 7)),
        notifications: None,
        notify_unknown: 0,
    };
    // Of the last ten nothing is known: lost, if they were accepted.
    let reports = (0..recording.planned() - 10).map(|index| (index, report(index)));
    let asked = AuditOutcome {
        clock: DoneClock::Poll,
        settled: Settled::Deadline,
        unknown: UnknownMeans::Lost,
        patience: Duration::from_secs(30),
    };
    let by_repeat = HashSet::from([49]);
    let targets = [Duration::from_millis(40)];
    let mut completion = Completion::of(recording, &by_repeat, &reports.collect(), asked, &targets);
    completion.shared = 3;
    completion.unexpected = Some(UnexpectedEvents::among(7, 2));
    completion.recovered = None;
    completion.quiet = Some(Duration::from_secs(1));
    completion.remarks = vec![
        AuditRemark::ClocksDisagree { events: 2 },
        AuditRemark::Trouble {
            unread: completion.unread,
            last: AuditTrouble::stated("GET /status/7: answered 503"),
        },
    ];
    completion.resends = Some(Resends {
        share: 0.1,
        concurrent: 3,
        not_compared: 3,
        ..Resends::default()
    });
    completion
}

/// An instrument whose own error is too small to matter.
pub(crate) fn calibration() -> Calibration {
    Calibration::Measured(MeasurementOverhead {
        transport: "HTTP/1.1 over TCP on loopback".to_owned(),
        requests: 1_000,
        rate_per_s: Rate::per_second(1_000.0),
        concurrency: None,
        p50: Duration::from_micros(60),
        p99: Duration::from_micros(140),
        own_error: OWN_ERROR,
        send_lag_p50: Duration::from_nanos(500),
        send_lag_p99: Duration::from_micros(40),
    })
}

/// A recording of requests that all ended ok after these latencies, 50 ms apart.
pub(crate) fn all_ok(latencies: impl IntoIterator<Item = Duration>) -> Recording {
    let mut recording =
        Recording::new(TimeBase::IntendedStart, &[TARGET]).with_own_error(OWN_ERROR);
    for (index, latency) in (0u64..).zip(latencies) {
        recording.add(&sample(index, latency, Outcome::Ok));
    }
    recording
}

/// A recording of requests that ended ok so long after they were sent, all of them sent late by `lag`.
pub(crate) fn late(services: impl IntoIterator<Item = Duration>, lag: Duration) -> Recording {
    let mut recording =
        Recording::new(TimeBase::IntendedStart, &[TARGET]).with_own_error(OWN_ERROR);
    let lag_ns = lag.as_nanos() as u64;
    for (index, service) in (0u64..).zip(services) {
        let punctual = sample(index, service + lag, Outcome::Ok);
        let start_ns = punctual.intended_start_ns.unwrap_or(0);
        recording.add(&Sample {
            dispatched_ns: start_ns + lag_ns,
            sent_ns: Some(start_ns + lag_ns),
            ..punctual
        });
    }
    recording
}

/// A recording of a closed model, whose latency counts from the send.
pub(crate) fn closed(requests: u64) -> Recording {
    let mut recording = Recording::new(TimeBase::Send, &[TARGET]).with_own_error(OWN_ERROR);
    for index in 0..requests {
        recording.add(&Sample {
            intended_start_ns: None,
            ..sample(index, Duration::from_millis(5), Outcome::Ok)
        });
    }
    recording
}

/// A recording with something in every field: slow answers, every failure, timeouts, waits for a connection,
/// `Server-Timing`, unsent requests at the end.
pub(crate) fn mixed(requests: u64) -> Recording {
    let mut recording =
        Recording::new(TimeBase::IntendedStart, &[Duration::from_millis(5), TARGET])
            .with_own_error(OWN_ERROR);
    for index in 0..requests {
        let latency = Duration::from_nanos(1_000_000 + index * index * 7_919 % 400_000_000);
        let outcome = match index % 50 {
            49 => Outcome::Timeout,
            kind @ 40..47 => Outcome::Failed(FailureKind::ALL[kind as usize - 40]),
            _ => Outcome::Ok,
        };
        let mut sample = sample(index, latency, outcome);
        sample.phases.wait_ns = (index % 10 == 3).then_some(1_500);
        recording.add(&sample);
    }
    (requests..requests + 5).for_each(|index| recording.add_unsent(index));
    recording
}

fn sample(index: u64, latency: Duration, outcome: Outcome) -> Sample {
    let (start_ns, latency_ns) = (index * 50_000_000, latency.as_nanos() as u64);
    let new = index.is_multiple_of(25);
    Sample {
        index,
        intended_start_ns: Some(start_ns),
        dispatched_ns: start_ns + 40_000 + index,
        sent_ns: Some(start_ns + 45_000 + index),
        finished_ns: start_ns + latency_ns,
        outcome,
        status: (outcome == Outcome::Ok).then_some(if new { 202 } else { 200 }),
        connection: Some(match new {
            true => ConnectionUse::New,
            false => ConnectionUse::Reused,
        }),
        phases: Phases {
            wait_ns: None,
            dns_ns: new.then_some(11_000),
            connect_ns: new.then_some(150_000),
            tls_ns: new.then_some(900_000),
            slot_ns: None,
            redirect_ns: None,
            first_byte_ns: Some(latency_ns / 2),
            body_ns: Some(latency_ns / 3),
        },
        body_bytes: 64,
        server_timing: vec![("db".to_owned(), Duration::from_micros(120 + index % 7))],
    }
}
