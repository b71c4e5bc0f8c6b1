//! Every spelling of a gate, and every refusal with its fix.

use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use crate::judge::gate::allowance::Allowance;
use crate::judge::gate::condition::{AuditCount, Condition, LimitOperator};
use crate::judge::gate::percentage::Percentage;
use crate::judge::gate::spec::{Gate, GateOrigin, Selector, Severity};
use crate::stats::rank::Quantile;

fn latency(quantile: Quantile, operator: LimitOperator, limit_ms: u64) -> Condition {
    Condition::Latency {
        quantile,
        operator,
        limit: Duration::from_millis(limit_ms),
    }
}

fn read(text: &str) -> Gate {
    Gate::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    let error = Gate::parse(text).expect_err(text).to_string();
    let (_, kind) = error.split_once("': ").expect("the gate comes first");
    kind.to_owned()
}

#[test]
fn shares_that_no_run_can_show_are_refused_with_the_nearest_that_it_can() {
    for (text, told) in [
        ("error_rate <= 1e-18%", "use at least 0.0000001%"),
        ("error_rate <= 0.00000009%", "0.0000001%"),
        ("error_rate <= 1e-300%", "0.0000001%"),
        ("error_rate <= 1e-400%", "an error rate of 0"),
        ("error_rate <= 99.99999999%", "use at most 99.9999999%"),
        ("error_rate <= 1e300%", "below 100%"),
        ("error_rate <= nan%", "0% or more"),
        ("error_rate <= inf%", "0% or more"),
        ("p95 <= baseline + 1e300%", "the largest is 1000000%"),
        ("p99.99999999999999 <= 1s", "at most 7"),
        ("p100 <= 1s", "above 0 and below 100"),
        ("p95 <= 0s", "above zero"),
        ("p95 <= 1000000000000000000s", "at most 7 days"),
        ("p95 <= nans", "not a duration"),
    ] {
        let refused = refusal(text);
        assert!(refused.contains(told), "{text}: {refused}");
    }
    for text in [
        "error_rate <= 0.0000001%",
        "error_rate <= 99.9999999%",
        "p99.9999999 <= 1s",
        "p0.0000001 <= 1s",
        "p95 <= baseline + 1000000%",
    ] {
        read(text);
    }
}

#[test]
fn every_spelling_of_a_percentile_gate_is_read() {
    let p95 = latency(Quantile::P95, LimitOperator::AtMost, 150);
    for text in [
        "health p95 <= 150ms",
        "health p95<=150ms",
        "  health   P95   ≤ 0.15 s  ",
        "health p(95) <= 150ms",
        "health p( 95 )<=150ms",
        "health: p95 <= 150ms",
    ] {
        let gate = read(text);
        assert_eq!(gate.selector, Selector::Named("health".into()), "{text}");
        assert_eq!(gate.condition, p95, "{text}");
        assert_eq!(gate.severity, Severity::Decides, "{text}");
    }
    for text in [
        "p95 <= 150ms",
        "* p95 <= 150ms",
        "http_req_duration p(95) <= 150ms",
        "http_req_duration: p(95)<=150ms",
    ] {
        assert_eq!(read(text).selector, Selector::Every, "{text}");
        assert_eq!(read(text).condition, p95, "{text}");
    }
    assert_eq!(
        read("med < 1s").condition,
        latency(Quantile::P50, LimitOperator::Below, 1000)
    );
    assert_eq!(
        read("my api p99.9 <= 1s").selector,
        Selector::Named("my api".into())
    );
}

#[test]
fn shares_reductions_and_baselines_are_read() {
    let percent = |number| Percentage::of(number).expect("a percentage");
    let limit = percent(0.1);
    assert_eq!(
        read("ingest error_rate <= 0.1%").condition,
        Condition::ErrorRate {
            operator: LimitOperator::AtMost,
            limit
        }
    );
    assert_eq!(limit.as_fraction(), 0.001);
    let quantile = Quantile::P95;
    assert_eq!(
        read("p95 reduction >= 70 %").condition,
        Condition::Reduction {
            quantile,
            at_least: percent(70.0)
        }
    );
    let (tenth, time) = (percent(10.0), Duration::from_millis(1));
    let larger = Allowance::Larger { share: tenth, time };
    for (text, allowance) in [
        ("p95 <= baseline + 10%", Allowance::Share(tenth)),
        ("p95 <= baseline +10%", Allowance::Share(tenth)),
        ("p95<=baseline+10 %", Allowance::Share(tenth)),
        ("p95 <= Baseline", Allowance::Share(percent(0.0))),
        ("p95 <= baseline + 1ms", Allowance::Time(time)),
        ("p95 <= baseline + 1 ms", Allowance::Time(time)),
        ("p95 <= baseline + 10% or 1ms", larger),
        ("p95<=baseline+10 % OR 1 ms", larger),
        ("* p95 <= baseline + 1ms or 10%", larger),
    ] {
        assert_eq!(
            read(text).condition,
            Condition::Baseline {
                quantile,
                allowance
            },
            "{text}"
        );
    }
}

#[test]
fn a_warning_is_told_by_its_suffix() {
    for text in [
        "health p95 <= 150ms warn",
        "p95 <= 150 ms warn",
        "p95 reduction >= 70% warn",
        "p95 <= baseline + 10% WARN",
        "p95 <= baseline + 10% or 1ms warn",
        "p95 <= baseline + 1 ms warn",
        "p95 <= baseline warn",
        "error_rate <= 1% warn",
    ] {
        assert_eq!(read(text).severity, Severity::Warns, "{text}");
    }
}

#[test]
fn below_is_one_nanosecond_less() {
    assert_eq!(
        read("p95 < 150ms").condition.target(),
        Some(Duration::from_nanos(149_999_999))
    );
    assert_eq!(
        read("p95 <= 150ms").condition.target(),
        Some(Duration::from_millis(150))
    );
}

fn assert_refused(cases: &[(&str, &str)]) {
    for &(text, message) in cases {
        assert_eq!(refusal(text), message, "{text}");
    }
}

#[test]
fn percentile_gates_that_cannot_be_read_are_refused_with_their_fix() {
    assert_refused(&[
        (
            "p95 <= 150",
            "the limit has no unit\nhint: write 'p95 <= 150ms'",
        ),
        (
            "p95 <= 150mz",
            "'150mz' has an unknown unit 'mz'\nhint: use ns, us, ms, s, m or h",
        ),
        (
            "p95 <= fast",
            "'fast' is not a duration\nhint: write a duration, such as 150ms or 1.5s",
        ),
        ("p95", "no '<='\nhint: write it as in 'health p95 <= 150ms'"),
        (
            "",
            "it is empty\nhint: write it as in 'health p95 <= 150ms'",
        ),
        (
            "p95 <=",
            "no limit after '<='\nhint: write it as in '<= 150ms'",
        ),
        (
            "p95 >= 150ms",
            "'>=' does not fit p95\nhint: write 'p95 <= 150ms'",
        ),
        (
            "p95 == 150ms",
            "'==' does not fit p95\nhint: write 'p95 <= 150ms'",
        ),
        (
            "<= 150ms",
            "no metric before '<='\nhint: write a percentile or error_rate, as in 'health p95 <= 150ms'",
        ),
        (
            "health eror_rate <= 1%",
            "unknown metric 'eror_rate'\nhint: did you mean 'error_rate'?",
        ),
        (
            "health p_95 <= 1s",
            "unknown metric 'p_95'\nhint: did you mean 'p95'?",
        ),
        (
            "ingest capacity >= 400/s",
            "a run does not measure the capacity\nhint: use a7probe capacity URL --gate 'p95 <= 150ms' --gate 'capacity >= 400/s'",
        ),
        (
            "max <= 1s",
            "the maximum cannot be gated; it grows with the number of requests\nhint: gate a percentile, such as 'p99.9 <= 1s'",
        ),
        (
            "p100 <= 1s",
            "'p100' is not a percentile\nhint: write a number above 0 and below 100, such as p95",
        ),
        (
            "p95 <= 0ms",
            "the limit must be above zero\nhint: write for example 150ms",
        ),
        (
            "p95 <= 150ms wran",
            "unknown word 'wran' after the limit\nhint: did you mean 'warn'?",
        ),
    ]);
}

#[test]
fn audit_gates_that_cannot_be_read_are_refused_with_their_fix() {
    assert_refused(&[
        (
            "ingest done <= 2s",
            "unknown metric 'done'\nhint: use a percentile (p50, p95, p99.9 …) or error_rate; after an audit done.p95, lost, duplicated, dead or unexpected; between two runs 'p95 reduction'",
        ),
        (
            "ingest done.p59x <= 2s",
            "'p59x' is not a percentile\nhint: write p50, p95, p99.9 or p(95)",
        ),
        (
            "ingest don.p95 <= 2s",
            "unknown metric 'don.p95'\nhint: did you mean 'done.p95'?",
        ),
        (
            "ingest duplicates <= 0",
            "unknown metric 'duplicates'\nhint: did you mean 'duplicated'?",
        ),
        (
            "lost <= 0%",
            "'0%' is not a count\nhint: write a whole number, such as 'lost <= 0'",
        ),
        (
            "lost < 0",
            "a count cannot be below zero\nhint: write '<= 0'",
        ),
        (
            "lost <=",
            "no limit after '<='\nhint: write it as in '<= 0'",
        ),
        (
            "lost >= 0",
            "'>=' does not fit lost\nhint: write 'lost <= 0'",
        ),
        (
            "done.p95 <= 2",
            "the limit has no unit\nhint: write 'done.p95 <= 2ms'",
        ),
        (
            "done.p95 <= 5%",
            "the limit of the time to completion is a duration\nhint: write '2s'",
        ),
    ]);
}

#[test]
fn shares_that_cannot_be_read_are_refused_with_their_fix() {
    assert_refused(&[
        (
            "p95 reduction <= 70%",
            "'<=' does not fit a reduction\nhint: write 'p95 reduction >= 70%'",
        ),
        (
            "p95 reducton >= 70%",
            "unknown metric 'reducton'\nhint: did you mean 'reduction'?",
        ),
        (
            "error_rate <= 0.01",
            "'0.01' has no '%'\nhint: write 0.01%, or 1% if 0.01 is a fraction",
        ),
        ("error_rate <= 1", "'1' has no '%'\nhint: write 1%"),
        (
            "error_rate <= 100%",
            "the limit must be below 100%\nhint: write a lower one, such as 1%",
        ),
        (
            "error_rate <= 0%",
            "no number of requests can show an error rate of 0\nhint: write the smallest rate that matters, such as 0.1% (needs 2,995 requests)",
        ),
        (
            "p95 <= 10%",
            "the limit of a percentile is a duration\nhint: write '150ms', or 'baseline + 10%'",
        ),
        (
            "p95 reduction >= 100%",
            "a reduction must be above 0% and below 100%\nhint: write for example 70%",
        ),
    ]);
}

#[test]
fn baselines_that_cannot_be_read_are_refused_with_a_spelling_that_can() {
    let cases = [
        ("baseline * 2", "'baseline + 100%'"),
        ("baseline * 1.1", "'baseline + 10%'"),
        ("baseline - 10%", "'p95 reduction >= 10%'"),
        ("baseline + 10", "'baseline + 10%' or 'baseline + 10ms'"),
        (
            "baseline + 10% and 1ms",
            "'baseline + 10% or 1ms'; the larger of the two counts",
        ),
        (
            "baseline + 10%, 1ms",
            "'baseline + 10% or 1ms'; the larger of the two counts",
        ),
        (
            "baseline + 10% + 1ms",
            "'baseline + 10% or 1ms'; the larger of the two counts",
        ),
        ("basline + 10% or 1ms", "'baseline + 10% or 1ms'"),
        (
            "baseline + 10% or 5%",
            "one percentage and one time, such as 'baseline + 10% or 1ms'",
        ),
        (
            "10% + baseline",
            "'baseline + 10%', 'baseline + 1ms' or 'baseline + 10% or 1ms'",
        ),
        (
            "baseline + lots",
            "'baseline + 10%', 'baseline + 1ms' or 'baseline + 10% or 1ms'",
        ),
        (
            "baseline + 10% or",
            "'baseline + 10%', 'baseline + 1ms' or 'baseline + 10% or 1ms'",
        ),
    ];
    for (limit, corrected) in cases {
        assert_eq!(
            refusal(&format!("p95 <= {limit}")),
            format!("'{limit}' is not an allowance over a baseline\nhint: write {corrected}")
        );
        for text in corrected.split('\'').skip(1).step_by(2) {
            let gate = match text.split_once(' ') {
                Some(("p95", _)) => text.to_owned(),
                _ => format!("p95 <= {text}"),
            };
            read(&gate);
        }
    }
    assert_eq!(
        refusal("p95 <= baseline + 10% or 1ms wran"),
        "unknown word 'wran' after the limit\nhint: did you mean 'warn'?"
    );
}

fn any_quantile() -> impl Strategy<Value = Quantile> {
    prop_oneof![
        (1u32..100).prop_map(|p| format!("p{p}")),
        (1u32..100_000_000).prop_map(|p| format!("p{}.{:06}", p / 1_000_000, p % 1_000_000)),
    ]
    .prop_map(|text| text.parse().expect("a percentile"))
}

fn any_percentage(most: f64) -> impl Strategy<Value = Percentage> {
    (1e-9..most).prop_map(|number| Percentage::of(number).expect("a percentage"))
}

fn any_allowance() -> impl Strategy<Value = Allowance> {
    let time = || (0u64..604_800_000_000_000).prop_map(Duration::from_nanos);
    prop_oneof![
        any_percentage(500.0).prop_map(Allowance::Share),
        time().prop_map(Allowance::Time),
        (any_percentage(500.0), time()).prop_map(|(share, time)| Allowance::Larger { share, time }),
    ]
}

fn any_gate() -> impl Strategy<Value = Gate> {
    let operator = prop_oneof![Just(LimitOperator::AtMost), Just(LimitOperator::Below)];
    let limit_ns = prop_oneof![2u64..10_000_000_000, 2u64..604_800_000_000_000];
    let condition = prop_oneof![
        (any_quantile(), operator.clone(), limit_ns).prop_map(|(quantile, operator, limit_ns)| {
            Condition::Latency {
                quantile,
                operator,
                limit: Duration::from_nanos(limit_ns),
            }
        }),
        (any_quantile(), operator.clone(), 2u64..10_000_000_000).prop_map(
            |(quantile, operator, limit_ns)| Condition::Done {
                quantile,
                operator,
                limit: Duration::from_nanos(limit_ns),
            }
        ),
        (any::<bool>(), any::<u64>()).prop_map(|(lost, at_most)| Condition::Count {
            what: if lost {
                AuditCount::Lost
            } else {
                AuditCount::Duplicated
            },
            at_most,
        }),
        (operator, any_percentage(99.0))
            .prop_map(|(operator, limit)| Condition::ErrorRate { operator, limit }),
        (any_quantile(), any_percentage(99.0))
            .prop_map(|(quantile, at_least)| Condition::Reduction { quantile, at_least }),
        (any_quantile(), any_allowance()).prop_map(|(quantile, allowance)| {
            Condition::Baseline {
                quantile,
                allowance,
            }
        }),
    ];
    let selector = prop_oneof![
        Just(Selector::Every),
        "[a-z][a-z0-9_.-]{0,12}( [a-z0-9]{1,5})?".prop_map(Selector::Named),
    ];
    let severity = prop_oneof![Just(Severity::Decides), Just(Severity::Warns)];
    (selector, condition, severity).prop_map(|(selector, condition, severity)| Gate {
        selector,
        condition,
        severity,
        origin: GateOrigin::Asked,
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(gate in any_gate()) {
        assert_eq!(read(&gate.to_string()), gate);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Gate::parse(&text);
    }

    #[test]
    fn no_gate_like_text_makes_the_parser_panic(
        text in "(\\*|health|p95|warn| |<=|<|≤|>=|=|baseline|reduction| or |error_rate|done\\.|lost|duplicated|p\\(|\\)|\\+|%|µs|ms|[0-9.e-]{1,4}){0,8}"
    ) {
        if let Ok(gate) = Gate::parse(&text) {
            assert_eq!(read(&gate.to_string()), gate);
        }
    }
}
