//! `--baseline`, end to end: a saved run as the limit of a later one, what that is refused for, and what a gate says
//! without it.

mod simulation;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use a7probe::run::run_file::Run;
use serde_json::Value;

use crate::harness::{self, code, json, stderr, stdout, temp_dir};
use crate::runs;
use crate::screens::looks_as_its_snapshot;
use crate::scripted::{OK, Server};

/// Enough for a P95 with an interval on both sides, in half a second.
const SMALL: [&str; 6] = ["-q", "200", "--warmup", "0s", "--no-calibration", "--iid"];

/// No allowance that a busy machine could exceed.
const WIDE: &str = "p95 <= baseline + 10% or 30s";

fn measure(folder: &Path, url: &str, more: &[&str]) -> Output {
    let url = format!("{url}/search");
    harness::run(
        folder,
        &[&["measure", url.as_str()][..], &SMALL, more].concat(),
    )
}

/// A baseline of 120 requests, `main.json`.
fn save_baseline(folder: &Path, url: &str) {
    let saved = ["-n", "120", "--gate", "p95 <= 5s", "--save", "main.json"];
    let output = measure(folder, url, &saved);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_run_is_as_large_as_its_baseline_and_its_file_names_it() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    save_baseline(folder.path(), &server.url());
    let arguments = [
        "--baseline",
        "main.json",
        "--gate",
        WIDE,
        "--save",
        "run.json",
        "--report",
        "markdown=report.md",
        "--output",
        "json",
    ];
    let output = measure(folder.path(), &server.url(), &arguments);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let report = json(&output);
    let finding = &report["findings"][0];
    assert_eq!(finding["n"], 120);
    assert_eq!(finding["reason_code"], "change_within_limit");
    assert_eq!(finding["reason_values"]["allowance"], "time");
    let limit = finding["reason_values"]["limit_ms"].as_f64().unwrap();
    assert!(limit > 30_000.0, "{limit}");
    assert_eq!(finding["target_ms"], limit);
    assert_eq!(report["baseline"]["file"], "main.json");
    assert_eq!(report["baseline"]["changes"][0]["endpoint"], "search");
    let markdown = std::fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(
        markdown.contains("baseline main.json · change"),
        "{markdown}"
    );
    let run = Run::load(&folder.path().join("run.json")).expect("a run");
    let record = run.baseline.expect("a baseline");
    assert_eq!(record.file, "main.json");
    assert_eq!(report["baseline"]["sha256"], record.sha256.as_str());
    // A size that is given is the size of the run.
    let output = measure(
        folder.path(),
        &server.url(),
        &[
            "--baseline",
            "main.json",
            "--gate",
            WIDE,
            "-n",
            "90",
            "--output",
            "json",
        ],
    );
    assert_eq!(json(&output)["findings"][0]["n"], 90);
}

#[test]
fn a_saved_run_is_judged_against_its_baseline_again_where_that_is_given() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let folder = folder.path();
    save_baseline(folder, &server.url());
    let arguments = ["--baseline", "main.json", "--gate", WIDE];
    let measured = measure(
        folder,
        &server.url(),
        &[&arguments[..], &["--save", "run.json", "--output", "json"]].concat(),
    );
    assert_eq!(code(&measured), 0, "{}", stderr(&measured));
    let judge = |more: &[&str]| {
        harness::run(
            folder,
            &[&["judge", "run.json", "--output", "json"], more].concat(),
        )
    };
    let again = judge(&["--baseline", "main.json"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert_eq!(json(&again)["findings"], json(&measured)["findings"]);
    assert!(!stderr(&again).contains("baseline"), "{}", stderr(&again));
    let without = judge(&[]);
    assert_eq!(code(&without), 3, "{}", stderr(&without));
    let report = json(&without);
    assert_eq!(report["verdict"], "NOT_JUDGED");
    assert_eq!(report["findings"][0]["reason_code"], "no_baseline");
    assert_eq!(
        report["findings"][0]["next_step"],
        "P95 compares with a saved run: --baseline main.json"
    );
    // Another run of the same plan is another baseline.
    std::fs::copy(folder.join("run.json"), folder.join("other.json")).unwrap();
    let other = judge(&["--baseline", "other.json"]);
    assert!(
        stderr(&other).contains(
            "warning: the run was measured against another baseline: main.json, now other.json"
        ),
        "{}",
        stderr(&other)
    );
}

#[test]
fn gates_of_a_settings_file_are_not_judged_without_a_baseline() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let folder = folder.path();
    let settings = |gates: &str, more: &str| {
        let text = format!("gates = [{gates}]\nrequests = 120\n{more}");
        std::fs::write(folder.join("a7probe.toml"), text).unwrap();
    };
    let wide = format!("\"{WIDE}\"");
    settings(&wide, "");
    let alone = measure(folder, &server.url(), &[]);
    assert_eq!(code(&alone), 3, "{}", stderr(&alone));
    let text = stdout(&alone);
    assert!(text.starts_with("NOT JUDGED  search  P95 "), "{text}");
    assert!(text.contains(": no baseline given"), "{text}");
    assert!(
        text.contains("next  P95 compares with a saved run: --baseline FILE"),
        "{text}"
    );
    settings(&format!("\"p95 <= 5s\", {wide}"), "");
    let beside = measure(folder, &server.url(), &["--save", "main.json"]);
    assert_eq!(code(&beside), 0, "{}", stderr(&beside));
    let text = stdout(&beside);
    assert!(text.starts_with("PASS  search  P95 "), "{text}");
    assert!(text.contains("· P95 not judged"), "{text}");
    // The file may name the baseline, beside itself.
    settings(&wide, "baseline = \"main.json\"\n");
    let judged = measure(folder, &server.url(), &["--output", "json"]);
    assert_eq!(code(&judged), 0, "{}", stderr(&judged));
    assert_eq!(json(&judged)["baseline"]["file"], "main.json");
    settings(&wide, "baseline = \"gone.json\"\n");
    let before = server.received().len();
    let missing = measure(folder, &server.url(), &[]);
    assert_eq!(code(&missing), 2, "{}", stderr(&missing));
    assert!(stderr(&missing).contains("baseline gone.json: cannot read the file"));
    assert_eq!(server.received().len(), before);
}

#[test]
fn a_baseline_that_does_not_fit_is_refused_before_anything_is_sent() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let folder = folder.path();
    save_baseline(folder, &server.url());
    std::fs::write(folder.join("notes.txt"), "1ms\n2ms\n").unwrap();
    let small = ["-n", "60", "--gate", "p95 <= 5s", "--save", "small.json"];
    assert_eq!(code(&measure(folder, &server.url(), &small)), 0);
    let sent = server.received().len();
    let cases: [(&[&str], &str); 9] = [
        (
            &["--baseline", "gone.json", "--gate", WIDE],
            "--baseline gone.json: cannot read the file",
        ),
        (
            &["--baseline", "notes.txt", "--gate", WIDE],
            "--baseline notes.txt: not an a7probe run",
        ),
        (
            &["--baseline", "main.json", "--gate", "p95 <= 5s"],
            "no gate compares with it\nhint: add --gate '* p95 <= baseline + 10% or 1ms'",
        ),
        (
            &["--gate", WIDE],
            "needs a baseline\nhint: name a saved run with --baseline FILE",
        ),
        (
            &["--baseline", "main.json", "--gate", WIDE, "--budget", "5s"],
            "--budget does not fit a gate over a baseline",
        ),
        (
            &["--baseline", "main.json", "--gate", WIDE, "-n", "60"],
            "cannot be judged with 60 requests (needs 72)\nhint: use -n 72",
        ),
        (
            &["--baseline", "small.json", "--gate", WIDE],
            "the baseline small.json has 60 requests (needs 72)",
        ),
        (
            &["--baseline", "main.json", "--gate", WIDE, "-t", "9s"],
            "has a different plan:\n  timeout: 10s before, 9s after",
        ),
        (
            &[
                "--baseline",
                "main.json",
                "--gate",
                WIDE,
                "--get",
                "search=/search",
                "--get",
                "cart=/cart",
            ],
            "the baseline main.json has no endpoint 'cart'\nhint: main.json has search; gate those",
        ),
    ];
    for (arguments, message) in cases {
        let output = measure(folder, &server.url(), arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stdout(&output));
        let text = stderr(&output);
        assert!(text.contains(message), "{arguments:?}: {text}");
    }
    assert_eq!(server.received().len(), sent);
    // A plan that differs is a warning where it is said to differ.
    let output = measure(
        folder,
        &server.url(),
        &[
            "--baseline",
            "main.json",
            "--gate",
            WIDE,
            "-t",
            "9s",
            "--allow-different-plans",
        ],
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("warning: different plans: timeout"));
}

#[test]
fn a_dry_run_names_the_baseline_and_the_limit_that_it_makes() {
    let (server, folder) = (Server::answering(OK), temp_dir());
    let folder = folder.path();
    save_baseline(folder, &server.url());
    let sent = server.received().len();
    let arguments = ["--baseline", "main.json", "--gate", WIDE, "--dry-run"];
    let output = measure(folder, &server.url(), &arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("  size       120 requests"), "{text}");
    assert!(
        text.contains("  baseline   main.json, measured at 20"),
        "{text}"
    );
    assert!(text.contains("\n    at most 30"), "{text}");
    assert_eq!(server.received().len(), sent);
}

/// Health and ingest, 600 requests each, of which ingest takes from half to all of `slowest_us`, in an order that is
/// not ascending.
fn run_of(slowest_us: f64) -> Run {
    let at = |i: u64| slowest_us * (0.5 + 0.5 * ((i * 7) % 600) as f64 / 599.0);
    let latencies = (0..600).map(move |i| Duration::from_nanos((at(i) * 1e3) as u64));
    let fast = (0..600).map(|_| Duration::from_micros(300));
    let mut run = runs::run(runs::all_ok(fast), runs::all_ok(latencies));
    run.id = uuid::Uuid::from_u128(slowest_us as u128);
    run
}

/// Judges a run against a baseline, with gates on ingest.
fn judged(baseline: &Run, run: &Run, gates: &[&str], more: &[&str]) -> Output {
    let folder = temp_dir();
    baseline.save(&folder.path().join("main.json")).unwrap();
    run.save(&folder.path().join("run.json")).unwrap();
    let mut arguments = vec!["judge", "run.json", "--baseline", "main.json"];
    for gate in gates {
        arguments.extend(["--gate", gate]);
    }
    arguments.extend(more);
    harness::run(folder.path(), &arguments)
}

const LARGER: &str = "ingest p95 <= baseline + 10% or 1ms";

#[test]
fn the_screen_shows_the_limit_in_force_and_the_interval_that_decided() {
    let screens = [
        ("baseline-pass", 1_350.0, 1_280.0, 0),
        ("baseline-fail", 1_350.0, 9_000.0, 1),
        ("baseline-inconclusive", 320_000.0, 350_000.0, 3),
    ];
    for (name, before_us, after_us, exit) in screens {
        let output = judged(&run_of(before_us), &run_of(after_us), &[LARGER], &[]);
        assert_eq!(code(&output), exit, "{name}: {}", stderr(&output));
        looks_as_its_snapshot(name, &stdout(&output));
    }
}

#[test]
fn the_larger_allowance_decides_and_one_alone_may_not_do() {
    let verdict = |before_us: f64, after_us: f64, gate: &str| {
        let (before, after) = (run_of(before_us), run_of(after_us));
        let output = judged(&before, &after, &[gate], &["--output", "json"]);
        let finding = json(&output)["findings"][0].clone();
        (
            finding["verdict"].as_str().unwrap().to_owned(),
            finding["reason_values"]["allowance"].clone(),
        )
    };
    let time = Value::from("time");
    let share = Value::from("share");
    for (before_us, after_us, gate, expected) in [
        (1_350.0, 1_900.0, LARGER, ("PASS", &time)),
        (
            1_350.0,
            1_900.0,
            "ingest p95 <= baseline + 10%",
            ("FAIL", &share),
        ),
        (320_000.0, 330_000.0, LARGER, ("PASS", &share)),
        (
            320_000.0,
            400_000.0,
            "ingest p95 <= baseline + 1ms",
            ("FAIL", &time),
        ),
        (320_000.0, 400_000.0, LARGER, ("FAIL", &share)),
        (
            320_000.0,
            400_000.0,
            "ingest p95 <= baseline + 10% or 1ms warn",
            ("FAIL", &share),
        ),
    ] {
        let (found, allowance) = verdict(before_us, after_us, gate);
        assert_eq!((found.as_str(), &allowance), expected, "{gate} {after_us}");
    }
}

#[test]
fn an_open_gate_says_which_allowance_or_how_many_requests_it_needs() {
    let (before, after) = (run_of(320_000.0), run_of(350_000.0));
    let output = judged(&before, &after, &[LARGER], &["--output", "json"]);
    assert_eq!(code(&output), 3);
    let step = json(&output)["findings"][0]["next_step"].clone();
    let step = step.as_str().unwrap();
    let Some((requests, allowance)) = step
        .strip_prefix("P95 needs about ")
        .and_then(|rest| rest.split_once(" requests on each side, or 'p95 <= baseline + "))
    else {
        panic!("{step}");
    };
    assert!(
        requests.replace(',', "").parse::<u64>().unwrap() > 600,
        "{step}"
    );
    // The allowance that it names is enough.
    let gate = format!(
        "ingest p95 <= baseline + {}",
        allowance.trim_end_matches('\'')
    );
    assert_eq!(code(&judged(&before, &after, &[&gate], &[])), 0, "{gate}");
}

#[test]
fn another_machine_is_a_warning() {
    let (mut before, after) = (run_of(1_350.0), run_of(1_300.0));
    before.environment.cores = after.environment.cores + 6;
    let output = judged(&before, &after, &[LARGER], &[]);
    assert_eq!(code(&output), 0);
    let cores = after.environment.cores;
    let warning = format!(
        "warning: the baseline was measured on a different machine ({} cores, here {cores})\n\
         hint: measure the baseline here, or use ab\n",
        cores + 6
    );
    assert!(stderr(&output).contains(&warning), "{}", stderr(&output));
}
