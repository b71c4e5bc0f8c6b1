//! Sessions that hold keys, prefer other settings or bring keys in another order.

use std::time::{Duration, Instant};

use a7probe::reference::server::{ServerConfig, ServerMode};
use a7probe::reference::store::{Admission, EventId, Handling, Promise, Store, StoreOptions};

use super::{queue, submission};

use crate::harness::eventually;
use crate::postgres_host::Schema;
use crate::serve_host::Served;

/// The sessions of a store whose URL names it in `application_name`.
fn named(schema: &Schema, name: &str) -> String {
    format!("{}&application_name={name}", schema.url)
}

#[test]
fn a_key_that_a_session_elsewhere_holds_is_refused_in_time_and_holds_up_no_other() {
    let Some(schema) = Schema::create("serve_postgres::a_key_that_a_session_elsewhere_…") else {
        return;
    };
    let name = uuid::Uuid::new_v4().to_string();
    let server = Served::start(ServerConfig::new(
        ServerMode::Queue,
        named(&schema, &name).as_str(),
    ));
    let mut client = server.client();
    let mut ingest = |key: &str| client.ingest(&[("idempotency-key", key)], "{}").status;
    assert_eq!(ingest("before"), 202);
    let id = EventId::from_key("held");
    // The machine that began this has lost its power.
    let held = schema.hold(&format!(
        "INSERT INTO jobs (event_id, fingerprint, promise, state, due_ms, accepted_ms, attempts)
        VALUES ('{id}', '', 0, 0, 0, 0, 0)"
    ));
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(ingest("held"), 503);
        assert!(start.elapsed() < Duration::from_secs(8), "{start:?}");
        assert_eq!(ingest(&uuid::Uuid::new_v4().to_string()), 202);
    }
    let blocked = format!(
        "SELECT pid FROM pg_stat_activity WHERE application_name = '{name}' AND wait_event_type = 'Lock'"
    );
    eventually("no session waits any more", || {
        schema.ask(&blocked).is_empty()
    });
    drop(held);
    assert_eq!(ingest("held"), 202);
}

#[tokio::test]
async fn what_the_role_or_the_database_prefers_changes_no_promise() {
    let Some(schema) = Schema::create("serve_postgres::what_the_role_…") else {
        return;
    };
    let odd = "%20-cdefault_transaction_isolation%3Dserializable%20-csynchronous_commit%3Dlocal";
    let url = format!("{}{odd}", schema.url);
    let store = Store::open(&StoreOptions::at(url.as_str())).expect("the store opens");
    schema.sql(
        "CREATE TABLE seen (what text);
        CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO seen SELECT name || ' ' || setting || ' ' || source FROM pg_settings WHERE name IN
                ('synchronous_commit', 'lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout');
            INSERT INTO seen VALUES (current_setting('transaction_isolation'));
            RETURN NEW;
        END $$;
        CREATE TRIGGER look BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION look()",
    );
    queue(&store, "a").await;
    assert_eq!(
        schema.ask("SELECT what FROM seen ORDER BY what"),
        [
            "idle_in_transaction_session_timeout 12000 session",
            "lock_timeout 200 session",
            "read committed",
            "statement_timeout 8000 session",
            "synchronous_commit local session",
        ]
    );
}

#[tokio::test]
async fn two_stores_that_are_sent_the_same_keys_in_different_orders_take_each_once() {
    let Some(schema) = Schema::create("serve_postgres::two_stores_…") else {
        return;
    };
    let (one, other) = (schema.open(), schema.open());
    for round in 0..20 {
        let keys: Vec<String> = (0..50).map(|n| format!("{round}-{n}")).collect();
        let accept = |store: &Store, key: &String| {
            let (store, submission) = (store.clone(), submission(key, Handling::Queue));
            tokio::spawn(async move { store.accept(submission).await })
        };
        let forwards: Vec<_> = keys.iter().map(|key| accept(&one, key)).collect();
        let backwards: Vec<_> = keys.iter().rev().map(|key| accept(&other, key)).collect();
        let mut answers = Vec::new();
        for answer in forwards.into_iter().chain(backwards) {
            answers.push(answer.await.expect("no panic").expect("the store works"));
        }
        let new = |answer: &&Admission| **answer == Admission::Queued;
        let replayed = |answer: &&Admission| **answer == Admission::Replayed(Promise::Later);
        let counts = (
            answers.iter().filter(new).count(),
            answers.iter().filter(replayed).count(),
        );
        assert_eq!(counts, (50, 50));
    }
    assert_eq!(
        one.run_page("run", 0, 2000)
            .await
            .expect("works")
            .events
            .len(),
        1000
    );
}
