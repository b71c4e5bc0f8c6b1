//! The self-test, end to end. A busy machine may be beyond its tolerances, so what is asserted is what no machine can
//! break: the script was followed, nothing is measured faster than it was, and the exit code is that of the figures.

use std::path::Path;
use std::process::Output;

use a7probe::run::run_file::{Run, SelftestCertificate};
use serde_json::Value;

use crate::harness::{run, temp_dir};
use crate::scripted::{OK, Server};

#[test]
fn known_delays_are_never_understated_and_the_exit_code_is_that_of_the_figures() {
    let folder = temp_dir();
    let arguments = [
        "selftest", "--quick", "--output", "json", "--save", "c.json",
    ];
    let output = run(folder.path(), &arguments);
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = result["checks"].as_array().unwrap();
    let scenarios: Vec<&str> = checks
        .iter()
        .filter(|check| check["figure"] == "P99")
        .map(|check| check["scenario"].as_str().unwrap())
        .collect();
    assert_eq!(
        scenarios,
        [
            "no delay",
            "delay 1 ms",
            "delay 5 ms",
            "delay 50 ms",
            "delay 163 ms",
            "stall 250 ms every 1 s",
            "spells: 5 of 50 need 80 ms",
            "HTTP/2, delay 5 ms",
            "HTTP/2, 1 stream for 8 of 10 ms",
        ]
    );
    for check in checks {
        let number = |field: &str| check[field].as_f64().unwrap();
        let (truth, measured) = (number("true"), number("measured"));
        // A law has no clock: requests fall where they fall. What a server did by its own clock is a lower bound, but
        // for the four digits of a histogram.
        let by_law = check["scenario"].as_str().unwrap().starts_with("stall");
        // A wait for a stream has ended before the server has read the request.
        let is_wait = check["figure"].as_str().unwrap().starts_with("slot wait");
        if check["unit"] == "ms" && !by_law && !is_wait {
            assert!(measured >= truth * 0.9999, "{check}");
        }
        if check["figure"] == "answered" || check["figure"] == "above 40 ms" {
            assert!(measured >= truth, "{check}");
        }
        let within = (measured - truth).abs() <= number("tolerance");
        assert_eq!(check["within"], within, "{check}");
    }
    for (scenario, delay_ms) in [("delay 50 ms", 50.0), ("delay 163 ms", 163.0)] {
        let of = |check: &&Value| check["scenario"] == scenario && check["figure"] == "P50";
        let truth = checks.iter().find(of).unwrap()["true"].as_f64().unwrap();
        assert!(truth >= delay_ms, "{truth}");
    }
    // METHOD §13: the last of 8 waits for seven service times, and is answered after eight.
    let one_stream = |figure: &str| {
        let of = |check: &&Value| {
            check["scenario"] == "HTTP/2, 1 stream for 8 of 10 ms" && check["figure"] == figure
        };
        let check = checks.iter().find(of).unwrap();
        ["true", "measured"].map(|field| check[field].as_f64().unwrap())
    };
    assert!(one_stream("P99")[0] >= 80.0);
    assert!(
        one_stream("slot wait P99")
            .iter()
            .all(|wait_ms| *wait_ms >= 65.0)
    );
    let passed = checks.iter().all(|check| check["within"] == true);
    assert_eq!(result["passed"], passed);
    assert_eq!(output.status.code(), Some(if passed { 0 } else { 1 }));
    // What was saved is the certificate, whether or not it was passed.
    match SelftestCertificate::load(&folder.path().join("c.json")) {
        Ok(certificate) => assert!(passed && certificate.quick && certificate.checks.len() == 43),
        Err(error) => assert!(!passed, "{error}"),
    }
}

const CERTIFICATE: &str = r#"{
    "format": "a7probe.selftest/1",
    "started_at": "2026-01-02T03:04:05Z",
    "quick": false,
    "environment": {"a7probe": "VERSION", "cpu": "Some CPU", "cores": 64, "os": "linux", "clock_source": "tsc"},
    "calibration": {"kind": "skipped"},
    "checks": [
        {"scenario": "delay 50 ms", "figure": "P50", "unit": "ms", "true": 50.1, "measured": MEASURED, "tolerance": 0.3}
    ]
}"#;

/// Measures with a certificate of a version that found this many ms.
fn measure_with(folder: &Path, server: &Server, version: &str, measured: &str) -> Output {
    let text = CERTIFICATE
        .replace("VERSION", version)
        .replace("MEASURED", measured);
    std::fs::write(folder.join("c.json"), text).unwrap();
    let url = server.url();
    let arguments = [
        "measure",
        &url,
        "--get",
        "health=/",
        "-n",
        "20",
        "-q",
        "200",
        "--warmup",
        "0s",
        "--gate",
        "p50 <= 2s",
        "--iid",
        "--no-calibration",
        "--certificate",
        "c.json",
        "--save",
        "run.json",
    ];
    run(folder, &arguments)
}

#[test]
fn a_certificate_goes_into_the_run_and_its_report_and_that_of_another_machine_is_warned_of() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let version = env!("CARGO_PKG_VERSION");
    let output = measure_with(folder.path(), &server, version, "50.3");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("note: a7probe selftest of 2026-01-02: 1 figure of known delays"),
        "{said}"
    );
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(
        warned.contains("the certificate was made on another machine: processor Some CPU there"),
        "{warned}"
    );
    let run = Run::load(&folder.path().join("run.json")).unwrap();
    let certificate = run.instrument.certificate.expect("a certificate");
    assert_eq!(certificate.checks[0].measured, 50.3);
}

#[test]
fn a_certificate_of_another_version_or_of_a_failure_is_refused_before_anything_is_sent() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    for (version, measured, words) in [
        ("0.0.1", "50.3", "it was made by a7probe 0.0.1, and this is"),
        (
            env!("CARGO_PKG_VERSION"),
            "50.5",
            "1 of its 1 checks are out of tolerance",
        ),
    ] {
        let output = measure_with(folder.path(), &server, version, measured);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains(words) && said.contains("hint: make one with"),
            "{said}"
        );
    }
    assert!(server.received().is_empty());
}
