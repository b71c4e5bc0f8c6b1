//! A service whose every answer is scripted, and a run of exactly 100 requests against it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::audit::{answer, result};
use crate::harness::a7probe;
use crate::scripted::{Conversation, Received, Server};

/// 100 requests in half a second and nothing else, so that number n is the plan's number n.
const EXACTLY: [&str; 15] = [
    "--post",
    "ingest=/ingest",
    "-q",
    "200",
    "-n",
    "100",
    "--arrivals",
    "grid",
    "--warmup",
    "0s",
    "--no-preflight",
    "--no-calibration",
    "--iid",
    "--output=json",
    "-c1",
];

/// What is asked with GET.
pub(crate) struct Asked<'a> {
    pub(crate) path: &'a str,
    pub(crate) request: &'a Received,
    /// How often this path was asked for before.
    pub(crate) before: usize,
    /// How many requests were taken in.
    pub(crate) taken: usize,
}

/// Answers request number n with `take`, and questions with `tell`.
pub(crate) fn service(
    take: impl Fn(usize, &Received) -> String + Send + Sync + 'static,
    tell: impl Fn(&Asked<'_>) -> String + Send + Sync + 'static,
) -> Server {
    Server::tcp(script(take, tell))
}

/// The same for other ways than TCP.
pub(crate) fn script(
    take: impl Fn(usize, &Received) -> String + Send + Sync + 'static,
    tell: impl Fn(&Asked<'_>) -> String + Send + Sync + 'static,
) -> impl Fn(&mut Conversation) + Send + Sync + 'static {
    let counts = Arc::new(Mutex::new((0usize, BTreeMap::<String, usize>::new())));
    move |conversation: &mut Conversation| {
        while let Some(request) = conversation.request() {
            let path = request
                .head
                .split(' ')
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            let answer = match request.head.starts_with("GET ") {
                true => {
                    let (taken, before) = {
                        let (taken, asked) = &mut *counts.lock().unwrap();
                        let before = asked.entry(path.clone()).or_default();
                        *before += 1;
                        (*taken, *before - 1)
                    };
                    tell(&Asked {
                        path: &path,
                        request: &request,
                        before,
                        taken,
                    })
                }
                false => {
                    let number = {
                        let (taken, _) = &mut *counts.lock().unwrap();
                        *taken += 1;
                        *taken - 1
                    };
                    take(number, &request)
                }
            };
            // No answer: the connection is closed.
            if answer.is_empty() {
                return;
            }
            conversation.send(answer);
        }
    }
}

/// 202 with `event-{n}`.
pub(crate) fn named(number: usize, _: &Received) -> String {
    accepted(&json!({"event_id": format!("event-{number}")}))
}

pub(crate) fn accepted(body: &Value) -> String {
    answer("202 Accepted", "application/json", &body.to_string())
}

pub(crate) fn status(line: &str) -> String {
    answer(line, "text/plain", "")
}

pub(crate) fn state(state: &Value) -> String {
    answer("200 OK", "application/json", &state.to_string())
}

/// Done 250 ms after it was accepted, once.
pub(crate) fn done() -> Value {
    json!({
        "state": "processed", "attempts": 1, "inserts": 1, "notifications": 1,
        "accepted_at": "2026-01-01T00:00:00.000Z", "processed_at": "2026-01-01T00:00:00.250Z",
    })
}

/// The listing of these events.
pub(crate) fn listing(events: &[Value]) -> String {
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    answer("200 OK", "application/x-ndjson", &lines)
}

/// `event-0`, `event-1` …, each done.
pub(crate) fn all_done(taken: usize) -> Vec<Value> {
    let event = |number| {
        let mut event = done();
        event["event_id"] = json!(format!("event-{number}"));
        event
    };
    (0..taken).map(event).collect()
}

/// Runs and reports.
pub(crate) fn run_exactly(folder: &Path, server: &Server, more: &[&str]) -> (i32, Value) {
    result(
        &measure_exactly(folder, &server.url(), more)
            .output()
            .unwrap(),
    )
}

pub(crate) fn measure_exactly(folder: &Path, url: &str, more: &[&str]) -> Command {
    a7probe(folder, &[&["measure", url], &EXACTLY[..], more].concat())
}

/// Asked one by one; short, because what is wrong stays wrong.
pub(crate) const POLLED: [&str; 4] = ["--audit-url", "/status/{id}", "--audit-timeout", "2s"];

/// Listed; the same.
pub(crate) const LISTED: [&str; 3] = ["--audit", "--audit-timeout", "2s"];

/// Gates on these metrics.
pub(crate) fn gates<'a>(gates: &[&'a str]) -> Vec<&'a str> {
    gates.iter().flat_map(|gate| ["--gate", *gate]).collect()
}

pub(crate) fn finding<'a>(report: &'a Value, metric: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["metric"] == metric);
    found.unwrap_or_else(|| panic!("no {metric}: {report:#}"))
}
