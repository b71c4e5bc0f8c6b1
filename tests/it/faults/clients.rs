//! Clients that keep to the contract: what is not answered 202 is sent again with its key until it is.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::harness::PATIENCE;
use crate::load::{assert_done, events_of_the_load};
use crate::serve_client::Client;
use crate::serve_host::Witness;

/// As [`crate::load`] names it, whose checks read the same listing.
const RUN: &str = "load";
const CLIENTS: usize = 3;

/// Posts new events over a few connections, and goes on across restarts of the server.
pub(crate) struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

struct Shared {
    address: Mutex<SocketAddr>,
    accepted: AtomicUsize,
    enough: AtomicBool,
}

impl Clients {
    pub(crate) fn start(address: SocketAddr) -> Clients {
        let shared = Arc::new(Shared {
            address: Mutex::new(address),
            accepted: AtomicUsize::new(0),
            enough: AtomicBool::new(false),
        });
        let start = |_| {
            let shared = shared.clone();
            std::thread::spawn(move || shared.post_until_enough())
        };
        Clients {
            threads: (0..CLIENTS).map(start).collect(),
            shared,
        }
    }

    /// The server is to be found there from now on.
    pub(crate) fn move_to(&self, address: SocketAddr) {
        *self.shared.address.lock().unwrap() = address;
    }

    /// Waits until this many more are accepted.
    pub(crate) fn accept_more(&self, count: usize) {
        assert!(
            self.accept_more_within(count, PATIENCE),
            "more events are not accepted"
        );
    }

    /// The same, but no longer than this; whether they were.
    pub(crate) fn accept_more_within(&self, count: usize, limit: Duration) -> bool {
        let accepted = || self.shared.accepted.load(Ordering::SeqCst);
        let (goal, deadline) = (accepted() + count, Instant::now() + limit);
        while accepted() < goal && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        accepted() >= goal
    }

    /// Sends nothing new, and waits until everything that was sent is accepted. The ids.
    pub(crate) fn finish(self) -> Vec<String> {
        self.shared.enough.store(true, Ordering::SeqCst);
        let end = |thread: JoinHandle<_>| thread.join().expect("accepted in the end");
        self.threads.into_iter().flat_map(end).collect()
    }
}

impl Shared {
    fn post_until_enough(&self) -> Vec<String> {
        let (mut ids, mut client) = (Vec::new(), None);
        while !self.enough.load(Ordering::SeqCst) {
            let id = Uuid::new_v4().to_string();
            self.post_until_accepted(&mut client, &id);
            self.accepted.fetch_add(1, Ordering::SeqCst);
            ids.push(id);
        }
        ids
    }

    fn post_until_accepted(&self, client: &mut Option<Client>, id: &str) {
        let deadline = Instant::now() + PATIENCE;
        let headers = [("idempotency-key", id), ("x-a7-run", RUN)];
        loop {
            let answer = self
                .connected(client)
                .and_then(|client| client.try_ingest(&headers, r#"{"n":1}"#).ok());
            match answer.map(|answer| answer.status) {
                Some(202) => return,
                // Not now.
                Some(429 | 503) => {}
                Some(status) => panic!("{id} was answered {status}"),
                None => *client = None,
            }
            assert!(Instant::now() < deadline, "{id} is not accepted");
            // A client that is refused does not hurry.
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn connected<'a>(&self, client: &'a mut Option<Client>) -> Option<&'a mut Client> {
        if client.is_none() {
            *client = Client::try_connect(*self.address.lock().unwrap()).ok();
        }
        client.as_mut()
    }
}

/// Waits until nothing is queued. Then every accepted event is processed, none was inserted twice, and the provider took
/// a mail for each of them and for no other.
pub(crate) fn assert_nothing_lost(accepted: &[String], client: &mut Client, witness: &Witness) {
    let events = events_of_the_load(client);
    assert_done(accepted, &events);
    assert_eq!(events.len(), accepted.len(), "every key was accepted once");
    let queue = client.get("/queue").json();
    assert_eq!(queue["dead"], 0, "{queue}");
    let sent = |entry: &a7probe::reference::provider::JournalEntry| entry.sent > 0;
    let entries = witness.simulator.journal_entries();
    let mailed: BTreeSet<String> = (entries.iter().filter(|entry| sent(entry)))
        .map(|entry| entry.event_id.to_string())
        .collect();
    assert_eq!(mailed, events.into_keys().collect());
}

/// How much is done: a little in every run of the tests, more with `A7PROBE_LONG=1`.
pub(crate) fn amount(short: usize, long: usize) -> usize {
    if std::env::var_os("A7PROBE_LONG").is_some() {
        long
    } else {
        short
    }
}
