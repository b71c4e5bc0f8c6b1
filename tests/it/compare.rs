//! `a7probe compare` end to end: known changes, honest doubts, refused comparisons.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use a7probe::cli::Cli;
use a7probe::exit::Exit;
use a7probe::run::plan::Model;
use a7probe::run::recording::Recording;
use a7probe::run::run_file::{Run, RunEnd, Signal};
use clap::Parser as _;
use insta::assert_snapshot;
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
fn a_comparison_reads_as_a_table_with_its_gates_below() {
    let answer = improved().runs(&[
        "--gate",
        "ingest p95 <= 100ms",
        "--gate",
        "ingest p95 reduction >= 70%",
        "--gate",
        "health p95 <= baseline + 10%",
    ]);
    assert_eq!(answer.stderr, "");
    assert_snapshot!(answer.stdout, @r#"
    before: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615
    after: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615

    health: 600 requests before, 600 after
    ┌───────────────┬─────────┬─────────┬───────────┬──────────────────────┬──────────────┐
    │ Metric        ┆  Before ┆   After ┆ Change    ┆ Interval (95 %)      ┆ Effect       │
    ╞═══════════════╪═════════╪═════════╪═══════════╪══════════════════════╪══════════════╡
    │ P50           ┆  2.5 ms ┆  2.5 ms ┆ unchanged ┆ −23.1 % … +30.1 %    ┆ within noise │
    │ P90           ┆  3.7 ms ┆  3.7 ms ┆ unchanged ┆ −8.7 % … +9.5 %      ┆ within noise │
    │ P95           ┆ 3.85 ms ┆ 3.85 ms ┆ unchanged ┆ −4.8 % … +5 %        ┆ within noise │
    │ P99           ┆ 3.97 ms ┆ 3.97 ms ┆ unchanged ┆ −1.1 % … +1.1 %      ┆ within noise │
    │ P99.9         ┆    4 ms ┆    4 ms ┆ unchanged ┆ cannot be resolved   ┆ inconclusive │
    │ error rate    ┆ 0 % (0) ┆ 0 % (0) ┆ unchanged ┆ −0.61 … +0.61 points ┆ –            │
    │ achieved rate ┆    20/s ┆    20/s ┆ ±0 %      ┆ –                    ┆ –            │
    └───────────────┴─────────┴─────────┴───────────┴──────────────────────┴──────────────┘

    ingest: 600 requests before, 600 after
    ┌───────────────┬──────────┬──────────┬───────────┬──────────────────────┬──────────────┐
    │ Metric        ┆   Before ┆    After ┆ Change    ┆ Interval (95 %)      ┆ Effect       │
    ╞═══════════════╪══════════╪══════════╪═══════════╪══════════════════════╪══════════════╡
    │ P50           ┆ 249.8 ms ┆ 62.44 ms ┆ 4× faster ┆ 3.07× – 5.2× faster  ┆ improved     │
    │ P90           ┆ 369.9 ms ┆ 92.49 ms ┆ 4× faster ┆ 3.65× – 4.38× faster ┆ improved     │
    │ P95           ┆   385 ms ┆ 96.25 ms ┆ 4× faster ┆ 3.81× – 4.2× faster  ┆ improved     │
    │ P99           ┆   397 ms ┆ 99.25 ms ┆ 4× faster ┆ 3.96× – 4.04× faster ┆ improved     │
    │ P99.9         ┆   400 ms ┆   100 ms ┆ 4× faster ┆ cannot be resolved   ┆ inconclusive │
    │ error rate    ┆  0 % (0) ┆  0 % (0) ┆ unchanged ┆ −0.61 … +0.61 points ┆ –            │
    │ achieved rate ┆     20/s ┆     20/s ┆ ±0 %      ┆ –                    ┆ –            │
    └───────────────┴──────────┴──────────┴───────────┴──────────────────────┴──────────────┘

    note: health, ingest: an interval of the change takes on each side 3 688 requests for P99.9
    note: intervals of changes reckon with bursts: up to 14.5 requests are worth one independent one
    note: the verdicts on one run reckon with bursts; such a PASS excludes slow episodes of 100 ms
    note: drift not controlled: the runs were made one after the other, so whatever else changed between them is in the difference; repeat them in turns (before, after, after, before) and see whether it stays

    PASS          health p95 <= baseline + 10%: the growth is at most 5 % at 95 % confidence
    PASS          ingest p95 <= 100ms: none of 600 requests was above 100 ms, and up to 20 would pass
    PASS          ingest p95 reduction >= 70%: the reduction is at least 73.7 % at 95 % confidence

    PASS all 3 gates
    "#);
    assert_eq!(answer.exit, Exit::Pass);
}

#[test]
fn markdown_says_the_same_for_a_pull_request() {
    let gate = ["--gate", "ingest p95 reduction >= 80%"];
    let answer = improved().runs(&[&gate[..], &["--output", "markdown"]].concat());
    assert_snapshot!(answer.stdout, @r#"
    ### ❌ FAIL: before.json → after.json

    ingest P95 reduction: the reduction is at most 76.3 % at 95 % confidence

    before: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615

    after: http://127.0.0.1:8080 · open model, grid arrivals · 600 requests per endpoint after 2 s of warm-up · timeout 5 s · seed 18446744073709551615

    **health: 600 requests before, 600 after**

    | Metric | Before | After | Change | Interval (95 %) | Effect |
    |---|---:|---:|---|---|---|
    | P50 | 2.5 ms | 2.5 ms | unchanged | −23.1 % … +30.1 % | within noise |
    | P90 | 3.7 ms | 3.7 ms | unchanged | −8.7 % … +9.5 % | within noise |
    | P95 | 3.85 ms | 3.85 ms | unchanged | −4.8 % … +5 % | within noise |
    | P99 | 3.97 ms | 3.97 ms | unchanged | −1.1 % … +1.1 % | within noise |
    | P99.9 | 4 ms | 4 ms | unchanged | cannot be resolved | inconclusive |
    | error rate | 0 % (0) | 0 % (0) | unchanged | −0.61 … +0.61 points | – |
    | achieved rate | 20/s | 20/s | ±0 % | – | – |

    **ingest: 600 requests before, 600 after**

    | Metric | Before | After | Change | Interval (95 %) | Effect |
    |---|---:|---:|---|---|---|
    | P50 | 249.8 ms | 62.44 ms | 4× faster | 3.07× – 5.2× faster | improved |
    | P90 | 369.9 ms | 92.49 ms | 4× faster | 3.65× – 4.38× faster | improved |
    | P95 | 385 ms | 96.25 ms | 4× faster | 3.81× – 4.2× faster | improved |
    | P99 | 397 ms | 99.25 ms | 4× faster | 3.96× – 4.04× faster | improved |
    | P99.9 | 400 ms | 100 ms | 4× faster | cannot be resolved | inconclusive |
    | error rate | 0 % (0) | 0 % (0) | unchanged | −0.61 … +0.61 points | – |
    | achieved rate | 20/s | 20/s | ±0 % | – | – |

    - **FAIL** `ingest p95 reduction >= 80%`: the reduction is at most 76.3 % at 95 % confidence

    > health, ingest: an interval of the change takes on each side 3 688 requests for P99.9

    > intervals of changes reckon with bursts: up to 14.5 requests are worth one independent one

    > drift not controlled: the runs were made one after the other, so whatever else changed between them is in the difference; repeat them in turns (before, after, after, before) and see whether it stays
    "#);
    assert_eq!(answer.exit, Exit::Fail);
}

#[test]
fn csv_has_a_row_for_each_endpoint_and_percentile() {
    let answer = improved().runs(&["--output", "csv"]);
    let mut rows = csv::Reader::from_reader(answer.stdout.as_bytes());
    let headers = rows.headers().expect("headers").clone();
    let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 10);
    let cell = |row: usize, name: &str| {
        let column = headers.iter().position(|header| header == name);
        rows[row][column.expect(name)].to_owned()
    };
    assert_eq!(
        (cell(0, "endpoint"), cell(0, "metric")),
        ("health".into(), "p50".into())
    );
    assert_eq!(
        (cell(7, "endpoint"), cell(7, "metric")),
        ("ingest".into(), "p95".into())
    );
    assert_eq!(cell(7, "effect"), "improved");
    assert_eq!(
        cell(9, "ratio_low"),
        "",
        "600 requests cannot carry a P99.9"
    );
    assert_eq!(cell(9, "samples_needed"), "3688");
}

#[test]
fn csv_has_every_gate_with_its_verdict() {
    let gates = [
        "ingest p95 reduction >= 70%",
        "ingest p95 <= 1s",
        "ingest error_rate <= 5%",
    ];
    let arguments: Vec<&str> = gates.iter().flat_map(|gate| ["--gate", gate]).collect();
    let answer = improved().runs(&[&arguments[..], &["--output", "csv"]].concat());
    let mut rows = csv::Reader::from_reader(answer.stdout.as_bytes());
    let headers = rows.headers().expect("headers").clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header == name)
            .expect(name)
    };
    let (gate, verdict) = (column("gate"), column("verdict"));
    let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    assert_eq!(
        rows.len(),
        12,
        "one more for the second gate on P95, one for the error rate"
    );
    for expected in gates {
        let row = rows.iter().find(|row| &row[gate] == expected);
        let row = row.unwrap_or_else(|| panic!("{expected}: {}", answer.stdout));
        assert!(
            ["PASS", "FAIL", "INCONCLUSIVE"].contains(&&row[verdict]),
            "{row:?}"
        );
    }
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
    let needle = "cannot be resolved with 10 samples: P95 takes 72 on each side";
    assert!(answer.stdout.contains(needle), "{}", answer.stdout);
    assert!(
        answer
            .stdout
            .contains("│ P95        ┆ 320.5 ms ┆ 320.5 ms ┆ unchanged ┆ cannot be resolved"),
        "{}",
        answer.stdout
    );
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
    assert!(
        answer
            .stdout
            .contains("│ P95        ┆   95 ms ┆    failed ┆ now fails  ┆ now fails"),
        "{}",
        answer.stdout
    );
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
fn runs_of_different_plans_are_refused_and_what_differs_is_named() {
    let mut after = runs::run(scaled(0.01), scaled(0.25));
    after.plan.timeout = Duration::from_secs(30);
    after.plan.endpoints[1].rate_per_s = a7probe::units::Rate::per_second(50.0);
    let case = Case::of_runs(runs::run(scaled(0.01), slow()), after);
    let refused = case.runs(&[]);
    assert_eq!((refused.exit, refused.stdout.as_str()), (Exit::Error, ""));
    assert_snapshot!(refused.stderr, @r#"
    error: the runs have different plans, so a difference of their latencies would say nothing:
      rate of ingest: 20/s before, 50/s after
      timeout: 5s before, 30s after
    hint: measure both with the same plan, or say --allow-different-plans
    "#);
    let allowed = case.runs(&["--allow-different-plans"]);
    assert_eq!(allowed.exit, Exit::Pass);
    assert_snapshot!(allowed.stderr, @r#"
    warning: different plans: rate of ingest: 20/s before, 50/s after
    hint: measure both with the same plan
    warning: different plans: timeout: 5s before, 30s after
    hint: measure both with the same plan
    warning: after: the load on ingest was not reached: 20/s of 50/s
    hint: lower the rate, or raise the in-flight cap with -c together with -q
    "#);
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
            "warning: after: the run was interrupted; the verdict is on the requests due until then",
        ),
        (
            |after| after.environment.cores = 4096,
            "warning: measured from different places: cores: ",
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
    assert!(
        allowed
            .stdout
            .contains("v2: 600 requests before, 600 after")
    );
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
         hint: --endpoint NAME says which endpoint of a run a list of latencies belongs to\n"
    );
    let named = case.compare("before.json", "after.txt", &["--endpoint", "ingest"]);
    let heading = "ingest: 600 requests before, 2 samples after";
    assert!(named.stdout.contains(heading), "{}", named.stdout);
    let warning = "endpoint health is only in the run before and is not compared";
    assert!(named.stderr.contains(warning), "{}", named.stderr);
}

#[test]
fn what_cannot_be_compared_ends_in_one_message_and_code_2() {
    let case = improved();
    let whole = fs::read_to_string(case.path("before.json")).expect("the run");
    case.write("cut.json", &whole[..whole.len() / 3]);
    case.write("foreign.json", r#"{"metrics": {}}"#);
    case.write("array.json", "[163.2, 320.5]");
    case.write(
        "newer.json",
        &whole.replace("a7probe.run/1", "a7probe.run/2"),
    );
    case.write("empty.txt", "");
    case.write("no-unit.txt", "163.2\n");
    for (file, flags, message) in [
        (
            "missing.json",
            vec![],
            "error: cannot compare missing.json: cannot read the file: no such file",
        ),
        (
            "cut.json",
            vec![],
            "error: cannot compare cut.json: the file is cut short",
        ),
        (
            "foreign.json",
            vec![],
            "error: cannot compare foreign.json: JSON that is neither a run of a7probe nor a known tool's: its keys are metrics\nhint: ",
        ),
        (
            "array.json",
            vec![],
            "error: cannot compare array.json: it is JSON, but not an a7probe run",
        ),
        (
            "newer.json",
            vec![],
            "error: cannot compare newer.json: a7probe.run/2 is newer than what this a7probe reads, a7probe.run/1\nhint: update",
        ),
        (
            "empty.txt",
            vec![],
            "error: cannot compare empty.txt: there is no latency in it",
        ),
        (
            "no-unit.txt",
            vec![],
            "error: no-unit.txt line 1: '163.2' has no unit\nhint: add --unit s, ms, us or ns",
        ),
        (".", vec![], "error: cannot compare ."),
        (
            "after.json",
            vec!["--gate", "ingset p95 <= 1s"],
            "did you mean 'ingest'?",
        ),
        (
            "after.json",
            vec!["--gate", "p95 <= 20s"],
            "the timeout of 5 s is below the target",
        ),
        (
            "after.json",
            vec!["--endpoint", "x"],
            "error: --endpoint x names a list of latencies, and there is none",
        ),
        (
            "after.json",
            vec!["--report", "json=/nonexistent/a.json"],
            "error: cannot write /nonexistent/a.json",
        ),
    ] {
        let answer = case.compare("before.json", file, &flags);
        assert_eq!(
            (answer.exit, answer.stdout.as_str()),
            (Exit::Error, ""),
            "{file}"
        );
        assert!(answer.stderr.contains(message), "{file}: {}", answer.stderr);
        assert_eq!(
            answer.stderr.matches("error: ").count(),
            1,
            "{}",
            answer.stderr
        );
    }
}

#[test]
fn a_report_file_holds_what_stdout_shows() {
    let case = improved();
    let file = case.path("report.json");
    let flag = format!("json={}", file.display());
    let answer = case.runs(&["--output", "json", "--report", &flag]);
    assert_eq!(
        read(&file),
        answer
            .stdout
            .replace(
                "before.json",
                &case.path("before.json").display().to_string()
            )
            .replace("after.json", &case.path("after.json").display().to_string())
    );
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("written")
}
