//! A client that shuts down its sending side and waits gets its answers, and the answered events are the committed
//! ones.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use a7probe::reference::server::ServerMode;

use crate::harness::{PATIENCE, eventually, temp_dir};
use crate::serve_host::{Served, config};

fn request(version: &str, key: &str, announced: usize, body: &str) -> String {
    format!(
        "POST /ingest HTTP/{version}\r\nhost: a7\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {announced}\r\n\r\n{body}"
    )
}

/// The statuses that come before the connection is closed.
fn statuses(served: &Served, sent: &str) -> Vec<u16> {
    let mut stream = TcpStream::connect(served.address).expect("it accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(sent.as_bytes()).expect("sent");
    stream.shutdown(Shutdown::Write).expect("shut down");
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .expect("answers, then the end");
    let heads = text.split("HTTP/1.").skip(1);
    heads
        .map(|head| head[2..5].parse().expect("a status"))
        .collect()
}

#[test]
fn answered_events_are_the_committed_ones() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    for number in 0..20 {
        let sent = request("1.1", &format!("one-{number}"), 2, "{}");
        assert_eq!(statuses(&served, &sent), [202]);
    }
    let pipelined: String = (0..5)
        .map(|n| request("1.1", &format!("many-{n}"), 2, "{}"))
        .collect();
    assert_eq!(statuses(&served, &pipelined), [202; 5]);
    assert_eq!(statuses(&served, &request("1.0", "old", 2, "{}")), [202]);
    // A body that is cut off is not accepted. Requests before it are.
    assert_eq!(statuses(&served, &request("1.1", "cut", 500, "{}")), [400]);
    let second = request("1.1", "whole", 2, "{}") + &request("1.1", "cut-2", 500, "{}");
    assert_eq!(statuses(&served, &second), [202, 400]);
    assert_eq!(statuses(&served, "POST /ingest HTTP/1.1\r\nho"), [0; 0]);
    assert_eq!(statuses(&served, ""), [0; 0]);
    let mut client = served.client();
    eventually("all are processed", || {
        let queue = client.get("/queue").json();
        (&queue["processed"], &queue["depth"]) == (&27.into(), &0.into())
    });
}

#[test]
fn a_client_that_vanishes_holds_no_connection() {
    let folder = temp_dir();
    let mut config = config(ServerMode::Background, &folder);
    config.limits.connections = 4;
    let served = Served::start(config);
    for number in 0..50 {
        let mut stream = TcpStream::connect(served.address).expect("it accepts");
        let sent = request("1.1", &format!("gone-{number}"), 2, "{}");
        let _ = stream.write_all(&sent.as_bytes()[..sent.len() - number % 20]);
    }
    assert_eq!(served.client().ingest(&[], "{}").status, 202);
}

#[test]
fn requests_with_two_meanings_are_refused() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    let json = ("content-type", "application/json");
    let mut status =
        |headers: &[(&str, &str)]| client.request("POST", "/ingest", headers, b"{}").status;
    let key = ("idempotency-key", "k");
    assert_eq!(status(&[json, key, ("idempotency-key", "l")]), 400);
    assert_eq!(status(&[json, key, key]), 400);
    assert_eq!(status(&[json, json]), 400);
    assert_eq!(status(&[json, ("x-a7-run", "a"), ("x-a7-run", "b")]), 400);
    assert_eq!(status(&[json, ("idempotency-key", "")]), 400);
    for encoding in ["gzip", "identity, gzip", "br", "x-unknown"] {
        assert_eq!(
            status(&[json, ("content-encoding", encoding)]),
            415,
            "{encoding}"
        );
    }
    assert_eq!(
        status(&[("content-type", "application/json; charset=utf-16")]),
        415
    );
    assert_eq!(status(&[json, ("content-encoding", "identity"), key]), 202);
    let trace = (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    assert_eq!(status(&[json, trace, trace]), 202, "no trace is followed");
}
