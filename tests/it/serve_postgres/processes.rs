//! Several processes on one database.

use std::sync::{Barrier, Mutex};

use a7probe::reference::server::{ServerConfig, ServerMode};
use a7probe::reference::store::{OpenError, Store, StoreOptions};

use crate::harness::temp_dir;
use crate::ops::workers_are_seen_through_the_server;
use crate::postgres_host::Schema;
use crate::serve_host::{Served, simulated};
use crate::serve_queue::{dead_and_back, each_event_once, late_finish_is_refused};

#[test]
fn many_processes_may_start_at_once_on_an_empty_database() {
    let Some(schema) = Schema::create("serve_postgres::many_processes_may_start_…") else {
        return;
    };
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                drop(schema.open());
            });
        }
    });
}

#[test]
fn what_is_not_ours_or_of_a_later_version_or_not_durable_is_refused() {
    let Some(schema) = Schema::create("serve_postgres::what_is_not_ours_…") else {
        return;
    };
    let refused = |options: &StoreOptions| Store::open(options).err().expect("refused").to_string();
    schema.sql("CREATE TABLE events (id int)");
    let foreign = refused(&schema.options());
    assert!(
        foreign.contains("another program has tables in this schema (events)"),
        "{foreign}"
    );
    schema.sql("DROP TABLE events");
    drop(schema.open());
    schema.sql("UPDATE a7probe_schema SET version = 99");
    let later = refused(&schema.options());
    assert!(later.contains("its schema has version 99"), "{later}");
    assert!(!later.contains("a7probe:a7probe"), "no password: {later}");
    schema.sql("UPDATE a7probe_schema SET version = 4");
    let off = format!("{}%20-csynchronous_commit%3Doff", schema.url);
    let off = refused(&StoreOptions::at(off.as_str()));
    assert!(off.contains("synchronous_commit is off"), "{off}");
    let nobody = Store::open(&StoreOptions::at("postgres://me:s3cret@127.0.0.1:1/none"));
    let nobody = nobody.err().expect("nobody listens there");
    assert!(matches!(nobody, OpenError::Unusable { .. }));
    let nobody = nobody.to_string();
    assert!(
        nobody.contains("hint: ") && !nobody.contains("s3cret"),
        "{nobody}"
    );
}

#[test]
fn two_servers_on_one_database_take_the_same_key_once() {
    let Some(schema) = Schema::create("serve_postgres::two_servers_…") else {
        return;
    };
    let serve = || {
        Served::start(ServerConfig {
            provider: simulated(0.0),
            ..ServerConfig::new(ServerMode::Queue, schema.url.as_str())
        })
    };
    let servers = [serve(), serve()];
    let start = Barrier::new(8);
    let answers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (mut client, start) = (servers[number % 2].client(), &start);
            let answers = &answers;
            scope.spawn(move || {
                for round in 0..20 {
                    start.wait();
                    let key = format!("key-{round}");
                    let headers = [("idempotency-key", key.as_str()), ("x-a7-run", "same")];
                    let answer = client.ingest(&headers, "{}");
                    assert_eq!(answer.status, 202, "{answer:?}");
                    let new = answer.header("idempotent-replayed").is_none();
                    let mut answers = answers.lock().expect("no panic");
                    answers.push((round, answer.event_id(), new));
                }
            });
        }
    });
    for round in 0..20 {
        let answers = answers.lock().expect("no panic");
        let of_round: Vec<_> = answers.iter().filter(|(r, ..)| *r == round).collect();
        assert_eq!(of_round.len(), 8);
        assert_eq!(of_round.iter().filter(|(.., new)| *new).count(), 1);
        assert!(of_round.iter().all(|(_, id, _)| *id == of_round[0].1));
    }
    let listing = servers[1].client().get("/runs/same/events").lines();
    assert_eq!(listing.len(), 20);
}

#[test]
fn several_worker_processes_on_one_database_do_each_event_once() {
    let Some(schema) = Schema::create("serve_postgres::several_worker_processes_…") else {
        return;
    };
    each_event_once(&schema.url, temp_dir().path());
}

#[test]
fn a_worker_stopped_past_its_lease_decides_nothing_any_more() {
    let Some(schema) = Schema::create("serve_postgres::a_worker_stopped_…") else {
        return;
    };
    late_finish_is_refused(&schema.url, temp_dir().path());
}

#[test]
fn the_metrics_know_of_commits_and_of_workers_on_one_database() {
    let Some(schema) = Schema::create("serve_postgres::the_metrics_know_…") else {
        return;
    };
    workers_are_seen_through_the_server(&schema.url, temp_dir().path());
}

#[test]
fn a_dead_letter_says_why_and_comes_back_when_replayed() {
    let Some(schema) = Schema::create("serve_postgres::a_dead_letter_…") else {
        return;
    };
    dead_and_back(&schema.url, temp_dir().path());
}
