//! PostgreSQL goes away, is restarted, and loses a connection at the worst moment.

use std::net::SocketAddr;

use a7probe::reference::store::{Store, StoreOptions};

use super::clients::{Clients, amount, assert_nothing_lost};
use crate::harness::{eventually, temp_dir};
use crate::load::{Load, assert_done, events_of_the_load};
use crate::postgres_host::{Cluster, Schema, Stop};
use crate::proxy::{Break, Proxy};
use crate::serve_client::{Client, Response};
use crate::serve_host::{Process, Witness, Worker};
use crate::serve_queue::until_empty;

const POSTGRES: &str = "127.0.0.1:5432";

/// The schema through a proxy.
fn through(proxy: &Proxy, schema: &Schema) -> String {
    schema.url.replace(POSTGRES, &proxy.address.to_string())
}

fn proxy() -> Proxy {
    Proxy::to(POSTGRES.parse::<SocketAddr>().unwrap())
}

fn ingest(client: &mut Client, key: &str) -> Response {
    client.ingest(&[("idempotency-key", key), ("x-a7-run", "away")], "{}")
}

#[test]
fn while_the_database_is_away_nothing_is_promised_and_what_was_is_kept() {
    let Some(schema) = Schema::create("faults::postgres::while_the_database_is_away_…") else {
        return;
    };
    let (proxy, folder) = (proxy(), temp_dir());
    let flags = ["--sim-latency", "1ms", "--log", "off"];
    let server = Process::on(&through(&proxy, &schema), folder.path(), &flags);
    let mut client = server.client();
    assert_eq!(ingest(&mut client, "before").status, 202);
    proxy.cut();
    let away = ingest(&mut client, "away");
    assert_eq!(away.status, 503, "{away:?}");
    assert!(away.header("retry-after").is_some());
    assert_eq!(client.get("/readyz").status, 503);
    proxy.mend();
    eventually("the same key is taken", || {
        ingest(&mut client, "away").status == 202
    });
    eventually("it is ready", || client.get("/readyz").status == 200);
    until_empty(&mut client);
    let listing = client.get("/runs/away/events").lines();
    assert_eq!(listing.len(), 2, "{listing:?}");
    for event in listing {
        assert_eq!(event["state"], "processed", "{event}");
        assert_eq!(event["inserts"], 1, "{event}");
    }
}

/// The connection breaks at the COMMIT of an event; its client is told that nobody knows, and its key finds the truth:
/// accepted before, or not at all.
fn the_key_finds_the_truth(how: Break, was_accepted: bool) {
    let Some(schema) = Schema::create("faults::postgres::the_key_finds_the_truth_…") else {
        return;
    };
    let (proxy, folder) = (proxy(), temp_dir());
    // In queue mode without a worker nothing but the event is committed.
    let flags = ["--mode", "queue", "--log", "off"];
    let server = Process::on(&through(&proxy, &schema), folder.path(), &flags);
    let mut client = server.client();
    assert_eq!(ingest(&mut client, "before").status, 202);
    proxy.break_at(b"; COMMIT", how);
    let unsure = ingest(&mut client, "unsure");
    assert!(proxy.is_broken());
    assert_eq!(unsure.status, 503, "{unsure:?}");
    let said = unsure.json()["detail"].to_string();
    assert!(
        said.contains("may have succeeded") && said.contains("repeat"),
        "{said}"
    );
    let depth = |client: &mut Client| client.get("/queue").json()["depth"].clone();
    eventually(
        "it is known what became of it, though nobody asks again",
        || depth(&mut client) == 1 + u64::from(was_accepted),
    );
    let mut again = None;
    eventually("the same key is taken", || {
        let answer = ingest(&mut client, "unsure");
        let taken = answer.status == 202;
        again = taken.then_some(answer);
        taken
    });
    let replayed = again.expect("taken").header("idempotent-replayed") == Some("true");
    assert_eq!(replayed, was_accepted);
    assert_eq!(depth(&mut client), 2);
    assert_eq!(client.get("/runs/away/events").lines().len(), 2);
}

#[test]
fn a_connection_cut_before_the_commit_arrives_accepts_nothing() {
    the_key_finds_the_truth(Break::Before, false);
}

#[test]
fn a_connection_cut_after_the_commit_is_done_has_accepted_the_event() {
    the_key_finds_the_truth(Break::AfterItIsDone, true);
}

#[test]
fn a_restarted_postgresql_delays_and_loses_nothing() {
    let Some(mut cluster) = Cluster::start("faults::postgres::a_restarted_postgresql_…") else {
        return;
    };
    let (folder, witness, store) = (temp_dir(), Witness::start(), cluster.url.clone());
    let server = Process::on(&store, folder.path(), &["--mode", "queue", "--log", "off"]);
    let flags = ["--provider", &witness.url, "--lease", "2s", "--log", "off"];
    let flags = [
        &flags[..],
        &["--provider-timeout", "1s", "--attempts", "100"],
    ]
    .concat();
    let _workers = [(); 2].map(|()| Worker::start(&store, folder.path(), &flags));
    let clients = Clients::start(server.address);
    for _ in 0..amount(1, 10) {
        for how in [Stop::Fast, Stop::Immediate, Stop::Kill] {
            clients.accept_more(50);
            cluster.stop(how);
            cluster.run();
        }
    }
    clients.accept_more(50);
    let accepted = clients.finish();
    assert_nothing_lost(&accepted, &mut server.client(), &witness);
}

#[test]
fn a_read_that_is_never_answered_ends_and_the_next_one_is() {
    let Some(schema) = Schema::create("faults::postgres::a_read_that_is_never_answered_…") else {
        return;
    };
    let (proxy, folder) = (proxy(), temp_dir());
    let flags = ["--mode", "queue", "--log", "off"];
    let server = Process::on(&through(&proxy, &schema), folder.path(), &flags);
    let mut client = server.client();
    let path = format!("/events/{}", ingest(&mut client, "a").event_id());
    assert_eq!(client.get(&path).status, 200);
    proxy.black_hole();
    assert_eq!(client.get(&path).status, 503);
    proxy.mend();
    eventually("it is read", || client.get(&path).status == 200);
}

#[test]
fn a_server_killed_under_load_loses_nothing() {
    let Some(schema) = Schema::create("faults::postgres::a_server_killed_…") else {
        return;
    };
    let folder = temp_dir();
    let flags = ["--sim-latency", "5ms", "--log", "off"];
    let flags = [&flags[..], &["--lease", "2s", "--provider-timeout", "1s"]].concat();
    let server = Process::on(&schema.url, folder.path(), &flags);
    let load = Load::start(server.address);
    load.wait_for(200);
    server.kill();
    let acknowledged = load.acknowledged_ids();
    assert!(acknowledged.len() >= 200);
    let server = Process::on(&schema.url, folder.path(), &flags);
    assert_done(&acknowledged, &events_of_the_load(&mut server.client()));
}

/// Neither the one that is written to nor its reloads are announced: the store finds out by being refused.
#[test]
fn when_the_server_becomes_a_standby_the_other_address_takes_over() {
    let name = "faults::postgres::when_the_server_becomes_a_standby_…";
    let (Some(old), Some(new)) = (Cluster::start(name), Cluster::start(name)) else {
        return;
    };
    drop(Store::open(&StoreOptions::at(new.url.as_str())).expect("the schema is there"));
    let both = format!(
        "postgres://a7probe@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        old.port, new.port
    );
    let folder = temp_dir();
    let server = Process::on(&both, folder.path(), &["--mode", "queue", "--log", "off"]);
    let mut client = server.client();
    assert_eq!(ingest(&mut client, "before").status, 202);
    old.sql("ALTER SYSTEM SET default_transaction_read_only = on");
    old.sql("SELECT pg_reload_conf()");
    eventually("it refuses to be written to", || {
        let refused = ingest(&mut client, &uuid::Uuid::new_v4().to_string());
        refused.status == 503 && refused.json()["type"] == "urn:a7probe:problem:store-read-only"
    });
    eventually("the other one is written to", || {
        ingest(&mut client, "after").status == 202
    });
    assert_eq!(client.get("/readyz").status, 200);
}

/// PostgreSQL ends the wait for a standby when its statement is timed out, and then says that it has committed.
#[test]
fn a_commit_that_waits_for_a_standby_for_ever_is_not_called_done() {
    let Some(cluster) = Cluster::start("faults::postgres::a_commit_that_waits_…") else {
        return;
    };
    let folder = temp_dir();
    let flags = ["--mode", "queue", "--log", "off"];
    let server = Process::on(&cluster.url, folder.path(), &flags);
    let mut client = server.client();
    assert_eq!(ingest(&mut client, "before").status, 202);
    cluster.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    cluster.sql("SELECT pg_reload_conf()");
    eventually("no commit returns", || {
        ingest(&mut client, &uuid::Uuid::new_v4().to_string()).status == 503
    });
    assert_eq!(ingest(&mut client, "waits").status, 503);
    cluster.sql("ALTER SYSTEM RESET synchronous_standby_names");
    cluster.sql("SELECT pg_reload_conf()");
    eventually("the same key is taken", || {
        ingest(&mut client, "waits").status == 202
    });
}
