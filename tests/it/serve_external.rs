//! Workers elsewhere, over HTTP: what they are given, and what their reports can and cannot do.

use std::time::Duration;

use a7probe::reference::server::{ServerConfig, ServerMode};
use a7probe::reference::store::{RepeatPolicy, StoreOptions};
use a7probe::reference::worker::Retry;

use crate::harness::temp_dir;
use crate::serve_client::{Client, Response};
use crate::serve_host::{Served, config};

/// A server that leaves the work to others, whose leases last so long.
fn serve(
    folder: &tempfile::TempDir,
    lease: Duration,
    change: impl FnOnce(&mut ServerConfig),
) -> Served {
    let base = config(ServerMode::Queue, folder);
    let mut config = ServerConfig {
        store: StoreOptions {
            lease,
            ..base.store.clone()
        },
        ..base
    };
    change(&mut config);
    Served::start(config)
}

const LONG: Duration = Duration::from_secs(60);
/// Over as soon as it was given.
const OVER: Duration = Duration::ZERO;

fn lease(client: &mut Client, id: &str) -> Response {
    client.request("POST", &format!("/events/{id}/lease"), &[], b"")
}

fn report(client: &mut Client, id: &str, body: &str) -> Response {
    let json = [("content-type", "application/json")];
    let path = format!("/events/{id}/effects");
    client.request("POST", &path, &json, body.as_bytes())
}

fn state(client: &mut Client, id: &str) -> (String, u64) {
    let event = client.get(&format!("/events/{id}")).json();
    let state = event["state"].as_str().expect("a state").to_owned();
    (state, event["notifications"].as_u64().expect("a number"))
}

/// A sample of `/metrics` without labels.
fn counted(client: &mut Client, name: &str) -> u64 {
    let page = String::from_utf8(client.get("/metrics").body).expect("UTF-8");
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.expect(name).parse().expect("a number")
}

#[test]
fn a_token_that_was_never_issued_writes_nothing() {
    let folder = temp_dir();
    let served = serve(&folder, LONG, |_| {});
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    for token in ["0", "1", "7", "4294967295"] {
        let body = format!("{{\"token\":{token},\"notify\":\"sent\"}}");
        let refused = report(&mut client, &id, &body);
        assert_eq!(refused.status, 409, "{refused:?}");
        assert_eq!(refused.json()["type"], "urn:a7probe:problem:no-such-lease");
    }
    let leased = lease(&mut client, &id).json();
    assert_eq!(
        (&leased["token"], &leased["notify"]),
        (&1.into(), &"due".into()),
        "nobody has sent anything"
    );
    assert_eq!(state(&mut client, &id).1, 0);
    let unknown = "00000000-0000-0000-0000-000000000000";
    let body = r#"{"token":1,"notify":"sent"}"#;
    assert_eq!(report(&mut client, unknown, body).status, 404);
}

#[test]
fn an_event_that_ends_its_workers_is_given_up_after_its_last_attempt() {
    let folder = temp_dir();
    let served = serve(&folder, OVER, |config| {
        config.retry = Retry {
            attempts: 2,
            ..Retry::default()
        };
    });
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    for token in 1..=2 {
        assert_eq!(lease(&mut client, &id).json()["token"], token);
    }
    let given_up = lease(&mut client, &id);
    assert_eq!(given_up.status, 409, "{given_up:?}");
    assert_eq!(given_up.json()["detail"], "dead");
    assert_eq!(lease(&mut client, &id).json()["detail"], "dead");
    let letters = client.get("/dead").lines();
    assert_eq!(
        letters[0]["error"],
        "every attempt was interrupted before its outcome was known"
    );
    assert_eq!(counted(&mut client, "a7probe_dead_total"), 1);
}

#[test]
fn what_may_have_been_sent_is_not_sent_again_if_it_is_sent_at_most_once() {
    let folder = temp_dir();
    let served = serve(&folder, LONG, |config| {
        config.store.repeat = RepeatPolicy::AtMostOnce
    });
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    lease(&mut client, &id);
    // The provider said no: it was not sent.
    let refused = r#"{"token":1,"notify":"failed","status":500}"#;
    assert_eq!(report(&mut client, &id, refused).json()["next"], "retry");

    // There was nobody to say anything.
    let id = client.ingest(&[], "{}").event_id();
    lease(&mut client, &id);
    let unreachable = r#"{"token":1,"notify":"unreachable","reason":"connection refused"}"#;
    assert_eq!(
        report(&mut client, &id, unreachable).json()["next"],
        "retry"
    );

    let id = client.ingest(&[], "{}").event_id();
    lease(&mut client, &id);
    let silent = r#"{"token":1,"notify":"failed","reason":"no answer in time"}"#;
    assert_eq!(report(&mut client, &id, silent).json()["next"], "done");
    assert_eq!(state(&mut client, &id), ("processed".to_owned(), 0));
    assert_eq!(lease(&mut client, &id).json()["detail"], "processed");
}

#[test]
fn without_that_it_is_sent_again() {
    let folder = temp_dir();
    let served = serve(&folder, LONG, |_| {});
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    lease(&mut client, &id);
    let silent = r#"{"token":1,"notify":"failed","reason":"no answer in time"}"#;
    assert_eq!(report(&mut client, &id, silent).json()["next"], "retry");
}

#[test]
fn a_report_that_is_repeated_is_answered_again_and_counted_once() {
    let folder = temp_dir();
    let served = serve(&folder, LONG, |_| {});
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    lease(&mut client, &id);
    for _ in 0..3 {
        let recorded = report(&mut client, &id, r#"{"token":1,"notify":"sent"}"#);
        assert_eq!(
            (recorded.status, &recorded.json()["next"]),
            (200, &"done".into())
        );
    }
    assert_eq!(counted(&mut client, "a7probe_processed_total"), 1);
    assert_eq!(counted(&mut client, "a7probe_leases_lost_total"), 0);
    let other = report(&mut client, &id, r#"{"token":1,"notify":"failed"}"#);
    assert_eq!(other.status, 409, "{other:?}");
    assert_eq!(state(&mut client, &id), ("processed".to_owned(), 1));
}

#[test]
fn a_late_report_is_late_however_often_it_comes_and_what_it_sent_is_a_duplicate_once() {
    let folder = temp_dir();
    let served = serve(&folder, OVER, |_| {});
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    lease(&mut client, &id);
    lease(&mut client, &id);
    for _ in 0..3 {
        let late = report(&mut client, &id, r#"{"token":1,"notify":"sent"}"#);
        assert_eq!(late.json()["type"], "urn:a7probe:problem:stale-lease");
    }
    assert_eq!(counted(&mut client, "a7probe_leases_lost_total"), 1);
    assert_eq!(
        counted(&mut client, "a7probe_duplicate_notifications_total"),
        1
    );
    assert_eq!(counted(&mut client, "a7probe_processed_total"), 0);
    assert_eq!(state(&mut client, &id), ("working".to_owned(), 1));
    let sent = report(&mut client, &id, r#"{"token":2,"notify":"sent"}"#);
    assert_eq!(sent.json()["next"], "done");
}

#[test]
fn a_reason_with_a_nul_in_it_is_kept_as_far_as_it_is_text() {
    let folder = temp_dir();
    let served = serve(&folder, LONG, |_| {});
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    lease(&mut client, &id);
    let body = r#"{"token":1,"notify":"failed","status":400,"reason":"no\u0000 such user"}"#;
    assert_eq!(report(&mut client, &id, body).json()["next"], "dead");
    assert_eq!(
        client.get("/dead").lines()[0]["error"],
        "the provider answered 400: no\u{fffd} such user"
    );
}
