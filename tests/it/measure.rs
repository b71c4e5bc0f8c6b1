//! `measure` as a person or a pipeline runs it: the real program against scripted servers, and bad input of every kind.

mod refused;
mod urls;
mod verdict_rules;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{self, a7probe, code, eventually, json, signal, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server};

fn run(arguments: &[&str]) -> Output {
    let folder = temp_dir();
    run_in(folder.path(), arguments)
}

fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    harness::run(folder, arguments)
}

/// 60 requests in 0.6 s: enough for a P95 to pass and to exclude episodes of 10 ms, over before anyone waits.
const QUICK: [&str; 8] = [
    "-q",
    "100",
    "-n",
    "60",
    "--episode",
    "10ms",
    "--warmup",
    "0s",
];

fn measure(url: &str, more: &[&str]) -> Output {
    run(&[&["measure", url], &QUICK[..], more].concat())
}

#[test]
fn a_fast_service_passes_with_exit_0_and_a_finding_for_every_gate() {
    let server = Server::answering(OK);
    let gates = ["--gate", "* p95 <= 5s", "--output", "json"];
    let output = measure(&server.url(), &gates);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let json = json(&output);
    assert_eq!(json["verdict"], "PASS");
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2);
    for (finding, endpoint) in findings.iter().zip(["health", "ingest"]) {
        assert_eq!(finding["endpoint"], endpoint);
        assert_eq!(finding["metric"], "p95");
        assert_eq!(finding["n"], 60);
        assert_eq!(finding["exceedances"], 0);
        assert!(finding["observed_ms"].as_f64().unwrap() > 0.0);
        // 60 samples have no upper end for a P95: that takes 72.
        assert!(finding["interval_ms"][1].is_null());
        // 0.95⁶⁰
        let p_pass = finding["p_pass"].as_f64().unwrap();
        assert!((p_pass - 0.95f64.powi(60)).abs() < 1e-12, "{p_pass}");
    }
}

#[test]
fn every_event_that_is_sent_is_new() {
    let server = Server::answering(OK);
    assert_eq!(code(&measure(&server.url(), &["--gate", "* p95 <= 5s"])), 0);
    let bodies: Vec<Vec<u8>> = server
        .received()
        .into_iter()
        .filter(|request| request.head.starts_with("POST /ingest"))
        .map(|request| request.body)
        .collect();
    let mut ids: Vec<String> = bodies
        .iter()
        .map(|body| {
            serde_json::from_slice::<Value>(body).unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    // One is the preflight's.
    assert_eq!(ids.len(), 61);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 61);
}

#[test]
fn a_slow_service_fails_with_exit_1_and_the_reason() {
    let server = Server::tcp(|conversation| {
        while conversation.request().is_some() {
            std::thread::sleep(Duration::from_millis(900));
            conversation.send(OK);
        }
    });
    let output = measure(
        &server.url(),
        &["--get", "health=/health", "--gate", "health p50 <= 300ms"],
    );
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("  60 requests were slower than 300 ms, in 1 spell"),
        "{text}"
    );
}

#[test]
fn a_run_that_cannot_decide_is_inconclusive_with_exit_3_and_says_what_would() {
    // Every second request is slow: a P50 at its limit.
    let turn = std::sync::atomic::AtomicU64::new(0);
    let server = Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            if turn
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed)
                .is_multiple_of(2)
            {
                std::thread::sleep(Duration::from_millis(300));
            }
            conversation.send(OK);
        }
    });
    let output = measure(
        &server.url(),
        &[
            "--get",
            "health=/health",
            "--gate",
            "health p50 <= 150ms",
            "--no-preflight",
        ],
    );
    assert_eq!(code(&output), 3, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("INCONCLUSIVE"));
}

#[test]
fn a_run_is_saved_and_judging_it_says_the_same() {
    let server = Server::answering(OK);
    let folder = temp_dir();
    let arguments = [
        "measure",
        &server.url(),
        "--gate",
        "* p95 <= 5s",
        "--save",
        "run.json",
        "--output",
        "json",
    ];
    let measured = run_in(folder.path(), &[&arguments[..], &QUICK].concat());
    assert_eq!(code(&measured), 0, "{}", stderr(&measured));
    let judged = run_in(folder.path(), &["judge", "run.json", "--output", "json"]);
    assert_eq!(code(&judged), 0, "{}", stderr(&judged));
    let (measured, judged) = (json(&measured), json(&judged));
    for key in ["verdict", "findings"] {
        assert_eq!(measured[key], judged[key]);
    }
}

#[test]
fn secrets_reach_the_server_and_no_output() {
    let server = Server::answering(OK);
    let folder = temp_dir();
    let address = format!("http://me:hunter2@127.0.0.1:{}", server.port());
    let arguments = [
        "measure",
        &address,
        "-H",
        "X-Api-Key: s3cret",
        "--gate",
        "* p95 <= 5s",
        "--save",
        "run.json",
        "--report",
        "markdown=report.md",
        "--output",
        "json",
    ];
    let output = run_in(folder.path(), &[&arguments[..], &QUICK].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let head = &server.received()[0].head;
    assert!(
        head.contains("X-Api-Key: s3cret")
            && head.contains("authorization: Basic bWU6aHVudGVyMg=="),
        "{head}"
    );
    let files = ["run.json", "report.md"]
        .map(|name| std::fs::read_to_string(folder.path().join(name)).unwrap());
    for text in files.iter().chain([&stdout(&output), &stderr(&output)]) {
        for secret in ["hunter2", "s3cret", "bWU6aHVudGVyMg"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn ctrl_c_ends_a_preflight_that_nobody_answers() {
    let silent = Server::tcp(|conversation| conversation.ignore());
    let folder = temp_dir();
    let child = a7probe(folder.path(), &[])
        .args(["measure", &silent.url(), "-t", "60s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the probe connects", || silent.connections() > 0);
    let began = Instant::now();
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130);
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "it waited for the timeout"
    );
    assert!(
        stderr(&output).contains("nothing was measured"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_reader_that_goes_away_does_not_turn_a_failure_into_a_pass() {
    let folder = temp_dir();
    let evidence = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/evidence.txt");
    let mut child = a7probe(folder.path(), &[])
        .args(["judge", evidence, "--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_service_that_answers_500_is_measured_and_fails() {
    let server = Server::answering("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n");
    let output = measure(&server.url(), &["--gate", "* p95 <= 5s"]);
    assert_eq!(code(&output), 1);
    let (text, said) = (stdout(&output), stderr(&output));
    assert!(text.contains("failed 60"), "{text}");
    assert!(said.contains("returned 500"), "{said}");
}

#[test]
fn a_dry_run_sends_nothing_and_tells_what_the_plan_can_decide() {
    let server = Server::answering(OK);
    let output = run(&["measure", &server.url(), "--dry-run", "--seed", "7"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    for line in [
        "open, arrivals on a jitter schedule",
        "seed       7",
        "until every gate is decided, at most 120 s",
        "a PASS allows for slow spells of up to 100 ms",
        "overhead   measured before the run, for 2 s",
        "audit      if the service lists its runs: accepted events of ingest, at GET /runs/{run}/events, for at most 30 s",
        "  health: GET http://127.0.0.1:",
        "    load     at most 2,400 requests at 20/s, after 2 s of warm-up",
        "    headers  none of its own",
        "    ok is    2xx",
        "ingest p99 <= 150ms",
        "decided after 600 (30 s) if none is beyond the limit",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let more = [
        "--no-calibration",
        "--resend",
        "5%",
        "--audit-url",
        "/status/{id}",
    ];
    let output = run(&[&["measure", &server.url(), "--dry-run"][..], &more].concat());
    let text = stdout(&output);
    for line in [
        "overhead   not measured (--no-calibration)",
        "audit      accepted events of ingest, at /status/{id}, for at most 30 s after the run",
        "resend     5% of the audited requests",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn settings_come_from_the_file_its_profile_the_environment_and_the_flags_in_that_order() {
    let folder = temp_dir();
    let file = "url = 'http://127.0.0.1:1'\nrate = 5\nduration = '60s'\n[profiles.ci]\nrate = 7\n";
    std::fs::write(folder.path().join("a7probe.toml"), file).unwrap();
    let rate = |arguments: &[&str], variable: Option<&str>| {
        let mut command = a7probe(folder.path(), &[]);
        command.args(["measure", "--dry-run"]).args(arguments);
        command.envs(variable.map(|value| ("A7PROBE_RATE", value)));
        let text = stdout(&command.output().unwrap());
        text.lines()
            .find(|line| line.starts_with("    load "))
            .unwrap()
            .to_owned()
    };
    assert!(rate(&[], None).contains(" 5/s"));
    assert!(rate(&["--profile", "ci"], None).contains(" 7/s"));
    assert!(rate(&["--profile", "ci"], Some("9")).contains(" 9/s"));
    assert!(rate(&["--profile", "ci", "-q", "11"], Some("9")).contains(" 11/s"));
}

#[test]
fn the_starter_settings_are_valid_and_are_not_overwritten() {
    let folder = temp_dir();
    assert_eq!(code(&run_in(folder.path(), &["init"])), 0);
    let plan = run_in(folder.path(), &["measure", "--dry-run", "--profile", "ci"]);
    assert_eq!(code(&plan), 0, "{}", stderr(&plan));
    assert!(
        stdout(&plan).contains("1,200 requests"),
        "{}",
        stdout(&plan)
    );
    let again = run_in(folder.path(), &["init"]);
    assert_eq!(code(&again), 2);
    assert!(stderr(&again).contains("--force"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = a7probe(Path::new("/"), &[])
        .args(["man"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}
