//! Every doubt ends INCONCLUSIVE.

use std::time::Duration;

use a7probe::judge::gate::{ExceedanceRange, ObservedMetric, run_verdict};
use a7probe::report::text::{next_step, reason};
use a7probe::run::sample::FailureKind;
use a7probe::verdict::Verdict;

use super::{FAST, Run, TARGET, judged, list};

#[test]
fn a_run_that_was_cut_is_no_proof_against_the_server() {
    let cut = Run::counting(&[TARGET]).ok(400, FAST).unsent(200);
    let finding = cut.judge_one("p95 <= 150ms");
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert_eq!(
        reason(&finding),
        "the run was interrupted with 200 requests never sent, so between 0 and 200 of 600 requests are slower than 150 ms, and the verdict depends on the exact number"
    );
    assert_eq!(next_step(&finding).as_deref(), Some("let the run finish"));
}

#[test]
fn failures_of_this_machine_are_no_proof_against_the_server() {
    let starved = Run::counting(&[TARGET])
        .ok(900, FAST)
        .failed(100, FailureKind::Client);
    let finding = starved.judge_one("p95 <= 150ms");
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(
        reason(&finding).contains("on this machine"),
        "{}",
        reason(&finding)
    );
    assert_eq!(
        starved.judge_one("error_rate <= 1%").verdict,
        Verdict::Inconclusive
    );
    // But what the server did stands: without the machine's own failures it fails as well.
    let slow_too = Run::counting(&[TARGET])
        .ok(700, FAST)
        .ok(200, 2 * TARGET)
        .failed(100, FailureKind::Client);
    assert_eq!(slow_too.judge_one("p95 <= 150ms").verdict, Verdict::Fail);
}

#[test]
fn a_target_inside_an_occupied_bucket_decides_only_if_it_was_counted() {
    // 150 ms lies in the bucket from 149.995520 ms to 150.003711 ms.
    let inside = Duration::from_nanos(150_002_000);
    let counted = Run::closed_model(&[TARGET]).ok(900, FAST).ok(100, inside);
    assert_eq!(counted.judge_one("p95 <= 150ms").verdict, Verdict::Fail);
    let uncounted = Run::closed_model(&[]).ok(900, FAST).ok(100, inside);
    let finding = uncounted.judge_one("p95 <= 150ms");
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    let range = ExceedanceRange {
        at_least: 0,
        at_most: 100,
    };
    assert_eq!(finding.exceedances, range);
    assert!(reason(&finding).contains("bucket"), "{}", reason(&finding));
    assert_eq!(uncounted.judge_one("p95 <= 100ms").verdict, Verdict::Fail);
    assert_eq!(uncounted.judge_one("p95 <= 200ms").verdict, Verdict::Pass);
}

#[test]
fn a_failure_that_hangs_on_our_own_send_lag_is_inconclusive() {
    let answer = Duration::from_millis(160);
    let punctual = Run::counting(&[TARGET]).ok(1000, answer);
    assert_eq!(punctual.judge_one("p95 <= 150ms").verdict, Verdict::Fail);
    let late = Run::counting(&[TARGET])
        .sent_late_by(Duration::from_millis(20))
        .ok(1000, answer);
    let finding = late.judge_one("p95 <= 150ms");
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(
        reason(&finding).starts_with("client-limited: this machine sent late"),
        "{}",
        reason(&finding)
    );
    // A few late sends do not excuse two hundred slow answers.
    let mostly_punctual = Run::counting(&[TARGET])
        .ok(800, FAST)
        .ok(190, answer)
        .sent_late_by(Duration::from_millis(20))
        .ok(10, answer);
    let finding = mostly_punctual.judge_one("p95 <= 150ms");
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(finding.exceedances.at_least, 190);
}

#[test]
fn no_data_is_never_a_pass() {
    let nothing = Run::counting(&[TARGET]);
    for gate in ["p50 <= 150ms", "error_rate <= 1%"] {
        let finding = nothing.judge_one(gate);
        assert_eq!(finding.verdict, Verdict::Inconclusive);
        assert_eq!(finding.measured, ObservedMetric::Nothing);
        assert_eq!(reason(&finding), "no data to judge");
    }
    assert_eq!(run_verdict(&[]), None);
}

#[test]
fn a_closed_run_that_was_over_at_once_has_not_excluded_slow_episodes() {
    // 8 000 a second for 0.375 s: 60 episodes of 100 ms are 48 000 requests.
    let clean = list(&[0.5; 3_000]);
    let closed = |rate, in_flight| {
        judged(&clean, "p95 <= 150ms", |subject| {
            subject.rate_per_s = Some(rate);
            subject.in_flight = Some(in_flight);
        })
    };
    let short = closed(8_000.0, 4);
    assert_eq!(short.verdict, Verdict::Inconclusive);
    assert!(
        next_step(&short).unwrap().contains("6 s"),
        "{}",
        reason(&short)
    );
    // 3 000 at 500/s are 6 s; with 60 in flight, one stall meets 60 of them.
    assert_eq!(closed(500.0, 4).verdict, Verdict::Pass);
    assert_eq!(closed(500.0, 60).verdict, Verdict::Inconclusive);
}
