//! Figures of a run file that contradict each other are refused, and the refusal names them.

use std::time::Duration;

use a7probe::run::run_file::{AdaptiveRecord, Run, StopReason};
use serde_json::{Value, json};

use super::{json_of, passing, read};

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
