//! METHOD §13: where a burst waits. A server that serves one at a time answers the k-th after k service times; whether
//! that is a wait for a stream or for the answer depends on what the server allows.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use a7probe::run::run_file::EndpointRun;

use super::{burst, measured};
use crate::frames::{FrameServer, MAX_STREAMS};

const SERVICE: Duration = Duration::from_millis(40);

/// Of this machine, which runs other tests as well.
const TOLERANCE: Duration = Duration::from_millis(60);

/// Serves one request at a time, and says when it really did.
struct SerialServer {
    server: FrameServer,
    answered: Arc<Mutex<Vec<Instant>>>,
}

impl SerialServer {
    fn start(settings: &[(u16, u32)]) -> SerialServer {
        let answered = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&answered);
        let server = FrameServer::start(settings, move |conversation| {
            while let Some(stream) = conversation.request() {
                std::thread::sleep(SERVICE);
                log.lock().unwrap().push(Instant::now());
                conversation.ok(stream);
            }
        });
        SerialServer { server, answered }
    }

    /// When the k-th answer was sent, counted from a service time before the first: k service times, and what the
    /// server's own sleep was too long.
    fn truth(&self) -> Vec<Duration> {
        let answered = self.answered.lock().unwrap();
        let began = answered[0] - SERVICE;
        answered.iter().map(|at| *at - began).collect()
    }
}

/// Response time, wait for a stream and send to first byte of the requests, in the order of the plan.
fn times(endpoint: &EndpointRun) -> Vec<(Duration, Duration, Duration)> {
    let mut requests = endpoint.recording.slowest.clone();
    requests.sort_by_key(|request| request.index);
    let time = |ns: Option<u64>| Duration::from_nanos(ns.unwrap_or(0));
    requests
        .iter()
        .map(|request| {
            let phases = &request.phases;
            (
                request.latency,
                time(phases.slot_ns),
                time(phases.first_byte_ns) + time(phases.body_ns),
            )
        })
        .collect()
}

#[track_caller]
fn near(measured: Duration, truth: Duration) {
    assert!(
        measured.abs_diff(truth) < TOLERANCE,
        "{measured:?}, truth {truth:?}"
    );
}

#[test]
fn with_one_stream_the_kth_of_a_burst_waits_k_minus_1_service_times_for_it() {
    let serial = SerialServer::start(&[(MAX_STREAMS, 1)]);
    let (run, endpoint) = measured(&burst(serial.server.port(), 8, 8, 8));
    assert_eq!(endpoint.recording.counts.ok, 8, "{:?}", endpoint.errors);
    let truth = serial.truth();
    let mut waited = Duration::ZERO;
    for (truth, (response, slot, answer)) in truth.iter().zip(times(&endpoint)) {
        near(response, *truth);
        near(slot, waited);
        near(answer, *truth - waited);
        waited = *truth;
    }
    assert!(truth[7] >= SERVICE * 8, "{truth:?}");
    assert_eq!(endpoint.recording.phases.slot.count(), 7);
    let [used] = run.instrument.streams.as_slice() else {
        panic!("{:?}", run.instrument.streams);
    };
    assert_eq!((used.connections, used.allowed), (1, Some(1)));
}

#[test]
fn with_streams_for_all_of_a_burst_the_same_time_stands_behind_the_send() {
    for settings in [&[(MAX_STREAMS, 8)][..], &[]] {
        let serial = SerialServer::start(settings);
        let (run, endpoint) = measured(&burst(serial.server.port(), 8, 8, 8));
        assert_eq!(endpoint.recording.counts.ok, 8, "{:?}", endpoint.errors);
        for (truth, (response, slot, answer)) in serial.truth().iter().zip(times(&endpoint)) {
            near(response, *truth);
            assert_eq!(slot, Duration::ZERO);
            near(answer, *truth);
        }
        let allowed = settings.first().map(|(_, allowed)| u64::from(*allowed));
        assert_eq!(run.instrument.streams[0].allowed, allowed);
    }
}

/// Four at a time fit on two connections of two streams.
#[test]
fn depth_and_requests_in_flight_decide_how_many_connections_there_are() {
    let serial = SerialServer::start(&[(MAX_STREAMS, 100)]);
    let (run, endpoint) = measured(&burst(serial.server.port(), 8, 4, 2));
    assert_eq!(endpoint.recording.counts.ok, 8, "{:?}", endpoint.errors);
    assert_eq!(serial.server.connections(), 2);
    assert_eq!(run.instrument.streams[0].connections, 2);
    // Above the cap, requests wait as in HTTP/1.1, and not for a stream.
    assert_eq!(endpoint.recording.pool_limited, 4);
}

#[test]
fn a_limit_that_the_server_raises_during_the_run_is_used_at_once() {
    let server = FrameServer::start(&[(MAX_STREAMS, 0)], |conversation| {
        std::thread::sleep(SERVICE);
        conversation.settings(&[(MAX_STREAMS, 8)]);
        while let Some(stream) = conversation.request() {
            conversation.ok(stream);
        }
    });
    let mut plan = burst(server.port(), 8, 8, 8);
    plan.timeout = Duration::from_secs(5);
    let (run, endpoint) = measured(&plan);
    assert_eq!(endpoint.recording.counts.ok, 8, "{:?}", endpoint.errors);
    assert_eq!(run.instrument.streams[0].allowed, Some(0));
    // It may be raised before the first request is due.
    assert!(endpoint.recording.phases.slot.count() <= 8);
}

#[test]
fn a_server_that_allows_no_stream_times_every_request_out_in_the_wait_for_one() {
    let server = FrameServer::start(&[(MAX_STREAMS, 0)], |conversation| conversation.ignore());
    let mut plan = burst(server.port(), 5, 8, 8);
    plan.timeout = Duration::from_millis(300);
    let (_, endpoint) = measured(&plan);
    let recording = &endpoint.recording;
    assert_eq!((recording.counts.timeout, recording.sent), (5, 0));
    for request in &recording.slowest {
        let slot = Duration::from_nanos(request.phases.slot_ns.expect("a wait"));
        near(slot, plan.timeout);
    }
    assert!(server.requests().is_empty());
}
