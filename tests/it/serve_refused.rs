//! Whoever is refused hears why, on a connection that goes on; and nobody holds a connection for ever.

use std::num::NonZeroU32;
use std::time::Duration;

use a7probe::reference::server::{Limits, RateLimit, ServerConfig, ServerMode};
use a7probe::units::Rate;

use crate::harness::{eventually, temp_dir};
use crate::serve_client::{Client, Spoken};
use crate::serve_host::{HeldProvider, Served, config};

const JSON: (&str, &str) = ("content-type", "application/json");
const TOKEN: (&str, &str) = ("authorization", "Bearer s3cret");

/// More than a socket's buffers take at once.
fn large() -> String {
    format!(r#"{{"a":"{}"}}"#, "x".repeat(250_000))
}

/// Refused with this status, and the next request on the same connection is answered.
fn refused(client: &mut Client, path: &str, headers: &[(&str, &str)], status: u16) {
    let answer = client.request("POST", path, headers, large().as_bytes());
    assert_eq!(answer.status, status, "{path}");
    assert_eq!(answer.header("connection"), None, "{path}: it goes on");
    assert_eq!(client.get("/livez").status, 200, "{path}");
}

#[test]
fn a_refusal_is_heard_by_whoever_sends_a_body_with_the_request() {
    let folder = temp_dir();
    let limits = Limits {
        body_bytes: 10_000,
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        tokens: vec!["s3cret".to_owned()],
        rate_limit: Some(RateLimit {
            rate: Rate::per_second(0.001).expect("a rate"),
            burst: NonZeroU32::new(2).expect("not zero"),
        }),
        limits,
        ..config(ServerMode::Background, &folder)
    });
    // Both have the same allowance.
    for (spoken, third) in [(Spoken::Http1, 413), (Spoken::Http2, 429)] {
        let mut client = served.client_over(spoken);
        refused(&mut client, "/ingest", &[JSON], 401);
        refused(&mut client, "/nothing", &[TOKEN, JSON], 404);
        refused(&mut client, "/queue", &[TOKEN, JSON], 405);
        if spoken == Spoken::Http1 {
            refused(&mut client, "/ingest", &[TOKEN], 415);
        }
        refused(&mut client, "/ingest", &[TOKEN, JSON], third);
        refused(&mut client, "/ingest", &[TOKEN, JSON], 429);
    }
}

#[test]
fn shedding_is_heard_too() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let limits = Limits {
        in_flight: 1,
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        limits,
        ..config(ServerMode::Sync, &folder)
    });
    for spoken in Spoken::BOTH {
        let mut first = served.client_over(spoken);
        first.send("POST", "/ingest", &[JSON], b"{}");
        let call = provider.next_call();
        refused(&mut served.client_over(spoken), "/ingest", &[JSON], 503);
        call.answer(202);
        assert_eq!(
            first.receive().expect("an answer").status,
            200,
            "{spoken:?}"
        );
    }
}

#[test]
fn a_body_that_does_not_come_is_waited_for_a_moment_and_the_connection_is_closed() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    client.send_head("POST", "/nothing", &[JSON, ("content-length", "100")]);
    let answer = client.receive().expect("an answer");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (404, Some("close"))
    );
    assert!(client.receive().is_err(), "closed");
}

#[test]
fn a_body_that_would_be_refused_is_not_asked_for() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let asking = [
        JSON,
        ("expect", "100-continue"),
        ("content-length", "10000000"),
    ];
    let mut client = served.client();
    client.send_head("POST", "/ingest", &asking);
    let answer = client.receive().expect("an answer");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (413, Some("close"))
    );

    let welcome = [JSON, ("expect", "100-continue"), ("content-length", "2")];
    let mut client = served.client();
    client.send_head("POST", "/ingest", &welcome);
    assert_eq!(client.receive().expect("an invitation").status, 100);
    client.send_raw(b"{}").expect("the body is sent");
    assert_eq!(client.receive().expect("an answer").status, 202);
}

#[test]
fn what_is_no_text_in_a_path_is_a_problem_like_others() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    for spoken in Spoken::BOTH {
        refuses_paths_that_are_not_text(&mut served.client_over(spoken));
    }
}

fn refuses_paths_that_are_not_text(client: &mut Client) {
    for path in [
        "/events/%FF",
        "/runs/%FF/events",
        "/runs/%00/events",
        "/runs/a%0Ab/events",
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, 400, "{path}");
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{path}");
    }
    for path in [
        "/events/%FF/lease",
        "/events/%FF/effects",
        "/dead/%FF/replay",
    ] {
        assert_eq!(
            client.request("POST", path, &[JSON], b"{}").status,
            400,
            "{path}"
        );
    }
}

#[test]
fn a_client_that_does_not_read_loses_its_place() {
    let folder = temp_dir();
    let limits = Limits {
        connections: 1,
        write_time: Duration::from_millis(100),
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        limits,
        ..config(ServerMode::Background, &folder)
    });
    let mut deaf = served.client();
    // Their answers are more than the buffers on the way take.
    let requests = "GET /openapi.json HTTP/1.1\r\nhost: a7\r\n\r\n".repeat(1000);
    let _ = deaf.send_raw(requests.as_bytes());
    eventually("somebody else is served", || {
        let mut next = served.client();
        next.send("GET", "/livez", &[], b"");
        next.receive().is_ok_and(|answer| answer.status == 200)
    });
}
