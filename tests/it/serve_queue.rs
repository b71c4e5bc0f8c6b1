//! Queue mode: the server accepts, worker processes do the work, each event once; and the way back to sync.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::harness::{eventually, temp_dir};
use crate::serve_client::Client;
use crate::serve_host::{HeldProvider, MoodyProvider, Process, Witness, Worker, store};

pub(crate) fn path(folder: &Path) -> String {
    store(folder).to_str().expect("UTF-8").to_owned()
}

pub(crate) fn accept(client: &mut Client, run: &str, count: usize) -> Vec<String> {
    let one = |_| {
        let answer = client.ingest(&[("x-a7-run", run)], "{}");
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.event_id()
    };
    (0..count).map(one).collect()
}

pub(crate) fn until_empty(client: &mut Client) {
    eventually("everything is done", || {
        client.get("/queue").json()["depth"] == 0
    });
}

/// Three worker processes at work beside each other; every event is inserted and notified once, by one of them.
pub(crate) fn each_event_once(store: &str, folder: &Path) {
    let witness = Witness::start();
    let server = Process::on(store, folder, &["--mode", "queue"]);
    let mut client = server.client();
    let flags = ["--provider", &witness.url, "--workers", "8"];
    let workers: Vec<Worker> = (0..3)
        .map(|_| Worker::start(store, folder, &flags))
        .collect();
    let ids: BTreeSet<String> = accept(&mut client, "once", 200).into_iter().collect();
    until_empty(&mut client);
    let listing = client.get("/runs/once/events").lines();
    let done: BTreeSet<String> = listing
        .iter()
        .map(|event| {
            assert_eq!(event["state"], "processed", "{event}");
            assert_eq!(
                (
                    &event["inserts"],
                    &event["notifications"],
                    &event["attempts"]
                ),
                (&1.into(), &1.into(), &1.into()),
                "{event}"
            );
            event["event_id"].as_str().expect("an id").to_owned()
        })
        .collect();
    assert_eq!(done, ids);
    let journal = witness.journal();
    assert_eq!((journal.sent, journal.duplicates), (200, 0), "{journal:?}");
    let there = client.get("/queue").json();
    let roles = there["processes"].as_array().expect("a list");
    assert_eq!(roles.len(), 3, "{there}");
    for worker in workers {
        let (status, said) = worker.stop();
        assert!(status.success() && said.contains("working, 8"), "{said}");
    }
}

/// A worker that sleeps past its lease finds, when it wakes, that another one has done the work.
pub(crate) fn late_finish_is_refused(store: &str, folder: &Path) {
    let provider = HeldProvider::start();
    let server = Process::on(store, folder, &["--mode", "queue"]);
    let flags = [
        "--provider",
        &provider.url,
        "--lease",
        "1500ms",
        "--provider-timeout",
        "1400ms",
    ];
    let slow = Worker::start(store, folder, &flags);
    let mut client = server.client();
    let id = accept(&mut client, "late", 1).remove(0);
    let first = provider.next_call();
    slow.signal("STOP");
    let quick = Worker::start(store, folder, &flags);
    let second = provider.next_call();
    second.answer(202);
    let event = client.get(&format!("/events/{id}?wait=30s")).json();
    assert_eq!(
        (&event["state"], &event["attempts"]),
        (&"processed".into(), &2.into()),
        "{event}"
    );
    first.answer(202);
    slow.signal("CONT");
    let late = client.get(&format!("/events/{id}")).json();
    assert_eq!(late["processed_at"], event["processed_at"]);
    let (_, said) = slow.stop();
    assert!(said.contains("an attempt outlived its lease"), "{said}");
    drop(quick);
}

#[test]
fn a_worker_shows_the_provider_its_key() {
    let folder = temp_dir();
    let witness = Witness::asking_for(Some("s3cret"));
    let server = Process::start(folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let flags = ["--provider", &witness.url, "--provider-key-env", "KEY"];
    let id = accept(&mut client, "key", 1).remove(0);
    let with_key = |key| {
        let store = path(folder.path());
        Worker::start_with(&store, folder.path(), &flags, &[("KEY", key)])
    };
    let worker = with_key("wrong");
    eventually("the provider has refused the wrong key", || {
        client.get(&format!("/events/{id}")).json()["state"] == "retrying"
    });
    assert!(worker.stop().0.success());
    let _worker = with_key("s3cret");
    let event = client.get(&format!("/events/{id}?wait=30s")).json();
    assert_eq!(event["state"], "processed", "it was kept: {event}");
    assert_eq!(witness.journal().sent, 1);
}

#[test]
fn several_worker_processes_on_one_file_do_each_event_once() {
    let folder = temp_dir();
    each_event_once(&path(folder.path()), folder.path());
}

#[test]
fn a_worker_asks_again_when_the_provider_said_and_not_earlier() {
    let folder = temp_dir();
    let (store, provider) = (path(folder.path()), MoodyProvider::start(503));
    provider.answer(503, Some(1));
    let server = Process::on(&store, folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let flags = ["--provider", &provider.url, "--retry-base", "1ms"];
    let _worker = Worker::start(&store, folder.path(), &flags);
    let id = accept(&mut client, "after", 1).remove(0);
    eventually("it is called", || provider.calls().len() == 1);
    provider.answer(202, None);
    let event = client.get(&format!("/events/{id}?wait=30s")).json();
    assert_eq!(event["state"], "processed", "{event}");
    let calls = provider.calls();
    assert_eq!(calls.len(), 2);
    assert!(
        calls[1] - calls[0] >= Duration::from_millis(990),
        "{calls:?}"
    );
}

#[test]
fn the_breaker_opens_for_a_provider_that_fails_and_closes_when_it_is_back() {
    let folder = temp_dir();
    let (store, provider) = (path(folder.path()), MoodyProvider::start(500));
    let server = Process::on(&store, folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let flags = [
        "--provider",
        &provider.url,
        "--retry-base",
        "1ms",
        "--attempts",
        "1000",
        "--breaker-failures",
        "5",
        "--breaker-open",
        "100ms",
        "--workers",
        "2",
    ];
    let worker = Worker::start(&store, folder.path(), &flags);
    accept(&mut client, "breaker", 20);
    let breaker = |client: &mut Client| {
        let queue = client.get("/queue").json();
        queue["processes"][0]["breaker"].as_str().map(str::to_owned)
    };
    eventually("the breaker is seen open", || {
        breaker(&mut client).is_some_and(|state| state != "closed")
    });
    let before = provider.calls().len();
    assert!(
        before < 40,
        "20 events would be tried again and again: {before}"
    );
    provider.answer(202, None);
    until_empty(&mut client);
    eventually("the breaker is seen closed", || {
        breaker(&mut client).as_deref() == Some("closed")
    });
    let (_, said) = worker.stop();
    assert!(said.contains("the circuit breaker is open"), "{said}");
    assert!(said.contains("hint: "), "{said}");
}

/// What the provider refuses for good is a dead letter with its reason, and comes back when it is asked to.
pub(crate) fn dead_and_back(store: &str, folder: &Path) {
    let provider = MoodyProvider::start(400);
    let server = Process::on(store, folder, &["--mode", "queue"]);
    let mut client = server.client();
    let _worker = Worker::start(store, folder, &["--provider", &provider.url]);
    let id = accept(&mut client, "dead", 1).remove(0);
    let event = client.get(&format!("/events/{id}?wait=30s")).json();
    assert_eq!(event["state"], "dead", "{event}");
    let letters = client.get("/dead").lines();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(
        (&letter["event_id"], &letter["attempts"], &letter["effect"]),
        (&id.clone().into(), &1.into(), &"notify".into())
    );
    assert_eq!(
        letter["error"],
        "the provider answered 400: no reason given"
    );

    provider.answer(202, None);
    let replay = |client: &mut Client, id: &str| {
        client.request("POST", &format!("/dead/{id}/replay"), &[], b"")
    };
    let replayed = replay(&mut client, &id);
    assert_eq!(replayed.status, 202, "{replayed:?}");
    let event = client.get(&format!("/events/{id}?wait=30s")).json();
    assert_eq!(
        (&event["state"], &event["inserts"], &event["attempts"]),
        (&"processed".into(), &1.into(), &2.into())
    );
    assert!(client.get("/dead").lines().is_empty());
    let again = replay(&mut client, &id);
    assert_eq!(again.status, 409);
    assert_eq!(again.json()["detail"], "it is processed");
    assert_eq!(
        again.header("content-type"),
        Some("application/problem+json")
    );
    let unknown = replay(&mut client, "00000000-0000-0000-0000-000000000000");
    assert_eq!(unknown.status, 404);
}

#[test]
fn a_dead_letter_says_why_and_comes_back_when_replayed() {
    let folder = temp_dir();
    dead_and_back(&path(folder.path()), folder.path());
}

#[test]
fn a_worker_in_another_language_leases_and_reports_over_http() {
    let folder = temp_dir();
    let server = Process::start(folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let id = client.ingest(&[], r#"{"n":1}"#).event_id();
    let lease =
        |client: &mut Client| client.request("POST", &format!("/events/{id}/lease"), &[], b"");
    let leased = lease(&mut client);
    assert_eq!(leased.status, 200, "{leased:?}");
    let leased = leased.json();
    assert_eq!(
        (&leased["token"], &leased["notify"], &leased["payload"]["n"]),
        (&1.into(), &"due".into(), &1.into())
    );
    let taken = lease(&mut client);
    assert_eq!(taken.status, 409);
    assert!(taken.header("retry-after").is_some());
    let report = |client: &mut Client, body: &str| {
        let json = [("content-type", "application/json")];
        let path = format!("/events/{id}/effects");
        client.request("POST", &path, &json, body.as_bytes())
    };
    assert_eq!(report(&mut client, r#"{"token":1}"#).status, 400);
    let never_issued = report(&mut client, r#"{"token":7,"notify":"sent"}"#);
    assert_eq!(never_issued.status, 409, "{never_issued:?}");
    let recorded = report(&mut client, r#"{"token":1,"notify":"sent"}"#);
    assert_eq!(recorded.status, 200, "{recorded:?}");
    assert_eq!(recorded.json()["next"], "done");
    let event = client.get(&format!("/events/{id}")).json();
    assert_eq!(event["state"], "processed");
}

#[test]
fn going_back_to_sync_finishes_what_was_queued_or_keeps_it_as_told() {
    let folder = temp_dir();
    let server = Process::start(folder.path(), &["--mode", "queue"]);
    accept(&mut server.client(), "rollback", 5);
    server.terminate();
    let (status, said) = server.wait();
    assert!(status.success(), "{said}");
    assert!(said.contains("5 accepted events kept in "), "{said}");

    let flags = ["--mode", "sync", "--sim-latency", "1ms"];
    let keep = [&flags[..], &["--queued", "keep"]].concat();
    let server = Process::start(folder.path(), &keep);
    let mut client = server.client();
    assert_eq!(client.ingest(&[], "{}").status, 200);
    assert_eq!(client.get("/queue").json()["depth"], 5);
    server.terminate();
    let (_, said) = server.wait();
    assert!(
        said.contains(
            "5 accepted events wait from an earlier run; they are kept for `a7probe worker"
        ),
        "{said}"
    );

    let server = Process::start(folder.path(), &flags);
    let mut client = server.client();
    assert_eq!(client.ingest(&[], "{}").status, 200);
    until_empty(&mut client);
    let listing = client.get("/runs/rollback/events").lines();
    assert_eq!(listing.len(), 5);
    for event in listing {
        assert_eq!(event["state"], "processed", "{event}");
    }
    server.terminate();
    let (_, said) = server.wait();
    assert!(
        said.contains("5 accepted events wait from an earlier run; they are processed"),
        "{said}"
    );
    assert!(
        said.contains("stopped: 7 events processed, 0 dead"),
        "{said}"
    );
}

#[test]
fn going_back_to_sync_after_an_outage_is_done_when_depth_and_dead_are_zero() {
    let folder = temp_dir();
    let (store, provider) = (path(folder.path()), MoodyProvider::start(503));
    let failing = [
        "--provider",
        &provider.url,
        "--attempts",
        "2",
        "--retry-base",
        "1ms",
    ];
    let server = Process::on(&store, folder.path(), &["--mode", "queue"]);
    let mut client = server.client();
    let worker = Worker::start(&store, folder.path(), &failing);
    accept(&mut client, "outage", 3);
    until_empty(&mut client);
    assert_eq!(client.get("/queue").json()["dead"], 3);
    drop(worker);
    accept(&mut client, "outage", 2);
    server.terminate();
    assert!(server.wait().0.success());

    provider.answer(202, None);
    let flags = ["--mode", "sync", "--provider", &provider.url];
    let server = Process::on(&store, folder.path(), &flags);
    let mut client = server.client();
    until_empty(&mut client);
    let queue = client.get("/queue").json();
    assert_eq!(queue["dead"], 3, "nothing tries them again by itself");
    for letter in client.get("/dead").lines() {
        let id = letter["event_id"].as_str().expect("an id");
        let replayed = client.request("POST", &format!("/dead/{id}/replay"), &[], b"");
        assert_eq!(replayed.status, 202);
    }
    until_empty(&mut client);
    assert_eq!(client.get("/queue").json()["dead"], 0);
    let listing = client.get("/runs/outage/events").lines();
    assert_eq!(listing.len(), 5);
    for event in listing {
        let done = (&event["state"], &event["inserts"], &event["notifications"]);
        assert_eq!(done, (&"processed".into(), &1.into(), &1.into()), "{event}");
    }
}

#[test]
fn a_variable_that_is_there_for_another_command_does_not_keep_the_server_from_starting() {
    let folder = temp_dir();
    let mut command = crate::serve_host::command(folder.path(), &["--mode", "queue"]);
    command
        .env("A7PROBE_SERVE_SWEEP_INTERVAL", "1s")
        .env("A7PROBE_SERVE_QUEUED", "keep")
        .env("A7PROBE_SERVE_BLOCK", "loop")
        .env("A7PROBE_SERVE_METRICS", "open")
        .env("A7PROBE_SERVE_PROVIDER", "http://127.0.0.1:1")
        .env("A7PROBE_SERVE_SIM_ERROR", "5%");
    let server = Process::spawn(command, &folder.path().join("ready"));
    assert_eq!(server.client().get("/livez").status, 200);
}
