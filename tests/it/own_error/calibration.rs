//! The calibration of a measurement, as the real program does it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use a7probe::run::run_file::{Calibration, Run};
use serde_json::{Value, json};

use crate::harness::{self, a7probe, eventually, signal, temp_dir};
use crate::scripted::{OK, Server};

fn measure(folder: &Path, server: &Server, more: &[&str]) -> Output {
    measure_after("0s", folder, server, more)
}

/// The same after a warm-up.
fn measure_after(warmup: &str, folder: &Path, server: &Server, more: &[&str]) -> Output {
    let url = server.url();
    let common = [
        "measure",
        &url,
        "--get",
        "health=/",
        "-n",
        "20",
        "-q",
        "200",
        "--warmup",
        warmup,
        "--gate",
        "p50 <= 2s",
        "--iid",
        "--save",
        "run.json",
    ];
    harness::run(folder, &[&common[..], more].concat())
}

#[test]
fn a_run_knows_its_own_error_and_the_service_does_not_notice() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let output = measure(folder.path(), &server, &["--output", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // The preflight and the run, nothing else.
    assert_eq!(server.received().len(), 21);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let calibration = &report["runs"][0]["calibration"];
    assert_eq!(calibration["kind"], "measured");
    assert_eq!(calibration["requests"], 475);
    let run = Run::load(&folder.path().join("run.json")).unwrap();
    let Calibration::Measured(null) = &run.instrument.calibration else {
        panic!("{:?}", run.instrument.calibration);
    };
    assert!(null.p50 > Duration::ZERO && null.p50 <= null.p99 && null.p99 <= null.own_error);
    assert_eq!(
        null.rate_per_s.map(|rate| rate.as_per_second()),
        Some(250.0)
    );
    assert_eq!(run.endpoints[0].recording.own_error, null.own_error);
}

#[test]
fn a_closed_model_is_calibrated_as_it_measures() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let url = server.url();
    let arguments = [
        "measure",
        &url,
        "--get",
        "health=/",
        "--iid",
        "-c",
        "2",
        "-n",
        "40",
        "--warmup",
        "0s",
        "--gate",
        "p50 <= 2s",
        "--save",
        "run.json",
    ];
    let output = harness::run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let run = Run::load(&folder.path().join("run.json")).unwrap();
    let Calibration::Measured(null) = &run.instrument.calibration else {
        panic!("{:?}", run.instrument.calibration);
    };
    assert_eq!((null.concurrency, null.requests), (Some(2), 2_000));
    assert_eq!((null.rate_per_s, null.send_lag_p99), (None, Duration::ZERO));
}

#[test]
fn a_calibration_that_was_skipped_is_said() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let output = measure(folder.path(), &server, &["--no-calibration", "-v"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("note: measurement overhead unknown and not allowed for (--no-calibration)"),
        "{said}"
    );
    let run = Run::load(&folder.path().join("run.json")).unwrap();
    assert_eq!(run.instrument.calibration, Calibration::Skipped);
    let judged = harness::run(folder.path(), &["judge", "run.json", "--output", "json"]);
    let report: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(report["runs"][0]["calibration"]["kind"], json!("skipped"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_cuts_the_calibration_and_nothing_is_measured() {
    use std::io::{BufRead as _, BufReader};
    let (server, folder) = (Server::answering(OK), temp_dir());
    let url = server.url();
    // Without a warm-up, the run waits for the calibration.
    let arguments = [
        "measure", &url, "--get", "health=/", "--warmup", "0s", "--save", "run.json",
    ];
    let mut command = a7probe(folder.path(), &arguments);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    // The preflight has been answered, so the two seconds of the calibration begin.
    eventually("the preflight is sent", || !server.received().is_empty());
    signal(child.id(), "INT");
    let said: Vec<String> = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said:?}");
    assert!(
        said.iter()
            .any(|line| line.contains("interrupted before the run began")),
        "{said:?}"
    );
    assert!(!folder.path().join("run.json").exists());
    assert_eq!(server.received().len(), 1);
}

#[test]
fn beside_the_warm_up_the_calibration_is_there_before_the_first_verdict() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let output = measure_after("2s", folder.path(), &server, &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let run = Run::load(&folder.path().join("run.json")).unwrap();
    let Calibration::Measured(null) = &run.instrument.calibration else {
        panic!("{:?}", run.instrument.calibration);
    };
    assert_eq!(null.requests, 475);
    let recording = &run.endpoints[0].recording;
    assert_eq!(recording.own_error, null.own_error);
    assert_eq!(recording.counts.ok, 20);
}

#[test]
fn a_plan_that_does_not_fit_the_service_is_refused_before_the_calibration_ends() {
    let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let (server, folder) = (Server::answering(missing), temp_dir());
    let output = measure_after("2s", folder.path(), &server, &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("404"), "{said}");
    assert!(!said.contains("Stopping"), "{said}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_the_warm_up_ends_the_calibration_too() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let url = server.url();
    let more = ["--warmup", "60s", "--save", "run.json"];
    let arguments = [
        &["measure", &url, "--get", "health=/", "-q", "200"][..],
        &more,
    ]
    .concat();
    let mut command = a7probe(folder.path(), &arguments);
    let child = command.spawn().unwrap();
    eventually("the warm-up is sent", || server.received().len() > 20);
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let run = Run::load(&folder.path().join("run.json")).unwrap();
    assert_eq!(run.endpoints[0].recording.planned(), 0);
}
