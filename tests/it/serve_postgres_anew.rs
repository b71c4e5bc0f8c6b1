//! A database that is created anew while servers and workers run, and one that does not keep committed data.

use std::time::{Duration, Instant};

use a7probe::reference::server::{ServerConfig, ServerMode};
use a7probe::reference::store::{
    Admission, AttemptOutcome, EventId, EventState, Finished, Handling, Notification, Store,
    StoreError,
};

use crate::harness::{eventually, temp_dir};
use crate::postgres_host::{Database, Schema};
use crate::serve_host::{Process, Served, Witness, Worker, simulated};
use crate::serve_postgres::{claim_one, queue, state, submission};
use crate::serve_queue::{accept, until_empty};

#[test]
fn a_database_that_was_dropped_and_created_again_is_used_without_a_restart() {
    let Some(database) = Database::create("serve_postgres_anew::a_database_…") else {
        return;
    };
    let (folder, witness) = (temp_dir(), Witness::start());
    let server = Process::on(&database.url, folder.path(), &["--mode", "queue"]);
    let worker = Worker::start(&database.url, folder.path(), &["--provider", &witness.url]);
    let mut client = server.client();
    accept(&mut client, "before", 5);
    until_empty(&mut client);
    database.drop_it();
    for _ in 0..3 {
        assert_eq!(client.ingest(&[], "{}").status, 503);
    }
    assert_eq!(client.get("/readyz").status, 503);
    database.make();
    eventually("it is migrated", || {
        client.ingest(&[("x-a7-run", "probe")], "{}").status == 202
    });
    assert_eq!(client.get("/readyz").status, 200);
    accept(&mut client, "after", 5);
    until_empty(&mut client);
    assert_eq!(witness.journal().sent, 11);
    for (run, events) in [("before", 0), ("after", 5)] {
        let listed = client.get(&format!("/runs/{run}/events")).lines();
        assert_eq!(listed.len(), events, "{run}");
        assert!(listed.iter().all(|event| event["state"] == "processed"));
    }
    let queue = client.get("/queue").json();
    assert_eq!(queue["processed"], 6, "{queue}");
    drop(worker);
}

#[test]
fn a_schema_that_was_dropped_and_created_again_is_used_without_a_restart() {
    let Some(schema) = Schema::create("serve_postgres_anew::a_schema_…") else {
        return;
    };
    let server = Served::start(ServerConfig {
        provider: simulated(0.0),
        ..ServerConfig::new(ServerMode::Background, schema.url.as_str())
    });
    let mut client = server.client();
    assert_eq!(client.ingest(&[], "{}").status, 202);
    schema.drop_it();
    assert_eq!(client.ingest(&[], "{}").status, 503);
    schema.make();
    eventually("it is migrated", || client.ingest(&[], "{}").status == 202);
    let table = "SELECT count(*) FROM jobs WHERE state <= 5";
    assert_eq!(schema.ask(table), ["1"]);
}

#[tokio::test]
async fn a_lease_of_the_old_database_decides_nothing_in_the_new_one() {
    let Some(schema) = Schema::create("serve_postgres_anew::a_lease_…") else {
        return;
    };
    let store = schema.open();
    queue(&store, "old").await;
    let old = claim_one(&store).await;
    schema.drop_it();
    schema.make();
    let new = loop {
        // The first one detects it.
        if store.accept(submission("new", Handling::Queue)).await == Ok(Admission::Queued) {
            break EventId::from_key("new");
        }
    };
    assert_eq!(
        store.finish(old.clone(), AttemptOutcome::sent()).await,
        Ok(Finished::Stale)
    );
    assert_eq!(store.give_back(vec![old]).await, Ok(()));
    assert_eq!(state(&store, new).await, (EventState::Queued, 0, 0));
    let lease = claim_one(&store).await;
    assert_eq!(
        (lease.event_id, lease.notification),
        (new, Notification::Due)
    );
    assert_eq!(store.snapshot().open(), 1);
}

const TABLES: [&str; 9] = [
    "jobs",
    "runs",
    "events",
    "effects",
    "counts",
    "counters",
    "processes",
    "a7probe_schema",
    "a7probe_clock",
];

#[test]
fn an_unlogged_table_is_refused_at_the_start_whichever_it_is() {
    let Some(schema) = Schema::create("serve_postgres_anew::an_unlogged_table_…") else {
        return;
    };
    drop(schema.open());
    for table in TABLES {
        schema.sql(&format!("ALTER TABLE {table} SET UNLOGGED"));
        let refused = Store::open(&schema.options())
            .err()
            .expect("refused")
            .to_string();
        let way_out = format!("{table} is UNLOGGED");
        assert!(refused.contains(&way_out), "{refused}");
        let statement = format!("ALTER TABLE {table} SET LOGGED");
        assert!(refused.contains(&statement), "{refused}");
        schema.sql(&statement);
        drop(schema.open());
    }
}

#[tokio::test]
async fn a_table_that_becomes_unlogged_takes_nothing_in_until_it_is_logged_again() {
    let Some(schema) = Schema::create("serve_postgres_anew::a_table_that_becomes_…") else {
        return;
    };
    let store = schema.open();
    queue(&store, "before").await;
    for table in ["jobs", "events", "effects"] {
        schema.sql(&format!("ALTER TABLE {table} SET UNLOGGED"));
        for n in 0..3 {
            let key = format!("{table} {n}");
            let refused = store.accept(submission(&key, Handling::Queue)).await;
            assert!(matches!(refused, Err(StoreError::Failed(_))), "{refused:?}");
            if n > 0 {
                let Err(error) = refused else { unreachable!() };
                let said = error.to_string();
                assert!(said.contains(&format!("{table} is UNLOGGED")), "{said}");
            }
        }
        schema.sql(&format!("ALTER TABLE {table} SET LOGGED"));
        // A refusal of the tables stands for a moment, so that not every request asks the server anew.
        let deadline = Instant::now() + Duration::from_secs(30);
        while store.accept(submission(table, Handling::Queue)).await != Ok(Admission::Queued) {
            assert!(Instant::now() < deadline, "{table} is logged again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(schema.ask("SELECT count(*) FROM jobs"), ["4"]);
}

#[test]
fn a_table_that_is_missing_is_named() {
    let Some(schema) = Schema::create("serve_postgres_anew::a_table_that_is_missing_…") else {
        return;
    };
    drop(schema.open());
    schema.sql("DROP TABLE events");
    let refused = Store::open(&schema.options())
        .err()
        .expect("refused")
        .to_string();
    assert!(refused.contains("the table events is missing"), "{refused}");
}
