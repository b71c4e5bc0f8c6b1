//! Planted losses, duplicates and gaps of an audit, each with its verdict.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::judge::gate::{
    self, AuditEnd, AuditReason, Finding, FindingReason, Gate, IncompleteCount, SampleUnit, Subject,
};
use crate::run::completion::{
    Audit, AuditOutcome, AuditTrouble, Completion, DoneClock, EventReport, EventStatus, Settled,
    UnknownMeans,
};
use crate::run::plan::Guard;
use crate::run::recording::Recording;
use crate::verdict::Verdict;

/// What the server says of 100 accepted events: `change` plants what is wrong.
fn audit(settled: Settled, change: impl Fn(&mut HashMap<u64, EventReport>)) -> Audit {
    let report = |index| {
        let took = Duration::from_millis(index);
        let status = EventStatus::Processed {
            at_least: took,
            at_most: took,
        };
        EventReport {
            status,
            inserts: Some(1),
            notifications: Some(1),
            notify_unknown: 0,
        }
    };
    let mut reports = (0..100).map(|index| (index, report(index))).collect();
    change(&mut reports);
    let asked = AuditOutcome {
        clock: DoneClock::Server,
        settled,
        unknown: UnknownMeans::Lost,
        patience: Duration::from_secs(30),
    };
    let targets = [Duration::from_millis(98)];
    Audit::Read(Box::new(Completion::of(
        &accepted(),
        &HashSet::new(),
        &reports,
        asked,
        &targets,
    )))
}

fn accepted() -> Recording {
    Recording::from_latencies(&[Some(Duration::from_millis(1)); 100], &[])
}

fn judge(gate: &str, audit: Option<&Audit>) -> Finding {
    let recording = accepted();
    let mut subject = Subject::of_list("ingest", &recording, Guard::Iid);
    subject.audit = audit;
    let gate: Gate = gate.parse().expect(gate);
    gate::judge(&[gate], &[subject]).remove(0)
}

#[test]
fn what_was_never_read_is_never_a_pass() {
    let unread = Audit::Unread {
        reason: AuditTrouble::stated("GET /runs answered 404"),
        resends: None,
    };
    for gate in ["lost <= 0", "duplicated <= 0", "done.p95 <= 2s"] {
        for audit in [None, Some(&unread)] {
            let finding = judge(gate, audit);
            assert_eq!(finding.verdict, Verdict::Inconclusive, "{gate}");
            let unread = matches!(
                finding.reason,
                FindingReason::Audit(AuditReason::NotAudited | AuditReason::Unread { .. })
            );
            assert!(unread, "{:?}", finding.reason);
        }
    }
}

#[test]
fn planted_losses_and_duplicates_fail() {
    let lossy = audit(Settled::Deadline, |reports| {
        reports.remove(&7);
        reports.remove(&8);
    });
    let finding = judge("lost <= 0", Some(&lossy));
    assert_eq!(finding.verdict, Verdict::Fail);
    let counted = FindingReason::Audit(AuditReason::Counted {
        read_again_after: None,
    });
    assert_eq!((finding.exceedances.at_least, finding.n), (2, 100));
    assert_eq!(finding.reason, counted);
    assert_eq!(judge("lost <= 2", Some(&lossy)).verdict, Verdict::Pass);
    assert_eq!(
        judge("duplicated <= 0", Some(&lossy)).verdict,
        Verdict::Pass
    );
    let twice = audit(Settled::Done, |reports| {
        reports.get_mut(&7).expect("planted").notifications = Some(2);
    });
    assert_eq!(
        judge("duplicated <= 0", Some(&twice)).verdict,
        Verdict::Fail
    );
    assert_eq!(judge("lost <= 0", Some(&twice)).verdict, Verdict::Pass);
}

#[test]
fn counts_do_not_pass_while_something_is_pending() {
    let pending = audit(Settled::Deadline, |reports| {
        reports.get_mut(&7).expect("planted").status = EventStatus::Pending;
    });
    for gate in ["lost <= 0", "duplicated <= 0"] {
        let finding = judge(gate, Some(&pending));
        assert_eq!(finding.verdict, Verdict::Inconclusive, "{gate}");
        let pending = IncompleteCount::Pending {
            events: 1,
            end: AuditEnd::Deadline,
        };
        let reason = FindingReason::Audit(AuditReason::Incomplete {
            cause: pending,
            read_again_after: None,
        });
        assert_eq!(finding.reason, reason);
    }
    assert_eq!(judge("lost <= 1", Some(&pending)).verdict, Verdict::Pass);
}

#[test]
fn the_time_to_completion_is_judged_as_every_percentile_is() {
    // 99 of 100 within 98 ms: at θ0 = 10 %, P(Bin(100, 0.1) ≤ 1) = 0.0003; at 1 %, P(Bin(100, 0.01) ≤ 1) = 0.74.
    let done = audit(Settled::Done, |_| {});
    let p90 = judge("done.p90 <= 98ms", Some(&done));
    assert_eq!(
        (p90.verdict, p90.n, p90.exceedances.at_most),
        (Verdict::Pass, 100, 1)
    );
    let FindingReason::Tested(tested) = &p90.reason else {
        panic!("{:?}", p90.reason);
    };
    assert_eq!(tested.sample.unit, SampleUnit::AcceptedEvent);
    assert_eq!(
        judge("done.p99 <= 98ms", Some(&done)).verdict,
        Verdict::Inconclusive
    );
    // Half of them lost: P(Bin(100, 0.1) ≥ 51) is next to nothing.
    let lossy = audit(Settled::Deadline, |reports| {
        reports.retain(|index, _| index % 2 == 0)
    });
    assert_eq!(
        judge("done.p90 <= 98ms", Some(&lossy)).verdict,
        Verdict::Fail
    );
}

/// Everything was done once when the signal came, so only a second effect could still follow.
#[test]
fn an_audit_that_was_cut_before_its_second_look_has_not_ruled_out_a_second_effect() {
    let cut = audit(Settled::Interrupted, |_| {});
    let finding = judge("duplicated <= 0", Some(&cut));
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    let reason = FindingReason::Audit(AuditReason::Incomplete {
        cause: IncompleteCount::InterruptedBeforeReadingAgain,
        read_again_after: None,
    });
    assert_eq!(finding.reason, reason);
    for gate in ["lost <= 0", "dead <= 0", "done.p90 <= 98ms"] {
        assert_eq!(judge(gate, Some(&cut)).verdict, Verdict::Pass, "{gate}");
    }
    let twice = audit(Settled::Interrupted, |reports| {
        reports.get_mut(&7).expect("planted").notifications = Some(2);
    });
    assert_eq!(
        judge("duplicated <= 0", Some(&twice)).verdict,
        Verdict::Fail
    );
}

#[test]
fn an_audit_that_was_interrupted_passes_nothing_that_was_pending() {
    let cut = audit(Settled::Interrupted, |reports| {
        reports.get_mut(&7).expect("planted").status = EventStatus::Pending;
    });
    for gate in ["lost <= 0", "done.p90 <= 98ms"] {
        assert_eq!(
            judge(gate, Some(&cut)).verdict,
            Verdict::Inconclusive,
            "{gate}"
        );
    }
}
