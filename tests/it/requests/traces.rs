//! `--trace`: every request names a trace of its own, and the slow and the failed ones are found by it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use a7probe::run::run_file::Run;
use a7probe::run::schedule::request_trace;
use a7probe::trace::Trace;
use serde_json::{Value, json};

use super::{FEW, header, measure, measured, refusal};
use crate::harness::{code, json as json_of, run, stderr, stdout, temp_dir};
use crate::scripted::{OK, Received, Server, refusing_port};

const FAILED: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno";

/// Requests of a run whose server holds and fails some of them.
const REQUESTS: u64 = 60;

/// An endpoint whose requests tell the server their number.
const NUMBERED: &str = "a=/a/{{n}}";

/// A traced run, saved and reported as JSON.
const TRACED: [&str; 14] = [
    "--trace",
    "-n",
    "60",
    "-q",
    "200",
    "--no-calibration",
    "--iid",
    "--no-audit",
    "--gate",
    "p50 <= 9s",
    "--output",
    "json",
    "--save",
    "run.json",
];

/// What the server does to the request with this number: ten are held, each for another time.
fn held(n: u64) -> Option<Duration> {
    (n % 6 == 1).then(|| Duration::from_millis(600 + 15 * n))
}

/// Fifteen fail, and none of them is held.
fn fails(n: u64) -> bool {
    n % 4 == 2
}

/// The number of a request to `/a/{{n}}`.
fn number(request: &Received) -> u64 {
    let path = request.head.split(' ').nth(1).expect("a request line");
    let number = path.strip_prefix("/a/").expect("the path of the test");
    number.parse().expect("a number")
}

fn server() -> Server {
    Server::tcp(|conversation| {
        while let Some(request) = conversation.request() {
            let n = number(&request);
            std::thread::sleep(held(n).unwrap_or_default());
            if !conversation.send(if fails(n) { FAILED } else { OK }) {
                return;
            }
        }
    })
}

/// The trace of a request, as the server reads it.
fn trace(request: &Received) -> Trace {
    let value = header(request, "traceparent").expect("a traceparent");
    assert!(
        value.starts_with("00-") && value.ends_with("-01"),
        "{value}"
    );
    Trace::parse(value).expect("a valid traceparent")
}

/// The ids of a list of requests in JSON or in a run file.
fn ids(requests: &Value) -> Vec<String> {
    let requests = requests.as_array().expect("a list of requests");
    let id = |request: &Value| request["trace_id"].as_str().expect("a trace id").to_owned();
    requests.iter().map(id).collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a run file")).expect("JSON")
}

/// The words of a text that can only be trace ids.
fn ids_in(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| word.len() == 32).collect()
}

#[test]
fn the_traces_that_are_shown_are_those_of_the_requests_that_the_server_held_or_failed() {
    let server = server();
    let folder = temp_dir();
    let url = server.url();
    // The warm-up has numbers of its own, which the server holds and fails alike.
    let line = ["measure", &url, "--get", NUMBERED, "--warmup", "200ms"];
    let output = run(folder.path(), &[&line[..], &TRACED].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));

    let mut by_trace = BTreeMap::new();
    let mut spans = BTreeSet::new();
    for request in server.received() {
        let trace = trace(&request);
        assert!(
            spans.insert(trace.span_id().to_string()),
            "{}",
            request.head
        );
        let other = by_trace.insert(trace.trace_id().to_string(), number(&request));
        assert_eq!(other, None, "one trace for two requests: {}", request.head);
    }
    assert!(by_trace.len() as u64 > REQUESTS, "there is a warm-up");

    // What is shown follows from the run, the endpoint and the number, and the server saw it.
    let json = json_of(&output);
    let file = read(&folder.path().join("run.json"));
    let id: uuid::Uuid = file["id"].as_str().unwrap().parse().unwrap();
    let named = |n: u64| {
        let id = request_trace(id, 0, n).trace_id().to_string();
        assert_eq!(by_trace.get(&id), Some(&n), "the server saw it");
        id
    };
    let endpoint = &json["endpoints"][0];
    let slow: BTreeSet<String> = (0..REQUESTS)
        .filter(|&n| held(n).is_some())
        .map(named)
        .collect();
    let failed: Vec<String> = (0..REQUESTS)
        .filter(|&n| fails(n))
        .map(named)
        .take(10)
        .collect();
    let shown = ids(&endpoint["slowest"]);
    assert_eq!(BTreeSet::from_iter(shown.clone()), slow);
    for slowest in endpoint["slowest"].as_array().unwrap() {
        let held = held(slowest["index"].as_u64().unwrap()).expect("a held request");
        assert!(slowest["latency_ms"].as_f64().unwrap() >= held.as_secs_f64() * 1e3);
    }
    assert_eq!(ids(&endpoint["first_failed"]), failed);
    assert_eq!(endpoint["first_failed"][0]["outcome"], "status");
    assert_eq!(endpoint["first_failed"][0]["status"], 500);

    assert_eq!(file["plan"]["connections"]["tracing"], "on");
    let saved = &file["endpoints"][0];
    assert_eq!(
        (ids(&saved["slowest"]), ids(&saved["first_failed"])),
        (shown.clone(), failed.clone())
    );

    let judge = |more: &[&str]| {
        let line = [&["judge", "run.json", "--gate", "p50 <= 9s", "--iid"], more].concat();
        stdout(&run(folder.path(), &line))
    };
    let all = [&shown[..], &failed[..]].concat();
    let few = [&shown[..3], &failed[..3]].concat();
    let text = judge(&[]);
    assert_eq!(ids_in(&text), few, "{text}");
    assert!(
        text.contains("  traces of the slowest requests (-v shows 10)\n"),
        "{text}"
    );
    assert!(text.contains("HTTP 500 after "), "{text}");
    assert!(
        text.lines()
            .all(|line| ids_in(line).is_empty() || line.chars().count() <= 80),
        "{text}"
    );
    assert_eq!(ids_in(&judge(&["-v"])), all);
    assert_eq!(ids_in(&judge(&["--output", "markdown"])), all);
    let judged: Value = serde_json::from_str(&judge(&["--output", "json"])).unwrap();
    assert_eq!(judged["endpoints"][0]["slowest"], endpoint["slowest"]);
    assert_eq!(
        judged["endpoints"][0]["first_failed"],
        endpoint["first_failed"]
    );
}

#[test]
fn without_the_flag_no_request_names_a_trace_and_none_is_shown() {
    let server = server();
    let folder = temp_dir();
    let url = server.url();
    let line = ["measure", &url, "--get", NUMBERED, "--save", "run.json"];
    let line = [&line[..], &FEW].concat();
    let output = run(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        server
            .received()
            .iter()
            .all(|r| header(r, "traceparent").is_none())
    );
    let text = fs::read_to_string(folder.path().join("run.json")).unwrap();
    for text in [stdout(&output), text] {
        assert!(
            !text.contains("trace_id") && !text.contains("tracing"),
            "{text}"
        );
    }
    let slowest = &json_of(&output)["endpoints"][0]["slowest"];
    assert_eq!(slowest.as_array().map(Vec::len), Some(10));
    let judged = run(folder.path(), &["judge", "run.json", "-v"]);
    assert!(!stdout(&judged).contains("trace"), "{}", stdout(&judged));
}

#[test]
fn a_key_of_the_settings_file_traces_as_well_and_every_hop_of_a_redirect_names_one_trace() {
    let server = Server::tcp(|conversation| {
        let hop = "HTTP/1.1 307 Go\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n";
        while let Some(request) = conversation.request() {
            let is_last = request.head.starts_with("POST /b");
            if !conversation.send(if is_last { OK } else { hop }) {
                return;
            }
        }
    });
    let folder = temp_dir();
    fs::write(folder.path().join("a7probe.toml"), "trace = true\n").unwrap();
    let url = format!("{}/a", server.url());
    let line = ["measure", &url, "-L", "-d", "{{uuid}}"];
    let output = run(folder.path(), &[&line[..], &FEW].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut hops: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in server.received() {
        let line = request.head.lines().next().unwrap_or_default().to_owned();
        hops.entry(trace(&request).trace_id().to_string())
            .or_default()
            .push(line);
    }
    assert_eq!(hops.len(), 21, "20 requests and a preflight");
    for hops in hops.values() {
        assert_eq!(hops[..], ["POST /a HTTP/1.1", "POST /b HTTP/1.1"]);
    }
}

#[test]
fn a_request_that_was_never_sent_has_no_trace() {
    let url = format!("http://127.0.0.1:{}/a", refusing_port());
    let output = measure(&url, &["--trace", "--no-preflight"]);
    let json = json_of(&output);
    let failed = json["endpoints"][0]["first_failed"].as_array().unwrap();
    assert_eq!(failed.len(), 10);
    for request in failed {
        assert_eq!(request["outcome"], "connect");
        assert_eq!(request["trace_id"], Value::Null, "{request}");
    }
}

#[test]
fn a_traceparent_of_ones_own_and_the_flag_contradict_each_other() {
    let server = Server::answering(OK);
    let url = format!("{}/a", server.url());
    let own = [
        "-H",
        "TraceParent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ];
    let said = refusal(&url, &[&own[..], &["--trace"]].concat());
    assert!(
        said.contains(
            "error: --trace and a header of a both give traceparent\nhint: leave out one of them"
        ),
        "{said}"
    );
    assert!(server.received().is_empty());
    measured(&url, &own, 0);
    let sent = server.received();
    assert!(
        sent.iter()
            .all(|r| header(r, "traceparent") == Some(&own[1]["TraceParent: ".len()..]))
    );
}

#[test]
fn both_sides_of_ab_name_their_traces_in_the_saved_runs() {
    let (before, after) = (Server::answering(OK), Server::answering(OK));
    let folder = temp_dir();
    let (one, other) = (before.url(), after.url());
    let line = [
        "ab",
        "--before",
        &one,
        "--after",
        &other,
        "--get",
        "health=/health",
        "-q",
        "100",
        "--block",
        "200ms",
        "--settle",
        "0s",
        "--pairs",
        "2",
        "--no-calibration",
        "--trace",
        "--save-before",
        "before.json",
        "--save-after",
        "after.json",
    ];
    let output = run(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for (file, server) in [("before.json", &before), ("after.json", &after)] {
        let seen: BTreeSet<String> = server
            .received()
            .iter()
            .map(|request| trace(request).trace_id().to_string())
            .collect();
        assert_eq!(
            seen.len(),
            41,
            "two blocks of 20 and a preflight, all different"
        );
        let path = folder.path().join(file);
        let saved = ids(&read(&path)["endpoints"][0]["slowest"]);
        assert!(saved.iter().all(|id| seen.contains(id)), "{file}");
        let judged = run(folder.path(), &["judge", file, "--gate", "p50 <= 9s", "-v"]);
        assert_eq!(ids_in(&stdout(&judged)), saved, "{file}");
        Run::load(&path).expect("a whole run");
    }
}

#[test]
fn a_file_whose_traces_are_not_those_of_its_run_is_refused() {
    let server = server();
    let folder = temp_dir();
    let url = server.url();
    let line = ["measure", &url, "--get", NUMBERED, "--warmup", "0s"];
    let output = run(folder.path(), &[&line[..], &TRACED].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let whole = read(&folder.path().join("run.json"));
    let other = json!("0af7651916cd43dd8448eb211c80319c");
    for (pointer, value, said) in [
        (
            "/endpoints/0/slowest/1/trace_id",
            other.clone(),
            "has another trace_id",
        ),
        (
            "/endpoints/0/first_failed/0/trace_id",
            other,
            "has another trace_id",
        ),
        (
            "/endpoints/0/slowest/1/trace_id",
            json!("0af7"),
            "a trace id is 32 lower-case",
        ),
        (
            "/endpoints/0/slowest/1/trace_id",
            Value::Null,
            "has another trace_id",
        ),
        (
            "/endpoints/0/first_failed/0/index",
            json!(7),
            "not in the order of the plan",
        ),
        (
            "/endpoints/0/first_failed/0/index",
            json!(1),
            "did not end as its bit of ok says",
        ),
        ("/endpoints/0/first_failed/1", json!(null), "invalid type"),
        ("/plan/connections/tracing", json!("off"), "plan_hash"),
    ] {
        let mut edited = whole.clone();
        *edited.pointer_mut(pointer).expect(pointer) = value;
        fs::write(folder.path().join("edited.json"), edited.to_string()).unwrap();
        let judged = run(folder.path(), &["judge", "edited.json"]);
        assert_eq!(code(&judged), 2, "{pointer}");
        assert!(
            stderr(&judged).contains(said),
            "{pointer}: {}",
            stderr(&judged)
        );
    }
}
