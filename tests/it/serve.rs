//! The reference server over real sockets: what it promises, what it refuses, and what it says.

mod keys;
mod provider_calls;
mod refusals;

use std::time::Duration;

use a7probe::reference::server::{Health, ServerConfig, ServerMode};
use a7probe::reference::store::{Durability, StoreOptions};

use crate::harness::{eventually, temp_dir};
use crate::serve_client::{Client, Spoken};
use crate::serve_host::{HeldProvider, Served, config};

const KEY: &str = "550e8400-e29b-41d4-a716-446655440000";

#[test]
fn background_answers_202_and_the_event_is_processed_once() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    for spoken in Spoken::BOTH {
        is_processed_once(&mut served.client_over(spoken));
    }
}

fn is_processed_once(client: &mut Client) {
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
fn a_long_poll_ends_when_the_event_settles_or_when_the_wait_is_over() {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        ..config(ServerMode::Background, &folder)
    });
    for spoken in Spoken::BOTH {
        let (mut client, mut polling) = (served.client_over(spoken), served.client_over(spoken));
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
    for spoken in Spoken::BOTH {
        let listing = served.client_over(spoken).get("/runs/run-1/events");
        assert_eq!(listing.header("content-type"), Some("application/x-ndjson"));
        let listed: Vec<String> = listing
            .lines()
            .iter()
            .map(|event| event["event_id"].as_str().expect("an id").to_owned())
            .collect();
        assert_eq!(listed, expected, "{spoken:?}");
    }
    assert_eq!(client.get("/runs/run-2/events").lines().len(), 21);
    let unknown = client.get("/runs/nobody/events");
    assert_eq!((unknown.status, unknown.body.len()), (200, 0));
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
