//! The promise of run files: nothing is lost, nothing secret is kept, and nothing damaged is believed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use a7probe::command;
use a7probe::exit::Exit;
use a7probe::run::completion::{
    Audit, AuditTrouble, Completion, EffectReporting, Resends, UnexpectedEvents,
};
use a7probe::run::histogram::{Bucket, Histogram, Precision};
use a7probe::run::recording::{Latency, Recording};
use a7probe::run::run_file::{
    AdaptiveRecord, GuardRecord, Judging, Run, RunEnd, RunFileError, Signal, StopReason,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
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
        reason: AuditTrouble::stated("it was never read"),
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
            "a7probe.run/2 is newer than what this a7probe reads, a7probe.run/1",
        ),
        (
            r#"{"format": "a7probe.run/0"}"#,
            "a7probe.run/0 is older than what this a7probe reads, a7probe.run/1",
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

/// Replaces the value at a JSON pointer and says what reading it answers.
fn answer_to(pointer: &str, replacement: Value) -> String {
    let mut value = example_json();
    *value.pointer_mut(pointer).expect(pointer) = replacement;
    let error = read(&value).err();
    error
        .unwrap_or_else(|| panic!("{pointer} was believed"))
        .to_string()
}

#[test]
fn parts_that_contradict_each_other_are_named() {
    let other_bits = example_json()["endpoints"][0]["exceedances"][0]["bits"].clone();
    let empty = a7probe::run::recording::Bits::new().encode();
    for (pointer, replacement, message) in [
        (
            "/plan_hash",
            json!("0"),
            "plan_hash is not that of the plan",
        ),
        (
            "/plan/timeout_ns",
            json!(1),
            "plan_hash is not that of the plan",
        ),
        ("/id", json!("x"), "id is 'x', which is not a UUID"),
        (
            "/started_at",
            json!("yesterday"),
            "started_at is 'yesterday', which is not a time",
        ),
        ("/endpoints", json!([]), "it has no endpoints"),
        (
            "/endpoints/0/name",
            json!("ingest"),
            "endpoint ingest is there twice",
        ),
        (
            "/endpoints/0/name",
            json!("other"),
            "the plan has other endpoints than the recordings",
        ),
        (
            "/endpoints/0/planned",
            json!(3),
            "health: planned is 3 where the outcomes' sum is 605",
        ),
        (
            "/endpoints/0/counts/timeout",
            json!(u64::MAX),
            "health: counts add up to more than a number holds",
        ),
        (
            "/endpoints/0/ok",
            json!(empty),
            "ok of health: 0 bytes of bits where 605 requests need 76",
        ),
        ("/endpoints/0/ok", other_bits, "health: bits of ok is"),
        (
            "/endpoints/0/latency/count",
            json!(3),
            "health: count of latency is 3 where its histogram's is 504",
        ),
        (
            "/endpoints/0/latency/min_ns",
            json!(1),
            "health: minimum and maximum of latency are not those of its histogram",
        ),
        (
            "/endpoints/0/latency/hdr",
            json!("AAAA"),
            "latency of health: the histogram cannot be decoded",
        ),
        (
            "/endpoints/0/service/hdr",
            json!("%"),
            "service of health: the histogram is not base64",
        ),
        (
            "/endpoints/0/exceedances/1/count",
            json!(1),
            "health: exceedances of 150ms is 1 where the number of its set bits is",
        ),
        (
            "/endpoints/0/exceedances/1/target_ns",
            json!(350_000_000),
            "which the latencies contradict",
        ),
        (
            "/endpoints/0/intervals/1/second",
            json!(0),
            "health: second 0 is there twice",
        ),
        (
            "/endpoints/0/intervals/0/not_ok",
            json!(1000),
            "health: not_ok of all seconds is",
        ),
        (
            "/endpoints/0/slowest/0/index",
            json!(605),
            "health: a slow request has index 605 of 605",
        ),
        (
            "/endpoints/0/slowest/0/failure",
            json!("reset"),
            "health: a slow request has a failure and did not fail",
        ),
        (
            "/endpoints/0/clock",
            json!("sundial"),
            "unknown variant 'sundial'",
        ),
        (
            "/endpoints/0/planned",
            json!(-1),
            "invalid value: integer '-1', expected u64",
        ),
    ] {
        let answer = answer_to(pointer, replacement);
        assert!(answer.contains(message), "{pointer}: {answer}");
        assert!(answer.starts_with("the run is damaged: "), "{answer}");
    }
}

/// What `a7probe schema` prints.
fn printed_schema() -> Value {
    let mut printed = Vec::new();
    let exit = command::schema::run(&mut printed).expect("printed");
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

/// A change of a file's bytes, as a bad disk or a bad copy makes it.
#[derive(Clone, Debug)]
enum Damage {
    Overwrite(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Truncate(usize),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Overwrite(at, byte)),
        (any::<usize>(), 1usize..200).prop_map(|(at, n)| Damage::Remove(at, n)),
        (any::<usize>(), 1usize..200).prop_map(|(at, n)| Damage::Repeat(at, n)),
        any::<usize>().prop_map(Damage::Truncate),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: &Damage) -> Vec<u8> {
    let length = bytes.len();
    let range = |at: usize, n: usize| at % length..(at % length + n).min(length);
    match *damage {
        Damage::Overwrite(at, byte) => bytes[at % length] = byte,
        Damage::Remove(at, n) => drop(bytes.drain(range(at, n))),
        Damage::Repeat(at, n) => {
            let piece = bytes[range(at, n)].to_vec();
            bytes.splice(at % length..at % length, piece);
        }
        Damage::Truncate(at) => bytes.truncate(at % length),
    }
    bytes
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!(u64::MAX)),
        Just(json!(-1)),
        Just(json!(1e308)),
        any::<u16>().prop_map(|n| json!(n)),
        any::<String>().prop_map(|s| json!(s)),
        proptest::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| json!(base64(&bytes))),
    ]
}

fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The JSON pointers of every value inside another.
fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    let mut go = |key: &str, value: &Value| {
        let pointer = format!("{here}/{}", key.replace('~', "~0").replace('/', "~1"));
        all.push(pointer.clone());
        pointers(value, &pointer, all);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| go(key, value)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, value)| go(&i.to_string(), value)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_damage_of_the_bytes_makes_the_reader_panic(damages in proptest::collection::vec(any_damage(), 1..4)) {
        let whole = small_json().as_bytes().to_vec();
        let bytes = damages.iter().fold(whole, |bytes, damage| match bytes.is_empty() {
            true => bytes,
            false => damaged(bytes, damage),
        });
        let _ = Run::from_json(&bytes);
    }

    #[test]
    fn no_value_in_any_field_makes_the_reader_panic(at in any::<proptest::sample::Index>(), replacement in any_json()) {
        let mut value: Value = serde_json::from_str(small_json()).expect("JSON");
        let mut all = Vec::new();
        pointers(&value, "", &mut all);
        *value.pointer_mut(at.get(all.as_slice()).as_str()).expect("a pointer") = replacement;
        if let Ok(run) = read(&value) {
            // What was believed can be used.
            for endpoint in &run.endpoints {
                endpoint.recording.latency.ranked_values();
                let _ = endpoint.recording.achieved_per_s();
            }
            run.to_json();
        }
    }

    #[test]
    fn no_damage_inside_a_histogram_makes_the_reader_panic(damages in proptest::collection::vec(any_damage(), 1..4)) {
        let inner = damages.iter().fold(inflated_histogram().to_vec(), |bytes, damage| match bytes.is_empty() {
            true => bytes,
            false => damaged(bytes, damage),
        });
        let text = base64(&deflated(&inner));
        if let Ok(histogram) = Histogram::decode(&text, Precision::Four, None)
            // More than any run has is refused before its levels are looked up.
            && histogram.count() < 1 << 40
        {
            histogram.ranked_values();
            histogram.count_above(150_000_000);
        }
    }
}

/// What stands before the zlib data of HdrHistogram's V2 compressed encoding: cookie and length.
const HEADER: usize = 8;

fn compressed_histogram() -> Vec<u8> {
    let json = example_json();
    let text = json["endpoints"][0]["latency"]["hdr"].as_str();
    BASE64.decode(text.expect("text")).expect("base64")
}

fn inflated_histogram() -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut inner = Vec::new();
        let compressed = compressed_histogram();
        let mut decoder = flate2::read::ZlibDecoder::new(&compressed[HEADER..]);
        decoder.read_to_end(&mut inner).expect("zlib");
        inner
    });
    &BYTES
}

fn deflated(inner: &[u8]) -> Vec<u8> {
    static START: LazyLock<Vec<u8>> = LazyLock::new(|| compressed_histogram()[..HEADER].to_vec());
    let mut encoder = flate2::write::ZlibEncoder::new(START.clone(), flate2::Compression::fast());
    encoder.write_all(inner).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn the_damage_test_starts_from_a_histogram_that_is_whole() {
    let text = base64(&deflated(inflated_histogram()));
    let whole = Histogram::decode(&text, Precision::Four, None).expect("whole");
    assert_eq!(whole.count(), 504);
}

#[test]
fn a_histogram_header_cannot_ask_for_memory() {
    // Four bytes at 4 hold the length of the counts, eight at 24 the highest value.
    for (at, bytes) in [(4, [0xff; 8]), (24, [0xff; 8]), (16, [0xff; 8])] {
        let mut inner = inflated_histogram().to_vec();
        inner[at..at + 8].copy_from_slice(&bytes);
        let _ = Histogram::decode(&base64(&deflated(&inner)), Precision::Four, None);
    }
    let mut inner = inflated_histogram().to_vec();
    inner[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
    let text = base64(&deflated(&inner));
    assert!(Histogram::decode(&text, Precision::Four, None).is_err());
}
