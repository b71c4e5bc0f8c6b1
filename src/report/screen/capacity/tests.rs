//! Screens of searches with every end.

use std::time::Duration;

use crate::judge::capacity::{BoundSide, CapacityEnd, TrialVerdict};
use crate::judge::gate::{Gate, Severity};
use crate::judge::summary::Observed;
use crate::report::capacity_change::CapacityChangeReport;
use crate::report::capacity_sample::{block, ended, report};
use crate::report::style::Style;
use crate::report::{
    AskedCapacity, CapacityOutcome, CapacityReport, TrialRecovery, TrialTime, TrialTrace, TrialWork,
};
use crate::units::Rate;

fn screen(report: &CapacityReport) -> String {
    let mut out = Vec::new();
    super::write(report, &Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn first_line(outcome: CapacityOutcome) -> String {
    let text = screen(&report(outcome));
    text.lines().next().unwrap_or_default().to_owned()
}

/// The cells of each row, without the spaces between them.
fn rows(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.contains("/s "));
    let cells = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    lines.skip(1).map(cells).collect()
}

#[test]
fn a_claim_names_both_rates_and_a_pair_is_one_row() {
    let claimed = ended(CapacityEnd::Claimed, Some(414.0), Some(454.0));
    let text = screen(&report(claimed));
    let first = "ingest holds P99 ≤ 150 ms at 414/s; fails at 454/s (trials of 60 s)";
    assert_eq!(text.lines().next(), Some(first));
    assert!(
        text.contains("POST http://127.0.0.1:8080/ingest · 8 trials in 6 min 11 s"),
        "{text}"
    );
    // Of the trials that doubled the rate, the last good one and the bad one.
    assert_eq!(
        rows(&text),
        [
            "20/s reference 1,200 100% 98.0 ms – –",
            "320/s expand 19,200 100% 104 ms – no FAIL",
            "640/s expand 38,400 100% 1,840 ms 3.1 s FAIL",
            "454/s confirm 54,480 100% 133 ms – FAIL",
            "414/s confirm 49,680 100% 133 ms – PASS",
        ],
        "{text}"
    );
    assert!(text.contains("Between them nothing is shown."), "{text}");
}

#[test]
fn every_end_says_what_is_shown_and_no_more() {
    let limited = ended(
        CapacityEnd::ClientLimited { at: 9_400.0 },
        Some(9_000.0),
        None,
    );
    assert_eq!(
        first_line(limited),
        "ingest holds P99 ≤ 150 ms at 9,000/s or more: limited by this machine"
    );
    let lowest = ended(CapacityEnd::LessThanFrom, None, Some(20.0));
    assert_eq!(
        first_line(lowest),
        "FAIL  ingest  fails P99 ≤ 150 ms at 20/s"
    );
    let open = ended(CapacityEnd::UpperNotShown, Some(190.0), None);
    assert!(first_line(open).starts_with("INCONCLUSIVE  ingest holds P99 ≤ 150 ms at 190/s; no"));
    let contradiction = ended(CapacityEnd::Contradiction, None, None);
    assert!(first_line(contradiction).contains("changed during the search"));
    let never = ended(CapacityEnd::NeverFailed, Some(1_000.0), None);
    assert!(first_line(never).contains("at 1,000/s, the highest rate tried"));
}

#[test]
fn a_service_that_does_not_recover_is_a_fail_with_its_latest_percentile() {
    let end = ended(CapacityEnd::DoesNotRecover { after: 640.0 }, None, None);
    let mut report = report(end);
    report.trials.truncate(4);
    report.trials[3].recovered = Some(TrialRecovery::NotWithin {
        took: Duration::from_secs(60),
        value: Observed::Value(Duration::from_millis(900)),
    });
    let text = screen(&report);
    let expected = "FAIL  ingest does not recover after 640/s: P99 still 900 ms at 20/s after 60 s";
    assert_eq!(text.lines().next(), Some(expected));
}

#[test]
fn a_tested_rate_stands_against_its_limit() {
    let of = |verdict| {
        let mut report = report(CapacityOutcome::Tested {
            asked: asked(400.0),
            verdict,
        });
        report.trials = vec![
            block(BoundSide::Lower, 400.0, 1, verdict),
            block(BoundSide::Lower, 400.0, 1, verdict),
        ];
        screen(&report)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(
        of(TrialVerdict::Fail),
        "FAIL  ingest  capacity < 400/s: P99 133 ms > 150 ms at 400/s (48,000 requests)"
    );
    assert!(
        of(TrialVerdict::Pass).starts_with("PASS  ingest  capacity ≥ 400/s: P99 133 ms ≤ 150 ms")
    );
}

fn asked(rate: f64) -> AskedCapacity {
    AskedCapacity {
        rate: Rate::per_second(rate).unwrap(),
        severity: Severity::Decides,
    }
}

#[test]
fn a_gate_on_a_saved_search_is_judged_by_its_rates() {
    let of = |rate| {
        let claimed = ended(CapacityEnd::Claimed, Some(414.0), Some(454.0));
        let report = CapacityReport {
            asked: Some(asked(rate)),
            ..report(claimed)
        };
        screen(&report)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(
        of(400.0),
        "PASS  ingest  capacity ≥ 400/s: holds P99 ≤ 150 ms at 414/s"
    );
    assert_eq!(
        of(500.0),
        "FAIL  ingest  capacity < 500/s: fails P99 ≤ 150 ms at 454/s"
    );
    assert_eq!(
        of(430.0),
        "INCONCLUSIVE  ingest  capacity ≥ 430/s not decided: holds P99 ≤ 150 ms at 414/s, fails at 454/s"
    );
}

#[test]
fn a_search_for_the_work_has_the_time_to_completion_and_the_drain() {
    let claimed = ended(CapacityEnd::Claimed, Some(414.0), Some(454.0));
    let mut report = report(claimed);
    report.gates = vec![Gate::parse("ingest done.p95 <= 2s").unwrap()];
    for trial in &mut report.trials {
        trial.metric.time = TrialTime::Completion;
        trial.work = Some(TrialWork {
            accepted: trial.requests,
            processed: trial.requests,
            most_waiting: Some(12),
            drained: Some(Duration::from_millis(3_140)),
        });
    }
    let text = screen(&report);
    assert!(
        text.starts_with("ingest holds done P95 ≤ 2 s at 414/s; fails at 454/s"),
        "{text}"
    );
    assert_eq!(
        rows(&text)[2],
        "640/s expand 38,400 100% 1,840 ms 3.1 s 3.1 s FAIL"
    );
    let note = "The last trial, at 414/s: its work was done 3.1 s after its last request.";
    assert!(text.contains(note), "{text}");
    let title = "done P99  drained  recovered";
    assert!(text.contains(title), "{text}");
}

#[test]
fn traces_of_the_trial_that_failed_last_are_shown() {
    let claimed = ended(CapacityEnd::Claimed, Some(414.0), Some(454.0));
    let mut report = report(claimed);
    for trial in &mut report.trials {
        trial.traces = vec![TrialTrace {
            trace_id: format!("{:032x}", trial.rate as u64),
            latency: Duration::from_millis(446),
            outcome: "ok".to_owned(),
        }];
    }
    let text = screen(&report);
    let line = "454/s  446 ms  000000000000000000000000000001c6";
    assert!(text.contains(line), "{text}");
}

#[test]
fn two_searches_say_what_both_brackets_show() {
    let search = |lower, upper| report(ended(CapacityEnd::Claimed, Some(lower), Some(upper)));
    let of = |before, after| {
        let report = CapacityChangeReport {
            before,
            after,
            warnings: Vec::new(),
        };
        let mut out = Vec::new();
        super::write_change(&report, &Style::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let rose = of(search(190.0, 207.0), search(414.0, 454.0));
    assert!(
        rose.starts_with(
            "ingest  capacity rose: holds P99 ≤ 150 ms at 414/s, failed at 207/s before\n"
        ),
        "{rose}"
    );
    assert_eq!(
        rows(&rose),
        [
            "before 190/s 207/s 60 s both rates shown",
            "after 414/s 454/s 60 s both rates shown",
        ],
        "{rose}"
    );
    let same = of(search(190.0, 207.0), search(200.0, 220.0));
    assert!(
        same.starts_with(
            "ingest  no change is shown: 190/s to 207/s before, 200/s to 220/s after\n"
        ),
        "{same}"
    );
}
