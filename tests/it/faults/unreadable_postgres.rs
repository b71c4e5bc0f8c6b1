//! A row in PostgreSQL that another program has changed so that no attempt can be made is dead with its reason. All
//! others are processed.

use crate::harness::{eventually, temp_dir};
use crate::postgres_host::Schema;
use crate::serve_client::Client;
use crate::serve_host::{Process, Worker};

/// What is written, and the reason of the dead letter.
const NEEDED: [(&str, &str); 15] = [
    ("base = 2147483647", "base is 2147483647"),
    ("base = -2147483648", "base is -2147483648"),
    ("base = 1", "base is 1, with 0 attempts"),
    ("attempts = 2147483647", "attempts is 2147483647"),
    ("attempts = 1000000001", "attempts is 1000000001"),
    ("attempts = -1", "attempts is -1"),
    ("attempts = -2147483648", "attempts is -2147483648"),
    (
        "state = 9",
        "this version does not know the value of state or due_ms",
    ),
    (
        "state = -1",
        "this version does not know the value of state or due_ms",
    ),
    (
        "state = 32767, attempts = 2147483647",
        "this version does not know the value of state or due_ms",
    ),
    ("payload = NULL", "payload is NULL, not a body"),
    ("payload = '\\xff'", "payload is not the accepted body"),
    ("payload = ''", "payload is not the accepted body"),
    ("fingerprint = '\\xff'", "payload is not the accepted body"),
    (
        "state = 1, base = 7, due_ms = 0",
        "base is 7, with 0 attempts",
    ),
];
/// What no attempt depends on.
const SHOWN: [&str; 16] = [
    "due_ms = 9223372036854775807",
    "due_ms = -9223372036854775808",
    "state = 1, due_ms = 9223372036854775807, span_ms = 9223372036854775807",
    "state = 1, due_ms = 9223372036854775807, span_ms = -9223372036854775808",
    "state = 1, due_ms = -9223372036854775808, span_ms = NULL",
    "accepted_ms = 9223372036854775807",
    "accepted_ms = -9223372036854775808",
    "processed_ms = -9223372036854775808",
    "promise = 32767",
    "promise = -32768",
    "owner = -9223372036854775808",
    "owner = NULL",
    "swept_ms = 9223372036854775807",
    "span_ms = -9223372036854775808",
    "run = -9223372036854775808",
    "run = NULL",
];

fn post(client: &mut Client, count: usize) -> Vec<String> {
    let post = |_| {
        let answer = client.ingest(&[], "{}");
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.event_id()
    };
    (0..count).map(post).collect()
}

fn count(client: &mut Client, state: &str) -> u64 {
    let answer = client.get("/queue");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()[state].as_u64().expect("a count")
}

#[test]
fn only_the_row_in_postgres_that_cannot_be_read_is_dead() {
    let Some(schema) = Schema::create("faults::unreadable_postgres::only_the_row_…") else {
        return;
    };
    let folder = temp_dir();
    let server = Process::on(&schema.url, folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let ids = post(&mut client, NEEDED.len() + SHOWN.len() + 6);
    let written = NEEDED.iter().map(|(sql, _)| *sql).chain(SHOWN);
    for (id, sql) in ids.iter().zip(written) {
        schema.sql(&format!("UPDATE jobs SET {sql} WHERE event_id = '{id}'"));
    }
    for path in ["/queue", "/metrics", "/readyz", "/dead"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    let worker = Worker::start(&schema.url, folder.path(), &["--sim-latency", "1ms"]);
    let dead = NEEDED.len() as u64;
    eventually("all are settled", || {
        (count(&mut client, "dead"), count(&mut client, "processed"))
            == (dead, ids.len() as u64 - dead)
    });
    let letters = client.get("/dead").lines();
    assert_eq!(letters.len(), NEEDED.len());
    for (id, (sql, reason)) in ids.iter().zip(NEEDED) {
        let letter = letters.iter().find(|letter| letter["event_id"] == **id);
        let letter = letter.unwrap_or_else(|| panic!("{sql}: no letter"));
        let said = format!("the stored event cannot be read: {reason}");
        assert_eq!(letter["error"], said, "{sql}");
        assert!(letter["attempts"].as_u64() <= Some(1_000_000_000), "{sql}");
        let event = client.get(&format!("/events/{id}")).json();
        assert_eq!(
            (&event["state"], &event["inserts"], &event["notifications"]),
            (&"dead".into(), &0.into(), &0.into()),
            "{sql}"
        );
    }
    for id in &ids[NEEDED.len()..] {
        let event = client.get(&format!("/events/{id}")).json();
        assert_eq!(
            (&event["state"], &event["inserts"]),
            (&"processed".into(), &1.into())
        );
    }
    // The body of the first one is still there: once replayed it is processed.
    let replayed = client.request("POST", &format!("/dead/{}/replay", ids[0]), &[], b"");
    assert!(replayed.status < 300, "{replayed:?}");
    eventually("the replayed one is processed", || {
        client.get(&format!("/events/{}", ids[0])).json()["state"] == "processed"
    });
    drop(worker);
}

#[test]
fn a_worker_whose_writer_has_ended_ends_with_an_error() {
    let Some(schema) = Schema::create("faults::unreadable_postgres::a_worker_…") else {
        return;
    };
    let folder = temp_dir();
    let server = Process::on(&schema.url, folder.path(), &["--mode", "queue"]);
    post(&mut server.client(), 1);
    // Nothing in this program reads a column of another type.
    schema.sql("ALTER TABLE jobs ALTER COLUMN fingerprint TYPE text USING 'x'");
    let worker = Worker::start(&schema.url, folder.path(), &["--sim-latency", "1ms"]);
    let (status, said) = worker.wait();
    assert!(!status.success(), "{said}");
    assert!(said.contains("its writer has ended"), "{said}");
}

#[test]
fn a_locked_table_is_one_outage_and_readyz_says_so() {
    let Some(schema) = Schema::create("faults::unreadable_postgres::a_locked_table_…") else {
        return;
    };
    let folder = temp_dir();
    let server = Process::on(&schema.url, folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    post(&mut client, 1);
    let held = schema.hold("LOCK TABLE jobs IN SHARE MODE");
    for _ in 0..2 {
        assert_eq!(client.ingest(&[], "{}").status, 503);
        assert_eq!(client.get("/readyz").status, 503);
    }
    drop(held);
    eventually("it is ready", || client.get("/readyz").status == 200);
    post(&mut client, 1);
    let works = std::time::Instant::now();
    eventually("it has worked for long enough", || {
        works.elapsed() > std::time::Duration::from_secs(3)
    });
    server.terminate();
    let (_, said) = server.wait();
    let lines: Vec<&str> = (said.lines())
        .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "))
        .collect();
    let [away, back] = lines[..] else {
        panic!("two lines: {said}");
    };
    assert!(away.contains("has locked its table jobs"), "{away}");
    assert!(back.contains("works again after"), "{back}");
}
