//! Searches on real services of known capacity. Five searches each take up to an hour: `A7PROBE_LONG=1` runs them, and
//! `A7PROBE_TRANSCRIPTS=FILE` keeps what they printed. The short tests at the end test one rate each.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::services;
use crate::frames::{FrameServer, MAX_STREAMS};
use crate::harness::{code, run, stderr, stdout, temp_dir};
use crate::needs::{LONG_TESTS, need_right};
use crate::scripted::Server;
use crate::serve_host::Process;

/// Searches of each service.
const SEARCHES: usize = 5;

/// What a true search cannot claim beyond: L at most, U at least.
#[derive(Clone, Copy)]
struct TrueRates {
    lower_at_most: f64,
    upper_at_least: f64,
}

/// What one search found.
struct SearchFound {
    exit: i32,
    file: Value,
}

impl SearchFound {
    fn rate(&self, field: &str) -> Option<f64> {
        self.file[field].as_f64()
    }
}

/// Searches, and adds what was printed to the transcripts.
fn searched(name: &str, arguments: &[&str]) -> SearchFound {
    let folder = temp_dir();
    let file = folder.path().join("capacity.json");
    let saved = file.to_str().expect("a plain path").to_owned();
    let all = [&["capacity"], arguments, &["--save", &saved]].concat();
    let output = run(folder.path(), &all);
    if let Some(path) = std::env::var_os("A7PROBE_TRANSCRIPTS") {
        let mut transcripts = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .expect("a file for transcripts");
        let text = format!(
            "== {name}\n$ a7probe capacity {}\n{}exit {}\n\n",
            arguments.join(" "),
            stdout(&output),
            code(&output)
        );
        transcripts
            .write_all(text.as_bytes())
            .expect("the transcript is written");
    }
    let text = std::fs::read(&file).unwrap_or_else(|_| panic!("{}", stderr(&output)));
    SearchFound {
        exit: code(&output),
        file: serde_json::from_slice(&text).expect("JSON"),
    }
}

/// Five searches at the same time, each of a service of its own: no claim is false.
fn assert_true_claims(
    name: &str,
    rates: TrueRates,
    search: impl Fn() -> SearchFound + Sync,
) -> Vec<SearchFound> {
    let found: Vec<SearchFound> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..SEARCHES).map(|_| scope.spawn(&search)).collect();
        let joined = handles.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|found| found.expect("a search ends")).collect()
    });
    for one in &found {
        let text = &one.file["text"];
        let lower = one.rate("lower_per_s").unwrap_or(0.0);
        let upper = one.rate("upper_per_s").unwrap_or(f64::INFINITY);
        assert!(lower <= rates.lower_at_most, "{name}: {text}");
        assert!(upper >= rates.upper_at_least, "{name}: {text}");
    }
    found
}

/// At least this many of the searches show both rates.
fn assert_shown(name: &str, found: &[SearchFound], least: usize) {
    let shown = found.iter().filter(|one| {
        one.exit == 0 && one.rate("lower_per_s").is_some() && one.rate("upper_per_s").is_some()
    });
    let ends: Vec<&Value> = found.iter().map(|one| &one.file["ended"]).collect();
    assert!(shown.count() >= least, "{name}: {ends:?}");
}

const P95: [&str; 2] = ["--gate", "p95 <= 150ms"];
const RANGE: [&str; 4] = ["--from", "5/s", "--to", "400/s"];

fn search_of(name: &str, server: &Server) -> SearchFound {
    let url = format!("{}/search", server.url());
    searched(name, &[&[url.as_str()], &P95[..], &RANGE[..]].concat())
}

#[test]
fn a_queue_is_bracketed_around_its_rate() {
    if need_right(
        &LONG_TESTS,
        "capacity::real::a_queue_is_bracketed_around_its_rate",
    )
    .is_none()
    {
        return;
    }
    let rates = TrueRates {
        lower_at_most: 50.2,
        upper_at_least: 49.5,
    };
    let found = assert_true_claims("queue, 20 ms", rates, || {
        let server = services::queue(|_| Duration::from_millis(20));
        search_of("FIFO queue, 20 ms a request, 50/s", &server)
    });
    assert_shown("queue, 20 ms", &found, 4);
}

#[test]
fn a_bucket_is_bracketed_with_what_its_depth_lets_through() {
    if need_right(
        &LONG_TESTS,
        "capacity::real::a_bucket_is_bracketed_with_what_its_depth_lets_through",
    )
    .is_none()
    {
        return;
    }
    // R·(1 + d/(D + 2 s))/(1 − θ0).
    let rates = TrueRates {
        lower_at_most: 50.0 * (1.0 + 1.0 / 32.0) / 0.95,
        upper_at_least: 50.0,
    };
    let found = assert_true_claims("bucket", rates, || {
        let server = services::bucket(50.0, 50.0);
        search_of("token bucket, 50/s, depth 1 s", &server)
    });
    assert_shown("bucket", &found, 3);
}

#[test]
fn a_service_that_collapses_is_waited_for() {
    if need_right(
        &LONG_TESTS,
        "capacity::real::a_service_that_collapses_is_waited_for",
    )
    .is_none()
    {
        return;
    }
    let rates = TrueRates {
        lower_at_most: 51.0,
        upper_at_least: 49.5,
    };
    let found = assert_true_claims("collapse", rates, || {
        let server = services::collapsing(50.0, Duration::from_secs(15));
        search_of("collapses above 50/s, needs 15 s of low load", &server)
    });
    assert_shown("collapse", &found, 4);
}

#[test]
fn a_service_that_stays_down_is_said_not_to_recover() {
    if need_right(
        &LONG_TESTS,
        "capacity::real::a_service_that_stays_down_is_said_not_to_recover",
    )
    .is_none()
    {
        return;
    }
    let rates = TrueRates {
        lower_at_most: 51.0,
        upper_at_least: 0.0,
    };
    let found = assert_true_claims("no recovery", rates, || {
        let server = services::collapsing(50.0, Duration::from_secs(600));
        let url = format!("{}/search", server.url());
        let recover = ["--recover", "20s"];
        let arguments = [&[url.as_str()], &P95[..], &RANGE[..], &recover[..]].concat();
        searched("collapses above 50/s, needs 600 s of low load", &arguments)
    });
    for one in &found {
        assert_eq!(
            one.file["ended"], "does_not_recover",
            "{}",
            one.file["text"]
        );
        assert_eq!(one.file["not_recovered_after_per_s"], 80.0);
        assert_eq!(one.exit, 1);
    }
}

#[test]
fn a_service_that_recovers_slowly_is_waited_for() {
    if need_right(
        &LONG_TESTS,
        "capacity::real::a_service_that_recovers_slowly_is_waited_for",
    )
    .is_none()
    {
        return;
    }
    let rates = TrueRates {
        lower_at_most: 51.0,
        upper_at_least: 49.5,
    };
    let found = assert_true_claims("slow recovery", rates, || {
        let server = services::slow_to_recover(50.0, Duration::from_secs(20));
        search_of("recovers evenly within 20 s after more than 50/s", &server)
    });
    assert_shown("slow recovery", &found, 3);
}

#[test]
fn a_service_that_drifts_is_claimed_within_its_drift() {
    if need_right(
        &LONG_TESTS,
        "capacity::real::a_service_that_drifts_is_claimed_within_its_drift",
    )
    .is_none()
    {
        return;
    }
    // From 50/s down to 41.7/s within four minutes.
    let rates = TrueRates {
        lower_at_most: 50.2,
        upper_at_least: 41.2,
    };
    assert_true_claims("drift", rates, || {
        let server = services::queue(|since| {
            let part = (since.as_secs_f64() / 240.0).min(1.0);
            Duration::from_millis(20).mul_f64(1.0 + 0.2 * part)
        });
        search_of("FIFO queue, 20 ms to 24 ms a request within 4 min", &server)
    });
}

#[test]
fn the_work_of_a_background_server_keeps_up_with_workers_over_latency() {
    if need_right(
        &LONG_TESTS,
        "capacity::real::the_work_of_a_background_server_keeps_up_with_workers_over_latency",
    )
    .is_none()
    {
        return;
    }
    // Eight workers with calls of 400 ms: 20/s, and a few ms an event for the store.
    let rates = TrueRates {
        lower_at_most: 20.2,
        upper_at_least: 18.8,
    };
    let found = assert_true_claims("work", rates, || {
        let folder = temp_dir();
        let flags = [
            "--mode",
            "background",
            "--workers",
            "8",
            "--sim-latency",
            "400ms",
        ];
        let server = Process::start(folder.path(), &flags);
        let url = format!("http://{}", server.address);
        let goal = [
            "--gate",
            "ingest done.p95 <= 1s",
            "--from",
            "4/s",
            "--to",
            "200/s",
        ];
        let name = "serve --mode background --workers 8, calls of 400 ms: 20/s";
        let found = searched(name, &[&[url.as_str()], &goal[..]].concat());
        server.kill();
        found
    });
    assert_shown("work", &found, 1);
}

const SHORT: [&str; 5] = ["--iid", "--confirm", "2s", "--width", "50%"];

/// Two blocks of two seconds.
fn tested(server: &Server, gate: &str) -> SearchFound {
    let url = format!("{}/search", server.url());
    let gates = [&P95[..], &["--gate", gate]].concat();
    searched(gate, &[&[url.as_str()], &gates[..], &SHORT[..]].concat())
}

/// The exit code of a true verdict; on a machine that was too busy to send or to serve on time there may be none.
fn assert_exit(found: &SearchFound, exit: i32) {
    let text = &found.file["text"];
    assert!([exit, 3].contains(&found.exit), "{text}");
    if found.exit == 3 {
        let trials = found.file["trials"].as_array().expect("trials");
        let is_late = |trial: &Value| {
            let verdict = trial["verdict"].as_str().unwrap_or_default();
            verdict == "client_limited" || verdict == "growing" || verdict.starts_with("undecided")
        };
        assert!(trials.iter().any(is_late), "{text}");
    }
}

#[test]
fn a_queue_passes_below_its_rate_and_fails_above_it() {
    let server = || services::queue(|_| Duration::from_millis(20));
    assert_exit(&tested(&server(), "search capacity >= 10/s"), 0);
    let fails = tested(&server(), "capacity >= 90/s");
    assert_exit(&fails, 1);
    if fails.exit == 1 {
        let text = fails.file["text"].as_str().expect("a text");
        assert!(text.starts_with("search  capacity < 90/s"), "{text}");
    }
    // The same, and only a warning.
    let warns = tested(&server(), "capacity >= 90/s warn");
    assert_eq!(warns.exit, 0, "{}", warns.file["text"]);
    assert_ne!(warns.file["verdict"], "PASS");
}

/// The wait for the one stream counts, so the service has the capacity that it has over HTTP/1.1.
#[test]
fn a_queue_over_http_2_with_one_stream_passes_below_its_rate_and_fails_above_it() {
    let turn = Mutex::new(());
    let server = FrameServer::start(&[(MAX_STREAMS, 1)], move |conversation| {
        while let Some(stream) = conversation.request() {
            let _one = turn.lock().expect("no script panics");
            std::thread::sleep(Duration::from_millis(20));
            conversation.ok(stream);
        }
    });
    let url = format!("{}/search", server.url());
    for (gate, exit) in [("capacity >= 10/s", 0), ("capacity >= 90/s", 1)] {
        let gates = [&["--http2"], &P95[..], &["--gate", gate]].concat();
        let found = searched(gate, &[&[url.as_str()], &gates[..], &SHORT[..]].concat());
        assert_exit(&found, exit);
        let http = &found.file["plan"]["connections"]["http"];
        assert_eq!(http["version"], "2", "{http}");
    }
}

#[test]
fn the_work_fails_where_the_answers_pass() {
    let folder = temp_dir();
    let flags = [
        "--mode",
        "background",
        "--workers",
        "4",
        "--sim-latency",
        "100ms",
    ];
    let server = Process::start(folder.path(), &flags);
    let url = format!("http://{}", server.address);
    // The workers do 40/s. At 80/s for 4 s, 160 events wait in the end: 4 s. The times are the service's own, so a busy
    // machine makes them longer.
    let work = [
        "--gate",
        "ingest done.p95 <= 200ms",
        "--gate",
        "capacity >= 80/s",
    ];
    let found = searched("work", &[&[url.as_str()], &work[..], &SHORT[..]].concat());
    assert_eq!(found.exit, 1, "{}", found.file["text"]);
    let trial = &found.file["trials"][0];
    assert_eq!(trial["percentile_of"], "completion");
    let drained = trial["work"]["drained_s"].as_f64().expect("it drained");
    assert!(drained > 2.0, "{trial}");
    assert!(trial["work"]["most_waiting"].as_u64() > Some(20), "{trial}");
    let backlog = [
        "--gate",
        "ingest backlog <= 20",
        "--gate",
        "capacity >= 80/s",
    ];
    let found = searched(
        "backlog",
        &[&[url.as_str()], &backlog[..], &SHORT[..]].concat(),
    );
    assert_eq!(found.exit, 1, "{}", found.file["text"]);
    assert_eq!(found.file["gates"][0], "ingest backlog.p95 <= 20");
    // At 10/s an event finds one or two others.
    let keeps_up = [
        "--gate",
        "ingest backlog.p95 <= 20",
        "--gate",
        "capacity >= 10/s",
    ];
    let found = searched(
        "backlog kept",
        &[&[url.as_str()], &keeps_up[..], &SHORT[..]].concat(),
    );
    assert_exit(&found, 0);
    let answers = [
        "--gate",
        "ingest p50 <= 200ms",
        "--gate",
        "capacity >= 40/s",
    ];
    let found = searched(
        "answers",
        &[&[url.as_str()], &answers[..], &SHORT[..]].concat(),
    );
    assert_exit(&found, 0);
    server.kill();
}
