//! Request ids and traces: taken, made, echoed, logged, and passed on to the provider.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use a7probe::reference::provider::{JournalDetail, LatencyModel, Simulator, SimulatorOptions};
use a7probe::reference::server::{ProviderChoice, ServerConfig, ServerMode, serve_provider};
use a7probe::reference::worker::Retry;

use crate::harness::{eventually, temp_dir};
use crate::serve_host::{Process, Served, config};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A provider over HTTP that keeps every call, on a thread that ends with the test.
fn provider(options: SimulatorOptions) -> (ProviderChoice, Arc<Simulator>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let options = SimulatorOptions {
        latency: LatencyModel::Constant(Duration::ZERO),
        ..options
    };
    let simulator = Arc::new(Simulator::with_journal(options, JournalDetail::Calls));
    let served = simulator.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(serve_provider(
            listener,
            served,
            Vec::new(),
            std::future::pending(),
        ))
    });
    (ProviderChoice::At(format!("http://{address}")), simulator)
}

/// The traceparents of all calls.
fn parents(simulator: &Simulator) -> Vec<Option<String>> {
    let calls = simulator
        .journal_entries()
        .into_iter()
        .flat_map(|entry| entry.calls);
    calls
        .map(|call| call.traceparent.map(String::from))
        .collect()
}

#[test]
fn the_callers_trace_reaches_the_provider_in_every_attempt() {
    for mode in [ServerMode::Background, ServerMode::Sync] {
        let folder = temp_dir();
        let (choice, simulator) = provider(SimulatorOptions::default());
        simulator.begin_outage(None);
        let retry = Retry {
            base: Duration::from_millis(1),
            attempts: 1000,
            ..Retry::default()
        };
        let served = Served::start(ServerConfig {
            provider: choice,
            retry,
            ..config(mode, &folder)
        });
        let mut client = served.client();
        let headers = [("traceparent", PARENT), ("idempotency-key", "k")];
        client.ingest(&headers, "{}");
        eventually("an attempt failed", || simulator.journal().calls > 0);
        simulator.end_outage();
        if mode == ServerMode::Sync {
            assert_eq!(client.ingest(&headers, "{}").status, 200);
        }
        eventually("it is sent", || simulator.journal().sent == 1);

        let parents = parents(&simulator);
        assert!(parents.len() >= 2, "{parents:?}");
        for parent in &parents {
            let parent = parent.as_deref().expect("a traceparent");
            assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-01"));
            assert_ne!(parent, PARENT, "a step of its own");
        }
    }
}

#[test]
fn without_a_trace_a_synchronous_call_begins_one_and_a_later_one_does_not() {
    for (mode, begun) in [(ServerMode::Sync, true), (ServerMode::Background, false)] {
        let folder = temp_dir();
        let (choice, simulator) = provider(SimulatorOptions::default());
        let served = Served::start(ServerConfig {
            provider: choice,
            ..config(mode, &folder)
        });
        for parent in [
            "",
            "00-nonsense",
            &PARENT.to_uppercase(),
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            let answer = served.client().ingest(&[("traceparent", parent)], "{}");
            assert!([200, 202].contains(&answer.status), "{parent}");
        }
        eventually("all are sent", || simulator.journal().sent == 4);
        for parent in parents(&simulator) {
            assert_eq!(parent.is_some(), begun);
            assert!(parent.is_none_or(|parent| !parent.contains(TRACE)));
        }
    }
}

#[test]
fn a_request_id_is_echoed_if_it_is_one_and_made_if_it_is_not_on_errors_too() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    let mut echoed = |method: &str, path: &str, id: &str| {
        let answer = client.request(method, path, &[("x-request-id", id)], b"");
        answer.header("x-request-id").expect("an id").to_owned()
    };
    for (method, path) in [
        ("GET", "/health"),
        ("GET", "/nothing"),
        ("DELETE", "/ingest"),
        ("POST", "/ingest"),
    ] {
        assert_eq!(echoed(method, path, "req-1"), "req-1", "{method} {path}");
        for id in ["", "two words", "ü", &"x".repeat(129), &"x".repeat(20_000)] {
            let made = echoed(method, path, id);
            assert!(made != id && made.len() == 17, "{made}");
        }
    }
    assert_eq!(echoed("GET", "/health", &"x".repeat(128)), "x".repeat(128));
}

#[test]
fn wrong_methods_are_told_the_right_ones_and_unknown_paths_are_problems() {
    let folder = temp_dir();
    let served = Served::start(config(ServerMode::Background, &folder));
    let mut client = served.client();
    for (method, path, allow) in [
        ("GET", "/ingest", "POST"),
        ("PUT", "/events/1", "GET,HEAD"),
        ("POST", "/metrics", "GET,HEAD"),
        ("DELETE", "/openapi.json", "GET,HEAD"),
    ] {
        let answer = client.request(method, path, &[], b"");
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some(allow)),
            "{path}"
        );
        assert_eq!(
            answer.json()["type"],
            "urn:a7probe:problem:method-not-allowed"
        );
    }
    for path in ["/", "/ingest/", "/events/", "/openapi", "/..%2f", "/%00"] {
        let answer = client.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["type"], "urn:a7probe:problem:not-found");
    }
}

#[test]
fn the_access_log_and_the_attempts_log_name_the_same_event_and_trace() {
    let folder = temp_dir();
    let log = "a7probe::access=info,a7probe::attempt=info";
    let flags = ["--log", log, "--sim-latency", "1ms"];
    let served = Process::start(folder.path(), &flags);
    let headers = [("traceparent", PARENT), ("x-request-id", "req-1")];
    let id = served.client().ingest(&headers, "{}").event_id();
    served.client().get(&format!("/events/{id}?wait=30s"));
    served.terminate();
    let (status, said) = served.wait();
    assert!(status.success(), "{said}");
    let line = |target: &str| {
        let mut lines = said
            .lines()
            .filter(|line| line.contains(target) && line.contains(&id));
        lines
            .next()
            .unwrap_or_else(|| panic!("no {target} in {said}"))
            .to_owned()
    };
    let (access, attempt) = (
        line("a7probe::access: method=POST"),
        line("a7probe::attempt"),
    );
    for field in [
        r#"path="/ingest""#,
        "status=202",
        r#"request_id="req-1""#,
        &format!("trace_id={TRACE}"),
        "span_id=",
        r#"parent_id="b7ad6b7169203331""#,
        &format!("event_id={id}"),
        " us=",
    ] {
        assert!(access.contains(field), "{field} in {access}");
    }
    for field in [
        "attempt=1",
        r#"outcome="sent""#,
        &format!("trace_id={TRACE}"),
    ] {
        assert!(attempt.contains(field), "{field} in {attempt}");
    }
    assert!(!said.contains('\u{1b}'), "no colours for a pipe: {said}");
}

#[test]
fn a_request_that_was_refused_leaves_no_trace_behind() {
    let folder = temp_dir();
    let (choice, simulator) = provider(SimulatorOptions::default());
    simulator.begin_outage(None);
    let base = config(ServerMode::Background, &folder);
    let served = Served::start(ServerConfig {
        provider: choice,
        retry: Retry {
            base: Duration::from_millis(1),
            attempts: 1000,
            ..Retry::default()
        },
        store: a7probe::reference::store::StoreOptions {
            backlog: 1,
            ..base.store.clone()
        },
        ..base
    });
    let mut client = served.client();
    let first = client.ingest(&[], "{}").event_id();
    let other = PARENT.replace(TRACE, "11111111111111111111111111111111");
    let refused = client.ingest(&[("traceparent", &other), ("idempotency-key", "k")], "{}");
    assert_eq!(refused.status, 503);
    simulator.end_outage();
    client.get(&format!("/events/{first}?wait=30s"));
    let taken = client.ingest(&[("traceparent", PARENT), ("idempotency-key", "k")], "{}");
    assert_eq!(taken.status, 202);
    client.get(&format!("/events/{}?wait=30s", taken.event_id()));
    let parents: Vec<String> = parents(&simulator).into_iter().flatten().collect();
    assert!(!parents.is_empty());
    assert!(
        parents.iter().all(|parent| parent.contains(TRACE)),
        "{parents:?}"
    );
}
