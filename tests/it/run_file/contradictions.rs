//! Parts of a run file that contradict each other are named.

use serde_json::{Value, json};

use super::{example_json, read};

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
