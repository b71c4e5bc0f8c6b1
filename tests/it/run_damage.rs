//! A run file that was edited or damaged is refused with the contradiction named, and never passes because of it. No
//! bytes make the reader panic or take unbounded memory.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use a7probe::judge::gate::{self, Gate, Subject, run_verdict};
use a7probe::run::completion::Audit;
use a7probe::run::run_file::{AdaptiveRecord, GuardRecord, Judging, Run, StopReason};
use a7probe::verdict::Verdict;
use serde_json::{Value, json};

use crate::harness::{PROGRAM, run, temp_dir};
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
fn lists_and_names_beyond_any_that_a_run_writes_are_refused() {
    let long = "x".repeat(5_000);
    for (pointer, value, told) in [
        (
            "/gates",
            json!(vec!["p95 <= 150ms"; 2_000]),
            "the number of gates is 2000, and a file has at most 1000",
        ),
        ("/gates/0", json!(long), "a gate has 5000 bytes"),
        (
            "/plan/endpoints/0/targets_ns",
            json!((1..=1_001).collect::<Vec<u64>>()),
            "the number of targets of an endpoint is 1001",
        ),
        (
            "/endpoints/0/name",
            json!(long),
            "the name of an endpoint has 5000 bytes",
        ),
        (
            "/endpoints/1/audit/remarks",
            json!(vec![json!({"kind": "x"}); 1]),
            "damaged",
        ),
    ] {
        let mut edited = json_of(&passing());
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        match edited.pointer_mut(parent).expect(pointer) {
            Value::Array(list) => list[key.parse::<usize>().expect(pointer)] = value,
            parent => parent[key] = value,
        }
        let error = read(&edited).expect_err(pointer);
        assert!(error.contains(told), "{pointer}: {error}");
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
                assert!(text.contains("that can be judged is"), "{line:?}: {text}");
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
        (
            json!([]),
            "run.json has no gates, and a measured run has some",
        ),
        (json!(null), "the run is damaged: "),
        (json!("p95 <= 1s"), "the run is damaged: "),
        (json!([7]), "the run is damaged: "),
        (
            json!(["orders p95 <= 1s"]),
            "is about an endpoint that the file does not have",
        ),
        (
            json!(["p95 reduction >= 10%"]),
            "needs a run before and a run after",
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

#[test]
fn figures_that_contradict_each_other_refuse_the_file() {
    let ingest = "/endpoints/1";
    for (pointer, value, told) in [
        (
            "/judging/guard",
            json!({"kind": "episode", "episode_ns": 0}),
            "an episode of 0",
        ),
        (
            "/judging/guard/kind",
            json!("none"),
            "unknown variant 'none'",
        ),
        ("/ended/how", json!("fine"), "unknown variant 'fine'"),
        ("/instrument/threads", json!(0), "instrument.threads is 0"),
        ("/instrument/wall_ns", json!(1), "last_finished_ns is"),
        (
            "/instrument/calibration/own_error_ns",
            json!(0),
            "not ascending",
        ),
        (
            "/instrument/calibration/own_error_ns",
            json!(u64::MAX),
            "longer than a calibration",
        ),
        (
            "/instrument/calibration/requests",
            json!(0),
            "measured 0 requests",
        ),
        (
            "/instrument/calibration/kind",
            json!("good"),
            "unknown variant 'good'",
        ),
        (
            "/plan/endpoints/0/targets_ns",
            json!([1]),
            "the plan counts latencies above 1 ns",
        ),
        (
            "/endpoints/0/clock",
            json!("send"),
            "its clock is not that of the plan's model",
        ),
        (
            "/endpoints/0/clock",
            json!("given"),
            "histogram of unknown origin",
        ),
        (
            "/endpoints/0/latency",
            json!({"form": "exact", "values_ns": vec![1; 100]}),
            "its latencies are a list, and a measured run has a histogram",
        ),
        (
            "/endpoints/0/latency",
            json!({"form": "ranges", "ranges": [[1, 2, 100]]}),
            "unknown variant 'ranges'",
        ),
        (
            "/endpoints/0/latency",
            json!({"form": "rounded", "values_ns": [1], "unit_ns": 1}),
            "unknown variant 'rounded'",
        ),
        (
            "/endpoints/0/first_sent_ns",
            json!(u64::MAX),
            "first_sent_ns is 18446744073709551615 where last_sent_ns",
        ),
        (
            "/endpoints/0/first_sent_ns",
            json!(null),
            "one of first_sent_ns and last_sent_ns is missing",
        ),
        (
            "/endpoints/0/last_sent_ns",
            json!(0),
            "first_sent_ns is 45000 where last_sent_ns is 0",
        ),
        ("/endpoints/0/last_finished_ns", json!(1), "last_sent_ns is"),
        (
            "/endpoints/0/last_finished_ns",
            json!(u64::MAX),
            "where instrument.wall_ns is",
        ),
        (
            "/endpoints/0/sent",
            json!(101),
            "sent is 101 where the number of requests that began is 100",
        ),
        (
            "/endpoints/0/sent",
            json!(99),
            "counts.ok is 100 where sent is 99",
        ),
        (
            "/endpoints/0/achieved_per_s",
            json!(5.0),
            "achieved_per_s is 5 where the sends give",
        ),
        (
            "/endpoints/0/statuses",
            json!({"200": 96}),
            "counts.ok is 100 where the number of answers with an expected status is 96",
        ),
        (
            "/endpoints/0/statuses",
            json!({"503": 100}),
            "with an expected status is 0",
        ),
        (
            "/endpoints/0/statuses",
            json!({"200": u64::MAX, "202": 2}),
            "statuses add up to more than a number holds",
        ),
        (
            "/endpoints/0/warmup/ok",
            json!(-1),
            "invalid value: integer '-1'",
        ),
        (
            "/endpoints/0/warmup/ok",
            json!(1.5),
            "invalid type: floating point '1.5'",
        ),
        (
            "/endpoints/0/warmup/ok",
            json!("NaN"),
            "invalid type: string \"NaN\"",
        ),
        (
            "/endpoints/0/intervals/4/second",
            json!(u64::MAX),
            "the last second is 18446744073709551615 where that of last_finished_ns is 4",
        ),
        (
            "/endpoints/0/intervals/1/second",
            json!(0),
            "second 0 is there twice",
        ),
        (
            "/endpoints/0/intervals/0/ok",
            json!(19),
            "ok of all seconds is 99 where counts.ok is 100",
        ),
        (
            "/endpoints/0/intervals/0/not_ok",
            json!(1),
            "not_ok of all seconds is 1 where the rest is 0",
        ),
        (
            "/endpoints/0/intervals/0/ok",
            json!(u64::MAX),
            "ok of all seconds add up to more than a number holds",
        ),
        (
            "/endpoints/0/intervals",
            json!([]),
            "ok of all seconds is 0",
        ),
        (
            "/endpoints/0/latency/max_ns",
            json!(5_000_000),
            "minimum and maximum of latency",
        ),
        (
            "/endpoints/0/latency/count",
            json!(99),
            "count of latency is 99 where its histogram's is 100",
        ),
        (
            "/endpoints/0/service/count",
            json!(99),
            "count of service is 99",
        ),
        (
            "/endpoints/0/exceedances/0/target_ns",
            json!(0),
            "a target of exceedances is 0",
        ),
        (
            "/endpoints/0/exceedances/0/target_ns",
            json!(1_500_000),
            "which the latencies contradict",
        ),
        (
            "/endpoints/0/exceedances/0/target_ns",
            json!(200_000_000),
            "the plan counts latencies above 150000000 ns",
        ),
        (
            "/endpoints/0/exceedances",
            json!([]),
            "the plan counts latencies above 150000000 ns",
        ),
        (
            "/endpoints/0/seams",
            json!([50]),
            "the number of seams is 1 where that of an uncut run is 0",
        ),
        (
            "/endpoints/0/slowest/0/latency_ns",
            json!(149_000_000),
            "the slowest request took 149000000 ns",
        ),
        (
            "/endpoints/0/slowest/1/index",
            json!(99),
            "a slow request is there twice",
        ),
        (
            "/endpoints/0/slowest",
            json!([]),
            "the number of slowest requests is 0",
        ),
        (
            "/endpoints/0/name",
            json!("ingest"),
            "endpoint ingest is there twice",
        ),
        (
            &format!("{ingest}/audit/lost"),
            json!(1),
            "do not add up to the 100 accepted",
        ),
        (
            &format!("{ingest}/audit/processed"),
            json!(u64::MAX),
            "do not add up",
        ),
        (
            &format!("{ingest}/audit/journal/ok"),
            json!(99),
            "journal.ok is 99 where counts.ok is 100",
        ),
        (
            &format!("{ingest}/audit/journal/unknown"),
            json!(1),
            "journal.unknown is 1",
        ),
        (
            &format!("{ingest}/audit/effects"),
            json!("not_told"),
            "effects contradicts inserts and notifications",
        ),
        (
            &format!("{ingest}/audit/effects_twice"),
            json!(u64::MAX),
            "effects_twice is",
        ),
        (
            &format!("{ingest}/audit/inserted_twice"),
            json!(1),
            "effects_twice is 0 where inserted_twice is 1",
        ),
        (
            &format!("{ingest}/audit/settled"),
            json!("sure"),
            "unknown variant 'sure'",
        ),
        (
            &format!("{ingest}/audit/audit"),
            json!("maybe"),
            "unknown variant 'maybe'",
        ),
    ] {
        let mut edited = json_of(&passing());
        // An optional field that stands only with content may be missing.
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        match edited.pointer_mut(parent).expect(pointer) {
            Value::Array(list) => list[key.parse::<usize>().expect(pointer)] = value.clone(),
            parent => parent[key] = value.clone(),
        }
        let error = read(&edited).expect_err(pointer);
        assert!(error.contains(told), "{pointer} = {value}: {error}");
    }
}

#[test]
fn a_run_that_stopped_when_it_was_decided_is_not_judged_as_one_of_fixed_size() {
    let mut run = passing();
    let budget = Duration::from_secs(60);
    run.plan.size = a7probe::run::run_file::SizeRecord::Duration { duration: budget };
    run.judging.adaptive = Some(AdaptiveRecord {
        budget,
        stopped: StopReason::Decided,
    });
    let whole = json_of(&run);
    assert!(read(&whole).is_ok());
    let mut edited = whole.clone();
    drop(
        edited["judging"]
            .as_object_mut()
            .unwrap()
            .remove("adaptive"),
    );
    let error = read(&edited).unwrap_err();
    assert!(
        error.contains("planned is 100 where the plan's number is 1200"),
        "{error}"
    );
    let mut edited = whole;
    edited["judging"]["adaptive"]["budget_ns"] = json!(5_000_000_000u64);
    let error = read(&edited).unwrap_err();
    assert!(error.contains("another budget"), "{error}");
}

#[test]
fn bits_of_another_length_and_keys_that_stand_twice_are_refused() {
    let text = passing().to_json();
    for (from, to, told) in [
        (
            "\"planned\": 100,",
            "\"planned\": 100, \"planned\": 100,",
            "duplicate field 'planned'",
        ),
        (
            "\"200\": 96",
            "\"200\": 48, \"200\": 96",
            "duplicate key 200",
        ),
        (
            "\"gates\": [",
            "\"gates\": [], \"gates\": [",
            "duplicate field 'gates'",
        ),
        (
            "\"failed\": {}",
            "\"failed\": {\"reset\": 1, \"reset\": 0}",
            "duplicate key Reset",
        ),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{from}");
        let error = Run::from_json(edited.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(told), "{from}: {error}");
    }
    let mut longer = a7probe::run::recording::Bits::new();
    (0..101).for_each(|index| longer.set(index, true));
    let mut edited = json_of(&passing());
    edited["endpoints"][0]["ok"] = json!(longer.encode());
    let error = read(&edited).unwrap_err();
    assert!(
        error.contains("bits are set behind the last of 100 requests"),
        "{error}"
    );
}

/// Every number of a document.
fn numbers(value: &Value, here: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| numbers(value, &format!("{here}/{key}"), all)),
        Value::Array(list) => (0..)
            .zip(list)
            .for_each(|(i, value): (usize, _)| numbers(value, &format!("{here}/{i}"), all)),
        Value::Number(_) => all.push(here.to_owned()),
        _ => {}
    }
}

#[test]
fn no_number_that_is_changed_makes_a_pass_that_its_bits_do_not_show() {
    let whole = passing();
    for (run, passes) in [(passing(), true), (failing(), false)] {
        let original = json_of(&run);
        let mut pointers = Vec::new();
        numbers(&original, "", &mut pointers);
        assert!(pointers.len() > 200, "{}", pointers.len());
        // The slow requests are of one shape.
        pointers.retain(|pointer| !(3..10).any(|n| pointer.contains(&format!("/slowest/{n}/"))));
        for pointer in pointers {
            for value in [json!(0), json!(u64::MAX), json!(-1)] {
                let mut edited = original.clone();
                *edited.pointer_mut(&pointer).unwrap() = value.clone();
                let Ok(read) = read(&edited) else { continue };
                if verdict(&read) != Some(Verdict::Pass) {
                    continue;
                }
                assert!(passes, "{pointer} = {value} makes a failing run pass");
                for (endpoint, own) in read.endpoints.iter().zip(&whole.endpoints) {
                    let (read, own) = (&endpoint.recording, &own.recording);
                    assert_eq!(read.counts, own.counts, "{pointer} = {value}");
                    assert_eq!(read.ok, own.ok, "{pointer} = {value}");
                    assert_eq!(read.exceedances, own.exceedances, "{pointer} = {value}");
                    assert_eq!(read.first_sent_ns, own.first_sent_ns, "{pointer} = {value}");
                }
                assert_eq!(read.judging, whole.judging, "{pointer} = {value}");
            }
        }
    }
}

/// A generator of its own, so that a failure is reproducible: xorshift64*.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    /// One change somewhere in the text.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(8) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, b"{}[]\",:0-e\\"[self.below(11)]),
            3 => bytes.truncate(at),
            4 => {
                let end = (at + self.below(200)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => drop(bytes.drain(at..(at + self.below(60)).min(bytes.len()))),
            // A digit is likely to be a number of the document.
            6 => {
                let digits: Vec<usize> = (at..bytes.len().min(at + 400))
                    .filter(|&i| bytes[i].is_ascii_digit())
                    .collect();
                if let Some(&digit) = digits.first() {
                    let longer = vec![b'9'; 1 + self.below(24)];
                    bytes.splice(digit..=digit, longer);
                }
            }
            _ => {
                let depth = 1 + self.below(3_000);
                bytes.splice(at..at, vec![b'['; depth]);
            }
        }
    }
}

/// Cases of the seeded test; more with `A7PROBE_LONG=1`.
fn cases() -> u64 {
    match std::env::var_os("A7PROBE_LONG") {
        Some(_) => 50_000,
        None => 800,
    }
}

#[test]
fn no_seeded_damage_of_a_run_file_makes_judge_or_compare_panic() {
    static WHOLE: LazyLock<String> = LazyLock::new(|| {
        let mut run = runs::run(runs::mixed(60), runs::mixed(60));
        let audit = runs::audit(&run.endpoints[1].recording);
        run.endpoints[1].audit = Some(Audit::Read(Box::new(audit)));
        run.to_json()
    });
    let mut read = 0;
    for case in 1..=cases() {
        let mut seeded = Seeded(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut bytes = WHOLE.as_bytes().to_vec();
        for _ in 0..1 + seeded.below(3) {
            if !bytes.is_empty() {
                seeded.damage(&mut bytes);
            }
        }
        let Ok(run) = Run::from_json(&bytes) else {
            continue;
        };
        read += 1;
        let gates = gate::default_gates(Duration::from_millis(150));
        gate::judge(&gates, &Subject::of_run(&run));
        let mut report = a7probe::report::Report::new(a7probe::report::ReportKind::Judge, "run");
        report.add_run("run", &run);
        let mut text = Vec::new();
        let style = a7probe::report::Style::default();
        report
            .write(a7probe::report::ReportFormat::Json, &style, &mut text)
            .expect("memory");
    }
    assert!(read > 0, "no damaged file is still a run");
}

#[test]
fn damaged_files_end_judge_and_compare_with_an_exit_code() {
    let folder = temp_dir();
    let whole = passing().to_json();
    fs::write(folder.path().join("whole.json"), &whole).expect("a file");
    for case in 1..=20u64 {
        let mut seeded = Seeded(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut bytes = whole.clone().into_bytes();
        seeded.damage(&mut bytes);
        fs::write(folder.path().join("damaged.json"), &bytes).expect("a file");
        for line in [
            &["judge", "damaged.json"][..],
            &["compare", "whole.json", "damaged.json", "--format", "run"],
        ] {
            let (exit, text) = program(folder.path(), line);
            assert!([0, 1, 2, 3].contains(&exit), "{case}: {exit} {text}");
            assert!(!text.contains("panicked"), "{case}: {text}");
        }
    }
}

#[test]
fn depth_is_bounded_wherever_it_stands() {
    let deep =
        |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    let whole = passing().to_json();
    for nested in [deep("[", "]"), deep("{\"a\":", "}").replace(":}", ":0}")] {
        for from in [
            "\"gates\": [",
            "\"failed\": {}",
            "\"statuses\": {",
            "\"format\": ",
        ] {
            let at = whole.find(from).expect(from) + from.find(':').expect(":") + 1;
            let text = format!("{} {nested}, \"x\": {}", &whole[..at], &whole[at..]);
            assert!(Run::from_json(text.as_bytes()).is_err(), "{from}");
        }
        // A field that is not known is passed over, however deep it is.
        let text = whole.replacen('{', &format!("{{\"unknown\": {nested},"), 1);
        assert!(Run::from_json(text.as_bytes()).is_ok());
    }
}

/// Two endpoints with `requests` requests each, 20 a second.
fn long(requests: u64) -> Run {
    let latencies =
        || (0..requests).map(|i| Duration::from_nanos(1_000_000 + i * 7_919 % 90_000_000));
    runs::run(runs::all_ok(latencies()), runs::all_ok(latencies()))
}

#[test]
fn a_long_run_takes_little_more_memory_than_its_file() {
    if std::env::var_os("A7PROBE_LONG").is_none() {
        return;
    }
    let folder = temp_dir();
    let run = long(1_000_000);
    let path = folder.path().join("run.json");
    run.save(&path).expect("a file");
    let megabytes = fs::metadata(&path).expect("a file").len() >> 20;
    assert!(megabytes >= 8, "{megabytes} MB");
    // The program itself takes some address space before it reads anything.
    let script = "ulimit -v 320000; exec \"$0\" judge run.json --gate 'p50 <= 150ms'";
    let output = Command::new("sh")
        .args(["-c", script, PROGRAM])
        .current_dir(folder.path())
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
}
