//! `judge` and `compare` on files of other tools.

use std::path::Path;

use super::path;
use crate::harness::run;

/// The folder in which the tests run.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn judge(file: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let file = path(file);
    let args = [&["judge", file.to_str().expect("UTF-8")], args].concat();
    let output = run(Path::new(HERE), &args);
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("UTF-8"),
        String::from_utf8(output.stderr).expect("UTF-8"),
    )
}

#[test]
fn a_verdict_that_hangs_on_what_the_format_lost_is_inconclusive() {
    // At most 37 of 603 above 150 ms where 47 pass, if they did not come in bursts.
    let (code, stdout, _) = judge("wrk2.txt", &["--gate", "p90 <= 150ms", "-v"]);
    assert_eq!(code, Some(3), "{stdout}");
    assert!(
        stdout.contains("the file does not keep the time order, so slow spells cannot be seen"),
        "{stdout}"
    );
    let (code, stdout, _) = judge("wrk2.txt", &["--gate", "p90 <= 150ms", "--iid"]);
    assert_eq!(code, Some(0), "{stdout}");
    // oha's JSON: 24 to 32 of 400; 28 fail, 12 pass.
    let (code, stdout, _) = judge("oha.json", &["--gate", "p95 <= 150ms", "--iid", "-v"]);
    assert_eq!(code, Some(3), "{stdout}");
    assert!(stdout.contains("the file shows only that between 24 and 32 of 400 samples are slower than 150 ms, and the verdict depends on the exact number"), "{stdout}");
    assert!(
        stdout.contains("give a file that has every latency"),
        "{stdout}"
    );
    // Bursts that nobody has seen are not told of.
    let (code, stdout, _) = judge("oha.json", &["--gate", "p95 <= 150ms"]);
    assert_eq!(code, Some(3), "{stdout}");
    assert!(!stdout.contains("spells, the longest"), "{stdout}");
    // The same server, every answered request: no doubt about k.
    let (code, stdout, stderr) = judge("oha.csv", &["--gate", "p99 <= 150ms"]);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(
        stderr.contains("leaves requests without an answer out of its CSV"),
        "{stderr}"
    );
}

#[test]
fn each_name_of_a_file_is_an_endpoint() {
    let gates = [
        "--gate",
        "health p50 <= 20ms",
        "--gate",
        "ingest p50 <= 150ms",
    ];
    for file in ["k6.json", "vegeta.csv"] {
        let (code, stdout, stderr) = judge(file, &gates);
        assert_eq!(code, Some(0), "{file}: {stdout}{stderr}");
    }
    // Locust keeps no order.
    let (code, stdout, _) = judge("locust_stats.csv", &[&gates[..], &["-v"]].concat());
    assert_eq!(code, Some(3), "{stdout}");
    assert!(
        stdout.contains("health p50 <= 20ms: between 19 and 48 of 588 samples were slower than 20 ms; the file does not keep the time order"),
        "{stdout}"
    );
    let (code, stdout, _) = judge("locust_stats.csv", &[&gates[..], &["--iid"]].concat());
    assert_eq!(code, Some(0), "{stdout}");
    let (code, _, stderr) = judge("k6.json", &["--endpoint", "api"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("--endpoint api needs a list of latencies"),
        "{stderr}"
    );
    let (code, stdout, _) = judge(
        "hey.csv",
        &["--endpoint", "api", "--gate", "api p50 <= 20ms"],
    );
    assert_eq!(code, Some(0), "{stdout}");
}

#[test]
fn an_error_rate_is_judged_only_where_failures_are_counted() {
    let (code, _, stderr) = judge("oha.csv", &["--gate", "error_rate <= 5%"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("the file of oha leaves out failed requests"),
        "{stderr}"
    );
    // Failures without their order may be one burst.
    let (code, stdout, _) = judge("oha.json", &["--gate", "error_rate <= 20%", "-v"]);
    assert_eq!(code, Some(3), "{stdout}");
    assert!(
        stdout.contains(
            "12 of 400 samples did not end ok (12 failed); the file does not keep the time order"
        ),
        "{stdout}"
    );
    let (code, stdout, _) = judge("oha.json", &["--gate", "error_rate <= 20%", "--iid"]);
    assert_eq!(code, Some(0), "{stdout}");
}

#[test]
fn the_format_can_be_said_and_a_slip_is_mended() {
    let (code, _, stderr) = judge("oha.csv", &["--format", "oha-cvs"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("did you mean 'oha-csv'?"), "{stderr}");
    let (code, _, stderr) = judge("oha.csv", &["--format", "oha-json"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("oha's JSON: it cannot be read"), "{stderr}");
    let (code, _, stderr) = judge("ingest.hgrm", &[]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("hint: name it with --unit"), "{stderr}");
}

#[test]
fn files_of_different_tools_are_compared_endpoint_by_endpoint() {
    let (before, after) = (path("k6.json"), path("vegeta.csv"));
    let files = [
        before.to_str().expect("UTF-8"),
        after.to_str().expect("UTF-8"),
    ];
    let output = run(
        Path::new(HERE),
        &["compare", files[0], files[1], "--output", "json"],
    );
    let json: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = json.to_string();
    assert!(
        text.contains("\"health\"") && text.contains("\"ingest\""),
        "{text}"
    );
    // The same requests: no change can be shown, whatever the interval.
    assert!(
        !text.contains("\"improved\"") && !text.contains("\"regressed\""),
        "{text}"
    );
}
