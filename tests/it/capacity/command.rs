//! The command: what it refuses, what it says before it sends, and its exit codes. Trials are as short as `--iid` allows.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{a7probe, code, eventually, json, run, signal, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server};

const SHORT: [&str; 5] = ["--iid", "--confirm", "1s", "--width", "50%"];

fn capacity(arguments: &[&str]) -> std::process::Output {
    run(temp_dir().path(), &[&["capacity"], arguments].concat())
}

/// Whether it is refused before anything is sent, with this error and this hint.
#[track_caller]
fn refused(arguments: &[&str], error: &str, hint: &str) {
    let output = capacity(arguments);
    let text = stderr(&output);
    assert_eq!(code(&output), 2, "{text}");
    assert!(text.contains(error) && text.contains(hint), "{text}");
}

#[test]
fn a_search_without_a_bound_a_gate_or_room_for_a_confirmation_is_refused() {
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    let p95 = "p95 <= 150ms";
    refused(
        &["http://a7.example/search", "--gate", p95],
        "on another machine",
        "--to 500/s",
    );
    refused(&[&url], "needs a gate", "--gate 'p95 <= 150ms'");
    refused(
        &[&url, "--gate", "lost <= 0"],
        "cannot search with the gate '* lost <= 0'",
        "error_rate",
    );
    refused(
        &[&url, "--gate", "p99.9 <= 150ms"],
        "is too short to confirm a rate (blocks of 10 min each)",
        "--budget 45m",
    );
    refused(
        &[&url, "--gate", p95, "--budget", "1s"],
        "is too short to confirm a rate (blocks of 30 s each)",
        "--budget",
    );
    refused(
        &[&url, "--gate", p95, "--budget", "48h"],
        "longer than a day",
        "--budget 30m",
    );
    refused(
        &[&url, "--gate", p95, "--from", "20000000/s"],
        "out of range for a rate",
        "",
    );
    refused(
        &[&url, "--gate", "p95 <= 150ms warn"],
        "only warns",
        "leave out warn",
    );
    refused(
        &[&url, "--gate", "backlog <= 100"],
        "creates no event to audit",
        "--post",
    );
    refused(
        &[&url, "--gate", "done.p95 <= 1s"],
        "creates no event to audit",
        "--post",
    );
    refused(
        &[&url, "--gate", p95, "--audit-url", "/status/{id}"],
        "no gate is about the work",
        "done.p95",
    );
    refused(
        &[&url, "--gate", p95, "--no-audit"],
        "--no-audit has no use",
        "done.p95",
    );
    refused(
        &[&url, "--gate", p95, "--gate", "other capacity >= 4/s"],
        "is about other, and the other gates are about search",
        "search capacity >= 4/s",
    );
    refused(
        &[&url, "--gate", p95, "--report", "hgrm=x"],
        "--report hgrm=x: the format has the latencies of one run",
        "use html, svg",
    );
    refused(
        &[&url, "--gate", p95, "-q", "50"],
        "chooses the rates",
        "--from",
    );
    refused(
        &[&url, "--gate", p95, "--from", "50/s", "--to", "20/s"],
        "is below --from",
        "raise --to",
    );
    refused(
        &[&url, "--gate", p95, "--width", "1%"],
        "--width 1% is out of range",
        "",
    );
    refused(
        &[&url, "--gate", p95, "--gate", "capacity > 400"],
        "cannot read the gate",
        "capacity >= 400/s",
    );
    refused(
        &[&server.url(), "--gate", p95],
        "searches one endpoint",
        "--gate 'health p95 <= 150ms'",
    );
    assert_eq!(server.received().len(), 0, "nothing was sent");
}

#[test]
fn a_dry_run_says_what_to_expect_and_sends_nothing() {
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    let output = capacity(&[&url, "--gate", "p99 <= 150ms", "--to", "500/s", "--dry-run"]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // 2·60 s·20/s·0.01 and 2·60 s·500/s·0.01.
    for part in [
        "searching from 20/s to 500/s, at most 15 min",
        "at 20/s, 24 slow requests at the limit, a bracket of 20% to 40%",
        "at 500/s, 600 slow requests at the limit, a bracket of 10%",
        "nothing was sent",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(server.received().len(), 0);
}

#[test]
fn a_gate_on_the_capacity_tests_one_rate_on_two_blocks() {
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    let gates = ["--gate", "p50 <= 200ms", "--gate", "capacity >= 20/s"];
    let arguments = [&[url.as_str(), "--output", "json"], &gates[..], &SHORT[..]].concat();
    let output = capacity(&arguments);
    let found: Value = json(&output);
    assert_eq!(code(&output), 0, "{found}");
    assert_eq!(found["schema"], "a7probe.capacity/1");
    assert_eq!(
        (&found["verdict"], &found["ended"]),
        (&"PASS".into(), &"tested".into())
    );
    assert_eq!(found["tested_per_s"], 20.0);
    let trials = found["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 2);
    // The preflight's, and each trial's own.
    assert!(server.connections() >= 3);
    assert!(
        trials.iter().all(|trial| trial["pair"]["level"] == 0.05),
        "{trials:?}"
    );
}

#[test]
fn a_service_that_fails_at_the_lowest_rate_ends_the_search_with_exit_1() {
    let server = Server::exactly(Duration::from_millis(400));
    let url = format!("{}/search", server.url());
    let folder = temp_dir();
    let saved = folder.path().join("capacity.json");
    let arguments = [
        &[
            "capacity",
            &url,
            "--gate",
            "p50 <= 150ms",
            "--save",
            saved.to_str().unwrap(),
        ],
        &SHORT[..],
    ]
    .concat();
    let output = run(folder.path(), &arguments);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.starts_with("FAIL  search  fails P50 ≤ 150 ms at 20/s"),
        "{text}"
    );
    let file: Value = serde_json::from_slice(&std::fs::read(saved).unwrap()).unwrap();
    assert_eq!(file["ended"], "less_than_from");
    assert_eq!(file["upper_per_s"], 20.0);
    assert_eq!(file["trials"].as_array().unwrap().len(), 1);
}

/// Rows that are for one request each cannot be counted before a search of many runs.
#[test]
fn rows_that_are_used_once_are_refused_by_commands_of_many_runs() {
    let server = Server::answering(OK);
    let folder = temp_dir();
    std::fs::write(folder.path().join("rows.csv"), "id\n1\n2\n").expect("a file");
    let settings = "data = \"rows.csv\"\ndata_once = true\n";
    std::fs::write(folder.path().join("a7probe.toml"), settings).expect("a file");
    let url = format!("{}/{{{{row.id}}}}", server.url());
    let base = server.url();
    for arguments in [
        &["capacity", &url, "--gate", "p95 <= 150ms"][..],
        &["diagnose", &base, "--get", "a=/{{row.id}}", "--get", "b=/b"],
    ] {
        let output = run(folder.path(), arguments);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{text}");
        assert!(
            text.contains("data_once: ") && text.contains("data_once = false"),
            "{text}"
        );
    }
    assert_eq!(server.received().len(), 0);
}

#[test]
fn an_interrupted_search_is_saved_and_marked() {
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    let folder = temp_dir();
    let arguments = [
        "capacity",
        &url,
        "--gate",
        "p95 <= 150ms",
        "--save",
        "a.json",
        "--trace",
    ];
    let child = a7probe(folder.path(), &arguments)
        .spawn()
        .expect("the program starts");
    eventually("the second trial has begun", || {
        server.received().len() > 160
    });
    signal(child.id(), "INT");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.starts_with("INCONCLUSIVE  search  the search was interrupted"),
        "{text}"
    );
    let shown = run(folder.path(), &["judge", "a.json"]);
    assert_eq!(code(&shown), 3, "{}", stderr(&shown));
    assert_eq!(stdout(&shown), text);
    let file = run(folder.path(), &["judge", "a.json", "--output", "json"]);
    let trace = json(&file)["trials"][0]["traces"][0]["trace_id"].clone();
    assert_eq!(trace.as_str().map(str::len), Some(32), "{trace}");
}

#[test]
fn a_service_that_stops_answering_does_not_recover() {
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    let folder = temp_dir();
    let search = [
        "capacity",
        &url,
        "--gate",
        "p50 <= 150ms",
        "--recover",
        "2s",
    ];
    let child = a7probe(folder.path(), &[&search[..], &SHORT[..]].concat())
        .spawn()
        .expect("the program starts");
    eventually("the second trial has begun", || {
        server.received().len() > 160
    });
    // Each trial opens connections of its own, which are refused now.
    drop(server);
    let output = child.wait_with_output().expect("it ends");
    let text = stdout(&output);
    assert_eq!(code(&output), 1, "{text}{}", stderr(&output));
    assert!(
        text.starts_with("FAIL  search does not recover after"),
        "{text}"
    );
}
