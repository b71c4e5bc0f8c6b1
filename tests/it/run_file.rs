//! The promise of run files: nothing is lost, nothing secret is kept, and nothing damaged is believed.

mod contradictions;
mod damage;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use a7probe::cli::schema::SchemaName;
use a7probe::command;
use a7probe::exit::Exit;
use a7probe::run::completion::{
    Audit, AuditTrouble, Completion, EffectReporting, Resends, UnexpectedEvents,
};
use a7probe::run::histogram::{Bucket, Histogram};
use a7probe::run::recording::{Latency, Recording};
use a7probe::run::run_file::{
    AdaptiveRecord, GuardRecord, Judging, NameAddresses, Run, RunEnd, RunFileError, Signal,
    StopReason, UnusedAddress, UsedAddress,
};
use serde_json::{Value, json};

use crate::harness::temp_dir;
use crate::runs;

fn example() -> Run {
    let mut run = runs::run(runs::mixed(600), runs::mixed(600));
    let audit = runs::audit(&run.endpoints[1].recording);
    run.endpoints[1].audit = Some(Audit::Read(Box::new(audit)));
    run.ended = RunEnd::Interrupted {
        signal: Signal::Sigterm,
    };
    run.instrument.addresses = vec![NameAddresses {
        name: "localhost".to_owned(),
        used: vec![UsedAddress {
            address: "127.0.0.1".to_owned(),
            connections: 12,
        }],
        unused: vec![UnusedAddress {
            address: "::1".to_owned(),
            reason: "connection refused".to_owned(),
        }],
    }];
    run.judging = Judging {
        guard: GuardRecord::Iid,
        adaptive: Some(AdaptiveRecord {
            budget: Duration::from_secs(90),
            stopped: StopReason::Interrupted,
        }),
    };
    run
}

fn example_json() -> Value {
    static JSON: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(&example().to_json()).expect("JSON"));
    JSON.clone()
}

/// The text of a small run, for tests that read it many times.
fn small_json() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| runs::run(runs::mixed(60), runs::mixed(60)).to_json());
    &TEXT
}

fn read(value: &Value) -> Result<Run, RunFileError> {
    Run::from_json(value.to_string().as_bytes())
}

/// Everything a histogram knows: its buckets and its exact extremes.
fn contents(histogram: &Histogram) -> (Vec<Bucket>, Option<u64>, Option<u64>) {
    let buckets = histogram.buckets().collect();
    (buckets, histogram.min_ns(), histogram.max_ns())
}

fn assert_same(read: &Recording, written: &Recording) {
    assert_eq!(read.clock, written.clock);
    assert_eq!(read.counts, written.counts);
    match (&read.latency, &written.latency) {
        (Latency::Histogram(read), Latency::Histogram(written)) => {
            assert_eq!(contents(read), contents(written));
        }
        (Latency::Exact(read), Latency::Exact(written)) => assert_eq!(read, written),
        _ => panic!("the form of the latencies changed"),
    }
    assert_eq!(contents(&read.service), contents(&written.service));
    assert_eq!(contents(&read.send_lag), contents(&written.send_lag));
    for ((_, read), (_, written)) in read.phases.named().iter().zip(written.phases.named()) {
        assert_eq!(contents(read), contents(written));
    }
    assert_eq!(read.exceedances, written.exceedances);
    assert_eq!(read.ok, written.ok);
    assert_eq!(read.client, written.client);
    assert_eq!(read.sequence(), written.sequence());
    assert!(written.sequence().is_some());
    assert_eq!(read.intervals, written.intervals);
    assert_eq!(read.slowest, written.slowest);
    assert_eq!(read.statuses, written.statuses);
    let timings = |recording: &Recording| -> BTreeMap<String, _> {
        let named = recording.server_timing.iter();
        named.map(|(n, h)| (n.clone(), contents(h))).collect()
    };
    assert_eq!(timings(read), timings(written));
    assert_eq!(read.new_connections, written.new_connections);
    assert_eq!(read.pool_limited, written.pool_limited);
    assert_eq!(read.body_bytes, written.body_bytes);
    assert_eq!(read.first_sent_ns, written.first_sent_ns);
    assert_eq!(read.last_sent_ns, written.last_sent_ns);
    assert_eq!(read.last_finished_ns, written.last_finished_ns);
}

#[test]
fn a_run_is_read_back_without_loss() {
    let directory = temp_dir();
    let path = directory.path().join("run.json");
    let written = example();
    written.save(&path).expect("saved");
    let read = Run::load(&path).expect("loaded");
    assert_eq!(read.id, written.id);
    assert_eq!(read.plan, written.plan);
    assert_eq!(read.environment, written.environment);
    assert_eq!(read.started_at, written.started_at);
    assert_eq!(read.ended, written.ended);
    assert_eq!(read.instrument, written.instrument);
    assert_eq!(read.gates, written.gates);
    assert_eq!(read.judging, written.judging);
    assert_eq!(read.endpoints.len(), 2);
    for (read, written) in read.endpoints.iter().zip(&written.endpoints) {
        assert_eq!(read.name, written.name);
        assert_eq!(read.warmup, written.warmup);
        assert_same(&read.recording, &written.recording);
    }
    assert_eq!(read.to_json(), written.to_json());
}

#[test]
fn a_long_run_has_wider_intervals_and_a_file_that_names_the_width() {
    // 2,000 s at 20/s.
    let written = runs::run(runs::mixed(40_000), runs::mixed(40_000));
    let mut value: Value = serde_json::from_str(&written.to_json()).expect("JSON");
    let endpoint = &value["endpoints"][0];
    assert_eq!(endpoint["interval_s"], 5);
    let intervals = endpoint["intervals"].as_array().expect("a list");
    let seconds: Vec<_> = intervals.iter().map(|own| &own["second"]).collect();
    let expected: Vec<Value> = (0..400).map(|number| json!(5 * number)).collect();
    assert_eq!(seconds, expected.iter().collect::<Vec<_>>());
    let read_back = read(&value).expect("a run");
    assert_same(
        &read_back.endpoints[0].recording,
        &written.endpoints[0].recording,
    );
    for (field, wrong, message) in [
        (
            "/endpoints/0/interval_s",
            7,
            "health: second 5 does not begin an interval of 7 s",
        ),
        (
            "/endpoints/0/interval_s",
            0,
            "health: interval_s is 0 where the last second gives 5",
        ),
        (
            "/endpoints/0/intervals/1/second",
            6,
            "health: second 6 does not begin an interval of 5 s",
        ),
    ] {
        let was = value.pointer_mut(field).expect(field);
        let before = std::mem::replace(was, json!(wrong));
        let error = read(&value).expect_err(field).to_string();
        assert!(error.contains(message), "{error}");
        *value.pointer_mut(field).expect(field) = before;
    }
}

fn completion(run: &Run) -> &Completion {
    let audit = run
        .endpoint("ingest")
        .and_then(|ingest| ingest.audit.as_ref());
    audit.and_then(Audit::completion).expect("an audit")
}

#[test]
fn an_audit_is_read_back_without_loss() {
    let written = example();
    let restored = read(&example_json()).expect("a run");
    let (read, written) = (completion(&restored), completion(&written));
    let counts = |c: &Completion| {
        let outcomes = [c.processed, c.pending, c.unread, c.dead, c.lost, c.shared];
        let twice = [c.inserted_twice, c.notified_twice, c.effects_twice];
        (c.journal, outcomes, twice, c.recovered, c.unexpected)
    };
    assert_eq!(counts(read), counts(written));
    let outcomes = counts(written).1;
    assert!(outcomes.iter().all(|n| *n > 0), "{outcomes:?}");
    let facts = |c: &Completion| {
        let told = (c.clock, c.inserts, c.notifications);
        (
            told,
            c.settled,
            c.patience,
            c.quiet,
            c.remarks.clone(),
            c.resends,
        )
    };
    assert_eq!(facts(read), facts(written));
    // What was unread is in doubt, and what was done is done at most so late.
    let rows = |c: &Completion| {
        let done = &c.done;
        (
            done.client.clone(),
            done.values,
            done.counts.clone(),
            done.exceedances.clone(),
        )
    };
    assert_eq!(rows(read), rows(written));
}

#[test]
fn an_audit_of_before_there_was_doubt_is_read_as_it_was_meant() {
    let mut run = example();
    let reports = (0..600).map(|index| (index, runs::done(index))).collect();
    let recording = &run.endpoints[1].recording;
    run.endpoints[1].audit = Some(Audit::Read(Box::new(runs::all_known(recording, &reports))));
    let mut old: Value = serde_json::from_str(&run.to_json()).expect("JSON");
    let audit = old.pointer_mut("/endpoints/1/audit").expect("an audit");
    let audit = audit.as_object_mut().expect("an object");
    for new in ["unread", "shared", "inserts", "notifications"] {
        assert!(audit.remove(new).is_some(), "{new}");
    }
    audit.insert("unexpected".to_owned(), json!(2));
    audit.insert("recovered".to_owned(), json!(0));
    let restored = read(&old).expect("an old run");
    let read = completion(&restored);
    assert_eq!((read.unread, read.shared, read.recovered), (0, 0, Some(0)));
    assert_eq!(
        (read.inserts, read.notifications),
        (EffectReporting::Reported, EffectReporting::Reported)
    );
    assert_eq!(read.unexpected, Some(UnexpectedEvents::exactly(2)));
}

#[test]
fn what_answers_alone_show_is_kept_where_the_service_told_nothing() {
    let mut run = example();
    let resends = Some(Resends {
        share: 0.1,
        after: 3,
        several_events: 3,
        ..Resends::default()
    });
    run.endpoints[1].audit = Some(Audit::Unread {
        reason: AuditTrouble::stated("the listing was never read"),
        resends,
    });
    let restored = Run::from_json(run.to_json().as_bytes()).expect("a run");
    let audit = restored
        .endpoint("ingest")
        .and_then(|ingest| ingest.audit.as_ref());
    assert_eq!(audit.and_then(Audit::resends).copied(), resends);
}

#[test]
fn a_list_of_latencies_of_another_tool_is_no_run() {
    let listed = Recording::from_latencies(
        &[Some(runs::TARGET), None, Some(runs::TARGET * 2)],
        &[runs::TARGET],
    );
    let written = runs::run(listed.clone(), listed);
    let error = Run::from_json(written.to_json().as_bytes()).expect_err("a list");
    assert!(
        error.to_string().contains("latencies are a list"),
        "{error}"
    );
}

#[test]
fn an_empty_recording_is_read_back() {
    let empty = || runs::all_ok([]);
    let read = Run::from_json(runs::run(empty(), empty()).to_json().as_bytes()).expect("loaded");
    assert_same(&read.endpoints[0].recording, &empty());
}

#[test]
fn no_secret_is_in_the_file() {
    let text = example().to_json();
    assert!(!text.contains("s3cr3t"));
    assert!(text.contains("[redacted:"));
}

#[test]
fn saving_replaces_the_file_at_once_and_leaves_nothing_else() {
    let directory = temp_dir();
    let path = directory.path().join("run.json");
    fs::write(&path, "older").expect("written");
    example().save(&path).expect("saved");
    Run::load(&path).expect("a whole run");
    let names: Vec<_> = fs::read_dir(directory.path()).expect("listed").collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[cfg(unix)]
#[test]
fn saving_follows_links_and_never_replaces_a_device() {
    use std::os::unix::fs::FileTypeExt;
    let directory = temp_dir();
    let (file, link) = (
        directory.path().join("run.json"),
        directory.path().join("latest.json"),
    );
    fs::write(&file, "older").expect("written");
    std::os::unix::fs::symlink(&file, &link).expect("linked");
    example().save(&link).expect("saved");
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    Run::load(&file).expect("the file behind the link");

    let null = directory.path().join("null");
    std::os::unix::fs::symlink("/dev/null", &null).expect("linked");
    example().save(&null).expect("swallowed");
    let device = fs::metadata("/dev/null").expect("there").file_type();
    assert!(device.is_char_device());
}

#[test]
fn what_cannot_be_written_is_named() {
    let error = example()
        .save(Path::new("/nonexistent/run.json"))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot write /nonexistent/run.json: "),
        "{error}"
    );
    let directory = temp_dir();
    assert!(example().save(directory.path()).is_err());
}

#[test]
fn files_that_are_no_runs_are_told_apart() {
    let whole = example().to_json();
    let cut = &whole[..whole.len() / 2];
    for (text, message) in [
        ("", "the file is empty"),
        (" \n ", "the file is empty"),
        (
            "163.2\n320.5\n",
            "not an a7probe run: it is not valid JSON (trailing characters at line 2 column 1)",
        ),
        (
            "hello",
            "not an a7probe run: it is not valid JSON (expected value at line 1 column 1)",
        ),
        ("[1, 2]", "not an a7probe run: it is not a JSON object"),
        ("null", "not an a7probe run: it is not a JSON object"),
        (
            r#"{"metrics": {}}"#,
            "not an a7probe run: it has no \"format\"",
        ),
        (
            r#"{"format": "k6/1"}"#,
            "not an a7probe run: its \"format\" is \"k6/1\"",
        ),
        (
            r#"{"format": 1}"#,
            "not an a7probe run: its \"format\" is 1",
        ),
        (
            r#"{"format": "a7probe.run/x"}"#,
            "not an a7probe run: its \"format\" is \"a7probe.run/x\"",
        ),
        (
            r#"{"format": "a7probe.run/2", "new": true}"#,
            "a7probe.run/2 is newer than a7probe.run/1, which this a7probe reads",
        ),
        (
            r#"{"format": "a7probe.run/0"}"#,
            "a7probe.run/0 is older than a7probe.run/1, which this a7probe reads",
        ),
        (
            r#"{"format": "a7probe.run/1"}"#,
            "the run is damaged: missing field 'id' at line 1 column 27",
        ),
    ] {
        let error = Run::from_json(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
        assert!(!error.hint().is_empty());
    }
    let error = Run::from_json(cut.as_bytes()).unwrap_err();
    assert!(matches!(error, RunFileError::Cut { .. }), "{error}");
    let missing = Run::load(Path::new("/nonexistent/run.json")).unwrap_err();
    assert!(missing.hint().contains("check the name"), "{missing}");
    assert!(Run::load(Path::new("/")).is_err());
    assert!(Run::from_json(&[0xff, 0xfe, 0x00]).is_err());
}

#[test]
fn unknown_fields_of_the_same_version_are_ignored() {
    let mut value = example_json();
    value["calibration"] = json!({ "null_p99_ns": 1 });
    value["endpoints"][0]["weather"] = json!([1, 2]);
    value["instrument"]["temperature"] = json!(false);
    read(&value).expect("loaded");
}

/// What `a7probe schema` prints.
fn printed_schema() -> Value {
    let mut printed = Vec::new();
    let exit = command::schema::run(SchemaName::Run, &mut printed).expect("printed");
    assert_eq!(exit, Exit::Pass);
    serde_json::from_slice(&printed).expect("JSON")
}

#[test]
fn saved_runs_satisfy_the_schema_and_damaged_ones_do_not() {
    let validator = jsonschema::validator_for(&printed_schema()).expect("a schema");
    let value = example_json();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for (pointer, replacement) in [
        ("/plan/seed", json!("7")),
        ("/ended", json!("complete")),
        ("/endpoints/0/counts/ok", json!(-1)),
        ("/endpoints/0/latency/form", json!("other")),
    ] {
        let mut damaged = value.clone();
        *damaged.pointer_mut(pointer).expect(pointer) = replacement;
        assert!(!validator.is_valid(&damaged), "{pointer}");
    }
}
