//! Two runs over two versions of HTTP, and the measurement overhead, which is that of the run's own.

use serde_json::Value;

use super::echo::{EchoServer, ok};
use crate::harness::{code, json, run, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server};

/// Both protocols, as every output names them.
const BEFORE: &str = "HTTP/1.1";
const AFTER: &str = "HTTP/2 with 100 streams a connection";

const FEW: [&str; 9] = [
    "-n",
    "60",
    "-q",
    "200",
    "--warmup",
    "0s",
    "--iid",
    "--no-audit",
    "--no-calibration",
];

/// Blocks of 300 ms.
const BLOCKS: [&str; 8] = [
    "--pairs", "2", "--block", "300ms", "--settle", "0s", "-q", "100",
];

fn calibration(report: &Value, run: usize) -> &str {
    let calibration = &report["runs"][run]["calibration"];
    assert!(
        calibration["own_error_ms"].as_f64() > Some(0.0),
        "{calibration}"
    );
    calibration["transport"].as_str().unwrap()
}

#[test]
fn the_overhead_is_measured_over_the_protocol_of_the_run() {
    let server = EchoServer::plain(|_| ok());
    let folder = temp_dir();
    let url = format!("{}/x", server.url());
    let line = [
        "measure",
        &url,
        "--http2",
        "--gate",
        "p50 <= 9s",
        "--output",
        "json",
    ];
    let few = FEW
        .iter()
        .copied()
        .filter(|flag| *flag != "--no-calibration");
    let line: Vec<&str> = line.into_iter().chain(few).collect();
    let output = run(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(
        calibration(&json(&output), 0),
        "HTTP/2 over TCP on loopback"
    );
}

/// The calibration begins before the preflight finds out, so it is made anew, and the run is not cut.
#[test]
fn a_service_that_offers_http_2_alone_is_measured_with_the_overhead_of_http_2() {
    let server = EchoServer::http2_only(|_| ok());
    let folder = temp_dir();
    let url = format!("{}/x", server.url());
    let line = [
        "measure",
        &url,
        "-k",
        "--gate",
        "p50 <= 9s",
        "--output",
        "json",
    ];
    let few = FEW
        .iter()
        .copied()
        .filter(|flag| *flag != "--no-calibration");
    let line: Vec<&str> = line.into_iter().chain(few).collect();
    let output = run(folder.path(), &line);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let report = json(&output);
    assert_eq!(calibration(&report, 0), "HTTP/2 over TCP on loopback");
    assert_eq!(report["endpoints"][0]["counts"]["ok"], 60, "{report:#}");
}

#[test]
fn runs_over_two_protocols_are_compared_with_the_difference_named() {
    let (old, new) = (Server::answering(OK), EchoServer::plain(|_| ok()));
    let folder = temp_dir();
    let measured = |url: &str, more: &[&str]| {
        let save = ["measure", url, "--gate", "p50 <= 9s"];
        let output = run(folder.path(), &[&save[..], &FEW, more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        output
    };
    let (old_url, new_url) = (format!("{}/x", old.url()), format!("{}/x", new.url()));
    measured(&old_url, &["--save", "old.json"]);
    measured(&new_url, &["--save", "new.json", "--http2"]);
    let named = format!("{BEFORE} before, {AFTER} after");
    let output = run(folder.path(), &["compare", "old.json", "new.json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains(&named), "{}", stderr(&output));
    let line = ["compare", "old.json", "new.json", "--output", "json"];
    let report = json(&run(folder.path(), &line));
    let warning = &report["warnings"][0];
    assert_eq!(warning["code"], "different_protocols", "{warning}");
    assert_eq!(warning["values"]["difference"]["before"], BEFORE);
    assert_eq!(report["runs"][0]["protocol"], "HTTP/1.1");
    assert_eq!(report["runs"][1]["protocol"], "HTTP/2");
    let baseline = [
        "--http2",
        "--baseline",
        "old.json",
        "--gate",
        "p50 <= baseline + 9s",
    ];
    let output = measured(&new_url, &baseline);
    assert!(stderr(&output).contains(&named), "{}", stderr(&output));
    // Another depth is another load, as another in-flight cap is.
    measured(
        &new_url,
        &["--save", "few.json", "--http2", "--streams", "4"],
    );
    let output = run(folder.path(), &["compare", "new.json", "few.json"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
}

#[test]
fn ab_measures_each_side_over_its_own_protocol_and_overhead() {
    let (old, new) = (Server::answering(OK), EchoServer::plain(|_| ok()));
    let folder = temp_dir();
    let (old, new) = (format!("{}/x", old.url()), format!("{}/x", new.url()));
    let sides = ["ab", "--before", &old, "--after", &new, "--after-http2"];
    let save = ["--save-before", "a.json", "--save-after", "b.json"];
    let line = [&sides[..], &BLOCKS, &save].concat();
    let dry = run(folder.path(), &[&line[..], &["--dry-run"]].concat());
    let planned = "protocol   before: HTTP/1.1; after: HTTP/2, at most 6 connections";
    assert!(stdout(&dry).contains(planned), "{}", stdout(&dry));
    let output = run(folder.path(), &[&line[..], &["--output", "json"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(calibration(&report, 0), "HTTP/1.1 over TCP on loopback");
    assert_eq!(calibration(&report, 1), "HTTP/2 over TCP on loopback");
    let named = format!("before: {BEFORE}, after: {AFTER}");
    assert!(
        report["notes"].to_string().contains(&named),
        "{}",
        report["notes"]
    );
    // The saved sides say so too.
    let output = run(folder.path(), &["compare", "a.json", "b.json", "-v"]);
    assert!(stdout(&output).contains(&named), "{}", stdout(&output));
}

#[test]
fn ab_finds_out_which_side_offers_http_2_alone() {
    let (old, new) = (Server::answering(OK), EchoServer::http2_only(|_| ok()));
    let folder = temp_dir();
    let (old, new) = (format!("{}/x", old.url()), format!("{}/x", new.url()));
    let line = [
        "ab",
        "--before",
        &new,
        "--after",
        &new,
        "-k",
        "--no-calibration",
    ];
    let output = run(
        folder.path(),
        &[&line[..], &BLOCKS, &["--output", "json"]].concat(),
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = json(&output);
    let protocols = [0, 1].map(|run| report["runs"][run]["protocol"].as_str().unwrap().to_owned());
    assert_eq!(protocols, ["HTTP/2", "HTTP/2"]);
    let line = [
        "ab",
        "--before",
        &old,
        "--after",
        &new,
        "-k",
        "--no-calibration",
    ];
    let output = run(
        folder.path(),
        &[&line[..], &BLOCKS, &["--output", "json"]].concat(),
    );
    let said = stderr(&output);
    assert_eq!(code(&output), 0, "{said}");
    assert!(said.contains("the side after offers HTTP/2 only"), "{said}");
    let report = json(&output);
    let protocols = [0, 1].map(|run| report["runs"][run]["protocol"].as_str().unwrap().to_owned());
    assert_eq!(protocols, ["HTTP/1.1", "HTTP/2"]);
    let both = ["ab", &old, "--http2", "--after-http2"];
    let refused = run(folder.path(), &both);
    assert_eq!(code(&refused), 2, "{}", stderr(&refused));
}
