//! What URLs mean, against real sockets: several of them, of several origins, and implied endpoints.

use serde_json::Value;

use super::run;
use crate::harness::{self, code, json, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server, refusing_port};

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

/// Answers 200 at these paths and 404 elsewhere.
fn knowing(paths: &'static [&'static str]) -> Server {
    Server::tcp(move |conversation| {
        while let Some(request) = conversation.request() {
            let path = request
                .head
                .split(' ')
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            let answer = if paths.contains(&path.as_str()) {
                OK
            } else {
                NOT_FOUND
            };
            if !conversation.send(answer) {
                break;
            }
        }
    })
}

/// Paths that were asked for, each once, in order.
fn asked(server: &Server) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for request in server.received() {
        let line = request.head.lines().next().unwrap_or_default();
        let words: Vec<&str> = line.split(' ').take(2).collect();
        if !paths.contains(&words.join(" ")) {
            paths.push(words.join(" "));
        }
    }
    paths
}

const SHORT: [&str; 7] = ["-n", "20", "-q", "100", "--warmup", "0s", "--no-gates"];

fn names(json: &Value) -> Vec<&str> {
    let endpoints = json["endpoints"].as_array().expect("endpoints");
    endpoints
        .iter()
        .map(|e| e["name"].as_str().expect("a name"))
        .collect()
}

#[test]
fn several_urls_are_several_endpoints_of_one_run() {
    let (one, two) = (Server::answering(OK), Server::answering(OK));
    let folder = temp_dir();
    let urls = [
        format!("{}/search", one.url()),
        format!("find={}/search?q=1", two.url()),
        format!("{}/orders", two.url()),
    ];
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let more = [
        "-d",
        "orders=x",
        "--no-audit",
        "--save",
        "run.json",
        "--output",
        "json",
    ];
    let output = harness::run(folder.path(), &[&urls[..], &SHORT, &more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(names(&json(&output)), ["search", "find", "orders"]);
    assert_eq!(asked(&one), ["GET /search"]);
    assert_eq!(asked(&two), ["GET /search?q=1", "POST /orders"]);
    let saved = std::fs::read(folder.path().join("run.json")).expect("it was saved");
    let saved: Value = serde_json::from_slice(&saved).expect("JSON");
    assert_eq!(saved["plan"]["target"], one.url());
    assert!(saved["plan"]["endpoints"][0]["origin"].is_null());
    assert_eq!(saved["plan"]["endpoints"][1]["origin"], two.url());
    let judged = harness::run(
        folder.path(),
        &["judge", "run.json", "--gate", "* p50 <= 10s"],
    );
    assert_ne!(code(&judged), 2, "{}", stderr(&judged));
    assert!(
        stdout(&judged).contains("orders  POST /orders"),
        "{}",
        stdout(&judged)
    );
}

#[test]
fn an_origin_that_hangs_does_not_hold_up_another() {
    let hanging = Server::tcp(|conversation| {
        // It answers the request before the run, and no other.
        if conversation.request().is_some() {
            conversation.send(OK);
        }
        while conversation.request().is_some() {}
    });
    let healthy = Server::answering(OK);
    let (one, two) = (
        format!("{}/a", hanging.url()),
        format!("{}/b", healthy.url()),
    );
    for load in [
        &["-c", "2", "-q", "50", "-n", "60"][..],
        &["-c", "2", "-n", "60"],
    ] {
        let more = [
            "-t",
            "2s",
            "--warmup",
            "0s",
            "--no-gates",
            "--no-calibration",
            "--output",
            "json",
        ];
        let output = run(&[&[one.as_str(), two.as_str()], load, &more].concat());
        let json = json(&output);
        let [a, b] = json["endpoints"].as_array().expect("endpoints").as_slice() else {
            panic!("two endpoints: {json}")
        };
        assert!(a["counts"]["timeout"].as_u64() > Some(0), "{a}");
        assert_eq!(b["counts"]["ok"], 60, "{b}");
    }
}

#[test]
fn one_unreachable_origin_keeps_all_from_being_measured() {
    let healthy = Server::answering(OK);
    let one = format!("{}/a", healthy.url());
    let two = format!("http://127.0.0.1:{}/b", refusing_port());
    let output = run(&[&[one.as_str(), two.as_str()], &SHORT[..]].concat());
    assert_eq!(code(&output), 4, "{}", stdout(&output));
    assert!(
        stderr(&output).contains("refused the connection"),
        "{}",
        stderr(&output)
    );
    assert!(
        healthy.received().len() <= 1,
        "only the question before the run"
    );
}

#[test]
fn what_nobody_named_and_the_service_does_not_have_is_left_out_with_a_note() {
    let server = knowing(&["/health"]);
    let output = run(&[&[server.url().as_str()], &SHORT[..]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let screen = stdout(&output);
    assert!(screen.starts_with("health  P50 "), "{screen}");
    let screen = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        screen.contains(
            "POST /ingest returned 404 and is left out; to name another path: --post ingest=/PATH"
        ),
        "{screen}"
    );
    let gated = run(&[&server.url(), "--gate", "ingest p95 <= 1s"]);
    assert_eq!(code(&gated), 2, "{}", stdout(&gated));
    assert!(
        stderr(&gated).contains("gate on 'ingest': POST /ingest returned 404"),
        "{}",
        stderr(&gated)
    );
    let named = run(&[&server.url(), "--post", "ingest=/ingest"]);
    assert_eq!(code(&named), 2, "{}", stdout(&named));
}

#[test]
fn a_service_with_neither_is_measured_at_its_root() {
    let server = knowing(&["/"]);
    let output = run(&[&[server.url().as_str(), "--output", "json"], &SHORT[..]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(names(&json(&output)), ["root"]);
    assert!(asked(&server).contains(&"GET /".to_owned()));
    let nothing = knowing(&[]);
    let output = run(&[&[nothing.url().as_str()], &SHORT[..]].concat());
    assert_eq!(code(&output), 2, "{}", stdout(&output));
    assert!(stderr(&output).contains("404"), "{}", stderr(&output));
}

#[test]
fn nothing_is_written_unasked_where_the_host_is_not_this_machine() {
    let server = Server::answering(OK);
    let there = format!("127.0.0.1:{}", server.port());
    let to = ["http://a7.example", "--connect-to", &there];
    let output = run(&[&to[..], &SHORT].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let screen = stdout(&output)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(
        screen.contains(
            "POST /ingest is not sent to a7.example unasked; to measure it: --post ingest=/ingest"
        ),
        "{screen}"
    );
    assert_eq!(asked(&server), ["GET /health"]);
    let gated = run(&[&to[..], &["--gate", "ingest p95 <= 1s"]].concat());
    assert_eq!(code(&gated), 2);
    assert!(
        stderr(&gated).contains("hint: name it with --post ingest=/ingest, or gate health alone"),
        "{}",
        stderr(&gated)
    );
    let asked_for = run(&[&to[..], &SHORT, &["--post", "ingest=/ingest"]].concat());
    assert_eq!(code(&asked_for), 0, "{}", stderr(&asked_for));
    assert!(asked(&server).contains(&"POST /ingest".to_owned()));
}
