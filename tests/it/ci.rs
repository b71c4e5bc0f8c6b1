//! What CI reads: test reports, step summaries, annotations, outputs, metrics and benchmark series.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{a7probe, code, run, stderr, stdout, temp_dir};
use crate::needs::{PYTHON_JUNIT, need};
use crate::runs;

/// 440 latencies of which 40 are beyond 150 ms: P50 is 100 ms, P95 and P99 are 200 ms.
fn latencies(folder: &Path, name: &str) {
    let lines = ["100ms\n".repeat(400), "200ms\n".repeat(40)];
    fs::write(folder.join(name), lines.concat()).unwrap();
}

fn judged(folder: &Path, arguments: &[&str]) -> Output {
    latencies(folder, "api.txt");
    run(
        folder,
        &[&["judge", "api.txt", "--iid"], arguments].concat(),
    )
}

/// `judge` as a step of GitHub Actions.
fn step(folder: &Path, arguments: &[&str]) -> Command {
    latencies(folder, "api.txt");
    let mut command = a7probe(
        folder,
        &[&["judge", "api.txt", "--iid"], arguments].concat(),
    );
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", folder.join("summary.md"))
        .env("GITHUB_OUTPUT", folder.join("outputs"));
    command
}

#[test]
fn junit_has_a_test_case_a_gate_without_measured_values_in_its_name() {
    let folder = temp_dir();
    let gates = [
        "--gate",
        "p50 <= 150ms",
        "--gate",
        "p95 <= 150ms",
        "--gate",
        "p99.9 <= 150ms warn",
    ];
    let output = judged(
        folder.path(),
        &[&gates[..], &["--report", "junit=junit.xml"]].concat(),
    );
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let xml = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    assert!(xml.starts_with("<?xml"), "{xml}");
    for part in [
        r#"<testsuites name="a7probe" tests="3" skipped="1" failures="1" errors="0">"#,
        r#"<testcase name="api p50 &lt;= 150ms" classname="a7probe.api"/>"#,
        r#"<testcase name="api p95 &lt;= 150ms" classname="a7probe.api">"#,
        r#"type="FAIL""#,
        r#"<skipped message="FAIL, a warning only: "#,
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
}

#[test]
fn a_reader_of_junit_counts_what_the_report_says() {
    let Some(python) = need(&PYTHON_JUNIT, "ci::junit_reader") else {
        return;
    };
    let folder = temp_dir();
    let gates = ["p50 <= 150ms", "p95 <= 150ms", "p99.9 <= 150ms warn"];
    let gates: Vec<&str> = gates.iter().flat_map(|gate| ["--gate", gate]).collect();
    let report = ["--report", "junit=junit.xml"];
    judged(folder.path(), &[&gates[..], &report].concat());
    let script = "import junitparser as j\nx = j.JUnitXml.fromfile('junit.xml')\n\
        cases = [(c.classname, c.name, [type(r).__name__ for r in c.result]) for s in x for c in s]\n\
        import json; print(json.dumps([x.tests, x.failures, x.errors, x.skipped, cases]))";
    let output = Command::new(python)
        .args(["-c", script])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let read: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let cases = json!([
        ["a7probe.api", "api p50 <= 150ms", []],
        ["a7probe.api", "api p95 <= 150ms", ["Failure"]],
        ["a7probe.api", "api p99.9 <= 150ms warn", ["Skipped"]],
    ]);
    assert_eq!(read, json!([3, 1, 0, 1, cases]), "{}", stderr(&output));
}

#[test]
fn an_inconclusive_gate_is_an_error_or_skipped_as_the_exit_code_has_it() {
    let folder = temp_dir();
    let few = "100ms\n".repeat(10);
    fs::write(folder.path().join("few.txt"), few).unwrap();
    let judge = |policy: &str| {
        let gate = [
            "judge",
            "few.txt",
            "--gate",
            "p95 <= 150ms",
            "--report",
            "junit=-",
        ];
        run(
            folder.path(),
            &[&gate[..], &["--inconclusive", policy]].concat(),
        )
    };
    let (fail, warn) = (judge("fail"), judge("warn"));
    assert_eq!((code(&fail), code(&warn)), (3, 0));
    let (fail, warn) = (stdout(&fail), stdout(&warn));
    assert!(
        fail.contains(r#"errors="1""#) && fail.contains(r#"type="INCONCLUSIVE""#),
        "{fail}"
    );
    assert!(
        warn.contains(r#"errors="0""#) && warn.contains("<skipped message=\"INCONCLUSIVE: "),
        "{warn}"
    );
}

#[test]
fn a_report_without_gates_is_one_skipped_test() {
    let folder = temp_dir();
    latencies(folder.path(), "before.txt");
    latencies(folder.path(), "after.txt");
    let output = run(
        folder.path(),
        &["compare", "before.txt", "after.txt", "--report", "junit=-"],
    );
    let xml = stdout(&output);
    assert!(
        xml.contains(r#"tests="1" skipped="1" failures="0" errors="0""#),
        "{xml}"
    );
    assert!(
        xml.contains("<skipped message=\"no gate was judged\""),
        "{xml}"
    );
}

#[test]
fn a_step_of_github_actions_gets_summary_annotations_and_outputs() {
    let folder = temp_dir();
    fs::write(folder.path().join("summary.md"), "of an earlier step\n").unwrap();
    fs::write(folder.path().join("outputs"), "a=b\n").unwrap();
    let gates = [
        "--gate",
        "p50 <= 150ms",
        "--gate",
        "p95 <= 150ms",
        "--gate",
        "p99 <= 150ms",
    ];
    let output = step(folder.path(), &gates).output().unwrap();
    assert_eq!(code(&output), 1);
    let summary = fs::read_to_string(folder.path().join("summary.md")).unwrap();
    assert!(
        summary.starts_with("of an earlier step\n### ❌ FAIL: api.txt"),
        "{summary}"
    );
    let outputs = fs::read_to_string(folder.path().join("outputs")).unwrap();
    assert_eq!(
        outputs,
        "a=b\nverdict=FAIL\nexit-code=1\nrun-file=api.txt\nhtml=\nworst-gate=api p95 <= 150ms\n"
    );
    let annotations: Vec<String> = annotations(&output);
    assert_eq!(annotations.len(), 2, "{annotations:?}");
    assert!(
        annotations[0].starts_with("::error title=FAIL%3A api p95 <= 150ms::40 of 440"),
        "{annotations:?}"
    );
}

fn annotations(output: &Output) -> Vec<String> {
    let lines = stderr(output);
    let commands = lines.lines().filter(|line| line.starts_with("::"));
    commands.map(str::to_owned).collect()
}

#[test]
fn eleven_failures_are_nine_annotations_and_a_count() {
    let folder = temp_dir();
    let gates: Vec<String> = (1..=11).map(|ms| format!("p50 <= {ms}ms")).collect();
    let gates: Vec<&str> = gates.iter().flat_map(|gate| ["--gate", gate]).collect();
    let output = step(folder.path(), &gates).output().unwrap();
    let annotations = annotations(&output);
    assert_eq!(annotations.len(), 10, "{annotations:?}");
    let last = "::warning title=a7probe::2 more gates did not pass; the step summary lists them";
    assert_eq!(annotations[9], last);
}

#[test]
fn no_ci_leaves_it_out_and_an_asked_summary_is_written_once() {
    let folder = temp_dir();
    let output = step(folder.path(), &["--no-ci"]).output().unwrap();
    assert!(annotations(&output).is_empty());
    assert!(!folder.path().join("summary.md").exists());
    assert!(!folder.path().join("outputs").exists());
    let output = step(folder.path(), &["--report", "github"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    let summary = fs::read_to_string(folder.path().join("summary.md")).unwrap();
    assert_eq!(summary.matches("### ").count(), 1, "{summary}");
}

#[test]
fn a_summary_that_cannot_be_written_is_a_warning() {
    let folder = temp_dir();
    let output = step(folder.path(), &["--gate", "p50 <= 150ms"])
        .env("GITHUB_STEP_SUMMARY", folder.path())
        .output()
        .unwrap();
    assert_eq!(code(&output), 0);
    assert!(
        stderr(&output).contains("warning: cannot append to "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn outside_of_github_actions_its_summary_needs_a_file() {
    let folder = temp_dir();
    let output = judged(folder.path(), &["--report", "github"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("GITHUB_STEP_SUMMARY is not set"));
    let output = judged(folder.path(), &["--report", "github=summary.md"]);
    assert_eq!(code(&output), 1);
    assert!(annotations(&output).is_empty());
    assert!(folder.path().join("summary.md").exists());
}

#[test]
fn openmetrics_has_percentiles_limits_and_verdicts() {
    let folder = temp_dir();
    let output = judged(
        folder.path(),
        &["--gate", "p95 <= 150ms", "--report", "openmetrics=-"],
    );
    let page = stdout(&output);
    for line in [
        "a7probe_latency_seconds{endpoint=\"api\",quantile=\"0.5\"} 0.1\n",
        "a7probe_latency_seconds{endpoint=\"api\",quantile=\"0.95\"} 0.2\n",
        "a7probe_latency_upper_seconds{endpoint=\"api\",quantile=\"0.99\"} 0.2\n",
        "a7probe_requests{endpoint=\"api\",outcome=\"ok\"} 440\n",
        "a7probe_requests{endpoint=\"api\",outcome=\"failed\"} 0\n",
        "a7probe_gate_limit_seconds{endpoint=\"api\",gate=\"api p95 <= 150ms\"} 0.15\n",
        "a7probe_gate_verdict{endpoint=\"api\",gate=\"api p95 <= 150ms\",verdict=\"fail\"} 1\n",
        "a7probe_gate_verdict{endpoint=\"api\",gate=\"api p95 <= 150ms\",verdict=\"pass\"} 0\n",
        "a7probe_exit_code 1\n",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
    assert!(page.ends_with("\n# EOF\n"), "{page}");
}

#[test]
fn benchmark_trackers_get_values_and_intervals() {
    let folder = temp_dir();
    let read = |format: &str| -> Value {
        let output = judged(folder.path(), &["--report", &format!("{format}=-")]);
        serde_json::from_str(&stdout(&output)).unwrap()
    };
    let bmf = read("bmf");
    let latency =
        json!({"value": 200_000_000, "lower_value": 200_000_000, "upper_value": 200_000_000});
    assert_eq!(bmf["api p95"], json!({ "latency": latency }));
    assert_eq!(bmf["api"], json!({"error-rate": {"value": 0.0}}));
    let gab = read("gab");
    let p50 = json!({"name": "api p50", "unit": "ms", "value": 100.0, "range": "100 to 100"});
    assert_eq!(gab[0], p50);
    let rate = gab.as_array().unwrap().last().unwrap();
    assert_eq!(
        *rate,
        json!({"name": "api error rate", "unit": "%", "value": 0.0})
    );
}

#[test]
fn a_comparison_has_no_series() {
    let folder = temp_dir();
    latencies(folder.path(), "a.txt");
    for format in ["bmf", "gab"] {
        let report = format!("{format}=x.json");
        let output = run(
            folder.path(),
            &["compare", "a.txt", "a.txt", "--report", &report],
        );
        assert_eq!(code(&output), 2);
        let message = format!("--report {format}=x.json: the format has the latencies of one run");
        assert!(stderr(&output).contains(&message), "{}", stderr(&output));
    }
}

#[test]
fn a_comment_begins_with_the_mark_by_which_it_is_found_again() {
    let folder = temp_dir();
    let output = judged(folder.path(), &["--report", "comment=-"]);
    let text = stdout(&output);
    assert!(text.starts_with("<!-- a7probe -->\n### ❌ FAIL"), "{text}");
    // The picture of a terminal.
    assert!(text.contains("limit 150 ms"), "{text}");
}

#[test]
fn the_json_report_has_the_exit_code() {
    let folder = temp_dir();
    let output = judged(folder.path(), &["--output", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["exit_code"], 1);
}

#[test]
fn json_reports_are_as_the_printed_schema_says() {
    let folder = temp_dir();
    let schema = stdout(&run(folder.path(), &["schema", "report"]));
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    latencies(folder.path(), "api.txt");
    let saved = folder.path().join("run.json");
    let measured = runs::run(runs::mixed(400), runs::mixed(400));
    measured.save(&saved).unwrap();
    for arguments in [
        ["judge", "api.txt"].as_slice(),
        &["judge", "run.json"],
        &["compare", "api.txt", "api.txt"],
        &["compare", "run.json", "run.json"],
    ] {
        let output = run(folder.path(), &[arguments, &["--output", "json"]].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{arguments:?}: {errors:#?}");
    }
}
