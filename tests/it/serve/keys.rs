//! One key is one event: repeated, raced, reused for another body, expired.

use std::time::Duration;

use a7probe::reference::server::{ServerConfig, ServerMode};
use a7probe::reference::store::{EventId, StoreOptions};
use uuid::Uuid;

use super::KEY;

use crate::harness::{eventually, temp_dir};
use crate::serve_host::{HeldProvider, Served, config};

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
