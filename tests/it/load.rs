//! Events posted side by side until the server is gone or the test has seen enough, and what the server made of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;
use uuid::Uuid;

use crate::harness::eventually;
use crate::serve_client::Client;

/// The run that the events belong to.
const RUN: &str = "load";

/// Connections.
const CLIENTS: usize = 4;

/// Posts new events over four connections, each with a key of its own, until the server is gone or it is told to end.
///
/// An answer is 202 or, from a server that cannot promise now, 503: that one is counted and not owed.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<std::thread::JoinHandle<Vec<String>>>,
}

#[derive(Default)]
struct Shared {
    acknowledged: AtomicUsize,
    enough: AtomicBool,
}

impl Load {
    pub(crate) fn start(address: SocketAddr) -> Load {
        let shared = Arc::new(Shared::default());
        let start = |_| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.post(address))
        };
        Load {
            threads: (0..CLIENTS).map(start).collect(),
            shared,
        }
    }

    /// Waits until this many were answered 202.
    pub(crate) fn wait_for(&self, count: usize) {
        eventually("events are acknowledged", || self.acknowledged() >= count);
    }

    /// How many were answered 202 so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Sends no more. The ids that were answered 202.
    pub(crate) fn finish(self) -> Vec<String> {
        self.shared.enough.store(true, Ordering::Relaxed);
        self.acknowledged_ids()
    }

    /// Waits until the server is gone. The ids that were answered 202.
    pub(crate) fn acknowledged_ids(self) -> Vec<String> {
        self.threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("202 or 503, until the end"))
            .collect()
    }
}

impl Shared {
    fn post(&self, address: SocketAddr) -> Vec<String> {
        let mut ids = Vec::new();
        let mut client = Client::connect(address);
        while !self.enough.load(Ordering::Relaxed) {
            let id = Uuid::new_v4().to_string();
            let headers = [("idempotency-key", id.as_str()), ("x-a7-run", RUN)];
            match client.try_ingest(&headers, r#"{"n":1}"#) {
                Ok(answer) if answer.status == 202 => {
                    ids.push(id);
                    self.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => panic!("{answer:?}"),
                Err(_) => break,
            }
        }
        ids
    }
}

/// Waits until nothing is queued; then what the server knows of the load's events, by id.
pub(crate) fn events_of_the_load(client: &mut Client) -> BTreeMap<String, Value> {
    eventually("the queue is empty", || {
        client.get("/queue").json()["depth"] == 0
    });
    let listing = client.get(&format!("/runs/{RUN}/events")).lines();
    let by_id = |event: Value| (event["event_id"].as_str().expect("an id").to_owned(), event);
    listing.into_iter().map(by_id).collect()
}

/// Every event that was acknowledged is processed, and whatever is known was inserted and mailed exactly once.
pub(crate) fn assert_done_exactly_once(acknowledged: &[String], events: &BTreeMap<String, Value>) {
    assert_done(acknowledged, events);
    for event in events.values() {
        assert_eq!(event["notifications"], 1, "{event}");
    }
}

/// Every event that was acknowledged is processed, and whatever is known was inserted exactly once and mailed.
pub(crate) fn assert_done(acknowledged: &[String], events: &BTreeMap<String, Value>) {
    for id in acknowledged {
        assert!(events.contains_key(id), "{id} is lost");
    }
    // Some may be there that nobody was told of; they are processed once too.
    for event in events.values() {
        assert_eq!(event["state"], "processed", "{event}");
        assert_eq!(event["inserts"], 1, "{event}");
        assert!(event["notifications"].as_u64() >= Some(1), "{event}");
    }
}
