//! Planted losses, duplicates and times against what is counted.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{
    AcceptanceCounts, AuditOutcome, Completion, DoneClock, EffectReporting, EventReport,
    EventStatus, Settled, UnknownMeans,
};
use crate::run::recording::{Recording, TimeBase};
use crate::run::sample::{FailureKind, Outcome, Phases, Sample};
use crate::stats::rank::Quantile;

const OUTCOME: AuditOutcome = AuditOutcome {
    clock: DoneClock::Server,
    settled: Settled::Deadline,
    unknown: UnknownMeans::Lost,
    patience: Duration::from_secs(30),
};

/// 100 requests: the first 90 answered ok, then 5 reset, 3 timed out, 2 answered with an error.
fn recording() -> Recording {
    let mut recording = Recording::new(TimeBase::IntendedStart, &[]);
    for index in 0..100 {
        let outcome = match index {
            0..90 => Outcome::Ok,
            90..95 => Outcome::Failed(FailureKind::Reset),
            95..98 => Outcome::Timeout,
            _ => Outcome::Failed(FailureKind::Status),
        };
        recording.add(&Sample {
            index,
            intended_start_ns: Some(0),
            dispatched_ns: 0,
            sent_ns: Some(0),
            finished_ns: 1,
            outcome,
            status: None,
            connection: None,
            phases: Phases::default(),
            body_bytes: 0,
            server_timing: Vec::new(),
        });
    }
    recording
}

fn processed(after_ms: u64) -> EventReport {
    let took = Duration::from_millis(after_ms);
    EventReport {
        status: EventStatus::Processed {
            at_least: took,
            at_most: took,
        },
        inserts: Some(1),
        notifications: Some(1),
        notify_unknown: 0,
    }
}

/// Request number n was done after n + 1 ms.
fn reports(range: std::ops::Range<u64>) -> HashMap<u64, EventReport> {
    range.map(|index| (index, processed(index + 1))).collect()
}

fn of(reports: &HashMap<u64, EventReport>) -> Completion {
    let none = HashSet::new();
    Completion::of(
        &recording(),
        &none,
        reports,
        OUTCOME,
        &[Duration::from_millis(80)],
    )
}

#[test]
fn all_accepted_and_done_once_is_exactly_once() {
    let completion = of(&reports(0..90));
    assert!(completion.is_exactly_once());
    let journal = AcceptanceCounts {
        ok: 90,
        failed: 2,
        unknown: 8,
        by_repeat: 0,
    };
    assert_eq!((completion.journal, completion.processed), (journal, 90));
    assert_eq!((completion.lost, completion.recovered), (0, Some(0)));
    // Nearest rank: ceil(90 × 0.95) = 86.
    let p95 = completion.done_after(Quantile::P95).expect("done");
    assert!(p95.abs_diff(Duration::from_millis(86)) < Duration::from_micros(10));
    let exceedances = &completion.done.exceedances[0];
    assert_eq!(
        (exceedances.bits.len(), exceedances.bits.count_ones()),
        (90, 10)
    );
}

#[test]
fn planted_losses_duplicates_and_recoveries_are_counted() {
    let mut reports = reports(3..95);
    let change = |reports: &mut HashMap<u64, EventReport>, index, change: fn(&mut EventReport)| {
        change(reports.get_mut(&index).expect("planted"));
    };
    change(&mut reports, 3, |report| report.inserts = Some(2));
    change(&mut reports, 4, |report| report.notifications = Some(3));
    change(&mut reports, 5, |report| {
        (report.inserts, report.notifications) = (Some(2), Some(2))
    });
    change(&mut reports, 6, |report| {
        report.status = EventStatus::Pending
    });
    change(&mut reports, 7, |report| {
        report.status = EventStatus::GivenUp
    });
    let completion = of(&reports);
    assert_eq!(completion.lost, 3);
    assert_eq!(
        (completion.inserted_twice, completion.notified_twice),
        (2, 2)
    );
    assert_eq!(
        completion.duplicated(),
        3,
        "an event done twice both ways counts once"
    );
    assert_eq!((completion.pending, completion.dead), (1, 1));
    assert_eq!(
        completion.recovered,
        Some(5),
        "reset, and done all the same"
    );
    assert_eq!(completion.processed, 85);
    assert!(!completion.is_exactly_once());
    // An event that is not processed is slower than every target, lost or not: 0, 1, 2, 6, 7, and 80 to 89 ms.
    assert_eq!(completion.done.exceedances[0].bits.count_ones(), 15);
    assert_eq!(completion.done_after(Quantile::P99), None);
}

#[test]
fn what_may_still_appear_is_pending_and_not_lost() {
    let outcome = AuditOutcome {
        unknown: UnknownMeans::Pending,
        ..OUTCOME
    };
    let completion = Completion::of(&recording(), &HashSet::new(), &reports(0..80), outcome, &[]);
    assert_eq!((completion.lost, completion.pending), (0, 10));
}

#[test]
fn nothing_accepted_proves_nothing() {
    let empty = Recording::new(TimeBase::IntendedStart, &[]);
    let completion = Completion::of(&empty, &HashSet::new(), &HashMap::new(), OUTCOME, &[]);
    assert!(!completion.is_exactly_once());
}

#[test]
fn duplicates_that_the_server_does_not_tell_of_are_not_denied() {
    let mut reports = reports(0..90);
    for report in reports.values_mut() {
        report.notifications = None;
    }
    let completion = of(&reports);
    let told = (completion.inserts, completion.notifications);
    assert_eq!(
        told,
        (EffectReporting::Reported, EffectReporting::NotReported),
        "each alone"
    );
    assert!(!completion.sees_duplicates() && !completion.is_exactly_once());
}

#[test]
fn what_could_not_be_read_is_pending_and_exceeds_no_target_for_certain() {
    let mut reports = reports(0..90);
    for index in 80..90 {
        reports.insert(
            index,
            EventReport {
                status: EventStatus::Unread,
                ..processed(0)
            },
        );
    }
    let completion = of(&reports);
    let counts = (completion.pending, completion.unread, completion.lost);
    assert_eq!(counts, (10, 10, 0));
    let exceedances = &completion.done.exceedances[0];
    assert_eq!(exceedances.bits.count_ones(), 10);
    assert_eq!(exceedances.certain.count_ones(), 0);
}

#[test]
fn what_only_the_repetition_was_accepted_of_is_owed() {
    let repeated = HashSet::from([92, 99]);
    let reports = reports(0..93);
    let completion = Completion::of(&recording(), &repeated, &reports, OUTCOME, &[]);
    // The first 90, and two of which one is known to the server.
    assert_eq!((completion.accepted(), completion.processed), (92, 91));
    assert_eq!((completion.lost, completion.recovered), (1, Some(2)));
}

#[test]
fn a_time_that_is_known_within_a_range_is_certain_only_beyond_its_smaller_end() {
    let range = EventReport {
        status: EventStatus::Processed {
            at_least: Duration::from_millis(50),
            at_most: Duration::from_millis(100),
        },
        ..processed(0)
    };
    let reports = (0..90).map(|index| (index, range)).collect();
    let exceedances = &of(&reports).done.exceedances[0];
    assert_eq!(exceedances.bits.count_ones(), 90);
    assert_eq!(exceedances.certain.count_ones(), 0);
}
