//! The synchronous server says that an event is processed only if it is.

use std::time::Duration;

use a7probe::reference::server::{Queued, ServerConfig, ServerMode};

use crate::harness::{eventually, temp_dir};
use crate::serve_host::{HeldProvider, MoodyProvider, Process, Served, config, store};

const KEY: (&str, &str) = ("idempotency-key", "k");

#[test]
fn a_client_that_repeats_a_failing_request_hears_of_each_failure_and_of_no_success_that_is_none() {
    let (folder, provider) = (temp_dir(), MoodyProvider::start(503));
    let served = Served::start(ServerConfig {
        provider: a7probe::reference::server::ProviderChoice::At(provider.url.clone()),
        ..config(ServerMode::Sync, &folder)
    });
    let mut client = served.client();
    // More often than an event is tried by itself.
    for attempt in 1..=10 {
        let answer = client.ingest(&[KEY], "{}");
        assert_eq!(answer.status, 502, "{attempt}: {answer:?}");
        assert_eq!(provider.calls().len(), attempt);
    }
    provider.answer(202, None);
    let done = client.ingest(&[KEY], "{}");
    assert_eq!((done.status, provider.calls().len()), (200, 11));
    let event = client.get(&format!("/events/{}", done.event_id())).json();
    assert_eq!(
        (&event["state"], &event["notifications"]),
        (&"processed".into(), &1.into())
    );
}

#[test]
fn what_failed_synchronously_is_worked_on_with_all_its_attempts_once_it_is_accepted_for_later() {
    let (folder, provider) = (temp_dir(), MoodyProvider::start(503));
    let choice = a7probe::reference::server::ProviderChoice::At(provider.url.clone());
    let base = ServerConfig {
        provider: choice,
        ..config(ServerMode::Sync, &folder)
    };
    let served = Served::start(base.clone());
    let mut client = served.client();
    for _ in 0..10 {
        assert_eq!(client.ingest(&[KEY], "{}").status, 502);
    }
    served.stop();
    provider.answer(202, None);
    let served = Served::start(ServerConfig {
        mode: ServerMode::Background,
        ..base
    });
    let mut client = served.client();
    let accepted = client.ingest(&[KEY], "{}");
    assert_eq!(accepted.status, 202);
    let path = format!("/events/{}?wait=30s", accepted.event_id());
    assert_eq!(client.get(&path).json()["state"], "processed");
}

#[test]
fn an_event_that_the_database_refuses_is_not_called_processed() {
    let folder = temp_dir();
    let served = Served::start(ServerConfig {
        // Nobody else tries the insert again.
        queued: Queued::Keep,
        ..config(ServerMode::Sync, &folder)
    });
    let mut client = served.client();
    assert_eq!(client.get("/livez").status, 200, "the store is there");
    let sql = rusqlite::Connection::open(store(folder.path())).expect("it opens");
    sql.execute_batch(
        "CREATE TRIGGER poison BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no such tenant'); END",
    )
    .expect("a trigger");
    for _ in 0..10 {
        let refused = client.ingest(&[KEY], "{}");
        assert_eq!(
            (refused.status, refused.header("retry-after")),
            (503, Some("1"))
        );
        assert_eq!(refused.json()["type"], "urn:a7probe:problem:not-processed");
        let detail = refused.json()["detail"].to_string();
        assert!(detail.contains("no such tenant"), "{detail}");
    }
    sql.execute_batch("DROP TRIGGER poison").expect("mended");
    let done = client.ingest(&[KEY], "{}");
    assert_eq!(done.status, 200);
    let event = client.get(&format!("/events/{}", done.event_id())).json();
    assert_eq!(
        (&event["state"], &event["inserts"], &event["notifications"]),
        (&"processed".into(), &1.into(), &1.into()),
        "the mail was sent once"
    );
}

#[test]
fn a_call_that_was_cut_off_is_made_again_when_its_lease_is_over_also_if_nothing_queued_is_worked_on()
 {
    let (folder, provider) = (temp_dir(), HeldProvider::start());
    let store = store(folder.path());
    let store = store.to_str().expect("UTF-8");
    let flags = [
        "--mode",
        "sync",
        "--queued",
        "keep",
        "--provider",
        &provider.url,
        "--lease",
        "1s",
        "--provider-timeout",
        "900ms",
    ];
    // Has the store open, so that a server that starts again leaves leases alone.
    let _other = Process::on(store, folder.path(), &["--mode", "queue"]);
    let server = Process::on(store, folder.path(), &flags);
    let mut client = server.client();
    let json = ("content-type", "application/json");
    client.send("POST", "/ingest", &[json, KEY], b"{}");
    let cut_off = provider.next_call();
    server.kill();
    drop(cut_off);

    let server = Process::on(store, folder.path(), &flags);
    let mut client = server.client();
    let busy = client.ingest(&[KEY], "{}");
    if busy.status == 409 {
        assert_eq!(busy.json()["type"], "urn:a7probe:problem:in-progress");
    }
    let asking = std::thread::spawn(move || {
        let mut last = busy.status;
        eventually("the lease is over", || {
            if last == 409 {
                last = client.ingest(&[KEY], "{}").status;
            }
            last != 409
        });
        last
    });
    provider.next_call().answer(202);
    assert_eq!(asking.join().expect("no panic"), 200);
}

#[test]
fn a_call_under_way_ends_and_is_answered_when_the_server_stops() {
    let folder = temp_dir();
    for mode in [ServerMode::Sync, ServerMode::Background] {
        let base = config(mode, &folder);
        let latency = Duration::from_millis(2500);
        let simulated = a7probe::reference::provider::SimulatorOptions {
            latency: a7probe::reference::provider::LatencyModel::Constant(latency),
            ..Default::default()
        };
        let mut served = Served::start(ServerConfig {
            provider: a7probe::reference::server::ProviderChoice::Simulated(simulated),
            // Nothing more is begun: what is under way may end all the same.
            drain: Duration::ZERO,
            ..base
        });
        let (mut client, mut looking) = (served.client(), served.client());
        let json = ("content-type", "application/json");
        client.send("POST", "/ingest", &[json], b"{}");
        eventually("the provider is called", || {
            looking.get("/queue").json()["provider"]["calls"] == 1
        });
        served.begin_stop();
        let answer = client.receive().expect("an answer");
        assert_eq!(
            answer.status,
            if mode == ServerMode::Sync { 200 } else { 202 }
        );
        let stopped = served.stop();
        assert_eq!((stopped.kept, stopped.dead), (0, 0), "{mode:?}");
        assert!(stopped.processed >= 1, "{mode:?}: {stopped:?}");
    }
}
