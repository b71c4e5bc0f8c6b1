//! `a7probe compare` end to end: known changes, honest doubts, refused comparisons.

mod formats;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use a7probe::cli::Cli;
use a7probe::exit::Exit;
use a7probe::run::plan::Model;
use a7probe::run::recording::Recording;
use a7probe::run::run_file::{Run, RunEnd, Signal};
use clap::Parser as _;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::harness::temp_dir;
use crate::runs;

/// What a command answered.
struct Answer {
    exit: Exit,
    stdout: String,
    stderr: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stderr))
    }
}

/// A folder with the files of a comparison.
struct Case {
    folder: TempDir,
}

impl Case {
    fn new() -> Case {
        Case { folder: temp_dir() }
    }

    /// Two runs of one plan, the one after a minute later.
    fn of_runs(before: Run, mut after: Run) -> Case {
        after.id = Uuid::from_u128(8);
        after.started_at = "2026-01-02T03:05:05.678Z".parse().expect("a time");
        let case = Case::new();
        before.save(&case.path("before.json")).expect("saved");
        after.save(&case.path("after.json")).expect("saved");
        case
    }

    /// Two lists of latencies, one a line.
    fn of_lists(before: &[String], after: &[String]) -> Case {
        let case = Case::new();
        for (name, lines) in [("before.txt", before), ("after.txt", after)] {
            case.write(name, &(lines.join("\n") + "\n"));
        }
        case
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Compares the runs.
    fn runs(&self, flags: &[&str]) -> Answer {
        self.compare("before.json", "after.json", flags)
    }

    /// Compares the lists.
    fn lists(&self, flags: &[&str]) -> Answer {
        self.compare("before.txt", "after.txt", flags)
    }

    fn compare(&self, before: &str, after: &str, flags: &[&str]) -> Answer {
        let (before, after) = (self.path(before), self.path(after));
        let mut line = vec!["a7probe".into(), "compare".into()];
        line.extend([before.into_os_string(), after.into_os_string()]);
        line.extend(flags.iter().map(Into::into));
        let cli = Cli::try_parse_from(line).unwrap_or_else(|e| panic!("{e}"));
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let exit = a7probe::run(cli, &mut stdout, &mut stderr);
        let folder = self.folder.path().display().to_string() + "/";
        let text = |bytes| String::from_utf8(bytes).expect("text").replace(&folder, "");
        Answer {
            exit,
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }
}

fn milliseconds(values: impl IntoIterator<Item = f64>) -> Vec<String> {
    values.into_iter().map(|ms| format!("{ms}ms")).collect()
}

/// 600 requests, evenly from 100 to 400 ms, in an order that is not ascending.
fn slow() -> Recording {
    scaled(1.0)
}

fn scaled(factor: f64) -> Recording {
    let at = |i: u64| 100.0 + 300.0 * ((i * 7) % 600) as f64 / 599.0;
    runs::all_ok((0..600).map(|i| Duration::from_secs_f64(at(i) * factor / 1000.0)))
}

fn improved() -> Case {
    Case::of_runs(
        runs::run(scaled(0.01), slow()),
        runs::run(scaled(0.01), scaled(0.25)),
    )
}

#[test]
fn intervals_are_those_of_the_reference_cases() {
    let cases: Value =
        serde_json::from_str(&fs::read_to_string("fixtures/statistics.json").expect("fixtures"))
            .expect("JSON");
    let mut compared = 0;
    for case in cases["pbl_two_sample"].as_array().expect("cases") {
        // The data are A_i = 10 i and B_i = 3 i or 2.5 i.
        let step = case["ratio_point"].as_f64().expect("a ratio") * 10.0;
        let n = case["nA"].as_u64().expect("a size");
        let metric = format!("p{}", 100.0 * case["p"].as_f64().expect("p"));
        let lists = Case::of_lists(
            &milliseconds((1..=n).map(|i| i as f64 * 10.0)),
            &milliseconds((1..=n).map(|i| i as f64 * step)),
        );
        let gate = format!("{metric} reduction >= 70%");
        let answer = lists
            .lists(&["--output", "json", "--iid", "--gate", &gate])
            .json();
        let mut changes = answer["changes"].as_array().expect("changes").iter();
        let change = changes
            .find(|change| change["metric"] == metric.as_str())
            .expect("the percentile");
        let verdict = &case["gate_reduction_ge_70pct"];
        assert_eq!(
            &answer["findings"][0]["verdict"], verdict,
            "{metric} of {n}"
        );
        let ends = |name: &str| change[name].as_array().expect("two ends").clone();
        let (ratio, difference) = (ends("ratio_interval"), ends("difference_interval_ms"));
        if change["resolved"] == false {
            assert_eq!(
                (case["ratio_hi"].is_null(), ratio[1].is_null()),
                (true, true)
            );
            continue;
        }
        for (found, expected) in [
            (&ratio[0], &case["ratio_lo"]),
            (&ratio[1], &case["ratio_hi"]),
            (&difference[0], &case["diff_lo"]),
            (&difference[1], &case["diff_hi"]),
        ] {
            let (found, expected) = (found.as_f64().expect("an end"), expected.as_f64());
            let expected = expected.expect("an end");
            assert!(
                (found / expected - 1.0).abs() < 1e-9,
                "{metric}: {found} for {expected}"
            );
        }
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn a_target_that_is_met_does_not_imply_a_reduction_that_is_not() {
    let cases: Value =
        serde_json::from_str(&fs::read_to_string("fixtures/statistics.json").expect("fixtures"))
            .expect("JSON");
    for case in cases["reduction_arithmetic"].as_array().expect("cases") {
        let hundred = |name: &str| milliseconds([case[name].as_f64().expect(name); 100]);
        let lists = Case::of_lists(&hundred("before_ms"), &hundred("after_ms"));
        let gates = ["--gate", "p95 <= 100ms", "--gate", "p95 reduction >= 70%"];
        let answer = lists.lists(&[&gates[..], &["--output", "json"]].concat());
        let json = answer.json();
        let change = &json["changes"][2];
        let reduction = change["reduction"].as_f64().expect("a reduction");
        assert!((reduction - case["reduction"].as_f64().expect("one")).abs() < 1e-12);
        let (verdict, exit) = match case["meets_70pct"] == true {
            true => ("PASS", Exit::Pass),
            false => ("FAIL", Exit::Fail),
        };
        let verdicts = [
            &json["findings"][0]["verdict"],
            &json["findings"][1]["verdict"],
        ];
        assert_eq!(verdicts, ["PASS", verdict], "{case}");
        assert_eq!(answer.exit, exit);
    }
}

#[test]
fn ten_samples_cannot_carry_the_change_of_a_p95() {
    let evidence = fs::read_to_string("fixtures/evidence.txt").expect("the evidence");
    let case = Case::new();
    case.write("before.txt", &evidence);
    case.write("after.txt", &evidence);
    let answer = case.lists(&["--gate", "p95 reduction >= 70%"]);
    assert_eq!(answer.exit, Exit::Inconclusive);
    let needle = "P95 cannot be compared: needs 72 samples per side (you have 10)";
    assert!(answer.stdout.contains(needle), "{}", answer.stdout);
    let row = "  P95      320.5 ms  320.5 ms   –          –                cannot compare\n";
    assert!(answer.stdout.contains(row), "{}", answer.stdout);
}

#[test]
fn without_a_gate_a_comparison_is_information() {
    let answer = improved().runs(&["--output", "json"]);
    assert_eq!(answer.exit, Exit::Pass);
    let json = answer.json();
    assert!(json["verdict"].is_null());
    let notes = json["notes"].to_string();
    assert!(notes.contains("no gates, so nothing was judged"), "{notes}");
    assert!(notes.contains("drift not controlled"), "{notes}");
}

#[test]
fn failures_after_are_a_regression_whatever_the_latencies_do() {
    let fast = milliseconds((1..=100).map(f64::from));
    let mut failing = milliseconds((1..=80).map(|i| f64::from(i) / 2.0));
    failing.extend(vec!["failed".to_owned(); 20]);
    let answer =
        Case::of_lists(&fast, &failing).lists(&["--iid", "--gate", "p95 <= baseline + 10%"]);
    assert_eq!(answer.exit, Exit::Fail);
    let first = "FAIL  latency  P95 95 ms → failed, gate: ≤ baseline + 10%\n";
    assert!(answer.stdout.starts_with(first), "{}", answer.stdout);
    let json = Case::of_lists(&fast, &failing)
        .lists(&["--output", "json", "--iid"])
        .json();
    let p95 = &json["changes"][2];
    assert_eq!(
        (&p95["after"], &p95["effect"]),
        (&"failed".into(), &"regressed".into())
    );
    assert!(p95["after_ms"].is_null() && p95["ratio"].is_null());
    assert_eq!(json["rates"][0]["error_rate_effect"], "regressed");
    assert_eq!(json["rates"][0]["error_rate_after"]["not_ok"], 20);
}

#[test]
fn a_small_change_is_noise_unless_the_band_says_otherwise() {
    let constant = |ms| runs::all_ok((0..600).map(|_| Duration::from_millis(ms)));
    let case = Case::of_runs(
        runs::run(constant(100), constant(100)),
        runs::run(constant(100), constant(98)),
    );
    let effect = |flags: &[&str]| {
        let answer = case.runs(&[flags, &["--output", "json"]].concat());
        answer.json()["changes"][5]["effect"]
            .as_str()
            .expect("an effect")
            .to_owned()
    };
    assert_eq!(effect(&[]), "within_noise");
    assert_eq!(effect(&["--noise", "1%,1ms"]), "improved");
    assert_eq!(effect(&["--noise", "1%,5ms"]), "within_noise");
}

#[test]
fn a_change_that_our_own_lateness_could_have_made_is_in_doubt() {
    let on_time = || runs::late((0..600).map(|_| Duration::from_millis(100)), Duration::ZERO);
    let late = || {
        runs::late(
            (0..600).map(|_| Duration::from_millis(100)),
            Duration::from_millis(60),
        )
    };
    // 160 ms after 100 ms, and 60 ms of it is ours.
    let case = Case::of_runs(
        runs::run(on_time(), on_time()),
        runs::run(on_time(), late()),
    );
    let answer = case.runs(&["--gate", "ingest p95 <= baseline + 10%", "--output", "json"]);
    assert_eq!(answer.exit, Exit::Inconclusive);
    let json = answer.json();
    assert_eq!(json["changes"][7]["effect"], "inconclusive");
    let reason = json["findings"][0]["reason"].to_string();
    assert!(reason.contains("this machine sent late"), "{reason}");
    // An improvement that is only a run before that was late.
    let case = Case::of_runs(
        runs::run(on_time(), late()),
        runs::run(on_time(), on_time()),
    );
    let answer = case.runs(&["--gate", "ingest p95 reduction >= 30%"]);
    assert_eq!(answer.exit, Exit::Inconclusive);
}

#[test]
fn what_may_mislead_is_said() {
    let run = || runs::run(scaled(0.01), slow());
    for (change, warning) in [
        (
            (|after| {
                after.ended = RunEnd::Interrupted {
                    signal: Signal::Sigint,
                };
            }) as fn(&mut Run),
            "warning: after: the run was interrupted; the verdict is about the requests due until then",
        ),
        (
            |after| after.environment.cores = 4096,
            "warning: measured from different machines: cores: ",
        ),
    ] {
        let mut after = run();
        change(&mut after);
        let answer = Case::of_runs(run(), after).runs(&[]);
        assert!(answer.stderr.contains(warning), "{}", answer.stderr);
        assert_eq!(answer.exit, Exit::Pass);
    }
    let case = improved();
    let swapped = case.compare("after.json", "before.json", &[]);
    let warning = "warning: the run after was made earlier than the run before\nhint: ";
    assert!(swapped.stderr.contains(warning), "{}", swapped.stderr);
    let same = case.compare("before.json", "before.json", &[]);
    let warning = "warning: before and after are the same run\nhint: ";
    assert!(same.stderr.contains(warning), "{}", same.stderr);
    let quiet = case.compare("before.json", "before.json", &["--quiet"]);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_closed_model_says_that_it_saw_service_time_only() {
    let closed = || {
        let mut run = runs::run(runs::closed(600), runs::closed(600));
        run.plan.model = Model::Closed { concurrency: 1 };
        run
    };
    let answer = Case::of_runs(closed(), closed()).runs(&[]);
    let folded = "closed model, service time only";
    assert!(answer.stdout.contains(folded), "{}", answer.stdout);
    let answer = Case::of_runs(closed(), closed()).runs(&["-v"]);
    let note = "note: closed model: this is service time, counted from the send";
    assert!(answer.stdout.contains(note), "{}", answer.stdout);
    assert!(!answer.stdout.contains("measured by another tool"));
}

#[test]
fn single_endpoints_belong_together_whatever_they_are_called() {
    let single = |name: &str| {
        let mut run = runs::run(slow(), slow());
        run.endpoints.truncate(1);
        run.plan.endpoints.truncate(1);
        run.endpoints[0].name = name.to_owned();
        run.plan.endpoints[0].name = name.to_owned();
        run
    };
    let case = Case::of_runs(single("v1"), single("v2"));
    let refused = case.runs(&[]);
    let difference = "  endpoints: v1 before, v2 after\n";
    assert!(refused.stderr.contains(difference), "{}", refused.stderr);
    let allowed = case.runs(&[
        "--allow-different-plans",
        "--gate",
        "v2 p95 <= baseline + 10%",
    ]);
    assert_eq!(allowed.exit, Exit::Pass);
    assert!(allowed.stdout.starts_with("PASS  v2  P95 0%"));
    assert!(allowed.stdout.contains(" · 600 requests each · "));
}

#[test]
fn a_list_is_compared_with_the_endpoint_that_it_is_named_after() {
    let case = improved();
    case.write("after.txt", "100ms\n120ms\n");
    let lost = case.compare("before.json", "after.txt", &[]);
    assert_eq!(lost.exit, Exit::Error);
    assert_eq!(
        lost.stderr,
        "error: the sides have no endpoint in common: health, ingest before, a list without a name after\n\
         hint: name the run's endpoint that the list of latencies belongs to: --endpoint NAME\n"
    );
    let named = case.compare("before.json", "after.txt", &["--endpoint", "ingest"]);
    let heading = " · 600 requests before, 2 samples after · ";
    assert!(named.stdout.contains(heading), "{}", named.stdout);
    let warning = "endpoint health is only in the run before and is not compared";
    assert!(named.stderr.contains(warning), "{}", named.stderr);
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("written")
}
