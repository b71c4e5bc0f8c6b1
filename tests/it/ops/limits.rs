//! Who sends too much is told so, and nobody else suffers; whoever only looks is answered even when nothing is written.

use std::num::NonZeroU32;
use std::time::Duration;

use a7probe::reference::server::{Limits, RateLimit, ServerConfig, ServerMode};
use a7probe::units::Rate;

use crate::harness::{eventually, temp_dir};
use crate::serve_client::Spoken;
use crate::serve_host::{Served, config};

const JSON: (&str, &str) = ("content-type", "application/json");

fn limit(per_second: f64, burst: u32) -> Option<RateLimit> {
    Some(RateLimit {
        rate: Rate::per_second(per_second).expect("a rate"),
        burst: NonZeroU32::new(burst).expect("not zero"),
    })
}

#[test]
fn beyond_its_rate_a_client_is_429_on_ingest_and_nowhere_else() {
    let folder = temp_dir();
    let served = Served::start(ServerConfig {
        rate_limit: limit(0.01, 3),
        ..config(ServerMode::Background, &folder)
    });
    let mut client = served.client();
    let statuses: Vec<u16> = (0..5).map(|_| client.ingest(&[], "{}").status).collect();
    assert_eq!(statuses, [202, 202, 202, 429, 429]);
    // Another connection is the same client, over either protocol.
    let over_http2 = served.client_over(Spoken::Http2).ingest(&[], "{}");
    assert_eq!(over_http2.status, 429);
    let refused = served.client().ingest(&[], "{}");
    assert_eq!(
        refused.json()["type"],
        "urn:a7probe:problem:too-many-requests"
    );
    let wait = refused.header("retry-after").map(str::parse::<u64>);
    let wait = wait.expect("Retry-After").expect("seconds");
    assert!((1..=100).contains(&wait), "{wait}");
    for path in [
        "/health",
        "/livez",
        "/readyz",
        "/queue",
        "/metrics",
        "/runs/r/events",
    ] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    assert_eq!(client.request("GET", "/ingest", &[], b"").status, 405);
}

#[test]
fn every_token_has_an_allowance_of_its_own() {
    let folder = temp_dir();
    let served = Served::start(ServerConfig {
        tokens: vec!["one".to_owned(), "two".to_owned()],
        rate_limit: limit(0.01, 1),
        ..config(ServerMode::Background, &folder)
    });
    let status = |token: &str| {
        let token = format!("Bearer {token}");
        let header = ("authorization", token.as_str());
        served.client().ingest(&[header], "{}").status
    };
    assert_eq!((status("one"), status("one")), (202, 429));
    assert_eq!((status("two"), status("three")), (202, 401));
}

#[test]
fn while_the_store_is_stalled_ingest_is_shed_and_everything_else_is_answered() {
    let folder = temp_dir();
    let base = config(ServerMode::Background, &folder);
    let limits = Limits {
        in_flight: 4,
        probe_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let served = Served::start(ServerConfig {
        limits,
        ..base.clone()
    });
    let mut client = served.client();
    let id = client.ingest(&[], "{}").event_id();
    client.get(&format!("/events/{id}?wait=30s"));

    // Whoever holds the database's write lock stalls the writer in its next transaction.
    let holder = rusqlite::Connection::open(crate::serve_host::store(folder.path()))
        .expect("the store's file");
    holder
        .execute_batch("PRAGMA busy_timeout = 60000; BEGIN IMMEDIATE")
        .expect("the lock");
    let mut waiting: Vec<_> = (0..4).map(|_| served.client()).collect();
    for client in &mut waiting {
        client.send("POST", "/ingest", &[JSON], b"{}");
    }
    // What follows is answered before the lock is released, so nothing of it waits for the store's writer.
    eventually("all of them are in flight", || {
        let page = client.get("/metrics").body;
        String::from_utf8_lossy(&page).contains("\na7probe_ingest_in_flight 4\n")
    });
    let refused = client.ingest(&[], "{}");
    let kind = &refused.json()["type"];
    assert_eq!(
        (refused.status, kind),
        (503, &"urn:a7probe:problem:overloaded".into())
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    for path in [
        "/health",
        "/livez",
        "/queue",
        "/metrics",
        &format!("/events/{id}"),
    ] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    eventually("it is no longer ready", || {
        let answer = client.get("/readyz");
        answer.status == 503 && answer.json()["type"] == "urn:a7probe:problem:store-busy"
    });
    holder.execute_batch("ROLLBACK").expect("the lock is free");

    // Each of those that waited is told what became of it, and that is true.
    for client in &mut waiting {
        let answer = client.receive().expect("an answer");
        if answer.status == 202 {
            let event = client.get(&format!("/events/{}?wait=30s", answer.event_id()));
            assert_eq!(event.json()["state"], "processed");
        } else {
            assert_eq!(answer.status, 503);
        }
    }
    eventually("it is ready again", || client.get("/readyz").status == 200);
    assert_eq!(client.ingest(&[], "{}").status, 202);
}
