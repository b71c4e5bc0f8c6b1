//! The sentence of each kind of reason, word by word.

use crate::judge::gate::{
    AuditEnd, AuditReason, ChangeReason, Counting, CutRuns, DecisionReason, ExceedanceRange,
    Finding, FindingReason, IncompleteCount, ObservedMetric, PassMargin, SampleUnit, TestReason,
    TestedSample,
};
use crate::run::completion::AuditTrouble;
use crate::run::plan::Design;
use crate::verdict::Verdict;

/// What a gate says of 100 requests or events, `exceedances` of them beyond its limit.
fn said(gate: &str, exceedances: u64, reason: FindingReason) -> String {
    super::reason(&Finding {
        endpoint: "ingest".to_owned(),
        gate: gate.parse().expect(gate),
        measured: ObservedMetric::Nothing,
        n: 100,
        exceedances: ExceedanceRange {
            at_least: exceedances,
            at_most: exceedances,
        },
        p_pass: None,
        p_fail: None,
        design: Design::Fixed,
        episodes: None,
        verdict: Verdict::Inconclusive,
        reason,
        next_step: None,
    })
}

fn incomplete(cause: IncompleteCount) -> FindingReason {
    FindingReason::Audit(AuditReason::Incomplete {
        cause,
        read_again_after: None,
    })
}

#[test]
fn what_was_never_read_is_said_never_to_pass() {
    let unread = AuditReason::Unread {
        cause: AuditTrouble::stated("GET /runs answered 404"),
    };
    for (audited, cause) in [
        (AuditReason::NotAudited, "the run was not audited"),
        (unread, "GET /runs answered 404"),
    ] {
        assert_eq!(
            said("lost <= 0", 0, FindingReason::Audit(audited)),
            format!("{cause}, so the gate cannot pass")
        );
    }
}

#[test]
fn counts_say_what_was_counted_and_what_may_be_missing() {
    let counted = FindingReason::Audit(AuditReason::Counted {
        read_again_after: None,
    });
    assert_eq!(
        said("lost <= 0", 2, counted),
        "2 of 100 accepted events were lost: accepted, and unknown to the server after the audit wait"
    );
    let pending = IncompleteCount::Pending {
        events: 1,
        end: AuditEnd::Deadline,
    };
    assert_eq!(
        said("lost <= 0", 0, incomplete(pending)),
        "none of 100 accepted events was lost, but 1 were still pending at the deadline of the audit"
    );
    assert_eq!(
        said(
            "duplicated <= 0",
            0,
            incomplete(IncompleteCount::InterruptedBeforeReadingAgain)
        ),
        "none of 100 accepted events was processed twice, but the audit was interrupted before its second reading"
    );
}

#[test]
fn the_time_to_completion_is_said_of_accepted_events() {
    let tested = FindingReason::Tested(TestReason {
        sample: TestedSample {
            unit: SampleUnit::AcceptedEvent,
            counting: Counting::Exact,
            failed: 0,
            timed_out: 0,
            unsent: 0,
        },
        decision: DecisionReason::Passed(PassMargin::UpTo { most: Some(4) }),
    });
    assert_eq!(
        said("done.p90 <= 98ms", 1, tested),
        "1 of 100 accepted events was not processed within 98 ms, and up to 4 would pass"
    );
}

#[test]
fn changes_round_towards_the_weaker_claim() {
    let open = f64::INFINITY;
    let (reduction, growth) = ("p95 reduction >= 70%", "p95 <= baseline + 10%");
    let between = |low, high| ChangeReason::RatioBetween { low, high };
    for (gate, change, sentence) in [
        (
            reduction,
            ChangeReason::RatioAtMost { ratio: 0.3 },
            "the reduction is at least 70%",
        ),
        (
            reduction,
            ChangeReason::RatioAtLeast { ratio: 0.31204 },
            "the reduction is at most 68.8%",
        ),
        (
            reduction,
            ChangeReason::RatioAtLeast { ratio: 1.25 },
            "the growth is at least 25%",
        ),
        (
            reduction,
            between(0.2, 0.30003),
            "the change is between −80% and −69.9%",
        ),
        (
            reduction,
            between(0.2, open),
            "the change is at least −80%, without an upper end,",
        ),
        (
            reduction,
            between(0.0, open),
            "the change is not bounded on either side",
        ),
        (
            growth,
            ChangeReason::RatioAtLeast { ratio: 1.2 },
            "the growth is at least 20%",
        ),
        (
            growth,
            ChangeReason::RatioAtMost { ratio: 1.0301 },
            "the growth is at most 3.1%",
        ),
        (
            growth,
            ChangeReason::RatioAtMost { ratio: 0.95 },
            "the reduction is at least 5%",
        ),
        (
            growth,
            between(0.9, 1.2001),
            "the change is between −10% and +20.1%",
        ),
    ] {
        assert_eq!(
            said(gate, 0, FindingReason::Change(change)),
            format!("{sentence} at 95% confidence")
        );
    }
}

#[test]
fn a_cut_run_is_said_before_what_the_gate_would_say() {
    let reduction = "p95 reduction >= 70%";
    let failures = FindingReason::Change(ChangeReason::FailuresAfter);
    let sentence = "after the change, this percentile is among failures";
    assert_eq!(said(reduction, 0, failures.clone()), sentence);
    let cut = FindingReason::Cut {
        runs: CutRuns::After,
        otherwise: Box::new(failures),
    };
    assert_eq!(
        said(reduction, 0, cut),
        format!(
            "interrupted: the run after was cut, and a gate over two runs needs a size fixed beforehand ({sentence})"
        )
    );
}
