//! What the service has said, and what that makes of a request in the end.

use std::time::Duration;

use super::{AuditState, Memory, QueryTimes, WaitEnd};
use crate::probe::audit::audited_requests::{Answered, AuditedRequest, AuditedRequests, NamedBy};
use crate::probe::audit::reported_state::{ReportedStage, ReportedState};
use crate::run::completion::{EventKey, EventReport, EventStatus, Settled};

const MS: Duration = Duration::from_millis(1);

/// One accepted request that was answered a second before the audit.
fn one() -> AuditedRequests {
    AuditedRequests::of_list(vec![AuditedRequest {
        endpoint: 0,
        index: 0,
        key: EventKey::of("7"),
        named_by: NamedBy::Answer,
        owed: true,
        answered: Some(Answered {
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            before: 1_000 * MS,
        }),
    }])
}

fn state(stage: ReportedStage) -> ReportedState {
    ReportedState::bare(stage)
}

fn at(asked: u32, answered: u32) -> QueryTimes {
    QueryTimes {
        asked: asked * MS,
        answered: answered * MS,
    }
}

/// What is made of it at the deadline of a wait of four seconds, with a target of one.
fn status(audit_state: &AuditState<'_>) -> Option<EventStatus> {
    let ended = WaitEnd {
        settled: Settled::Deadline,
        fresh_from: 3_000 * MS,
    };
    let findings = audit_state.findings(ended, &[1_000 * MS]);
    findings.by_endpoint[0]
        .get(&0)
        .map(|report: &EventReport| report.status)
}

#[test]
fn a_time_between_two_looks_counts_from_the_question_to_the_answer() {
    let requests = one();
    let mut audit_state = AuditState::new(&requests, Memory::Everything);
    audit_state.take(0, Some(state(ReportedStage::Pending)), at(0, 300));
    audit_state.take(0, Some(state(ReportedStage::Done)), at(400, 410));
    let expected = EventStatus::Processed {
        at_least: 1_000 * MS,
        at_most: 1_410 * MS,
    };
    assert_eq!(status(&audit_state), Some(expected));
}

#[test]
fn only_a_late_answer_shows_how_things_stood_at_the_deadline() {
    let requests = one();
    let mut audit_state = AuditState::new(&requests, Memory::Everything);
    assert_eq!(status(&audit_state), Some(EventStatus::Unread));
    for (said, asked, expected) in [
        (None, 2_999, Some(EventStatus::Unread)),
        (None, 3_000, None),
        (
            Some(ReportedStage::Pending),
            2_999,
            Some(EventStatus::Unread),
        ),
        (
            Some(ReportedStage::Pending),
            3_000,
            Some(EventStatus::Pending),
        ),
        (Some(ReportedStage::GivenUp), 0, Some(EventStatus::GivenUp)),
    ] {
        audit_state.take(0, said.map(state), at(asked, asked + 10));
        assert_eq!(status(&audit_state), expected, "{said:?} at {asked}");
    }
}

#[test]
fn an_event_that_appears_is_progress_as_one_that_is_done() {
    let requests = one();
    let mut audit_state = AuditState::new(&requests, Memory::Everything);
    let progress = [
        None,
        Some(ReportedStage::Pending),
        Some(ReportedStage::Done),
    ]
    .map(|said| {
        audit_state.take(0, said.map(state), at(0, 1));
        audit_state.progress()
    });
    assert_eq!(progress, [0, 1, 2]);
}

#[test]
fn what_is_done_stays_done_when_it_is_read_once_more_and_its_effects_add_up() {
    let requests = one();
    let mut audit_state = AuditState::new(&requests, Memory::Everything);
    let done = |inserts| ReportedState {
        inserts: Some(inserts),
        ..state(ReportedStage::Done)
    };
    audit_state.take(0, Some(done(1)), at(0, 1));
    audit_state.take_again(0, None);
    audit_state.take_again(0, Some(done(2)));
    audit_state.take_again(0, Some(state(ReportedStage::Pending)));
    assert!(matches!(
        status(&audit_state),
        Some(EventStatus::Processed { .. })
    ));
    let ended = WaitEnd {
        settled: Settled::Done,
        fresh_from: Duration::ZERO,
    };
    assert_eq!(
        audit_state.findings(ended, &[MS]).by_endpoint[0][&0].inserts,
        Some(2)
    );
}
