//! Lists, names, depth and length of a run file are bounded, and so is the memory that reading one needs.

use std::fs;
use std::process::Command;
use std::time::Duration;

use a7probe::run::run_file::Run;
use serde_json::{Value, json};

use super::{json_of, passing, read};

use crate::harness::{PROGRAM, temp_dir};
use crate::needs::{LONG_TESTS, need_right};
use crate::runs;

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
    if need_right(&LONG_TESTS, "run_damage::bounds::long_run_memory").is_none() {
        return;
    }
    let folder = temp_dir();
    let run = long(1_000_000);
    let path = folder.path().join("run.json");
    run.save(&path).expect("a file");
    // 14 hours in intervals of a minute: the responses in order take most of it.
    let bytes = fs::metadata(&path).expect("a file").len();
    assert!((1_000_000..4_000_000).contains(&bytes), "{bytes} bytes");
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
