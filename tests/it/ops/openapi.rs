//! The description is served, whole, and true: `serve_client` checks every answer, and here each described one is given.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use a7probe::reference::server::{Health, Limits, RateLimit, ServerConfig, ServerMode};
use a7probe::reference::store::StoreOptions;
use a7probe::units::Rate;
use serde_json::Value;

use super::described::{document, resolved, seen};
use crate::harness::{eventually, temp_dir};
use crate::serve_client::{Client, Spoken};
use crate::serve_host::{HeldProvider, Served, config, simulated};

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn it_is_served_as_it_is_and_its_references_lead_somewhere() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    assert_eq!(&served.client().get("/openapi.json").json(), document());
    let mut open: Vec<&'static Value> = vec![document()];
    let mut references = 0;
    while let Some(value) = open.pop() {
        if value["$ref"].is_string() {
            resolved(value);
            references += 1;
        }
        open.extend(value.as_array().into_iter().flatten());
        open.extend(
            value
                .as_object()
                .into_iter()
                .flatten()
                .map(|(_, value)| value),
        );
    }
    assert!(references > 50, "{references}");
}

#[test]
fn every_described_answer_is_given() {
    good_and_malformed();
    synchronous();
    worked_on_elsewhere();
    refused();
    store_that_fails();
    without_memory();
    let mut described = BTreeSet::new();
    for (path, operations) in document()["paths"].as_object().expect("paths") {
        for operation in operations.as_object().expect("operations").values() {
            let responses = operation["responses"].as_object().expect("responses");
            described.extend(
                responses
                    .keys()
                    .map(|status| (path.clone(), status.clone())),
            );
        }
    }
    let missing: Vec<_> = described.difference(&seen()).cloned().collect();
    assert!(missing.is_empty(), "described and never given: {missing:?}");
}

fn good_and_malformed() {
    let folder = temp_dir();
    let limits = Limits {
        body_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        limits,
        ..config(ServerMode::Background, &folder)
    });
    let mut client = served.client();
    let id = client
        .ingest(&[("idempotency-key", "k"), ("x-a7-run", "r")], "{}")
        .event_id();
    client.ingest(&[("idempotency-key", "k")], r#"{"n":2}"#);
    client.ingest(&[], "{");
    client.request("POST", "/ingest", &[], b"{}");
    for path in ["/health", "/livez", "/readyz", "/queue", "/metrics"] {
        client.get(path);
    }
    client.get("/openapi.json");
    client.get("/runs/r/events");
    client.get("/runs/%00/events");
    client.get(&format!("/events/{id}?wait=30s"));
    client.get(&format!("/events/{id}?wait=soon"));
    client.get("/events/nobody");
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(256 * 1024));
    served.client().ingest(&[], &large);
    let mut slow = served.client();
    slow.send_head("POST", "/ingest", &[JSON, ("content-length", "9")]);
    assert_eq!(slow.receive().expect("an answer").status, 408);
}

fn synchronous() {
    let (kept, provider) = (temp_dir(), HeldProvider::start());
    let served = Served::start(ServerConfig {
        provider: provider.choice(),
        provider_timeout: Duration::from_millis(300),
        ..config(ServerMode::Sync, &kept)
    });
    let (mut first, mut second) = (served.client(), served.client());
    let headers = [JSON, ("idempotency-key", "k")];
    first.send("POST", "/ingest", &headers, b"{}");
    let call = provider.next_call();
    assert_eq!(second.ingest(&headers[1..], "{}").status, 409);
    call.answer(202);
    assert_eq!(first.receive().expect("an answer").status, 200);
    assert_eq!(first.ingest(&[], "{}").status, 504);

    let other = temp_dir();
    let served = Served::start(ServerConfig {
        provider: simulated(1.0),
        ..config(ServerMode::Sync, &other)
    });
    assert_eq!(served.client().ingest(&[], "{}").status, 502);
}

/// A worker elsewhere that leases events, and one that its provider refuses for good.
fn worked_on_elsewhere() {
    let folder = temp_dir();
    let limits = Limits {
        body_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        limits,
        ..config(ServerMode::Queue, &folder)
    });
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    let lease = |client: &mut Client, id: &str| {
        client.request("POST", &format!("/events/{id}/lease"), &[], b"")
    };
    let report = |client: &mut Client, id: &str, body: &str| {
        let path = format!("/events/{id}/effects");
        client.request("POST", &path, &[JSON], body.as_bytes())
    };
    let leased = lease(&mut client, &id);
    assert_eq!(leased.status, 200);
    let token = leased.json()["token"].as_u64().expect("a token");
    assert_eq!(lease(&mut client, &id).status, 409);
    assert_eq!(lease(&mut client, "nobody").status, 404);
    assert_eq!(lease(&mut client, "%FF").status, 400);

    let unknown = format!("{{\"token\":{token},\"notify\":\"perhaps\"}}");
    assert_eq!(report(&mut client, &id, &unknown).status, 400);
    let path = format!("/events/{id}/effects");
    assert_eq!(client.request("POST", &path, &[], b"{}").status, 415);
    let stale = format!("{{\"token\":{},\"notify\":\"sent\"}}", token + 1);
    assert_eq!(report(&mut client, &id, &stale).status, 409);
    assert_eq!(report(&mut client, "nobody", &stale).status, 404);
    let refused = format!(
        "{{\"token\":{token},\"notify\":\"failed\",\"status\":400,\"reason\":\"no such address\"}}"
    );
    assert_eq!(report(&mut client, &id, &refused).json()["next"], "dead");

    let letters = client.get("/dead").lines();
    assert_eq!(letters.len(), 1, "{letters:?}");
    let replay = |client: &mut Client, id: &str| {
        client.request("POST", &format!("/dead/{id}/replay"), &[], b"")
    };
    assert_eq!(replay(&mut client, &id).status, 202);
    assert_eq!(replay(&mut client, &id).status, 409);
    assert_eq!(replay(&mut client, "nobody").status, 404);
    assert_eq!(replay(&mut client, "%FF").status, 400);

    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(256 * 1024));
    assert_eq!(report(&mut served.client(), &id, &large).status, 413);
    let mut slow = served.client();
    slow.send_head("POST", &path, &[JSON, ("content-length", "9")]);
    assert_eq!(slow.receive().expect("an answer").status, 408);
}

fn refused() {
    let folder = temp_dir();
    let base = config(ServerMode::Background, &folder);
    let served = Served::start(ServerConfig {
        tokens: vec!["s3cret".to_owned()],
        rate_limit: Some(RateLimit {
            rate: Rate::per_second(0.001).expect("a rate"),
            burst: NonZeroU32::MIN,
        }),
        store: StoreOptions {
            backlog: 0,
            ..base.store.clone()
        },
        ..base
    });
    let mut client = served.client();
    for path in [
        "/queue",
        "/metrics",
        "/openapi.json",
        "/events/x",
        "/runs/r/events",
    ] {
        assert_eq!(client.get(path).status, 401);
    }
    assert_eq!(client.get("/dead").status, 401);
    for path in ["/events/x/lease", "/events/x/effects", "/dead/x/replay"] {
        assert_eq!(client.request("POST", path, &[], b"").status, 401);
    }
    assert_eq!(client.ingest(&[], "{}").status, 401);
    let token = ("authorization", "Bearer s3cret");
    assert_eq!(client.ingest(&[token], "{}").status, 503);
    assert_eq!(client.ingest(&[token], "{}").status, 429);
}

fn without_memory() {
    let folder = temp_dir();
    let limits = Limits {
        http2_memory_bytes: 0,
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        limits,
        ..config(ServerMode::Background, &folder)
    });
    let mut client = served.client_over(Spoken::Http2);
    for path in ["/metrics", "/openapi.json", "/queue"] {
        assert_eq!(client.get(path).status, 503, "{path}");
    }
    for path in ["/health", "/livez", "/readyz"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
}

fn store_that_fails() {
    let folder = temp_dir();
    let base = config(ServerMode::Background, &folder);
    let limits = Limits {
        probe_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        health: Health::Deep,
        limits,
        // What cannot be recorded any more is not to hold up the end.
        drain: Duration::ZERO,
        provider_timeout: Duration::from_millis(50),
        ..base.clone()
    });
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    client.get(&format!("/events/{id}?wait=30s"));
    let intruder = rusqlite::Connection::open(crate::serve_host::store(folder.path()))
        .expect("the store's file");
    let intrude = |sql: &str| intruder.execute_batch(sql).expect(sql);
    intrude("PRAGMA busy_timeout = 60000; BEGIN IMMEDIATE");
    let mut waiting = served.client();
    waiting.send("POST", "/ingest", &[JSON], b"{}");
    eventually("a commit is stuck", || client.get("/readyz").status == 503);
    intrude("ROLLBACK");
    waiting.receive().expect("an answer");
    intrude("DROP TABLE jobs");
    for path in [
        "/health",
        "/queue",
        "/dead",
        "/runs/r/events",
        &format!("/events/{id}"),
    ] {
        assert_eq!(client.get(path).status, 503, "{path}");
    }
    for path in [
        format!("/events/{id}/lease"),
        format!("/events/{id}/effects"),
        format!("/dead/{id}/replay"),
    ] {
        let report = br#"{"token":1,"notify":"sent"}"#;
        let answer = client.request("POST", &path, &[JSON], report);
        assert_eq!(answer.status, 503, "{path}");
    }
    let metrics = client.get("/metrics");
    let text = String::from_utf8(metrics.body).expect("UTF-8");
    assert!(
        !text.contains("\na7probe_queue_oldest_age_seconds "),
        "{text}"
    );
}
