//! Every end of a stream is counted once, whatever the server does to it, and nothing is sent twice unless the server
//! says that it did not process it.

use std::time::Duration;

use a7probe::run::plan::{HttpVersion, Keepalive, Model, Size};
use a7probe::run::run_file::EndpointRun;
use a7probe::run::sample::FailureKind;
use a7probe::units::Rate;

use super::{burst, measured};
use crate::frames::{
    FrameConversation, FrameServer, INITIAL_WINDOW, INTERNAL_ERROR, MAX_STREAMS, NO_ERROR,
    REFUSED_STREAM, STATUS_103, STATUS_200, STATUS_404,
};
use crate::scripted::{OK, Server, refusing_port};

const DEEP: &[(u16, u32)] = &[(MAX_STREAMS, 100)];

#[track_caller]
fn failed(endpoint: &EndpointRun, kind: FailureKind) -> u64 {
    let counts = &endpoint.recording.counts;
    let found = counts.failed.get(&kind).copied().unwrap_or(0);
    assert!(found > 0, "{counts:?} {:?}", endpoint.errors);
    found
}

#[test]
fn refused_and_reset_streams_are_failures_of_kinds_of_their_own_and_not_sent_again() {
    let server = FrameServer::start(DEEP, |conversation| {
        while let Some(stream) = conversation.request() {
            // Streams 1, 3, 5, …: each third of them one end.
            match (stream / 2) % 3 {
                0 => conversation.reset(stream, REFUSED_STREAM),
                1 => conversation.reset(stream, INTERNAL_ERROR),
                _ => conversation.ok(stream),
            };
        }
    });
    let (_, endpoint) = measured(&burst(server.port(), 30, 30, 30));
    assert_eq!(failed(&endpoint, FailureKind::RefusedStream), 10);
    assert_eq!(failed(&endpoint, FailureKind::StreamReset), 10);
    assert_eq!(endpoint.recording.counts.ok, 10);
    let message = &endpoint.errors[&FailureKind::StreamReset];
    assert!(message.contains("INTERNAL_ERROR"), "{message}");
    assert_eq!(server.requests().len(), 30);
    assert_eq!(endpoint.recording.moved, 0);
}

/// The first connection answers what it likes of a burst of ten, the second everything.
fn ends_first_connection(end: fn(&mut FrameConversation, &[u32])) -> FrameServer {
    FrameServer::start(DEEP, move |conversation| {
        if conversation.number == 0 {
            let streams: Vec<u32> = (0..10).filter_map(|_| conversation.request()).collect();
            end(conversation, &streams);
        }
        while let Some(stream) = conversation.request() {
            conversation.ok(stream);
        }
    })
}

#[test]
fn streams_above_the_last_of_a_goaway_move_to_another_connection_and_are_counted() {
    let server = ends_first_connection(|conversation, streams| {
        conversation.goaway(streams[3], NO_ERROR);
        for stream in &streams[..4] {
            conversation.ok(*stream);
        }
    });
    let (run, endpoint) = measured(&burst(server.port(), 10, 10, 10));
    let recording = &endpoint.recording;
    assert_eq!(recording.counts.ok, 10, "{:?}", endpoint.errors);
    assert_eq!(recording.moved, 6);
    assert_eq!(server.requests().len(), 16);
    let used = &run.instrument.streams[0];
    assert_eq!((used.connections, used.goaways), (2, 1));
}

#[test]
fn streams_below_the_last_of_a_goaway_that_stay_without_an_answer_failed() {
    let server = ends_first_connection(|conversation, streams| {
        conversation.goaway(streams[5], INTERNAL_ERROR);
        conversation.ok(streams[0]);
        conversation.close();
    });
    let (_, endpoint) = measured(&burst(server.port(), 10, 10, 10));
    let recording = &endpoint.recording;
    assert_eq!(failed(&endpoint, FailureKind::GoAway), 5);
    assert_eq!((recording.counts.ok, recording.moved), (5, 4));
    let message = &endpoint.errors[&FailureKind::GoAway];
    assert!(message.contains("INTERNAL_ERROR"), "{message}");
}

/// Ends this many connections without processing their request.
fn ends_connections(count: usize) -> FrameServer {
    FrameServer::start(DEEP, move |conversation| {
        while let Some(stream) = conversation.request() {
            if conversation.number < count {
                conversation.goaway(0, NO_ERROR);
                return conversation.ignore();
            }
            conversation.ok(stream);
        }
    })
}

/// A healthy server ends connections one after the other, and a request may meet that more than once.
#[test]
fn a_request_moves_on_until_a_connection_processes_it_and_at_most_ten_times() {
    let server = ends_connections(3);
    let (_, endpoint) = measured(&burst(server.port(), 1, 1, 1));
    assert_eq!(endpoint.recording.counts.ok, 1, "{:?}", endpoint.errors);
    assert_eq!(endpoint.recording.moved, 3);
    let server = ends_connections(usize::MAX);
    let (_, endpoint) = measured(&burst(server.port(), 1, 1, 1));
    assert_eq!(failed(&endpoint, FailureKind::GoAway), 1);
    assert_eq!(endpoint.recording.moved, 10);
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn a_connection_that_is_lost_fails_what_is_on_it_and_nothing_is_sent_twice() {
    let server = ends_first_connection(|conversation, streams| {
        conversation.ok(streams[0]);
        conversation.head(streams[1], STATUS_200, false);
        conversation.data(streams[1], b"part", false);
        conversation.close();
    });
    let (_, endpoint) = measured(&burst(server.port(), 10, 10, 10));
    assert_eq!(failed(&endpoint, FailureKind::Reset), 9);
    assert_eq!(endpoint.recording.counts.ok, 1);
    assert_eq!(server.requests().len(), 10);
}

#[test]
fn statuses_interim_answers_and_trailers_are_read_as_they_are_meant() {
    let server = FrameServer::start(DEEP, |conversation| {
        while let Some(stream) = conversation.request() {
            conversation.head(stream, STATUS_103, false);
            let status = if stream % 4 == 1 {
                STATUS_200
            } else {
                STATUS_404
            };
            conversation.head(stream, status, false);
            conversation.data(stream, b"body", false);
            // `x: y`, a literal without indexing.
            conversation.head(stream, &[0x00, 1, b'x', 1, b'y'], true);
        }
    });
    let (_, endpoint) = measured(&burst(server.port(), 20, 20, 20));
    let recording = &endpoint.recording;
    assert_eq!(recording.counts.ok, 10, "{:?}", endpoint.errors);
    assert_eq!(failed(&endpoint, FailureKind::Status), 10);
    assert_eq!(recording.statuses[&404], 10);
    assert_eq!(recording.body_bytes, 80);
}

/// The slow part of a body is in the body's phase.
#[test]
fn a_body_that_trickles_in_is_read_to_its_end() {
    let step = Duration::from_millis(30);
    let server = FrameServer::start(DEEP, move |conversation| {
        while let Some(stream) = conversation.request() {
            conversation.head(stream, STATUS_200, false);
            for last in [false, false, false, true] {
                std::thread::sleep(step);
                conversation.data(stream, b"x", last);
            }
        }
    });
    let (_, endpoint) = measured(&burst(server.port(), 1, 1, 1));
    let request = &endpoint.recording.slowest[0];
    assert_eq!(endpoint.recording.counts.ok, 1, "{:?}", endpoint.errors);
    let body = Duration::from_nanos(request.phases.body_ns.expect("a body"));
    assert!(body >= step * 3, "{body:?}");
    assert!(request.latency >= step * 4, "{:?}", request.latency);
}

/// The answers cannot come, because the bodies never leave. A stream that is given up is free for the next request.
#[test]
fn a_window_that_never_opens_times_the_uploads_out_and_frees_their_streams() {
    let server = FrameServer::start(&[(MAX_STREAMS, 2), (INITIAL_WINDOW, 0)], |conversation| {
        conversation.ignore();
    });
    let mut plan = burst(server.port(), 6, 6, 6);
    plan.endpoints[0].method = "POST".to_owned();
    plan.endpoints[0].body = Some(a7probe::run::plan::Template::literal("body"));
    plan.endpoints[0].rate = Rate::per_second(5.0);
    plan.timeout = Duration::from_millis(700);
    let (_, endpoint) = measured(&plan);
    assert_eq!(endpoint.recording.counts.timeout, 6);
    // The connection ends with the last of them.
    assert!(endpoint.recording.sent > 2, "{}", endpoint.recording.sent);
    assert!(server.resets() > 0);
}

#[test]
fn answers_that_break_the_protocol_are_named() {
    // DATA before any head.
    let server = FrameServer::start(DEEP, |conversation| {
        while let Some(stream) = conversation.request() {
            conversation.data(stream, b"x", true);
        }
    });
    let (_, endpoint) = measured(&burst(server.port(), 1, 1, 1));
    assert_eq!(failed(&endpoint, FailureKind::Protocol), 1);
    let message = &endpoint.errors[&FailureKind::Protocol];
    assert!(message.contains("breaks HTTP/2"), "{message}");
}

#[test]
fn a_server_that_is_not_there_or_speaks_http_1_fails_every_request_of_the_plan() {
    let (_, endpoint) = measured(&burst(refusing_port(), 20, 20, 4));
    assert_eq!(failed(&endpoint, FailureKind::Connect), 20);
    let server = Server::answering(OK);
    let (_, endpoint) = measured(&burst(server.port(), 20, 20, 4));
    assert_eq!(failed(&endpoint, FailureKind::Protocol), 20);
    let message = &endpoint.errors[&FailureKind::Protocol];
    assert!(message.contains("answers in HTTP/1.1"), "{message}");
}

#[test]
fn a_new_connection_for_every_request_is_one_for_every_request() {
    let server = FrameServer::answering(DEEP);
    let mut plan = burst(server.port(), 12, 4, 100);
    plan.connections.keepalive = Keepalive::PerRequest;
    let (_, endpoint) = measured(&plan);
    assert_eq!(endpoint.recording.counts.ok, 12, "{:?}", endpoint.errors);
    assert_eq!(server.connections(), 12);
    assert_eq!(endpoint.recording.new_connections, 12);
}

#[test]
fn the_closed_model_fills_its_connections() {
    let server = FrameServer::answering(DEEP);
    let mut plan = burst(server.port(), 100, 512, 4);
    plan.endpoints[0].rate = None;
    plan.model = Model::Closed { concurrency: 8 };
    plan.size = Size::Requests(100);
    let (_, endpoint) = measured(&plan);
    assert_eq!(endpoint.recording.counts.ok, 100, "{:?}", endpoint.errors);
    assert_eq!(server.connections(), 2);
    assert_eq!(
        plan.connections.version,
        HttpVersion::Http2 { streams: 4 },
        "two connections of four streams"
    );
}
