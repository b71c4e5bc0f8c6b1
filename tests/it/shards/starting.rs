//! How shards begin together, and what they refuse before anything is sent.

use std::time::Duration;

use jiff::Timestamp;

use crate::harness::{a7probe, code, run, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server};

/// A shard of a short run without what takes time before it.
fn shard<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec![
        "measure",
        url,
        "-n",
        "40",
        "-q",
        "100",
        "--warmup",
        "0s",
        "--no-calibration",
        "--no-audit",
    ];
    arguments.extend(more);
    arguments
}

#[track_caller]
fn refused(more: &[&str], expected: &str) {
    let server = Server::answering(OK);
    let url = format!("{}/health", server.url());
    let folder = temp_dir();
    let output = run(folder.path(), &shard(&url, more));
    let told = stderr(&output);
    assert_eq!(code(&output), 2, "{told}");
    assert!(told.contains(expected), "{told}");
    assert!(told.contains("hint: "), "{told}");
    assert_eq!(server.received().len(), 0);
}

#[test]
fn a_shard_needs_a_fixed_size_a_common_start_and_a_place_for_its_file() {
    refused(&["--shard", "0/2"], "--shard needs a common start");
    refused(
        &["--shard", "2/2", "--rendezvous", "r"],
        "there is no shard 2 of 2",
    );
    refused(
        &["--shard", "0/2", "--start-at", "next:60s"],
        "--start-at needs --seed",
    );
    let seeded = ["--shard", "0/2", "--start-at", "next:60s", "--seed", "7"];
    refused(&seeded, "--shard needs --save");
    refused(&["--rendezvous", "r"], "--rendezvous needs --shard");
    refused(
        &["--shard", "auto", "--rendezvous", "r"],
        "--shard auto finds no index",
    );
    let reported = ["--shard", "0/2", "--rendezvous", "r", "-o", "report.html"];
    refused(&reported, "which has no verdict to report");
    refused(&["--save", "-"], "--save - does not fit");
}

#[test]
fn a_budget_and_the_closed_model_do_not_fit_a_shard() {
    let server = Server::answering(OK);
    let url = format!("{}/health", server.url());
    let folder = temp_dir();
    let with = |more: &[&str]| {
        let mut arguments = vec!["measure", &url, "--shard", "0/2", "--rendezvous", "r"];
        arguments.extend(more);
        let output = run(folder.path(), &arguments);
        assert_eq!(code(&output), 2);
        stderr(&output)
    };
    for budget in [vec![], vec!["--budget", "10s"], vec!["--quick"]] {
        let told = with(&budget);
        assert!(told.contains("--shard needs a fixed size"), "{told}");
    }
    let closed = with(&["-c", "4", "-n", "100"]);
    assert!(
        closed.contains("--shard does not fit the closed model"),
        "{closed}"
    );
    assert_eq!(server.received().len(), 0);
}

#[test]
fn a_shard_that_is_late_sends_nothing() {
    let server = Server::answering(OK);
    let url = format!("{}/health", server.url());
    let folder = temp_dir();
    let passed = (Timestamp::now() - Duration::from_secs(3)).to_string();
    let late = [
        "--shard",
        "1/2",
        "--seed",
        "7",
        "--save",
        "s.json",
        "--start-at",
        &passed,
    ];
    let output = run(folder.path(), &shard(&url, &late));
    let told = stderr(&output);
    assert_eq!(code(&output), 3, "{told}");
    assert!(told.contains("shard 1/2 is late"), "{told}");
    assert_eq!(server.received().len(), 0);
    assert!(!folder.path().join("s.json").exists());
}

#[test]
fn without_the_others_a_rendezvous_sends_nothing() {
    let server = Server::answering(OK);
    let url = format!("{}/health", server.url());
    let folder = temp_dir();
    let alone = [
        "--shard",
        "0/2",
        "--rendezvous",
        "r",
        "--rendezvous-timeout",
        "300ms",
    ];
    let output = run(folder.path(), &shard(&url, &alone));
    let told = stderr(&output);
    assert_eq!(code(&output), 3, "{told}");
    assert!(
        told.contains("1 of 2 shards were ready in r within 300 ms"),
        "{told}"
    );
    assert_eq!(server.received().len(), 0);
    // The folder can be used again.
    assert!(!folder.path().join("r/ready-0").exists());
}

#[test]
fn shards_of_other_plans_and_used_folders_are_refused() {
    let server = Server::answering(OK);
    let url = format!("{}/health", server.url());
    let folder = temp_dir();
    let ready = folder.path().join("r");
    std::fs::create_dir(&ready).unwrap();
    std::fs::write(ready.join("ready-1"), r#"{"of":2,"plan_hash":"other"}"#).unwrap();
    let first = ["--shard", "0/2", "--rendezvous", "r"];
    let output = run(folder.path(), &shard(&url, &first));
    assert_eq!(code(&output), 2);
    let told = stderr(&output);
    assert!(
        told.contains("shard 1 has plan other, and this one has plan "),
        "{told}"
    );

    let second = ["--shard", "1/2", "--rendezvous", "r"];
    let output = run(folder.path(), &shard(&url, &second));
    assert_eq!(code(&output), 2);
    let told = stderr(&output);
    assert!(told.contains("r has a shard 1 already"), "{told}");

    std::fs::write(ready.join("start"), "{}").unwrap();
    let output = run(folder.path(), &shard(&url, &first));
    assert_eq!(code(&output), 2);
    let told = stderr(&output);
    assert!(told.contains("r holds a run that has begun"), "{told}");
    assert_eq!(server.received().len(), 0);
}

#[test]
fn auto_says_what_it_read() {
    let server = Server::answering(OK);
    let url = format!("{}/health", server.url());
    let folder = temp_dir();
    let auto = [
        "--shard",
        "auto",
        "--rendezvous",
        "r",
        "--rendezvous-timeout",
        "100ms",
    ];
    let output = a7probe(folder.path(), &shard(&url, &auto))
        .env("JOB_COMPLETION_INDEX", "3")
        .env("A7PROBE_SHARDS", "8")
        .output()
        .unwrap();
    let told = stderr(&output);
    assert!(
        told.contains("shard 3/8, from JOB_COMPLETION_INDEX and A7PROBE_SHARDS"),
        "{told}"
    );
    assert_eq!(code(&output), 3, "{told}");
}

/// The only shard of a run, which needs no other: its file on stdout, and to a URL.
#[test]
fn a_shard_is_saved_to_stdout_or_to_a_url() {
    let server = Server::answering(OK);
    let url = format!("{}/health", server.url());
    let folder = temp_dir();
    let to_stdout = ["--shard", "0/1", "--rendezvous", "a", "--save", "-"];
    let output = run(folder.path(), &shard(&url, &to_stdout));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let saved: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(saved["shard"], serde_json::json!({"index": 0, "of": 1}));
    assert!(stderr(&output).contains("shard 0/1: 40 of 40 requests, saved stdout"));

    let store = Server::answering("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n");
    let place = format!("{}/bucket/shard-0.json?signature=s3cr3t", store.url());
    let to_url = ["--shard", "0/1", "--rendezvous", "b", "--save", &place];
    let output = run(folder.path(), &shard(&url, &to_url));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("/bucket/shard-0.json"),
        "{}",
        stdout(&output)
    );
    assert!(!stdout(&output).contains("s3cr3t"), "{}", stdout(&output));
    let received = store.received();
    assert_eq!(received.len(), 1);
    assert!(
        received[0]
            .head
            .starts_with("PUT /bucket/shard-0.json?signature=s3cr3t ")
    );
    let put: serde_json::Value = serde_json::from_slice(&received[0].body).unwrap();
    assert_eq!(put["format"], "a7probe.run/1");

    let refusing = Server::answering("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    let place = format!("{}/expired?signature=s3cr3t", refusing.url());
    let expired = ["--shard", "0/1", "--rendezvous", "c", "--save", &place];
    let output = run(folder.path(), &shard(&url, &expired));
    assert_eq!(code(&output), 2);
    let told = stderr(&output);
    assert!(told.contains("the server answered 403"), "{told}");
    assert!(!told.contains("s3cr3t"), "{told}");

    let full = ["--shard", "0/1", "--rendezvous", "d", "--save", "/dev/full"];
    let output = run(folder.path(), &shard(&url, &full));
    assert_eq!(code(&output), 2);
    let told = stderr(&output);
    assert!(
        told.contains("cannot write /dev/full: no space left on device"),
        "{told}"
    );
}
