//! A time that is missing or impossible is not taken for no time at all.

use serde_json::{Value, json};

use crate::audit::service::{
    Asked, LISTED, POLLED, all_done, done, gates, listing, named, run_exactly, service, state,
};
use crate::audit::{completion, result, verdict};
use crate::harness::{a7probe, temp_dir};

/// So much below what even the fastest answer here takes that only a lie of a clock passes it.
const IMPOSSIBLE: [&str; 1] = ["done.p50 <= 2us"];

fn listed(change: impl Fn(&mut Value) + Send + Sync + 'static) -> (i32, Value) {
    let server = service(named, move |asked: &Asked<'_>| {
        let mut events = all_done(asked.taken);
        events.iter_mut().for_each(&change);
        listing(&events)
    });
    let folder = temp_dir();
    run_exactly(
        folder.path(),
        &server,
        &[&LISTED[..], &gates(&IMPOSSIBLE)].concat(),
    )
}

fn polled(change: impl Fn(&mut Value) + Send + Sync + 'static) -> (i32, Value) {
    let server = service(named, move |_| {
        let mut event = done();
        change(&mut event);
        state(&event)
    });
    let folder = temp_dir();
    run_exactly(
        folder.path(),
        &server,
        &[&POLLED[..], &gates(&IMPOSSIBLE)].concat(),
    )
}

fn assert_between_looks(report: &Value, remark: &str) {
    assert_eq!(verdict(report, "done.p50"), "INCONCLUSIVE", "{report:#}");
    assert_eq!(completion(report)["clock"], "poll", "{report:#}");
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains(remark), "{warnings}");
}

#[test]
fn an_event_that_is_done_at_no_time_is_not_done_in_no_time() {
    let (_, report) = listed(|event| event["processed_at"] = Value::Null);
    assert_between_looks(&report, "without processed_at");
}

#[test]
fn an_event_that_is_done_before_it_is_accepted_shows_that_clocks_disagree() {
    const EARLY: &str = "2025-12-31T23:59:59Z";
    let (_, report) = listed(|event| event["processed_at"] = json!(EARLY));
    assert_between_looks(&report, "the clocks disagree");
    let (_, report) = polled(|event| event["processed_at"] = json!(EARLY));
    assert_between_looks(&report, "the clocks disagree");
    // Against the answer's instant by our clock.
    let (_, report) = polled(|event| {
        event["processed_at"] = json!(EARLY);
        event.as_object_mut().unwrap().remove("accepted_at");
    });
    assert_between_looks(&report, "the clocks disagree");
}

#[test]
fn a_time_without_an_offset_is_held_against_none_that_has_one() {
    let (_, report) = polled(|event| event["processed_at"] = json!("2026-01-01T00:00:00.250"));
    assert_between_looks(&report, "no UTC offset");
    // Two of one kind are as far apart as they say.
    let (_, report) = polled(|event| {
        event["accepted_at"] = json!("2026-01-01 00:00:00");
        event["processed_at"] = json!("2026-01-01 00:00:00.250");
    });
    let audit = completion(&report);
    assert_eq!(audit["clock"], "server", "{report:#}");
    assert!(
        (audit["done_p50_ms"].as_f64().unwrap() - 250.0).abs() < 0.1,
        "{audit:#}"
    );
}

#[test]
fn a_saved_run_is_judged_by_no_more_than_was_known_when_it_was_measured() {
    // Done at some time before the first look, which is all that is told.
    let server = service(named, |_| state(&json!({"state": "processed"})));
    let folder = temp_dir();
    let live = [
        &POLLED[..],
        &["--save", "run.json"],
        &gates(&["done.p50 <= 1ms"]),
    ]
    .concat();
    let (code, report) = run_exactly(folder.path(), &server, &live);
    assert_eq!(
        (code, verdict(&report, "done.p50")),
        (3, "INCONCLUSIVE"),
        "{report:#}"
    );
    // The target that was counted, and one that was not.
    for gate in ["done.p50 <= 1ms", "done.p50 <= 2ms"] {
        let judge = [
            "judge", "run.json", "--iid", "--output", "json", "--gate", gate,
        ];
        let (code, report) = result(&a7probe(folder.path(), &judge).output().unwrap());
        assert_eq!(
            (code, verdict(&report, "done.p50")),
            (3, "INCONCLUSIVE"),
            "{report:#}"
        );
    }
}

#[test]
fn a_target_beyond_the_audits_patience_is_refused_of_saved_runs_too() {
    let server = service(named, |_| state(&done()));
    let folder = temp_dir();
    let live = [&POLLED[..], &["--save", "run.json"], &gates(&["lost <= 0"])].concat();
    assert_eq!(run_exactly(folder.path(), &server, &live).0, 0);
    let gate = ["--gate", "ingest done.p95 <= 5s"];
    for line in [
        &["judge", "run.json"][..],
        &["compare", "run.json", "run.json"],
    ] {
        let output = a7probe(folder.path(), &[line, &gate].concat())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("the audit waited 2 s, less than the limit"),
            "{said}"
        );
    }
}
