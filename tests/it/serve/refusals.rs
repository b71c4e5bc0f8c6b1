//! What the server refuses, and the status that says why.

use std::time::Duration;

use a7probe::reference::server::{Limits, Queued, Server, ServerConfig, ServerMode};
use a7probe::reference::store::{Durability, StoreOptions};

use super::KEY;

use crate::harness::temp_dir;
use crate::serve_client::{Client, Spoken};
use crate::serve_host::{HeldProvider, Served, config};

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn what_cannot_be_read_is_refused_with_the_status_that_says_why() {
    for spoken in Spoken::BOTH {
        let folder = temp_dir();
        let served = Served::start(config(ServerMode::Background, &folder));
        refuses_what_cannot_be_read(&mut served.client_over(spoken));
        assert_eq!(served.stop().processed, 0, "nothing of it was accepted");
    }
}

fn refuses_what_cannot_be_read(client: &mut Client) {
    let mut status = |headers: &[(&str, &str)], body: &str| {
        let answer = client.request("POST", "/ingest", headers, body.as_bytes());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert!(
            answer.header("server-timing").is_some() && answer.header("x-request-id").is_some()
        );
        assert_eq!(answer.json()["status"], answer.status);
        answer.status
    };
    for body in [
        "",
        "{",
        "[]",
        "null",
        r#"{"id":[]}"#,
        r#"{"id":""}"#,
        "{} {}",
    ] {
        assert_eq!(status(&[JSON], body), 400, "{body}");
    }
    assert_eq!(
        status(&[JSON, ("idempotency-key", &"k".repeat(256))], "{}"),
        400
    );
    assert_eq!(status(&[JSON, ("x-a7-run", &"r".repeat(129))], "{}"), 400);
    assert_eq!(status(&[], "{}"), 415);
    assert_eq!(status(&[("content-type", "text/plain")], "{}"), 415);
    assert_eq!(client.get("/nothing").status, 404);
    assert_eq!(client.get("/events/not-a-uuid").status, 404);
    assert_eq!(client.get(&format!("/events/{KEY}")).status, 404);
    assert_eq!(client.get(&format!("/events/{KEY}?wait=5")).status, 400);
    let wrong_method = client.request("DELETE", "/ingest", &[], b"");
    assert_eq!(
        (wrong_method.status, wrong_method.header("allow")),
        (405, Some("POST"))
    );
}

#[test]
fn a_body_over_the_limit_is_413_announced_or_not() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let body = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    let limit = Limits::default().body_bytes;
    for spoken in Spoken::BOTH {
        // Over HTTP/2 a body comes without its length.
        let mut client = served.client_over(spoken);
        assert_eq!(client.ingest(&[], &body(limit)).status, 202, "{spoken:?}");
        assert_eq!(
            client.ingest(&[], &body(limit + 1)).status,
            413,
            "{spoken:?}"
        );
        let announced = [JSON, ("content-length", "262145")];
        let mut client = served.client_over(spoken);
        client.send_head("POST", "/ingest", &announced);
        let answer = client.receive().expect("an answer");
        assert_eq!(answer.status, 413, "{spoken:?}");
    }

    let mut chunked = served.client();
    let head = "POST /ingest HTTP/1.1\r\nhost: a7\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    chunked.send_raw(head.as_bytes()).expect("the head is sent");
    let chunk = [b"8000\r\n".as_slice(), &vec![b' '; 0x8000], b"\r\n"].concat();
    // The server may answer and close before everything is sent.
    for _ in 0..9 {
        let _ = chunked.send_raw(&chunk);
    }
    assert_eq!(chunked.receive().expect("an answer").status, 413);
}

#[test]
fn a_body_that_does_not_come_is_408_and_a_head_that_does_not_come_ends_the_connection() {
    let folder = temp_dir();
    let limits = Limits {
        body_time: Duration::from_millis(100),
        head_time: Duration::from_millis(100),
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        limits,
        ..config(ServerMode::Background, &folder)
    });
    for spoken in Spoken::BOTH {
        let mut slow = served.client_over(spoken);
        slow.send_head("POST", "/ingest", &[JSON, ("content-length", "10")]);
        let answer = slow.receive().expect("an answer");
        assert_eq!(answer.status, 408, "{spoken:?}");
    }
    let mut slow = served.client();
    let head = "POST /ingest HTTP/1.1\r\nhost: a7\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
    slow.send_raw(head.as_bytes()).expect("the head is sent");
    assert_eq!(slow.receive().expect("an answer").status, 408);
    let mut slower = served.client();
    slower
        .send_raw(b"POST /ing")
        .expect("a part of the head is sent");
    assert!(slower.receive().is_err(), "the connection is closed");
}

#[test]
fn a_backlog_that_is_full_is_503_until_it_is_not() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let base = config(ServerMode::Background, &folder);
    let store = StoreOptions {
        backlog: 2,
        ..base.store.clone()
    };
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        store,
        ..base
    });
    let mut client = served.client();
    let ids = [
        client.ingest(&[], "{}").event_id(),
        client.ingest(&[], "{}").event_id(),
    ];
    let refused = client.ingest(&[], "{}");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(refused.json()["type"], "urn:a7probe:problem:overloaded");
    assert_eq!(client.get("/queue").json()["depth"], 2);
    for _ in 0..2 {
        provider.next_call().answer(202);
    }
    for id in ids {
        assert_eq!(
            client.get(&format!("/events/{id}?wait=30s")).json()["state"],
            "processed"
        );
    }
    assert_eq!(client.ingest(&[], "{}").status, 202);
    provider.next_call().answer(202);
}

#[test]
fn a_commit_queue_that_is_full_is_503() {
    let folder = temp_dir();
    let base = config(ServerMode::Background, &folder);
    let store = StoreOptions {
        commit_queue: 0,
        ..base.store.clone()
    };
    let served = Served::start(ServerConfig { store, ..base });
    let refused = served.client().ingest(&[], "{}");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
}

#[test]
fn a_store_that_cannot_be_written_is_503_and_keeps_what_it_promised() {
    let folder = temp_dir();
    let base = config(ServerMode::Background, &folder);
    let store = StoreOptions {
        max_pages: Some(60),
        ..base.store.clone()
    };
    let drain = Duration::from_millis(50);
    let served = Served::start(ServerConfig {
        store,
        drain,
        ..base.clone()
    });
    let mut client = served.client();
    assert_eq!(client.get("/readyz").status, 200);
    let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(10_000));
    let mut accepted = Vec::new();
    let refused = loop {
        let answer = client.ingest(&[], &body);
        match answer.status {
            202 => accepted.push(answer.event_id()),
            _ => break answer,
        }
    };
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("5"))
    );
    assert_eq!(refused.json()["type"], "urn:a7probe:problem:store-full");
    assert!(!accepted.is_empty());
    for id in &accepted {
        assert_eq!(client.get(&format!("/events/{id}")).status, 200);
    }
    served.stop();

    let served = Served::start(base);
    let mut client = served.client();
    for id in &accepted {
        let event = client.get(&format!("/events/{id}?wait=30s")).json();
        assert_eq!(
            (&event["state"], &event["inserts"]),
            (&"processed".into(), &1.into())
        );
    }
    assert_eq!(client.get("/readyz").status, 200);
}

#[test]
fn a_token_is_asked_for_everywhere_but_on_the_health_endpoints() {
    let folder = temp_dir();
    let tokens = vec!["s3cret".to_owned()];
    let served = Served::start(ServerConfig {
        tokens,
        ..config(ServerMode::Background, &folder)
    });
    for spoken in Spoken::BOTH {
        asks_for_a_token(&mut served.client_over(spoken));
    }
}

fn asks_for_a_token(client: &mut Client) {
    for path in ["/health", "/livez", "/readyz"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    for path in [
        "/queue",
        "/events/x",
        "/runs/r/events",
        "/metrics",
        "/openapi.json",
        "/nothing",
    ] {
        assert_eq!(client.get(path).status, 401, "{path}");
    }
    let refused = client.ingest(&[("authorization", "Bearer wrong")], "{}");
    assert_eq!(
        (refused.status, refused.header("www-authenticate")),
        (401, Some("Bearer"))
    );
    assert_eq!(
        client
            .ingest(&[("authorization", "Bearer s3cret")], "{}")
            .status,
        202
    );
}

#[test]
fn what_nobody_would_ever_work_on_is_not_accepted() {
    let refused = |mode, durability, queued| {
        let folder = temp_dir();
        let base = config(mode, &folder);
        let store = StoreOptions {
            durability,
            ..base.store.clone()
        };
        let opened = Server::open(ServerConfig {
            store,
            queued,
            ..base
        });
        opened.err().map(|error| error.to_string())
    };
    let (full, none) = (Durability::Full, Durability::None);
    for (mode, durability, queued, hint) in [
        (
            ServerMode::Sync,
            none,
            Queued::Finish,
            "hint: use --durability none with",
        ),
        (
            ServerMode::Queue,
            none,
            Queued::Finish,
            "hint: use --durability none with",
        ),
        (
            ServerMode::Background,
            full,
            Queued::Keep,
            "hint: use `--mode queue`",
        ),
        (
            ServerMode::Background,
            none,
            Queued::Keep,
            "hint: use `--mode queue`",
        ),
    ] {
        let refused = refused(mode, durability, queued).expect("refused");
        assert!(refused.contains(hint), "{mode:?}: {refused}");
    }
    for (mode, durability, queued) in [
        (ServerMode::Background, none, Queued::Finish),
        (ServerMode::Sync, full, Queued::Keep),
        (ServerMode::Queue, full, Queued::Keep),
    ] {
        assert_eq!(refused(mode, durability, queued), None, "{mode:?}");
    }
}
