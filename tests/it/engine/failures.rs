//! Whatever a server does ends in the right bin, with words that say what it did.

use std::time::Duration;

use a7probe::run::plan::{Keepalive, Size};
use a7probe::run::sample::FailureKind;

use super::{all_ok, closed, measure_one, open};
use crate::scripted::{self, Conversation, OK, Server};

/// Four requests to a server with this script end so, and are sent once.
#[track_caller]
fn fails(
    script: impl Fn(&mut Conversation) + Send + Sync + 'static,
    kind: FailureKind,
    message: &str,
) {
    let server = Server::tcp(script);
    let endpoint = measure_one(&open(server.port(), 100.0, Size::Requests(4)));
    let counts = &endpoint.recording.counts;
    assert_eq!(
        counts.failed.get(&kind),
        Some(&4),
        "{counts:?} {:?}",
        endpoint.errors
    );
    let error = &endpoint.errors[&kind];
    assert!(error.contains(message), "{error}");
    assert!(server.received().len() <= 4);
}

/// Four requests to a server with this script end ok over this many connections.
#[track_caller]
fn succeeds(script: impl Fn(&mut Conversation) + Send + Sync + 'static, connections: usize) {
    let server = Server::tcp(script);
    let endpoint = measure_one(&closed(server.port(), 1, Size::Requests(4)));
    all_ok(&endpoint);
    assert_eq!(server.connections(), connections);
    assert_eq!(server.received().len(), 4);
}

/// Answers one request with these bytes, then closes.
fn once(answer: &'static [u8]) -> impl Fn(&mut Conversation) + Send + Sync + 'static {
    move |conversation| {
        if conversation.request().is_some() {
            conversation.send(answer);
        }
    }
}

/// Answers every request with these bytes.
fn always(answer: &'static [u8]) -> impl Fn(&mut Conversation) + Send + Sync + 'static {
    move |conversation| while conversation.request().is_some() && conversation.send(answer) {}
}

#[test]
fn nobody_listening_is_a_connect_failure() {
    let port = scripted::refusing_port();
    let endpoint = measure_one(&open(port, 100.0, Size::Requests(5)));
    assert_eq!(
        endpoint.recording.counts.failed,
        [(FailureKind::Connect, 5)].into()
    );
    assert!(endpoint.errors[&FailureKind::Connect].contains("refused"));
}

#[test]
fn a_close_before_the_head_is_a_reset() {
    fails(once(b""), FailureKind::Reset, "closed without an answer");
}

#[test]
fn a_close_inside_the_head_is_a_reset() {
    fails(
        once(b"HTTP/1.1 200 OK\r\ncontent-le"),
        FailureKind::Reset,
        "closed before the answer was complete",
    );
}

#[test]
fn a_connection_reset_by_the_peer_is_a_reset() {
    fails(Conversation::leave_unread, FailureKind::Reset, "reset");
}

#[test]
fn a_close_inside_the_body_is_a_body_failure() {
    fails(
        once(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"),
        FailureKind::Body,
        "after 5 bytes",
    );
    fails(
        once(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        FailureKind::Body,
        "after 5 bytes",
    );
}

#[test]
fn broken_chunks_are_a_body_failure() {
    fails(
        once(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nhello\r\n"),
        FailureKind::Body,
        "chunk",
    );
}

#[test]
fn garbage_is_a_protocol_failure() {
    fails(
        once(b"\x00\x01\x02 what is this\r\n\r\n"),
        FailureKind::Protocol,
        "not HTTP/1.1",
    );
    fails(
        |conversation| {
            conversation.send("SSH-2.0-OpenSSH_9.6\r\n");
            conversation.ignore();
        },
        FailureKind::Protocol,
        "not HTTP/1.1",
    );
}

#[test]
fn a_megabyte_of_headers_is_a_protocol_failure() {
    fails(
        |conversation| {
            if conversation.request().is_none() || !conversation.send("HTTP/1.1 200 OK\r\n") {
                return;
            }
            let header = format!("x-filler: {}\r\n", "y".repeat(10_000));
            (0..100).all(|_| conversation.send(&header));
            conversation.ignore();
        },
        FailureKind::Protocol,
        "the head of the answer is longer",
    );
}

#[test]
fn an_unexpected_status_is_a_status_failure_and_keeps_the_connection() {
    let server = Server::answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    let endpoint = measure_one(&closed(server.port(), 1, Size::Requests(4)));
    assert_eq!(
        endpoint.recording.counts.failed,
        [(FailureKind::Status, 4)].into()
    );
    assert_eq!(endpoint.recording.statuses, [(404, 4)].into());
    assert!(endpoint.errors[&FailureKind::Status].contains("returned 404 (expected 2xx)"));
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_body_or_head_that_never_ends_is_a_timeout() {
    for (head, piece) in [
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "1\r\nx\r\n",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\n", "x: y\r\n"),
        ("", "HTTP/1.1 102 Processing\r\n\r\n"),
    ] {
        let server = Server::tcp(move |conversation| {
            if conversation.request().is_some() && conversation.send(head) {
                conversation.drip(piece.as_bytes(), Duration::from_millis(10));
            }
        });
        let mut plan = open(server.port(), 100.0, Size::Requests(3));
        plan.timeout = Duration::from_millis(300);
        let endpoint = measure_one(&plan);
        assert_eq!(endpoint.recording.counts.timeout, 3, "{head:?}");
    }
}

#[test]
fn answers_of_every_framing_are_read_to_their_end() {
    succeeds(always(OK.as_bytes()), 1);
    succeeds(
        always(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n",
        ),
        1,
    );
    succeeds(always(b"HTTP/1.1 204 No Content\r\n\r\n"), 1);
    succeeds(
        always(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        1,
    );
    succeeds(once(b"HTTP/1.1 200 OK\r\n\r\nuntil the close"), 4);
    succeeds(once(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"), 4);
    succeeds(
        always(b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok"),
        1,
    );
    succeeds(
        once(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"),
        4,
    );
    // What follows an answer belongs to no request: the connection is given up.
    succeeds(
        once(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more"),
        4,
    );
}

#[test]
fn an_answer_in_single_bytes_is_read_to_its_end() {
    succeeds(
        |conversation| {
            while conversation.request().is_some() {
                OK.bytes().all(|byte| conversation.send([byte]));
            }
        },
        1,
    );
}

#[test]
fn the_length_of_an_answer_to_head_is_no_body() {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nserver-timing: db;dur=2.5\r\n\r\n",
    );
    let mut plan = closed(server.port(), 1, Size::Requests(4));
    plan.endpoints[0].method = "HEAD".to_owned();
    let endpoint = measure_one(&plan);
    all_ok(&endpoint);
    assert_eq!(endpoint.recording.body_bytes, 0);
    assert_eq!(server.connections(), 1);
    let timing = &endpoint.recording.server_timing["db"];
    assert_eq!((timing.count(), timing.max_ns()), (4, Some(2_500_000)));
}

#[test]
fn one_connection_a_request_opens_as_many_connections_as_requests() {
    let server = Server::answering(OK);
    let mut plan = closed(server.port(), 1, Size::Requests(6));
    plan.connections.keepalive = Keepalive::PerRequest;
    let endpoint = measure_one(&plan);
    all_ok(&endpoint);
    assert_eq!(
        (server.connections(), endpoint.recording.new_connections),
        (6, 6)
    );
    assert!(
        server
            .received()
            .iter()
            .all(|r| r.head.contains("connection: close"))
    );
}

#[test]
fn a_request_on_a_connection_that_closes_is_not_sent_twice() {
    // The second request of every connection is read and never answered.
    let server = Server::tcp(|conversation| {
        conversation.request();
        conversation.send(OK);
        conversation.request();
    });
    let endpoint = measure_one(&closed(server.port(), 1, Size::Requests(10)));
    let counts = &endpoint.recording.counts;
    assert_eq!(
        (counts.ok, counts.failed.get(&FailureKind::Reset)),
        (5, Some(&5))
    );
    assert_eq!((server.received().len(), server.connections()), (10, 5));
}

#[test]
fn idle_connections_that_the_server_closed_are_not_used() {
    let server = Server::tcp(once(OK.as_bytes()));
    let endpoint = measure_one(&open(server.port(), 10.0, Size::Requests(12)));
    all_ok(&endpoint);
    assert_eq!(server.connections(), 12);
}

#[test]
fn an_answer_before_a_large_request_was_read_is_heard() {
    let server = Server::tcp(|conversation| {
        conversation.answer_early(
            "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        );
    });
    let mut plan = closed(server.port(), 1, Size::Requests(2));
    plan.endpoints = vec![super::post("large", "/", &"x".repeat(8 << 20))];
    let endpoint = measure_one(&plan);
    assert_eq!(
        endpoint.recording.statuses,
        [(413, 2)].into(),
        "{:?}",
        endpoint.errors
    );
}
