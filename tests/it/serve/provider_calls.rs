//! Calls to the provider: the answers in each mode, the failures, and what a slow call blocks.

use std::time::Duration;

use a7probe::reference::provider::uniform;
use a7probe::reference::server::{Block, ServerConfig, ServerMode};
use a7probe::reference::store::EventId;
use a7probe::reference::worker::Retry;

use super::KEY;

use crate::harness::temp_dir;
use crate::serve_host::{HeldProvider, Served, config, simulated};

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
