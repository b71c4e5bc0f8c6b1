//! The reference server over real sockets: what it promises, what it refuses, and what it says.

use std::time::Duration;

use a7probe::reference::provider::uniform;
use a7probe::reference::server::{Block, Health, Limits, Queued, Server, ServerConfig, ServerMode};
use a7probe::reference::store::{Durability, EventId, StoreOptions};
use a7probe::reference::worker::Retry;
use uuid::Uuid;

use crate::harness::{eventually, temp_dir};
use crate::serve_host::{HeldProvider, Served, config, simulated};

const KEY: &str = "550e8400-e29b-41d4-a716-446655440000";

#[test]
fn background_answers_202_and_the_event_is_processed_once() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    let accepted = client.ingest(&[("x-request-id", "req-1")], r#"{"n":1}"#);
    let id = accepted.event_id();
    assert_eq!(accepted.status, 202);
    assert_eq!(
        accepted.json(),
        serde_json::json!({"accepted": true, "event_id": id})
    );
    assert_eq!(
        accepted.header("location"),
        Some(format!("/events/{id}").as_str())
    );
    assert_eq!(accepted.header("x-request-id"), Some("req-1"));
    assert_eq!(accepted.header("idempotent-replayed"), None);
    let timing = accepted.header("server-timing").expect("Server-Timing");
    assert!(
        timing.starts_with("commit;dur=") && timing.contains(", total;dur="),
        "{timing}"
    );

    let event = client.get(&format!("/events/{id}?wait=30s"));
    assert_eq!(event.status, 200);
    let event = event.json();
    assert_eq!(event["state"], "processed");
    for count in ["attempts", "inserts", "notifications"] {
        assert_eq!(event[count], 1, "{count}");
    }
    assert!(
        event["processed_at"].as_str() >= event["accepted_at"].as_str(),
        "{event}"
    );
}

#[test]
fn a_repeated_key_is_the_same_event_in_any_spelling_and_another_body_is_422() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    let first = client.ingest(&[("idempotency-key", KEY)], r#"{"n":1}"#);
    assert_eq!((first.status, first.event_id().as_str()), (202, KEY));
    for key in [KEY, &KEY.to_uppercase(), &format!("\"{KEY}\"")] {
        let again = client.ingest(&[("idempotency-key", key)], r#"{"n":1}"#);
        assert_eq!(
            (again.status, again.header("idempotent-replayed")),
            (202, Some("true")),
            "{key}"
        );
        assert_eq!(again.body, first.body);
    }
    let other = client.ingest(&[("idempotency-key", KEY)], r#"{"n":2}"#);
    assert_eq!(other.status, 422);
    assert_eq!(
        other.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(other.json()["type"], "urn:a7probe:problem:body-differs");
    let event = client.get(&format!("/events/{KEY}?wait=30s")).json();
    assert_eq!(
        (&event["inserts"], &event["notifications"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn two_requests_with_one_key_at_the_same_time_are_one_event() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut clients: Vec<_> = (0..8).map(|_| served.client()).collect();
    for client in &mut clients {
        client.send(
            "POST",
            "/ingest",
            &[
                ("content-type", "application/json"),
                ("idempotency-key", "once"),
            ],
            b"{}",
        );
    }
    let answers: Vec<_> = clients
        .iter_mut()
        .map(|client| client.receive().expect("an answer"))
        .collect();
    let new = answers
        .iter()
        .filter(|answer| answer.header("idempotent-replayed").is_none())
        .count();
    assert!(answers.iter().all(|answer| answer.status == 202));
    assert_eq!(new, 1);
    assert_eq!(served.stop().processed, 1);
}

#[test]
fn the_body_names_the_event_when_no_header_does() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    assert_eq!(
        client
            .ingest(&[], &format!(r#"{{"id":"{KEY}"}}"#))
            .event_id(),
        KEY
    );
    let derived = client.ingest(&[], r#"{"id":"order-17"}"#).event_id();
    assert_eq!(derived, EventId::from_key("order-17").to_string());
    let fresh = client.ingest(&[], r#"{"id":null}"#).event_id();
    assert_eq!(
        Uuid::parse_str(&fresh).expect("a UUID").get_version_num(),
        7
    );
}

#[test]
fn another_body_under_an_expired_key_is_refused_too_because_event_ids_live_for_ever() {
    let folder = temp_dir();
    let base = config(ServerMode::Background, &folder);
    let store = StoreOptions {
        key_lifetime: Duration::ZERO,
        ..base.store.clone()
    };
    let served = Served::start(ServerConfig { store, ..base });
    let mut client = served.client();
    client.ingest(&[("idempotency-key", KEY)], r#"{"n":1}"#);
    eventually("the key expires", || {
        let other = client.ingest(&[("idempotency-key", KEY)], r#"{"n":2}"#);
        other.status == 409 && other.json()["type"] == "urn:a7probe:problem:id-taken"
    });
    assert_eq!(
        client
            .ingest(&[("idempotency-key", KEY)], r#"{"n":1}"#)
            .status,
        202
    );
}

#[test]
fn sync_answers_200_when_it_is_done_and_replays_that() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Sync, &folder));
    let mut client = served.client();
    let done = client.ingest(&[("idempotency-key", KEY)], "{}");
    assert_eq!(done.status, 200);
    assert_eq!(
        done.json(),
        serde_json::json!({"accepted": true, "processed": true, "event_id": KEY})
    );
    assert!(
        done.header("server-timing")
            .expect("Server-Timing")
            .contains("provider;dur=")
    );
    let event = client.get(&format!("/events/{KEY}")).json();
    assert_eq!(
        (&event["state"], &event["notifications"]),
        (&"processed".into(), &1.into())
    );
    let again = client.ingest(&[("idempotency-key", KEY)], "{}");
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (200, Some("true"))
    );
    assert_eq!(again.body, done.body);
}

#[test]
fn the_same_key_during_its_synchronous_call_is_409() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        ..config(ServerMode::Sync, &folder)
    });
    let (mut first, mut second) = (served.client(), served.client());
    first.send(
        "POST",
        "/ingest",
        &[
            ("content-type", "application/json"),
            ("idempotency-key", KEY),
        ],
        b"{}",
    );
    let call = provider.next_call();
    let busy = second.ingest(&[("idempotency-key", KEY)], "{}");
    assert_eq!((busy.status, busy.header("retry-after")), (409, Some("1")));
    call.answer(202);
    assert_eq!(first.receive().expect("an answer").status, 200);
    assert_eq!(second.ingest(&[("idempotency-key", KEY)], "{}").status, 200);
    assert!(provider.is_idle(), "one call for one key");
}

#[test]
fn a_client_that_hangs_up_does_not_cut_off_its_call() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        ..config(ServerMode::Sync, &folder)
    });
    let mut client = served.client();
    client.send(
        "POST",
        "/ingest",
        &[
            ("content-type", "application/json"),
            ("idempotency-key", KEY),
        ],
        b"{}",
    );
    let call = provider.next_call();
    drop(client);
    call.answer(202);
    let event = served
        .client()
        .get(&format!("/events/{KEY}?wait=30s"))
        .json();
    assert_eq!(
        (&event["state"], &event["notifications"]),
        (&"processed".into(), &1.into())
    );
}

#[test]
fn a_failing_provider_is_502_in_sync_mode_and_the_same_key_tries_again() {
    let folder = temp_dir();
    // A key whose first attempt fails and whose second does not.
    let fails =
        |key: &str, attempt| uniform(1, "error", EventId::from_key(key).uuid(), attempt) < 0.5;
    let key = (0..)
        .map(|i| format!("key-{i}"))
        .find(|key| fails(key, 1) && !fails(key, 2))
        .expect("one in four");
    let served = Served::start(ServerConfig {
        provider: simulated(0.5),
        ..config(ServerMode::Sync, &folder)
    });
    let mut client = served.client();
    let failed = client.ingest(&[("idempotency-key", &key)], "{}");
    assert_eq!(
        (failed.status, failed.header("content-type")),
        (502, Some("application/problem+json"))
    );
    let id = EventId::from_key(&key).to_string();
    let event = client.get(&format!("/events/{id}")).json();
    assert_eq!(
        (&event["state"], &event["attempts"]),
        (&"failed".into(), &1.into())
    );
    assert_eq!(
        client.ingest(&[("idempotency-key", &key)], "{}").status,
        200
    );
    let event = client.get(&format!("/events/{id}")).json();
    assert_eq!(
        (&event["state"], &event["attempts"]),
        (&"processed".into(), &2.into())
    );
    assert_eq!(
        (&event["inserts"], &event["notifications"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn a_provider_that_does_not_answer_in_time_is_504() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let provider_timeout = Duration::from_millis(50);
    let base = config(ServerMode::Sync, &folder);
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        provider_timeout,
        ..base
    });
    assert_eq!(served.client().ingest(&[], "{}").status, 504);
}

#[test]
fn a_background_event_is_dead_after_its_last_attempt() {
    let folder = temp_dir();
    let retry = Retry {
        base: Duration::from_millis(1),
        attempts: 3,
        ..Retry::default()
    };
    let served = Served::start(ServerConfig {
        provider: simulated(1.0),
        retry,
        ..config(ServerMode::Background, &folder)
    });
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    let event = client.get(&format!("/events/{id}?wait=30s")).json();
    assert_eq!(
        (&event["state"], &event["attempts"]),
        (&"dead".into(), &3.into())
    );
    assert_eq!(
        (&event["inserts"], &event["notifications"]),
        (&1.into(), &0.into())
    );
    let queue = client.get("/queue").json();
    assert_eq!((&queue["depth"], &queue["dead"]), (&0.into(), &1.into()));
    assert_eq!(queue["provider"]["calls"], 3);
}

#[test]
fn a_failure_that_passes_is_retried_until_it_does() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let retry = Retry {
        base: Duration::from_millis(1),
        ..Retry::default()
    };
    let base = config(ServerMode::Background, &folder);
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        retry,
        ..base
    });
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    for status in [500, 503, 202] {
        provider.next_call().answer(status);
    }
    let event = client.get(&format!("/events/{id}?wait=30s")).json();
    assert_eq!(
        (&event["state"], &event["attempts"]),
        (&"processed".into(), &3.into())
    );
    assert_eq!(event["notifications"], 1);
}

#[test]
fn blocking_the_loop_keeps_everyone_waiting_and_blocking_the_request_does_not() {
    for (mode, block) in [
        (ServerMode::Sync, Block::Request),
        (ServerMode::Sync, Block::Loop),
        (ServerMode::Background, Block::Request),
        (ServerMode::Background, Block::Loop),
    ] {
        let (folder, provider) = (temp_dir(), HeldProvider::start());
        let base = config(mode, &folder);
        let served = Served::start(ServerConfig {
            provider: provider.choice(),
            block,
            ..base
        });
        let (mut ingesting, mut probing) = (served.client(), served.client());
        assert_eq!(probing.get("/health").status, 200);
        ingesting.send(
            "POST",
            "/ingest",
            &[("content-type", "application/json")],
            b"{}",
        );
        let call = provider.next_call();
        probing.send("GET", "/health", &[], b"");
        if block == Block::Loop {
            assert!(
                probing.is_silent_for(Duration::from_millis(200)),
                "{mode:?}: /health suffers behind /ingest"
            );
        } else {
            assert_eq!(
                probing
                    .receive()
                    .expect("an answer while the call is held")
                    .status,
                200
            );
        }
        call.answer(202);
        if block == Block::Loop {
            assert_eq!(
                probing.receive().expect("an answer after the call").status,
                200
            );
        }
        let expected = if mode == ServerMode::Sync { 200 } else { 202 };
        assert_eq!(ingesting.receive().expect("an answer").status, expected);
    }
}

#[test]
fn a_long_poll_ends_when_the_event_settles_or_when_the_wait_is_over() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        ..config(ServerMode::Background, &folder)
    });
    let (mut client, mut polling) = (served.client(), served.client());
    let id = client.ingest(&[], "{}").event_id();
    let call = provider.next_call();
    assert_eq!(
        client.get(&format!("/events/{id}?wait=50ms")).json()["state"],
        "working"
    );
    polling.send("GET", &format!("/events/{id}?wait=30s"), &[], b"");
    call.answer(202);
    assert_eq!(
        polling.receive().expect("an answer").json()["state"],
        "processed"
    );
}

#[test]
fn a_run_is_listed_completely_and_in_order() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    let mut expected = Vec::new();
    // More than two pages.
    for n in 0..2100 {
        expected.push(
            client
                .ingest(&[("x-a7-run", "run-1")], &format!(r#"{{"n":{n}}}"#))
                .event_id(),
        );
        if n % 100 == 0 {
            client.ingest(&[("x-a7-run", "run-2")], "{}");
            client.ingest(&[], "{}");
        }
    }
    let listing = client.get("/runs/run-1/events");
    assert_eq!(listing.header("content-type"), Some("application/x-ndjson"));
    let listed: Vec<String> = listing
        .lines()
        .iter()
        .map(|event| event["event_id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(listed, expected);
    assert_eq!(client.get("/runs/run-2/events").lines().len(), 21);
    let unknown = client.get("/runs/nobody/events");
    assert_eq!((unknown.status, unknown.body.len()), (200, 0));
}

#[test]
fn what_cannot_be_read_is_refused_with_the_status_that_says_why() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    const JSON: (&str, &str) = ("content-type", "application/json");
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
    assert_eq!(served.stop().processed, 0, "nothing of it was accepted");
}

#[test]
fn a_body_over_the_limit_is_413_announced_or_not() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let body = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    let limit = Limits::default().body_bytes;
    assert_eq!(served.client().ingest(&[], &body(limit)).status, 202);
    assert_eq!(served.client().ingest(&[], &body(limit + 1)).status, 413);

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
    let mut client = served.client();
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
fn deep_health_reads_from_the_store_and_shallow_health_does_not() {
    for (health, when_broken) in [(Health::Deep, 503), (Health::Shallow, 200)] {
        let folder = temp_dir();
        let served = Served::start(ServerConfig {
            health,
            ..config(ServerMode::Background, &folder)
        });
        let mut client = served.client();
        assert_eq!(client.get("/health").status, 200);
        let sql = rusqlite::Connection::open(folder.path().join("store.db")).expect("it opens");
        sql.execute_batch("DROP TABLE jobs").expect("broken");
        assert_eq!(client.get("/health").status, when_broken, "{health:?}");
    }
}

#[test]
fn a_server_that_stops_refuses_new_events_and_finishes_what_it_has() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let mut served = Served::start(ServerConfig {
        provider: provider.choice(),
        ..config(ServerMode::Background, &folder)
    });
    let mut client = served.client();
    assert_eq!(client.ingest(&[], "{}").status, 202);
    let call = provider.next_call();
    served.begin_stop();
    eventually("the drain is seen", || client.get("/readyz").status == 503);
    let refused = client.ingest(&[], "{}");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(refused.json()["type"], "urn:a7probe:problem:draining");
    assert_eq!(client.get("/livez").status, 200);
    call.answer(202);
    let stopped = served.stop();
    assert_eq!((stopped.processed, stopped.kept, stopped.lost), (1, 0, 0));
}

#[test]
fn what_background_left_is_finished_by_a_synchronous_server_and_its_202_stays_a_202() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let base = config(ServerMode::Background, &folder);
    let drain = Duration::from_millis(50);
    let provider_timeout = Duration::from_millis(100);
    let held = ServerConfig {
        provider: provider.choice(),
        workers: 1,
        drain,
        provider_timeout,
        ..base.clone()
    };
    let served = Served::start(held);
    let mut client = served.client();
    let ids: Vec<String> = (0..5)
        .map(|n| {
            client
                .ingest(&[("idempotency-key", &format!("k{n}"))], "{}")
                .event_id()
        })
        .collect();
    let stopped = served.stop();
    assert_eq!((stopped.processed, stopped.kept), (0, 5));

    let served = Served::start(ServerConfig {
        mode: ServerMode::Sync,
        ..base
    });
    let mut client = served.client();
    for id in ids {
        let event = client.get(&format!("/events/{id}?wait=30s")).json();
        assert_eq!(
            (&event["state"], &event["inserts"]),
            (&"processed".into(), &1.into()),
            "{event}"
        );
    }
    let replayed = client.ingest(&[("idempotency-key", "k0")], "{}");
    assert_eq!(
        (replayed.status, replayed.header("idempotent-replayed")),
        (202, Some("true"))
    );
}

#[test]
fn what_was_acknowledged_from_memory_is_lost_when_the_server_stops_and_it_says_so() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let base = config(ServerMode::Background, &folder);
    let store = StoreOptions {
        durability: Durability::None,
        ..base.store.clone()
    };
    let (drain, provider_timeout) = (Duration::from_millis(50), Duration::from_secs(2));
    let choice = provider.choice();
    let served = Served::start(ServerConfig {
        store,
        provider: choice,
        workers: 1,
        drain,
        provider_timeout,
        ..base
    });
    let mut client = served.client();
    for _ in 0..5 {
        assert_eq!(client.ingest(&[], "{}").status, 202);
    }
    let _held = provider.next_call();
    let stopped = served.stop();
    assert_eq!(stopped.kept + stopped.lost, 5);
    assert!(
        stopped.kept >= 1,
        "what a worker takes is on disk: {stopped:?}"
    );
    assert!(stopped.lost >= 1, "what none has taken is not: {stopped:?}");
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
            "hint: the negative control",
        ),
        (
            ServerMode::Queue,
            none,
            Queued::Finish,
            "hint: the negative control",
        ),
        (
            ServerMode::Background,
            full,
            Queued::Keep,
            "hint: `--mode queue`",
        ),
        (
            ServerMode::Background,
            none,
            Queued::Keep,
            "hint: `--mode queue`",
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
