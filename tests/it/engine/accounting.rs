//! Every planned request is sent at most once and ends in exactly one bin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use a7probe::probe::engine::{self, Live, RunIds, RunSpec};
use a7probe::run::plan::{Endpoint, Plan, Size};
use a7probe::run::sample::{ConnectionUse, FailureKind, Outcome};
use a7probe::run::schedule::event_id;

use super::{check, closed, get, measure_one, open, post, rate};
use crate::scripted::{OK, Received, Server};

const EVENT: &str = r#"{"id":"{{uuid}}","n":{{n}}}"#;

/// Two endpoints, the second with events, at these rates.
fn two_endpoints(mut plan: Plan, rates: [Option<f64>; 2]) -> Plan {
    let [health, ingest] = rates.map(|r| r.and_then(rate));
    plan.endpoints = vec![
        Endpoint {
            rate: health,
            ..get("health", "/health")
        },
        Endpoint {
            rate: ingest,
            ..post("ingest", "/ingest", EVENT)
        },
    ];
    plan
}

/// The bodies that arrived under this run's header, sorted.
fn bodies(received: &[Received], run: uuid::Uuid) -> Vec<String> {
    let of_run = |r: &&Received| r.head.contains(&format!("x-a7-run: {run}"));
    let mut bodies: Vec<String> = received
        .iter()
        .filter(of_run)
        .map(|r| String::from_utf8(r.body.clone()).unwrap())
        .collect();
    bodies.sort();
    bodies
}

/// The events that a plan sends to its second endpoint, sorted.
fn events(run: uuid::Uuid, n: u64) -> Vec<String> {
    let mut events: Vec<String> = (0..n)
        .map(|i| format!(r#"{{"id":"{}","n":{i}}}"#, event_id(run, 1, i)))
        .collect();
    events.sort();
    events
}

#[test]
fn every_planned_event_arrives_exactly_once_and_the_warm_up_apart() {
    let server = Server::answering(OK);
    let mut plan = two_endpoints(
        open(server.port(), 1.0, Size::Duration(Duration::from_secs(2))),
        [Some(40.0), Some(110.0)],
    );
    plan.warmup = Duration::from_millis(500);
    let (_stopper, stop) = engine::stop_switch();
    let runs = RunIds::fresh();
    let measured = engine::run(&RunSpec::new(&plan, runs, &stop)).unwrap();
    check(&plan, &measured);
    measured.endpoints.iter().for_each(super::all_ok);

    let received = server.received();
    assert_eq!(bodies(&received, runs.run), events(runs.run, 220));
    assert_eq!(bodies(&received, runs.warmup), events(runs.warmup, 55));
    let gets = received
        .iter()
        .filter(|r| r.head.starts_with("GET "))
        .count();
    assert_eq!(gets, 80 + 20);
    let counts: Vec<(u64, u64)> = measured
        .endpoints
        .iter()
        .map(|e| (e.recording.counts.ok, e.warmup.ok))
        .collect();
    assert_eq!(counts, [(80, 20), (220, 55)]);
}

#[test]
fn the_same_run_id_sends_the_same_events() {
    let server = Server::answering(OK);
    let plan = two_endpoints(
        open(server.port(), 1.0, Size::Requests(30)),
        [Some(200.0), Some(200.0)],
    );
    let runs = RunIds::fresh();
    for _ in 0..2 {
        let (_stopper, stop) = engine::stop_switch();
        engine::run(&RunSpec::new(&plan, runs, &stop)).unwrap();
    }
    let bodies = bodies(&server.received(), runs.run);
    let twice: Vec<String> = events(runs.run, 30)
        .into_iter()
        .flat_map(|e| [e.clone(), e])
        .collect();
    assert_eq!(bodies, twice);
}

#[test]
fn threads_of_a_closed_run_merge_without_loss() {
    let server = Server::answering(OK);
    let plan = two_endpoints(closed(server.port(), 8, Size::Requests(1500)), [None, None]);
    let (_stopper, stop) = engine::stop_switch();
    let (runs, live) = (RunIds::fresh(), Arc::new(Live::new(&plan)));
    let measured = engine::run(&RunSpec {
        live: Some(Arc::clone(&live)),
        ..RunSpec::new(&plan, runs, &stop)
    })
    .unwrap();
    check(&plan, &measured);
    measured.endpoints.iter().for_each(super::all_ok);
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(measured.instrument.threads, cores.min(8));
    assert_eq!(bodies(&server.received(), runs.run), events(runs.run, 1500));
    assert!(
        live.snapshot()
            .iter()
            .all(|e| (e.ended, e.not_ok) == (1500, 0))
    );
    assert_eq!(server.connections(), 8);
    let new: u64 = measured
        .endpoints
        .iter()
        .map(|e| e.recording.new_connections)
        .sum();
    assert_eq!(new, 8);
}

#[test]
fn threads_of_a_fast_open_run_merge_without_loss() {
    let server = Server::answering(OK);
    let cores = std::thread::available_parallelism().unwrap().get();
    // So fast that one thread is not enough for it.
    let plan = two_endpoints(
        open(server.port(), 1.0, Size::Requests(2000)),
        [Some(10_000.0), Some(10_000.0)],
    );
    let (_stopper, stop) = engine::stop_switch();
    let runs = RunIds::fresh();
    let measured = engine::run(&RunSpec::new(&plan, runs, &stop)).unwrap();
    check(&plan, &measured);
    measured.endpoints.iter().for_each(super::all_ok);
    assert_eq!(measured.instrument.threads, cores.min(2));
    assert_eq!(bodies(&server.received(), runs.run), events(runs.run, 2000));
}

#[test]
fn waiting_for_a_connection_counts_in_response_time_and_is_reported() {
    let server = Server::tcp(|conversation| {
        while conversation.request().is_some() {
            std::thread::sleep(Duration::from_millis(20));
            conversation.send(OK);
        }
    });
    let mut plan = open(server.port(), 100.0, Size::Requests(30));
    plan.connections.max_in_flight = 1;
    let endpoint = measure_one(&plan);
    super::all_ok(&endpoint);
    assert_eq!(server.connections(), 1);
    assert!(endpoint.recording.pool_limited >= 27);
    // Due after at most 300 ms, answered after at least 30 · 20 ms.
    let slowest = &endpoint.recording.slowest[0];
    assert!(slowest.latency >= Duration::from_millis(300), "{slowest:?}");
    let waited = Duration::from_nanos(slowest.phases.wait_ns.unwrap());
    assert!(waited + Duration::from_millis(100) > slowest.latency);
    assert_eq!(slowest.connection, Some(ConnectionUse::Reused));
    // Service time knows nothing of the wait.
    let median_ns = endpoint.recording.service.value_at_rank(15).unwrap();
    assert!(median_ns < 200_000_000, "{median_ns}");
}

#[test]
fn the_cap_holds_over_all_threads() {
    let at_once = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let seen = Arc::clone(&at_once);
    let server = Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            let now = seen.0.fetch_add(1, Ordering::SeqCst) + 1;
            seen.1.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(1));
            seen.0.fetch_sub(1, Ordering::SeqCst);
            conversation.send(OK);
        }
    });
    let mut plan = open(server.port(), 20_000.0, Size::Requests(100));
    plan.connections.max_in_flight = 1;
    super::all_ok(&measure_one(&plan));
    assert_eq!(at_once.1.load(Ordering::SeqCst), 1);
}

#[test]
fn a_stopped_open_run_ends_at_what_was_due() {
    let server = Server::answering(OK);
    let plan = open(
        server.port(),
        100.0,
        Size::Duration(Duration::from_secs(60)),
    );
    let (stopper, stop) = engine::stop_switch();
    let began = Instant::now();
    let measured = std::thread::scope(|scope| {
        let running =
            scope.spawn(|| engine::run(&RunSpec::new(&plan, RunIds::fresh(), &stop)).unwrap());
        wait_for(|| server.received().len() >= 20);
        stopper.stop();
        running.join().unwrap()
    });
    assert!(began.elapsed() < Duration::from_secs(30));
    check(&plan, &measured);
    assert!(measured.stopped);
    let counts = &measured.endpoints[0].recording.counts;
    assert_eq!(counts.ok, server.received().len() as u64);
    assert_eq!((counts.unsent, counts.total()), (0, counts.ok));
    assert!(counts.ok < 6000, "{counts:?}");
}

#[test]
fn a_stopped_closed_run_ends_at_what_was_sent() {
    let server = Server::tcp(|conversation| {
        while conversation.request().is_some() {
            std::thread::sleep(Duration::from_millis(5));
            conversation.send(OK);
        }
    });
    let plan = two_endpoints(
        closed(server.port(), 4, Size::Requests(1_000_000)),
        [None, None],
    );
    let (stopper, stop) = engine::stop_switch();
    let measured = std::thread::scope(|scope| {
        let running =
            scope.spawn(|| engine::run(&RunSpec::new(&plan, RunIds::fresh(), &stop)).unwrap());
        wait_for(|| server.received().len() >= 20);
        stopper.stop();
        running.join().unwrap()
    });
    check(&plan, &measured);
    assert!(measured.stopped);
    let ok: u64 = measured
        .endpoints
        .iter()
        .map(|e| e.recording.counts.ok)
        .sum();
    assert_eq!(ok, server.received().len() as u64);
    let counts = measured.endpoints.iter().map(|e| &e.recording.counts);
    assert!(counts.clone().all(|counts| counts.total() == counts.ok));
}

#[test]
fn a_run_stopped_while_requests_wait_does_not_send_them() {
    let server = Server::tcp(|conversation| {
        while conversation.request().is_some() {
            std::thread::sleep(Duration::from_millis(200));
            conversation.send(OK);
        }
    });
    let mut plan = open(server.port(), 1000.0, Size::Requests(100));
    plan.connections.max_in_flight = 2;
    let (stopper, stop) = engine::stop_switch();
    let measured = std::thread::scope(|scope| {
        let running =
            scope.spawn(|| engine::run(&RunSpec::new(&plan, RunIds::fresh(), &stop)).unwrap());
        wait_for(|| server.received().len() >= 4);
        stopper.stop();
        running.join().unwrap()
    });
    check(&plan, &measured);
    let counts = &measured.endpoints[0].recording.counts;
    assert_eq!(counts.ok, server.received().len() as u64);
    assert!(counts.unsent >= 50, "{counts:?}");
}

#[test]
fn a_server_that_never_answers_gives_timeouts_on_time() {
    let server = Server::tcp(|conversation| conversation.ignore());
    let mut plan = open(server.port(), 100.0, Size::Requests(20));
    plan.timeout = Duration::from_millis(300);
    let began = Instant::now();
    let endpoint = measure_one(&plan);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(endpoint.recording.counts.timeout, 20);
    assert_eq!(super::outcomes(&endpoint.recording), [Outcome::Timeout; 10]);
    for exemplar in &endpoint.recording.slowest {
        assert!(exemplar.latency >= plan.timeout, "{exemplar:?}");
        // All of it went into waiting for the first byte, and the record says so.
        assert!(exemplar.phases.first_byte_ns.is_some(), "{exemplar:?}");
    }
    assert_eq!(
        endpoint.recording.exceedances[0].bits.count_ones(),
        20,
        "a timeout exceeds every target"
    );
}

#[test]
fn requests_that_wait_behind_a_dead_connection_time_out_as_well() {
    let server = Server::tcp(|conversation| conversation.ignore());
    let mut plan = open(server.port(), 200.0, Size::Requests(60));
    plan.timeout = Duration::from_millis(400);
    plan.connections.max_in_flight = 1;
    let began = Instant::now();
    let endpoint = measure_one(&plan);
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(endpoint.recording.counts.timeout, 60);
    assert!(endpoint.recording.pool_limited >= 57);
}

#[test]
fn a_closed_run_against_a_server_that_never_answers_ends() {
    let server = Server::tcp(|conversation| conversation.ignore());
    let mut plan = closed(server.port(), 4, Size::Requests(8));
    plan.timeout = Duration::from_millis(200);
    let endpoint = measure_one(&plan);
    assert_eq!(endpoint.recording.counts.timeout, 8);
}

#[test]
fn a_mixture_of_ends_adds_up() {
    let server = Server::tcp(|conversation| {
        while let Some(request) = conversation.request() {
            let n: u64 = String::from_utf8(request.body).unwrap().parse().unwrap();
            match n % 5 {
                0 => conversation.send("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"),
                1 => return,
                2 => conversation.send("nonsense\r\n\r\n"),
                3 => {
                    conversation.ignore();
                    false
                }
                _ => conversation.send(OK),
            };
        }
    });
    let mut plan = open(server.port(), 500.0, Size::Requests(250));
    plan.endpoints[0] = Endpoint {
        rate: rate(500.0),
        ..post("mixed", "/", "{{n}}")
    };
    plan.timeout = Duration::from_secs(2);
    let endpoint = measure_one(&plan);
    let counts = endpoint.recording.counts;
    let failed = BTreeMap::from([
        (FailureKind::Reset, 50),
        (FailureKind::Protocol, 50),
        (FailureKind::Status, 50),
    ]);
    assert_eq!((counts.ok, counts.timeout, counts.failed), (50, 50, failed));
    let arrived: BTreeSet<Vec<u8>> = server.received().into_iter().map(|r| r.body).collect();
    assert_eq!((arrived.len(), server.received().len()), (250, 250));
}

/// Polls until something holds.
#[track_caller]
fn wait_for(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to hold");
        std::thread::sleep(Duration::from_millis(2));
    }
}
