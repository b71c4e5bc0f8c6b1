//! Rate profiles and replays, as a person uses them.

mod replay;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::harness::{code, json, run, stderr, stdout, temp_dir};
use crate::screens::{looks_as_its_snapshot, on_a_terminal};
use crate::scripted::{Conversation, OK, Server};

const QUICK: [&str; 6] = [
    "--no-calibration",
    "--warmup",
    "0s",
    "--seed",
    "7",
    "--no-audit",
];

fn measure(folder: &Path, arguments: &[&str]) -> std::process::Output {
    run(folder, &[&["measure"], arguments, &QUICK[..]].concat())
}

fn names(report: &Value) -> Vec<&str> {
    let endpoints = report["endpoints"].as_array().expect("endpoints");
    endpoints
        .iter()
        .map(|e| e["name"].as_str().expect("a name"))
        .collect()
}

/// Answers the question before the run and 60 requests, and fails from then on.
fn failing_server() -> Server {
    let count = AtomicU64::new(0);
    Server::tcp(move |conversation: &mut Conversation| {
        while conversation.request().is_some() {
            let is_well = count.fetch_add(1, Ordering::Relaxed) < 61;
            let answer = if is_well { OK } else { FAILED };
            if !conversation.send(answer) {
                return;
            }
        }
    })
}

const FAILED: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

#[test]
fn each_step_has_its_own_verdict_and_a_saved_run_the_same_ones() {
    let (folder, server) = (temp_dir(), failing_server());
    let gate = "health p95 <= 1s";
    let line = [
        &server.url(),
        "--get",
        "health=/health",
        "--rate",
        "60/s@1s,120/s@1s",
        "--gate",
        gate,
        "--iid",
        "--save",
        "run.json",
        "--output",
        "json",
    ];
    let output = measure(folder.path(), &line);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(names(&report), ["health@60/s", "health@120/s"]);
    let verdicts = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().expect("findings");
        let one = |f: &Value| format!("{} {}", f["endpoint"], f["verdict"]);
        findings.iter().map(one).collect()
    };
    assert_eq!(
        verdicts(&report),
        ["\"health@60/s\" \"PASS\"", "\"health@120/s\" \"FAIL\""]
    );
    assert_eq!(report["endpoints"][0]["segment"]["kind"], "step");
    assert_eq!(report["endpoints"][1]["segment"]["start_s"], 1.0);
    let profile = &report["profiles"][0];
    assert_eq!(profile["endpoint"], "health");
    assert_eq!(profile["planned"], 180);
    assert_eq!(profile["counts"]["ok"], 60);
    assert_eq!(profile["counts"]["failed"]["status"], 120);

    let judged = run(folder.path(), &["judge", "run.json", "--output", "json"]);
    assert_eq!(code(&judged), 1, "{}", stderr(&judged));
    assert_eq!(verdicts(&json(&judged)), verdicts(&report));
    // A gate on the endpoint is one of each segment there as well.
    let other = [
        "judge",
        "run.json",
        "--gate",
        "health p50 <= 2s",
        "--output",
        "json",
    ];
    let judged = run(folder.path(), &other);
    assert_eq!(code(&judged), 1, "{}", stderr(&judged));
    assert_eq!(json(&judged)["findings"].as_array().map(Vec::len), Some(2));
    let one = ["judge", "run.json", "--gate", "health@60/s p95 <= 1s"];
    assert_eq!(code(&run(folder.path(), &one)), 0);

    let compared = run(
        folder.path(),
        &["compare", "run.json", "run.json", "--output", "json"],
    );
    assert_eq!(code(&compared), 0, "{}", stderr(&compared));
    assert_eq!(
        json(&compared)["changes"].as_array().map(Vec::len),
        Some(10)
    );
}

#[test]
fn a_percentile_across_a_ramp_is_refused() {
    let (folder, server) = (temp_dir(), Server::answering(OK));
    let url = server.url();
    let own = [
        &url,
        "--get",
        "health=/health",
        "--rate",
        "20/s..100/s",
        "-z",
        "1s",
    ];
    let refused = measure(
        folder.path(),
        &[&own[..], &["--gate", "health p95 <= 1s"]].concat(),
    );
    assert_eq!(code(&refused), 2);
    assert!(
        stderr(&refused).starts_with(
            "error: gate 'health p95 <= 1s' asks for a percentile across a ramp, and each rate of a ramp has its own\nhint: use steps"
        ),
        "{}",
        stderr(&refused)
    );
    assert_eq!(server.received().len(), 0);
    // Without a gate that was asked for, nothing is judged, and the table has no percentiles.
    let shown = measure(
        folder.path(),
        &[&own[..], &["--save", "ramp.json", "--output", "json"]].concat(),
    );
    assert_eq!(code(&shown), 3, "{}", stderr(&shown));
    let report = json(&shown);
    assert_eq!(names(&report), ["health"]);
    assert_eq!(
        report["endpoints"][0]["percentiles"][2]["observed"],
        "across_ramp"
    );
    assert_eq!(
        report["endpoints"][0]["percentiles"][2]["observed_ms"],
        Value::Null
    );
    assert_eq!(report["findings"][0]["verdict"], "NOT_JUDGED");
    assert_eq!(report["findings"][0]["reason_code"], "across_ramp");
    // No number of requests would give it an interval.
    assert!(!report["notes"].to_string().contains("interval needs"));
    // A share of failures is a count, and is judged.
    let judged = run(
        folder.path(),
        &["judge", "ramp.json", "--gate", "error_rate <= 20%", "--iid"],
    );
    assert_eq!(code(&judged), 0, "{}", stderr(&judged));
    let judged = run(
        folder.path(),
        &["judge", "ramp.json", "--gate", "p95 <= 1s"],
    );
    assert_eq!(code(&judged), 2, "{}", stdout(&judged));
    let compared = run(folder.path(), &["compare", "ramp.json", "ramp.json"]);
    assert_eq!(code(&compared), 2);
    assert!(
        stderr(&compared).starts_with("error: a ramp has no percentiles that could be compared"),
        "{}",
        stderr(&compared)
    );
}

#[test]
fn flags_that_do_not_fit_a_profile_are_refused() {
    let folder = temp_dir();
    let steps = "50/s@1s,100/s@1s";
    for (flags, found) in [
        (
            &["--rate", steps, "-z", "9s"][..],
            "-z does not fit the profile 50/s@1s,100/s@1s, whose parts have their own times",
        ),
        (
            &["--rate", steps, "-n", "9"],
            "-n does not fit the profile 50/s@1s,100/s@1s, whose parts have their own times",
        ),
        (
            &["--rate", steps, "--budget", "9s"],
            "--budget does not fit a rate profile, whose length is fixed",
        ),
        (
            &["--rate", steps, "--quick"],
            "--quick does not fit a rate profile, whose length is fixed",
        ),
        (
            &["--rate", steps, "--fail-fast"],
            "--fail-fast does not fit a rate profile, whose length is fixed",
        ),
        (
            &["--rate", "50/s@1s,100"],
            "-q 50/s@1s,100: '50/s@1s,100' has a step without a time",
        ),
        (
            &["--rate", "5..6/s/s"],
            "-q 5..6/s/s: '6/s/s' has an unknown unit '/s/s'",
        ),
        (
            &["--rate", "0..0@1s"],
            "-q 0..0@1s: '0..0@1s' sends nothing",
        ),
        (&["--speed", "2"], "--speed needs a file to replay"),
        (&["--format", "csv"], "--format needs a file to replay"),
        (
            &["--rate-file", "gone.log"],
            "cannot read --rate-file gone.log: no such file or directory",
        ),
        (
            &["--rate-file", "a.txt", "--rate", "5"],
            "--rate and --rate-file both say when requests are due",
        ),
        (
            &["--rate-file", "a.txt", "--arrivals", "grid"],
            "--arrivals does not fit --rate-file, which has the instants themselves",
        ),
        (
            &["--rate-file", "empty.log"],
            "--rate-file empty.log: the file has no requests",
        ),
        (
            &["--rate-file", "writes.log"],
            "--rate-file writes.log has no GET or HEAD request to send, only POST; a log has no bodies",
        ),
    ] {
        fs::write(folder.path().join("a.txt"), "0\n1\n").unwrap();
        fs::write(folder.path().join("empty.log"), "\n").unwrap();
        fs::write(
            folder.path().join("writes.log"),
            "h - - [10/Oct/2000:13:55:36 +0000] \"POST /a HTTP/1.1\" 200 1\n",
        )
        .unwrap();
        let line = [&["measure", "http://127.0.0.1:9", "--dry-run"], flags].concat();
        let output = run(folder.path(), &line);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{flags:?}: {text}");
        assert!(
            text.starts_with(&format!("error: {found}")),
            "{flags:?}: {text}"
        );
        assert!(text.contains("\nhint: "), "{text}");
    }
    for (command, found) in [
        (
            &[
                "ab",
                "--before",
                "http://127.0.0.1:9",
                "--after",
                "http://127.0.0.1:9",
                "--rate",
                steps,
            ][..],
            "ab chooses its own load",
        ),
        (
            &["diagnose", "http://127.0.0.1:9", "--rate", steps],
            "diagnose chooses its own load",
        ),
        (
            &[
                "capacity",
                "http://127.0.0.1:9/",
                "--rate",
                steps,
                "--gate",
                "p95 <= 1s",
            ],
            "capacity chooses the rates",
        ),
    ] {
        let output = run(folder.path(), command);
        assert_eq!(code(&output), 2);
        assert!(
            stderr(&output).starts_with(&format!("error: {found}")),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_dry_run_draws_the_profile_within_80_columns() {
    let line = [
        "measure",
        "--dry-run",
        "http://127.0.0.1:8080",
        "--rate",
        "health=50/s@30s,50/s..500/s@1m,500/s@30s,ingest=0..20@2m",
        "--seed",
        "7",
    ];
    let text = on_a_terminal(&line, &[]);
    looks_as_its_snapshot("dry-run-profile", &text);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let ascii = on_a_terminal(&[&line[..], &["--ascii"]].concat(), &[]);
    let chart: Vec<&str> = ascii.lines().filter(|line| line.contains("#")).collect();
    assert!(
        chart.len() > 2 && chart.iter().all(|line| line.is_ascii()),
        "{ascii}"
    );
}

/// The request lines that a server received, without preflight.
fn requested(server: &Server, before: usize) -> Vec<String> {
    let received = server.received();
    let lines = received[before..]
        .iter()
        .map(|r| r.head.lines().next().unwrap_or_default().to_owned());
    lines.collect()
}

#[test]
fn numbers_and_rows_continue_from_step_to_step() {
    let (folder, server) = (temp_dir(), Server::answering(OK));
    let rows: String = (0..30).map(|n| format!("r{n}\n")).collect();
    fs::write(folder.path().join("rows.csv"), format!("id\n{rows}")).unwrap();
    let url = format!("{}/{{{{row.id}}}}/{{{{n}}}}", server.url());
    let line = [
        &url,
        "--rate",
        "20/s@500ms,20..40@500ms",
        "--data",
        "rows.csv",
        "--data-once",
        "--no-gates",
        "--no-preflight",
    ];
    let output = measure(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut sent = requested(&server, 0);
    assert_eq!(sent.len(), 25);
    sent.sort_by_key(|line| line.len());
    sent.sort();
    let mut wanted: Vec<String> = (0..25).map(|n| format!("GET /r{n}/{n} HTTP/1.1")).collect();
    wanted.sort();
    assert_eq!(sent, wanted);
    // With a row less, the plan is refused: all segments share the rows.
    let few: String = (0..24).map(|n| format!("r{n}\n")).collect();
    fs::write(folder.path().join("rows.csv"), format!("id\n{few}")).unwrap();
    let output = measure(folder.path(), &line);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("and the plan needs 25"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_changed_segment_in_a_saved_run_is_refused() {
    let (folder, server) = (temp_dir(), Server::answering(OK));
    let url = format!("{}/x", server.url());
    let line = [
        &url,
        "--rate",
        "20/s@500ms,40/s@500ms",
        "--no-gates",
        "--save",
        "run.json",
    ];
    assert_eq!(code(&measure(folder.path(), &line)), 0);
    let saved = fs::read_to_string(folder.path().join("run.json")).unwrap();
    for (from, to) in [
        ("20/s@0.5s,40/s@0.5s", "20/s@0.5s,80/s@0.5s"),
        ("20/s@0.5s,40/s@0.5s", "20/s@0.5s"),
        ("20/s@0.5s,40/s@0.5s", "no profile"),
        ("\"number\": 1", "\"number\": 7"),
    ] {
        let changed = saved.replace(from, to);
        let changed = changed.replace(&from.replace(": ", ":"), &to.replace(": ", ":"));
        assert_ne!(changed, saved, "{from}");
        fs::write(folder.path().join("changed.json"), changed).unwrap();
        let judged = run(
            folder.path(),
            &[
                "judge",
                "changed.json",
                "--gate",
                "error_rate <= 50%",
                "--iid",
            ],
        );
        assert_eq!(code(&judged), 2, "{to}: {}", stdout(&judged));
    }
}
