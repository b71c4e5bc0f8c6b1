//! `a7probe judge`, end to end: files in, texts and exit codes out.

mod another_target;
mod long_run;
mod refused;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use a7probe::judge::gate::{self, Gate, Subject};
use a7probe::report::{Report, ReportFormat, ReportKind, Style};
use a7probe::run::plan::Model;
use a7probe::run::recording::{Recording, TimeBase};
use a7probe::run::run_file::{Run, RunEnd, Signal};
use a7probe::run::sample::{Outcome, Phases, Sample};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::harness::{a7probe, temp_dir};
use crate::runs;
use crate::screens::looks_as_its_snapshot;

const EVIDENCE: &str = "fixtures/evidence.txt";

/// What a run of the program left behind.
struct Told {
    stdout: String,
    stderr: String,
    exit: i32,
}

impl Told {
    fn of(output: Output) -> Told {
        Told {
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
            exit: output.status.code().expect("no signal ended it"),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// The program in the folder of the package, without anyone's settings.
fn program(folder: &Path, args: &[&str]) -> Command {
    a7probe(folder, &[&["judge"], args].concat())
}

fn judge_in(folder: &Path, args: &[&str]) -> Told {
    let output = program(folder, args).stdin(Stdio::null()).output();
    Told::of(output.expect("the program starts"))
}

fn judge(args: &[&str]) -> Told {
    judge_in(Path::new(env!("CARGO_MANIFEST_DIR")), args)
}

/// Judges one file of this content, called `latencies.txt`.
fn judge_text(text: &[u8], args: &[&str]) -> Told {
    let folder = temp_dir();
    fs::write(folder.path().join("latencies.txt"), text).expect("a file");
    judge_in(folder.path(), &[&["latencies.txt"], args].concat())
}

/// Judges a run saved as `run.json`.
fn judge_run(run: &Run, args: &[&str]) -> Told {
    let folder = temp_dir();
    run.save(&folder.path().join("run.json"))
        .expect("a run file");
    judge_in(folder.path(), &[&["run.json"], args].concat())
}

/// A run of 600 requests each: health within 5 ms, every tenth of ingest 200 ms.
fn mostly_fast_run() -> Run {
    let fast = || (0..600).map(|_| Duration::from_millis(5));
    let every_tenth = (0..600).map(|i| Duration::from_millis(if i % 10 == 0 { 200 } else { 5 }));
    runs::run(runs::all_ok(fast()), runs::all_ok(every_tenth))
}

fn verdicts(json: &Value) -> Vec<String> {
    let findings = json["findings"].as_array().expect("findings");
    let text = |finding: &Value, key: &str| finding[key].as_str().expect(key).to_owned();
    findings
        .iter()
        .map(|finding| format!("{}: {}", text(finding, "gate"), text(finding, "verdict")))
        .collect()
}

#[test]
fn the_evidence_fails_and_says_why_ten_samples_cannot_carry_a_p99() {
    let told = judge(&[EVIDENCE]);
    assert_eq!((told.exit, told.stderr.as_str()), (1, ""));
    looks_as_its_snapshot("judge-evidence", &told.stdout);
}

#[test]
fn the_evidence_as_json_is_exact_and_complete() {
    let told = judge(&[EVIDENCE, "--output", "json"]);
    assert_eq!(told.exit, 1);
    let report = told.json();
    assert_eq!(report["verdict"], "FAIL");
    let p50 = &report["findings"][0];
    let exactly = json!({
        "endpoint": "evidence", "gate": "evidence p50 <= 150ms", "metric": "p50", "severity": "fail",
        "observed_ms": 163.2, "observed": "latency", "interval_ms": [132.8, 241.0],
        "observed_share": null, "interval_share": null, "observed_ratio": null, "interval_ratio": null,
        "target_ms": 150.0, "n": 10, "exceedances": 6, "exceedances_certain": 6,
        "verdict": "INCONCLUSIVE",
        "reason": "6 of 10 samples (60%) were slower than 150 ms, too near the 50% allowed: up to 1 would pass, 9 or more would fail",
        "next_step": "about 68 more samples at this rate would show a failure"
    });
    for (key, value) in exactly.as_object().expect("an object") {
        assert_eq!(&p50[key], value, "{key}");
    }
    // 848/1024 and 386/1024.
    assert!((p50["p_pass"].as_f64().expect("a number") - 0.828125).abs() < 1e-12);
    assert!((p50["p_fail"].as_f64().expect("a number") - 0.376953125).abs() < 1e-12);
    for (finding, metric, lower) in [(1, "p95", 204.6), (2, "p99", 241.0)] {
        let finding = &report["findings"][finding];
        assert_eq!(finding["metric"], metric);
        assert_eq!(finding["verdict"], "FAIL");
        assert_eq!(finding["observed_ms"], 320.5);
        assert_eq!(finding["interval_ms"], json!([lower, null]));
    }
    let endpoint = &report["endpoints"][0];
    assert_eq!(endpoint["clock"], "given");
    assert_eq!(endpoint["planned"], 10);
    assert_eq!(
        (&endpoint["min_ms"], &endpoint["max_ms"]),
        (&json!(118.4), &json!(320.5))
    );
    let metrics: Vec<&Value> = endpoint["percentiles"]
        .as_array()
        .expect("percentiles")
        .iter()
        .map(|percentile| &percentile["metric"])
        .collect();
    assert_eq!(metrics, ["p50", "p90", "p95", "p99", "p99.9"]);
}

#[test]
fn the_evidence_as_markdown_and_csv() {
    let markdown = judge(&[EVIDENCE, "--output", "markdown"]);
    assert_snapshot!(markdown.stdout, @r#"
    ### ❌ FAIL: fixtures/evidence.txt

    evidence P95, evidence P99: 6 of 10 samples were slower than 150 ms

    **evidence: 10 samples from fixtures/evidence.txt**

    | Metric | Value | Interval (95%) | Target | Status |
    |---|---:|---|---:|---|
    | P50 | 163.2 ms | 132.8 ms – 241 ms | ≤ 150 ms | INCONCLUSIVE |
    | P90 | 241 ms | ≥ 188.1 ms | – | – |
    | P95 | 320.5 ms | ≥ 204.6 ms | ≤ 150 ms | FAIL |
    | P99 | 320.5 ms | ≥ 241 ms | ≤ 150 ms | FAIL |
    | P99.9 | 320.5 ms | ≥ 320.5 ms | – | – |
    | max | 320.5 ms | – | – | – |

    ok 10 · failed 0

    - **FAIL** `evidence p95 <= 150ms`: 6 of 10 samples were slower than 150 ms; at most 5% are allowed; P95 cannot pass with 10 samples (here it is the maximum; needs 60), but it can fail
    - **FAIL** `evidence p99 <= 150ms`: 6 of 10 samples were slower than 150 ms; at most 1% are allowed; P99 cannot pass with 10 samples (here it is the maximum; needs 300), but it can fail
    - **INCONCLUSIVE** `evidence p50 <= 150ms`: 6 of 10 samples (60%) were slower than 150 ms, too near the 50% allowed: up to 1 would pass, 9 or more would fail
      - next: about 68 more samples at this rate would show a failure

    > evidence: 10 samples: P95 and P99 are both the maximum; a two-sided interval needs 72 for P95, 368 for P99

    > the verdicts allow for slow spells of 1 sample, because no rate is known

    > fixtures/evidence.txt: the file does not say whether its latencies count from the intended start; its order is treated as time order
    "#);
    let csv = judge(&[EVIDENCE, "--output", "csv"]);
    assert_snapshot!(csv.stdout, @r#"
    endpoint,metric,observed_ms,observed,interval_low_ms,interval_high_ms,observed_share,resolved,samples_needed,planned,ok,failed,timeout,unsent,gate,severity,exceedances,verdict,observed_count,p_pass,p_fail,p_kind,episode_ms,episodes,design_effect
    evidence,p50,163.2,latency,132.8,241.0,,true,6,10,10,0,0,0,evidence p50 <= 150ms,fail,6,INCONCLUSIVE,,0.8281249999999947,0.376953125000002,fixed_size,100.0,4,1.0
    evidence,p90,241.0,latency,188.1,,,false,36,10,10,0,0,0,,,,,,,,,,,
    evidence,p95,320.5,latency,204.6,,,false,72,10,10,0,0,0,evidence p95 <= 150ms,fail,6,FAIL,,0.9999999180160156,2.7545826171875113e-6,fixed_size,100.0,4,1.0
    evidence,p99,320.5,latency,241.0,,,false,368,10,10,0,0,0,evidence p99 <= 150ms,fail,6,FAIL,,0.9999999999988313,2.0289394126000127e-10,fixed_size,100.0,4,1.0
    evidence,p99.9,320.5,latency,320.5,,,false,3688,10,10,0,0,0,,,,,,,,,,,
    "#);
}

#[test]
fn quiet_leaves_the_verdict_and_verbose_tells_the_p_values() {
    let quiet = judge(&[EVIDENCE, "--quiet", "--gate", "p50 <= 150ms"]);
    assert_eq!(quiet.exit, 3);
    looks_as_its_snapshot("judge-quiet", &quiet.stdout);
    let verbose = judge(&[EVIDENCE, "-v", "--gate", "p50 <= 150ms"]);
    assert!(
        verbose.stdout.contains("p_pass 0.828, p_fail 0.377"),
        "{}",
        verbose.stdout
    );
}

#[test]
fn reports_in_files_are_what_stdout_would_have_been() {
    let folder = temp_dir();
    let formats = ["human", "json", "markdown", "csv"];
    let files: Vec<String> = formats
        .iter()
        .map(|format| format!("{format}={}", folder.path().join(format).display()))
        .collect();
    let reports = files.iter().flat_map(|file| ["--report", file]);
    let args: Vec<&str> = std::iter::once(EVIDENCE).chain(reports).collect();
    assert_eq!(judge(&args).exit, 1);
    for format in formats {
        let file = fs::read_to_string(folder.path().join(format)).expect(format);
        assert_eq!(file, judge(&[EVIDENCE, "--output", format]).stdout);
    }
}

#[test]
fn a_saved_run_is_judged_by_its_own_gates_unless_others_are_named() {
    let run = mostly_fast_run();
    let own = judge_run(&run, &["--output", "json"]);
    assert_eq!(own.exit, 1);
    let own = own.json();
    assert_eq!(
        verdicts(&own),
        ["health p95 <= 150ms: PASS", "ingest p95 <= 150ms: FAIL"]
    );
    assert_eq!(own["runs"][0]["seed"], u64::MAX);
    assert_eq!(own["endpoints"][0]["clock"], "intended_start");
    assert_eq!(own["endpoints"][0]["traffic"]["offered_per_s"], 20.0);
    let named = judge_run(&run, &["--gate", "ingest p90 <= 201ms", "--output", "json"]);
    assert_eq!(verdicts(&named.json()), ["ingest p90 <= 201ms: PASS"]);
    assert_eq!(named.exit, 0);
    let target = judge_run(&run, &["--target", "1s", "--output", "json"]);
    assert_eq!(target.json()["findings"].as_array().map(Vec::len), Some(6));
    assert_eq!(target.exit, 0);
}

#[test]
fn the_faces_of_a_saved_run() {
    let told = judge_run(&mostly_fast_run(), &[]);
    looks_as_its_snapshot("judge-saved-run", &told.stdout);
}

#[test]
fn a_run_with_failures_of_every_kind_shows_them_in_the_tail() {
    let mut run = runs::run(
        runs::mixed(200),
        runs::all_ok([Duration::from_millis(1); 205]),
    );
    run.ended = RunEnd::Interrupted {
        signal: Signal::Sigint,
    };
    let told = judge_run(&run, &["--gate", "health error_rate <= 1%"]);
    assert_eq!(told.exit, 1);
    looks_as_its_snapshot("judge-interrupted", &told.stdout);
    assert!(
        told.stderr
            .contains("warning: run.json: the run was interrupted"),
        "{}",
        told.stderr
    );
    assert!(
        told.stderr
            .lines()
            .filter(|line| line.starts_with("warning:"))
            .count()
            >= 2
    );
    let hints = told.stderr.lines().skip(1).step_by(2);
    assert!(
        hints.clone().all(|line| line.starts_with("hint: ")),
        "{}",
        told.stderr
    );
}

#[test]
fn a_closed_model_says_that_it_saw_service_time_only() {
    let mut recording = Recording::new(TimeBase::Send, &[runs::TARGET]);
    for index in 0..100 {
        recording.add(&Sample {
            index,
            intended_start_ns: None,
            dispatched_ns: index * 1_000_000,
            sent_ns: Some(index * 1_000_000),
            finished_ns: (index + 1) * 1_000_000,
            outcome: Outcome::Ok,
            status: Some(200),
            connection: None,
            phases: Phases::default(),
            body_bytes: 0,
            server_timing: Vec::new(),
        });
    }
    let mut run = runs::run(recording.clone(), recording);
    run.plan.model = Model::Closed { concurrency: 1 };
    let mut report = Report::new(ReportKind::Measure, "http://127.0.0.1:8080");
    report.add_run("", &run);
    let gates = [Gate::parse("p95 <= 150ms").expect("a gate")];
    report.findings = gate::judge(&gates, &Subject::of_run(&run));
    for format in [
        ReportFormat::Human,
        ReportFormat::Markdown,
        ReportFormat::Json,
    ] {
        let mut out = Vec::new();
        report
            .write(format, &Style::default(), &mut out)
            .expect("memory takes it");
        let text = String::from_utf8(out).expect("text");
        let says_it = text.contains("this is service time") || text.contains("service time only");
        assert!(says_it, "{format:?}: {text}");
    }
}

#[test]
fn several_files_are_told_apart() {
    let folder = temp_dir();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("b")).expect("a folder");
    fs::write(path("web.txt"), "1ms\n".repeat(100)).expect("a file");
    fs::write(path("b/web.txt"), "1s\n".repeat(100)).expect("a file");
    mostly_fast_run()
        .save(&path("run.json"))
        .expect("a run file");
    let args = [
        "web.txt",
        "run.json",
        "--gate",
        "* p95 <= 150ms",
        "--output",
        "json",
    ];
    let apart = judge_in(folder.path(), &args).json();
    assert_eq!(
        verdicts(&apart),
        [
            "web p95 <= 150ms: PASS",
            "health p95 <= 150ms: PASS",
            "ingest p95 <= 150ms: FAIL"
        ]
    );
    let args = [
        "web.txt",
        "b/web.txt",
        "--target",
        "150ms",
        "--output",
        "json",
    ];
    let same_name = judge_in(folder.path(), &args).json();
    let names: Vec<&Value> = same_name["endpoints"]
        .as_array()
        .expect("endpoints")
        .iter()
        .map(|endpoint| &endpoint["name"])
        .collect();
    assert_eq!(names, ["web.txt:web", "b/web.txt:web"]);
    assert_eq!(same_name["findings"][5]["verdict"], "FAIL");
}

#[test]
fn stdin_is_a_file_called_stdin() {
    let mut child = program(Path::new("."), &["-", "--unit", "ms", "--output", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all("12.5\n".repeat(300).as_bytes())
        .expect("the pipe takes it");
    drop(stdin);
    let told = Told::of(child.wait_with_output().expect("it ends"));
    assert_eq!(told.exit, 0, "{}", told.stderr);
    assert_eq!(told.json()["endpoints"][0]["name"], "stdin");
    assert_eq!(told.json()["findings"][2]["observed_ms"], 12.5);
}

#[test]
fn warnings_are_reported_and_decide_nothing() {
    let gates = ["--gate", "p50 <= 1s", "--gate", "p95 <= 150ms warn"];
    let told = judge(&[&[EVIDENCE], &gates[..]].concat());
    assert_eq!(told.exit, 0);
    for part in [
        "PASS  evidence  P50 163.2 ms ≤ 1 s · P95 320.5 ms > 150 ms (warns only)",
        "\n  P95 (warn)   320.5 ms   204.6 ms or more   ≤ 150 ms     60%       5%   FAIL\n",
    ] {
        assert!(told.stdout.contains(part), "{}", told.stdout);
    }
    let only_warnings = judge(&[EVIDENCE, "--gate", "p95 <= 150ms warn"]);
    assert_eq!(only_warnings.exit, 0);
    let first = only_warnings.stdout.lines().next().unwrap_or_default();
    assert!(
        first.contains("   no verdict: all gates only warn · P95 320.5 ms > 150 ms (warns only)"),
        "{first}"
    );
}

#[test]
fn a_file_that_may_be_cut_is_warned_of() {
    let told = judge_text("1ms\n".repeat(300).trim_end().as_bytes(), &[]);
    assert_eq!(told.exit, 0);
    assert_eq!(
        told.stderr,
        "warning: latencies.txt: the last line has no end, so the file may be cut\n\
         hint: check the last value; end the file with a newline\n"
    );
}
