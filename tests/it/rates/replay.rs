//! Offsets and access logs on the wire: what is sent, when, and what is left out.

use std::fs::{self, File};

use serde_json::Value;

use super::{measure, names, requested};
use crate::harness::{a7probe, code, json, run, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server};

const LOG: &str = "\
203.0.113.7 - - [10/Oct/2000:13:55:36.000 +0000] \"GET /a?token=s3cret HTTP/1.1\" 200 9 \"-\" \"x\"
203.0.113.7 - - [10/Oct/2000:15:55:36.500 +0200] \"GET /b HTTP/1.1\" 404 9 \"-\" \"x\"
203.0.113.7 - - [10/Oct/2000:13:55:36.250 +0000] \"HEAD /c HTTP/1.1\" 200 9 \"-\" \"x\"
203.0.113.7 - - [10/Oct/2000:13:55:36.600 +0000] \"POST /orders HTTP/1.1\" 200 9 \"-\" \"x\"
203.0.113.7 - - [10/Oct/2000:13:55:36.700 +0000] \"DELETE /orders/1 HTTP/1.1\" 200 9 \"-\" \"x\"
203.0.113.7 - - [10/Oct/2000:13:55:36.800 +0000] \"\\x16\\x03\" 400 9 \"-\" \"x\"
203.0.113.7 - - [10/Oct/2000:13:55:37.000 +0000] \"GET /a?token=s3cret HTTP/1.1\" 200 9 \"-\" \"x\"
203.0.113.7 - - [10/Oct/2000:13:55:37.2";

#[test]
fn a_log_is_replayed_with_its_reads_and_says_what_it_leaves_out() {
    let (folder, server) = (
        temp_dir(),
        Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    );
    fs::write(folder.path().join("access.log"), LOG).unwrap();
    let line = [
        &server.url(),
        "--rate-file",
        "access.log",
        "--speed",
        "2",
        "--no-gates",
        "--no-preflight",
        "--save",
        "run.json",
        "-v",
    ];
    let output = measure(folder.path(), &line);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}{text}", stderr(&output));
    let mut sent = requested(&server, 0);
    sent.sort();
    assert_eq!(
        sent,
        [
            "GET /a?token=s3cret HTTP/1.1",
            "GET /a?token=s3cret HTTP/1.1",
            "GET /b HTTP/1.1",
            "HEAD /c HTTP/1.1"
        ]
    );
    for note in [
        "replay of access.log (combined): 4 requests sent, 7 in the file; methods and 3 paths of the file",
        "access.log: not sent: 1 DELETE, 1 POST (a log has no bodies; to send one: -X POST -d BODY URL/PATH); 1 request that cannot be repeated; 1 line without a readable time, the last of them cut off",
        "access.log: 1 line behind a later one; the requests are sent in the order of time",
    ] {
        assert!(text.replace("\n      ", " ").contains(note), "{text}");
    }
    let saved = fs::read_to_string(folder.path().join("run.json")).unwrap();
    assert!(
        !saved.contains("s3cret") && !text.contains("s3cret"),
        "{saved}"
    );
    let run_file: Value = serde_json::from_str(&saved).unwrap();
    let record = &run_file["plan"]["endpoints"][0]["segment"]["profile"];
    assert_eq!(
        (&record["kind"], &record["speed"]),
        (&"replay".into(), &2.0.into())
    );
    assert_eq!(record["last_ns"], 500_000_000);
    let judged = run(
        folder.path(),
        &["judge", "run.json", "--gate", "error_rate <= 99%", "--iid"],
    );
    assert_eq!(code(&judged), 0, "{}", stderr(&judged));
}

#[test]
fn a_named_endpoint_takes_the_times_alone() {
    let (folder, server) = (temp_dir(), Server::answering(OK));
    fs::write(folder.path().join("access.log"), LOG).unwrap();
    let url = format!("{}/orders", server.url());
    let line = [
        &url,
        "-X",
        "POST",
        "-d",
        "{\"n\":{{n}}}",
        "--rate-file",
        "access.log",
        "--no-gates",
        "--no-preflight",
        "-v",
    ];
    let output = measure(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let sent = requested(&server, 0);
    assert_eq!(sent.len(), 7);
    assert!(
        sent.iter().all(|line| line == "POST /orders HTTP/1.1"),
        "{sent:?}"
    );
    assert!(
        stdout(&output).contains("only the times of the file"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn offsets_and_keys_of_the_settings_file_are_a_plan() {
    let (folder, server) = (temp_dir(), Server::answering(OK));
    fs::write(folder.path().join("plan.txt"), "0\n100ms\n0.1\n0.3\n").unwrap();
    fs::write(
        folder.path().join("a7probe.toml"),
        format!(
            "url = \"{}/x\"\nrate_file = \"plan.txt\"\nrate_format = \"offsets\"\nspeed = 2\n[profiles.steps]\nrate = \"20/s@500ms,40/s@500ms\"\n",
            server.url()
        ),
    )
    .unwrap();
    let replayed = measure(folder.path(), &["--no-gates", "--output", "json"]);
    assert_eq!(code(&replayed), 0, "{}", stderr(&replayed));
    let report = json(&replayed);
    assert_eq!(report["endpoints"][0]["planned"], 4);
    assert_eq!(report["endpoints"][0]["segment"]["file"], "plan.txt");
    // A rate above it, in the flags or in a profile, goes before the file.
    let steps = measure(
        folder.path(),
        &["--profile", "steps", "--no-gates", "--output", "json"],
    );
    assert_eq!(code(&steps), 0, "{}", stderr(&steps));
    assert_eq!(names(&json(&steps)), ["x@20/s", "x@40/s"]);
    let typed = measure(
        folder.path(),
        &["-q", "30", "-z", "1s", "--no-gates", "--output", "json"],
    );
    assert_eq!(names(&json(&typed)), ["x"]);
    assert_eq!(json(&typed)["endpoints"][0]["planned"], 30);
    // The same offsets from stdin.
    let url = format!("{}/x", server.url());
    let mut child = a7probe(
        folder.path(),
        &[
            "measure",
            &url,
            "--rate-file",
            "-",
            "--no-gates",
            "--output",
            "json",
        ],
    )
    .stdin(File::open(folder.path().join("plan.txt")).unwrap())
    .spawn()
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let report: Value = serde_json::from_reader(child.stdout.take().unwrap()).unwrap();
    assert_eq!(report["endpoints"][0]["planned"], 4);
    // A part of the file.
    let part = measure(
        folder.path(),
        &["-n", "2", "--no-gates", "--output", "json"],
    );
    assert_eq!(json(&part)["endpoints"][0]["planned"], 2);
    let part = measure(
        folder.path(),
        &["-z", "60ms", "--no-gates", "--output", "json"],
    );
    assert_eq!(json(&part)["endpoints"][0]["planned"], 3);
}
