//! A row that another program has written and that cannot be read is dead with its reason. All others are processed.

use rusqlite::Connection;
use serde_json::Value;

use crate::harness::{eventually, temp_dir};
use crate::serve_client::Client;
use crate::serve_host::{Process, Worker, store};

/// Values that no version of this program writes into any column.
const VALUES: [&str; 5] = [
    "X'ff'",
    "'abc'",
    "1.5",
    "9223372036854775807",
    "CAST(X'ff' AS TEXT)",
];
/// Columns without which an event cannot be worked on.
const NEEDED: [&str; 6] = [
    "event_id",
    "fingerprint",
    "state",
    "attempts",
    "base",
    "payload",
];
/// Columns that are only shown, or can be done without.
const SHOWN: [&str; 6] = [
    "promise",
    "accepted_ms",
    "processed_ms",
    "owner",
    "run",
    "swept_ms",
];

fn post(client: &mut Client, count: usize) -> Vec<String> {
    let post = |_| {
        let answer = client.ingest(&[("x-a7-run", "r")], "{}");
        assert_eq!(answer.status, 202);
        answer.event_id()
    };
    (0..count).map(post).collect()
}

fn count(client: &mut Client, state: &str) -> u64 {
    client.get("/queue").json()[state]
        .as_u64()
        .expect("a count")
}

#[test]
fn only_the_row_that_cannot_be_read_is_dead() {
    let folder = temp_dir();
    let place = store(folder.path());
    let server = Process::start(folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let dead = NEEDED.len() * VALUES.len() + 3 + 1;
    let shown = SHOWN.len() * VALUES.len();
    let ids = post(&mut client, dead + shown + 10);

    let file = Connection::open(&place).expect("it opens");
    let mut seq = 0;
    let mut spoil = |column: &str, value: &str| {
        seq += 1;
        let sql = format!("UPDATE jobs SET {column} = {value} WHERE seq = {seq}");
        assert_eq!(file.execute(&sql, []), Ok(1), "{sql}");
    };
    for column in NEEDED {
        VALUES.iter().for_each(|value| spoil(column, value));
    }
    // A due time that is a large number is due at once for a new event.
    ["X'ff'", "'abc'", "1.5"]
        .iter()
        .for_each(|value| spoil("due_ms", value));
    spoil("payload", "NULL");
    for column in SHOWN {
        VALUES.iter().for_each(|value| spoil(column, value));
    }
    file.execute_batch("UPDATE counts SET n = n; UPDATE processes SET pid = X'ff', role = X'ff'")
        .expect("written");

    let worker = Worker::start(
        place.to_str().expect("UTF-8"),
        folder.path(),
        &["--sim-latency", "1ms"],
    );
    let all = (dead as u64, ids.len() as u64 - dead as u64);
    eventually("all are settled", || {
        (count(&mut client, "dead"), count(&mut client, "processed")) == all
    });
    assert_eq!(count(&mut client, "depth"), 0);
    let letters = client.get("/dead").lines();
    assert_eq!(letters.len(), dead);
    for letter in &letters {
        let why = letter["error"].as_str().expect("a reason");
        assert!(
            why.starts_with("the stored event cannot be read: "),
            "{why}"
        );
    }
    for id in &ids[dead + shown..] {
        let event = client.get(&format!("/events/{id}")).json();
        assert_eq!(
            (&event["state"], &event["inserts"]),
            (&"processed".into(), &1.into())
        );
    }
    let listed = client.get("/runs/r/events").lines();
    assert_eq!(
        listed.len(),
        ids.len() - VALUES.len(),
        "all but those whose run is another one"
    );
    for path in ["/metrics", "/readyz", "/health"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    // New events are still processed.
    let more = post(&mut client, 3);
    eventually("they are processed", || {
        let state = |id: &String| client.get(&format!("/events/{id}")).json()["state"].clone();
        more.iter().map(state).collect::<Vec<Value>>() == ["processed"; 3]
    });
    drop(worker);
}

#[test]
fn a_known_key_whose_row_cannot_be_read_is_refused_and_its_neighbours_are_not() {
    let folder = temp_dir();
    let server = Process::start(folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let key = [("idempotency-key", "k")];
    assert_eq!(client.ingest(&key, "{}").status, 202);
    let file = Connection::open(store(folder.path())).expect("it opens");
    let spoiled = file.execute("UPDATE jobs SET fingerprint = 'abc'", []);
    assert_eq!(spoiled, Ok(1));
    assert_eq!(client.ingest(&key, "{}").status, 503);
    assert_eq!(client.get("/readyz").status, 200);
    assert_eq!(client.ingest(&[], "{}").status, 202);
}
