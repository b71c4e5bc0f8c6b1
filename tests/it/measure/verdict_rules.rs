//! Which verdict is wanted, and when a run stops for it: implied gates, `--quick`, `--no-gates`, `--fail-fast`,
//! `--abort-on`, `--inconclusive`, gates that only warn.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::run;
use crate::harness::{self, code, json, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server};

/// A service that fails: no clock of a busy machine has part in that.
const ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

/// A service that answers everything so late.
fn slow(milliseconds: u64) -> Server {
    Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            std::thread::sleep(Duration::from_millis(milliseconds));
            if !conversation.send(OK) {
                break;
            }
        }
    })
}

fn verdicts(json: &Value) -> Vec<&str> {
    let findings = json["findings"].as_array().expect("findings");
    findings
        .iter()
        .map(|finding| finding["verdict"].as_str().expect("a verdict"))
        .collect()
}

#[test]
fn an_implied_gate_that_the_plan_cannot_pass_is_not_judged_and_the_others_decide() {
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    // P99 takes 299 requests, P95 59, P50 5.
    let plan = [
        "-n", "100", "-q", "200", "--iid", "--warmup", "0s", "--target", "5s",
    ];
    let output = run(&[&[url.as_str()], &plan[..]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let screen = stdout(&output);
    let first = screen.lines().next().unwrap_or_default();
    assert!(first.starts_with("PASS  search  P50 "), "{first}");
    assert!(first.ends_with("both ≤ 5 s · P99 not judged"), "{first}");
    assert!(screen.contains("next  P99 needs 299 requests"), "{screen}");
    let json = json(&run(
        &[&[url.as_str(), "--output", "json"], &plan[..]].concat()
    ));
    assert_eq!(verdicts(&json), ["PASS", "PASS", "NOT_JUDGED"]);
    assert_eq!(json["verdict"], "PASS");
}

#[test]
fn a_closed_run_that_is_over_at_once_judges_nothing_and_names_one_number() {
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    let output = run(&[&url, "-n", "200", "-c", "50", "--warmup", "0s"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let screen = stdout(&output);
    assert!(screen.starts_with("NOT JUDGED  search  P50 "), "{screen}");
    let next: Vec<&str> = screen
        .lines()
        .filter(|line| line.starts_with("next"))
        .collect();
    assert_eq!(
        next,
        ["next  run 30 s to judge all three: -z 30s -c 50 (or -n 299 --iid)"],
        "{screen}"
    );
}

#[test]
fn an_implied_gate_that_the_plan_cannot_pass_still_fails() {
    let server = Server::answering(ERROR);
    let url = format!("{}/search", server.url());
    let plan = ["-n", "40", "-q", "40", "--warmup", "0s", "--no-calibration"];
    let output = run(&[&[url.as_str(), "--output", "json"], &plan[..]].concat());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let json = json(&output);
    assert!(verdicts(&json).contains(&"FAIL"), "{json}");
}

#[test]
fn a_saved_run_keeps_what_was_not_asked_for() {
    let server = Server::answering(OK);
    let folder = temp_dir();
    let url = format!("{}/search", server.url());
    let measured = harness::run(
        folder.path(),
        &[
            &url, "-n", "100", "-q", "200", "--iid", "--warmup", "0s", "--target", "5s", "--save",
            "run.json",
        ],
    );
    assert_eq!(code(&measured), 0, "{}", stderr(&measured));
    let judged = harness::run(folder.path(), &["judge", "run.json", "--output", "json"]);
    assert_eq!(code(&judged), 0, "{}", stderr(&judged));
    assert_eq!(verdicts(&json(&judged)), ["PASS", "PASS", "NOT_JUDGED"]);
    // The same gate, asked for, is a question that the run leaves open.
    let asked = ["judge", "run.json", "--gate", "p99 <= 5s"];
    assert_eq!(code(&harness::run(folder.path(), &asked)), 3);
}

#[test]
fn a_file_cannot_call_any_other_gate_implied() {
    let server = Server::answering(OK);
    let folder = temp_dir();
    let path = folder.path().join("run.json");
    let url = format!("{}/search", server.url());
    let measure = [
        &url,
        "-n",
        "100",
        "-q",
        "200",
        "--iid",
        "--warmup",
        "0s",
        "--gate",
        "p95 <= 5s",
        "--save",
        "run.json",
    ];
    assert_eq!(code(&harness::run(folder.path(), &measure)), 0);
    let saved: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (gates, implied) in [
        ("search p95 <= 5s", "search p95 <= 5s"),
        ("* p95 < 5s", "* p95 < 5s"),
        ("* p95 <= 5s", "* p50 <= 5s"),
        ("* error_rate <= 1%", "* error_rate <= 1%"),
    ] {
        let mut changed = saved.clone();
        changed["gates"] = vec![gates].into();
        changed["implied_gates"] = vec![implied].into();
        std::fs::write(&path, changed.to_string()).unwrap();
        let output = harness::run(folder.path(), &["judge", "run.json"]);
        assert_eq!(code(&output), 2, "{implied}: {}", stdout(&output));
        assert!(stderr(&output).contains("implied"), "{}", stderr(&output));
    }
}

#[test]
fn without_gates_there_are_numbers_and_no_verdict() {
    let server = Server::answering(OK);
    let folder = temp_dir();
    let url = format!("{}/search", server.url());
    let plan = [
        "-n",
        "60",
        "-q",
        "200",
        "--warmup",
        "0s",
        "--no-gates",
        "--save",
        "run.json",
    ];
    let output = harness::run(folder.path(), &[&[url.as_str()], &plan[..]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let screen = stdout(&output);
    let first = screen.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("search  P50 ") && first.ends_with("   no gates"),
        "{first}"
    );
    assert!(!screen.contains("PASS"), "{screen}");
    // A saved run that was not to be judged is judged when that is asked for.
    let judged = harness::run(folder.path(), &["judge", "run.json", "--gate", "p50 <= 5s"]);
    assert_ne!(code(&judged), 2, "{}", stderr(&judged));
    let dead = harness::run(folder.path(), &["http://127.0.0.1:9/x", "--no-gates"]);
    assert_eq!(code(&dead), 4);
}

#[test]
fn gates_that_only_warn_end_with_exit_0() {
    let server = slow(20);
    let url = format!("{}/search", server.url());
    let plan = [
        "-n",
        "60",
        "-q",
        "100",
        "--warmup",
        "0s",
        "--gate",
        "p50 <= 1ms warn",
    ];
    let output = run(&[&[url.as_str()], &plan[..]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("no verdict: all gates only warn"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn an_inconclusive_verdict_can_be_let_through_and_keeps_its_word() {
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    let folder = temp_dir();
    let list = folder.path().join("ten.txt");
    std::fs::write(&list, "1ms\n2ms\n1ms\n2ms\n1ms\n2ms\n1ms\n2ms\n1ms\n2ms\n").unwrap();
    let judge = |more: &[&str]| {
        harness::run(
            folder.path(),
            &[&["judge", "ten.txt", "--gate", "p95 <= 5ms"], more].concat(),
        )
    };
    assert_eq!(code(&judge(&[])), 3);
    let let_through = judge(&["--inconclusive", "warn"]);
    assert_eq!(code(&let_through), 0);
    assert!(stdout(&let_through).starts_with("INCONCLUSIVE"));
    assert!(
        stderr(&let_through).contains("INCONCLUSIVE"),
        "{}",
        stderr(&let_through)
    );
    // Nothing was judged: that is never let through.
    let nothing = run(&[
        &url,
        "-n",
        "200",
        "-c",
        "50",
        "--warmup",
        "0s",
        "--inconclusive",
        "warn",
    ]);
    assert_eq!(code(&nothing), 3);
}

#[test]
fn quick_stops_long_before_its_budget() {
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    let output = run(&[
        &url,
        "--quick",
        "--target",
        "5s",
        "-q",
        "100",
        "--warmup",
        "0s",
        "--no-calibration",
        "--output",
        "json",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let json = json(&output);
    assert_eq!(verdicts(&json), ["PASS", "PASS"]);
    // 60 · τ0 for P95 is 6 s.
    let planned = json["endpoints"][0]["planned"].as_u64().unwrap();
    assert!((600..1_200).contains(&planned), "{planned}");
}

#[test]
fn at_the_first_fail_a_run_does_not_wait_for_what_else_is_open() {
    let server = Server::answering(ERROR);
    let url = format!("{}/search", server.url());
    let began = Instant::now();
    let plan = [
        "--gate",
        "error_rate <= 10%",
        "--gate",
        "p99 <= 10s warn",
        "-q",
        "50",
        "--warmup",
        "0s",
        "--no-calibration",
        "--output",
        "json",
    ];
    let output = run(&[&[url.as_str(), "--fail-fast"], &plan[..]].concat());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let json = json(&output);
    assert_eq!(json["findings"][0]["verdict"], "FAIL");
    // P99 alone would keep it going for 30 s and 368 requests.
    let planned = json["endpoints"][0]["planned"].as_u64().unwrap();
    assert!(planned < 368, "{planned} after {:?}", began.elapsed());
}

#[test]
fn a_rule_that_is_broken_ends_the_run_and_gives_no_verdict_of_its_own() {
    let server = slow(30);
    let folder = temp_dir();
    let url = format!("{}/search", server.url());
    let plan = [
        "-z",
        "60s",
        "-q",
        "50",
        "--warmup",
        "0s",
        "--no-calibration",
        "--gate",
        "p99 <= 5s",
        "--abort-on",
        "p95 > 10ms for 1s",
        "--inconclusive",
        "warn",
        "--save",
        "run.json",
    ];
    let began = Instant::now();
    let output = harness::run(folder.path(), &[&[url.as_str()], &plan[..]].concat());
    assert!(
        began.elapsed() < Duration::from_secs(55),
        "it ran to its end"
    );
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("--abort-on 'p95 > 10ms for 1s' ended the run"),
        "{}",
        stderr(&output)
    );
    assert!(stdout(&output).contains("aborted"), "{}", stdout(&output));
    let judged = harness::run(folder.path(), &["judge", "run.json"]);
    assert_eq!(code(&judged), 3, "{}", stderr(&judged));
    // A gate that fails on what was sent until then fails the run.
    let failing = harness::run(
        folder.path(),
        &["judge", "run.json", "--gate", "p50 <= 10ms"],
    );
    assert_ne!(code(&failing), 0);
    let unknown = harness::run(
        folder.path(),
        &[&url, "--abort-on", "serach p95 > 1s for 5s"],
    );
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("unknown endpoint 'serach'"));
}
