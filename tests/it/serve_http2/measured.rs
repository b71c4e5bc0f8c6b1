//! a7probe measures its own server over HTTP/2; curl, nghttp and h2load are witnesses.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{code, json, run, stderr, stdout, temp_dir};
use crate::needs::{CURL_HTTP2, H2LOAD, NGHTTP, Service, need};
use crate::serve_host::{Process, Worker, store};

fn measured_in(mode: &str) {
    let folder = temp_dir();
    let flags = ["--mode", mode, "--seed", "7"];
    let process = Process::start(folder.path(), &flags);
    let file = store(folder.path());
    let _worker = (mode == "queue").then(|| {
        let store = file.to_str().expect("UTF-8");
        Worker::start(store, folder.path(), &[])
    });
    let url = format!("http://{}", process.address);
    let line = [
        "measure",
        &url,
        "--http2",
        "--streams",
        "8",
        "-n",
        "60",
        "-q",
        "60",
        "--warmup",
        "0s",
        "--no-calibration",
        "--iid",
        "--gate",
        "p50 <= 9s",
        "--gate",
        "ingest lost <= 0",
        "--output",
        "json",
    ];
    let output = run(folder.path(), &line);
    assert_eq!(
        code(&output),
        0,
        "{mode}: {}{}",
        stdout(&output),
        stderr(&output)
    );
    let report = json(&output);
    assert_eq!(report["runs"][0]["protocol"], "HTTP/2", "{mode}");
    let endpoints = report["endpoints"].as_array().expect("endpoints");
    assert_eq!(endpoints.len(), 2, "{mode}: health and ingest");
    for endpoint in endpoints {
        assert_eq!(endpoint["counts"]["ok"], 60, "{mode}: {endpoint}");
    }
    let audit = &endpoints[1]["audit"]["completion"];
    assert_eq!(
        (&audit["accepted"], &audit["lost"]),
        (&60.into(), &0.into()),
        "{mode}: {audit}"
    );
}

#[test]
fn every_mode_is_measured_with_the_audit() {
    for mode in ["sync", "background", "queue"] {
        measured_in(mode);
    }
}

/// The program, and a server.
fn witness(service: &Service, name: &str) -> Option<(PathBuf, tempfile::TempDir, Process)> {
    let program = need(service, &format!("serve_http2::measured::{name}"))?;
    let folder = temp_dir();
    let process = Process::start(folder.path(), &["--mode", "background"]);
    Some((program, folder, process))
}

fn said(program: &Path, arguments: &[&str], url: &str) -> String {
    let output = Command::new(program).args(arguments).arg(url).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn curl_posts_over_http2() {
    let Some((curl, _folder, process)) = witness(&CURL_HTTP2, "curl_posts_over_http2") else {
        return;
    };
    let url = format!("http://{}/ingest", process.address);
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(200_000));
    let too_large = "x".repeat(300_000);
    let far_too_large = "x".repeat(3_000_000);
    for (body, expected) in [
        ("{}", "2 202"),
        (&large, "2 202"),
        (&too_large, "2 413"),
        (&far_too_large, "2 413"),
    ] {
        let file = _folder.path().join("body.json");
        std::fs::write(&file, body).expect("written");
        let data = format!("@{}", file.display());
        let arguments = [
            "--http2-prior-knowledge",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_version} %{http_code}",
            "-H",
            "content-type: application/json",
            "--data-binary",
            &data,
        ];
        assert_eq!(said(&curl, &arguments, &url), expected);
    }
}

#[test]
fn nghttp_sees_the_headers_of_every_answer() {
    let name = "nghttp_sees_the_headers_of_every_answer";
    let Some((nghttp, _folder, process)) = witness(&NGHTTP, name) else {
        return;
    };
    let url = format!("http://{}/health", process.address);
    let text = said(&nghttp, &["-v", "-n"], &url);
    for expected in [
        ":status: 200",
        "server-timing: total;dur=",
        "x-request-id: ",
        "content-length: ",
        "date: ",
        "SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100",
        "SETTINGS_MAX_HEADER_LIST_SIZE(0x06):32768",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("connection: "), "{text}");
}

/// As fast as it can: no client that is answered is treated as a flood.
#[test]
fn h2load_is_served_without_a_failure() {
    let name = "h2load_is_served_without_a_failure";
    let Some((h2load, _folder, process)) = witness(&H2LOAD, name) else {
        return;
    };
    let url = format!("http://{}/health", process.address);
    let arguments = ["-n", "5000", "-c", "4", "-m", "100"];
    let text = said(&h2load, &arguments, &url);
    let all = "5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored";
    assert!(text.contains(all), "{text}");
}
