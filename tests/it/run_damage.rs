//! A run file that was edited or damaged is refused with the contradiction named, and never passes because of it. No
//! bytes make the reader panic or take unbounded memory.

mod bounds;
mod contradictions;
mod seeded;
mod sequence;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use a7probe::judge::gate::{self, Gate, Subject, run_verdict};
use a7probe::run::completion::Audit;
use a7probe::run::run_file::{GuardRecord, Judging, Run};
use a7probe::verdict::Verdict;
use serde_json::{Value, json};

use crate::harness::{run, temp_dir};
use crate::runs;

/// A run that passes its gates: 100 requests an endpoint of 1 to 2 ms, all of them done exactly once.
fn passing() -> Run {
    let latencies = || (0..100u64).map(|i| Duration::from_micros(1_000 + i * 10));
    let mut run = runs::run(runs::all_ok(latencies()), runs::all_ok(latencies()));
    let reports: HashMap<u64, _> = (0..100).map(|index| (index, runs::done(20))).collect();
    let completion = runs::all_known(&run.endpoints[1].recording, &reports);
    run.endpoints[1].audit = Some(Audit::Read(Box::new(completion)));
    run.judging = Judging {
        guard: GuardRecord::Iid,
        adaptive: None,
    };
    run.gates = vec![
        "* p95 <= 150ms".to_owned(),
        "ingest lost <= 0".to_owned(),
        "ingest duplicated <= 0".to_owned(),
    ];
    run
}

/// The same with a quarter of the answers too slow.
fn failing() -> Run {
    let slow = (0..100u64).map(|i| Duration::from_millis(if i % 4 == 1 { 400 } else { 2 }));
    let mut run = passing();
    run.endpoints[0].recording = runs::all_ok(slow);
    run.instrument.wall = Duration::from_secs(40);
    run
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.to_json()).expect("JSON")
}

fn read(value: &Value) -> Result<Run, String> {
    Run::from_json(value.to_string().as_bytes()).map_err(|error| error.to_string())
}

/// The verdict by the gates that the file names.
fn verdict(run: &Run) -> Option<Verdict> {
    let gates: Vec<Gate> = run
        .gates
        .iter()
        .map(|text| text.parse().expect("a gate"))
        .collect();
    let subjects = Subject::of_run(run);
    if gate::check_recorded(&gates, &subjects).is_err() {
        return None;
    }
    run_verdict(&gate::judge(&gates, &subjects))
}

fn program(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(folder, arguments);
    let text = [output.stdout, output.stderr].concat();
    let exit = output.status.code().expect("no signal ended it");
    (exit, String::from_utf8(text).expect("text"))
}

/// Judges a run after an edit of its JSON.
fn judged(edit: impl Fn(&mut Value), arguments: &[&str]) -> (i32, String) {
    let mut value = json_of(&passing());
    edit(&mut value);
    let folder = temp_dir();
    fs::write(folder.path().join("run.json"), value.to_string()).expect("a file");
    program(folder.path(), &[&["judge", "run.json"], arguments].concat())
}

#[test]
fn a_whole_run_passes_and_a_slow_one_fails() {
    assert_eq!(
        verdict(&read(&json_of(&passing())).unwrap()),
        Some(Verdict::Pass)
    );
    assert_eq!(
        verdict(&read(&json_of(&failing())).unwrap()),
        Some(Verdict::Fail)
    );
    assert_eq!(judged(|_| {}, &[]).0, 0);
}

/// A list of latencies cannot be checked against anything else in the file, so a measured run may not hold one.
#[test]
fn a_failing_run_does_not_pass_with_a_list_of_latencies_in_place_of_its_histogram() {
    for clock in ["intended_start", "send", "given"] {
        let mut edited = json_of(&failing());
        let endpoint = &mut edited["endpoints"][0];
        endpoint["latency"] = json!({"form": "exact", "values_ns": vec![1; 100]});
        endpoint["clock"] = json!(clock);
        let error = read(&edited).expect_err(clock);
        assert!(error.contains("latencies are a list"), "{clock}: {error}");
    }
}

#[test]
fn what_is_no_uuid_no_time_and_no_json_is_said_in_plain_words() {
    for (field, form) in [("id", "a UUID"), ("started_at", "a time")] {
        let mut edited = json_of(&passing());
        edited[field] = json!("\u{1b}[31mzz");
        let error = read(&edited).expect_err(field);
        assert!(
            error.ends_with(&format!("zz', which is not {form}")),
            "{error}"
        );
        assert!(!error.contains(['\u{1b}', '`', '"']), "{error}");
    }
    let deep = "[".repeat(200_000);
    let error = Run::from_json(deep.as_bytes())
        .expect_err("no JSON")
        .to_string();
    assert!(error.contains("not valid JSON"), "{error}");
}

/// The extremes of what a gate may ask for: judged or refused, in a file, on the command line and before a run.
#[test]
fn a_gate_of_any_size_is_judged_or_refused_and_never_a_panic() {
    let folder = temp_dir();
    fs::write(folder.path().join("run.json"), passing().to_json()).expect("a file");
    for (share, fits) in [
        ("1e-18%", false),
        ("1e-320%", false),
        ("0.0000001%", true),
        ("99.9999999%", true),
        ("99.999999999999%", false),
    ] {
        let gate = format!("health error_rate <= {share}");
        let size = [
            "measure",
            "http://127.0.0.1:9",
            "--dry-run",
            "--get",
            "health=/",
            "--iid",
        ];
        let lines = [
            vec!["judge", "run.json", "--gate", &gate],
            vec!["compare", "run.json", "run.json", "--gate", &gate],
            [&size[..], &["--gate", &gate]].concat(),
            [&size[..], &["-n", "100", "--gate", &gate]].concat(),
        ];
        for line in lines {
            let (exit, text) = program(folder.path(), &line);
            assert!(!text.contains("panic"), "{line:?}: {text}");
            assert!([0, 2, 3].contains(&exit), "{line:?}: {exit} {text}");
            if !fits {
                assert_eq!(exit, 2, "{line:?}: {text}");
                assert!(text.contains("hint: use at "), "{line:?}: {text}");
            }
        }
        let (exit, text) = judged(|v| v["gates"] = json!([gate]), &[]);
        assert_eq!(exit == 2, !fits, "{gate}: {exit} {text}");
    }
    for gate in ["p99.9999999 <= 1s", "p0.0000001 <= 1s", "p50 <= 604800s"] {
        let (exit, text) = program(folder.path(), &["judge", "run.json", "--gate", gate]);
        assert!([0, 2, 3].contains(&exit), "{gate}: {exit} {text}");
        assert!(!text.contains("panic"), "{gate}: {text}");
    }
}

#[test]
fn a_saved_gate_that_cannot_be_judged_is_an_error_and_no_default_gate_takes_its_place() {
    let cannot = "cannot be read\nhint: correct the file, or judge it with --gate\n";
    let (exit, text) = judged(|v| v["gates"] = json!(["ingest p99 <= 1us weird"]), &[]);
    let told = format!("error: run.json gate 'ingest p99 <= 1us weird' {cannot}");
    assert_eq!((exit, text), (2, told));
    for gates in [
        json!(["* p95 <= 150ms", "p95 <= 150"]),
        json!([""]),
        json!(["p95 <= -1ms"]),
        json!(["p95 <= 0ms"]),
        json!(["p101 <= 1ms"]),
        json!(["nonsense"]),
        json!(["ingest lost <= many"]),
    ] {
        let (exit, text) = judged(|v| v["gates"] = gates.clone(), &[]);
        assert_eq!(exit, 2, "{gates}: {text}");
        assert!(text.ends_with(cannot), "{gates}: {text}");
    }
    for (gates, told) in [
        (json!([]), "run.json has no gates"),
        (json!(null), "the run is damaged: "),
        (json!("p95 <= 1s"), "the run is damaged: "),
        (json!([7]), "the run is damaged: "),
        (
            json!(["orders p95 <= 1s"]),
            "names an endpoint that the file does not have",
        ),
        (json!(["p95 <= 20s"]), "timeout"),
    ] {
        let (exit, text) = judged(|v| v["gates"] = gates.clone(), &[]);
        assert_eq!(exit, 2, "{gates}: {text}");
        assert!(text.contains(told), "{gates}: {text}");
    }
    let (exit, text) = judged(|v| drop(v.as_object_mut().unwrap().remove("gates")), &[]);
    assert_eq!(exit, 2, "{text}");
    // A typed gate is judged, even if the file names others.
    let (exit, text) = judged(
        |v| v["gates"] = json!(["weird"]),
        &["--gate", "p95 <= 150ms"],
    );
    assert_eq!(exit, 0, "{text}");
}
