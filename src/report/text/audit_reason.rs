//! What the completion audit says of a gate, in one sentence.

use crate::judge::gate::{
    AuditCount, AuditEnd, AuditReason, Condition, Finding, IncompleteCount, MissingEffects,
};
use crate::units::{Pretty, grouped};

const LOST: &str = "accepted, and unknown to the server after the audit wait";

pub(super) fn sentence(finding: &Finding, reason: &AuditReason) -> String {
    match reason {
        AuditReason::NotAudited => unread("the run was not audited"),
        AuditReason::Unread { cause } => unread(&cause.cause()),
        AuditReason::SeveralEvents { keys, resent } => format!(
            "{} of {} keys that were sent twice created two events",
            grouped(*keys),
            grouped(*resent)
        ),
        AuditReason::Interrupted { pending } => format!(
            "the audit was interrupted while {} of {} accepted events were pending",
            grouped(*pending),
            grouped(finding.n)
        ),
        AuditReason::Counted { read_again_after } => CountText {
            finding,
            read_again_after: read_again_after.map(Pretty),
        }
        .seen(),
        AuditReason::Incomplete {
            cause,
            read_again_after,
        } => CountText {
            finding,
            read_again_after: read_again_after.map(Pretty),
        }
        .incomplete(cause),
    }
}

fn unread(cause: &str) -> String {
    format!("{cause}, so the gate cannot pass")
}

/// A gate on a count of the audit.
struct CountText<'a> {
    finding: &'a Finding,
    read_again_after: Option<Pretty>,
}

impl CountText<'_> {
    /// `none of 600 accepted events was lost`.
    fn seen(&self) -> String {
        let Condition::Count { what, .. } = self.finding.gate.condition else {
            return String::new();
        };
        let count = self.finding.exceedances.at_least;
        let of = format!("of {} accepted events", grouped(self.finding.n));
        let n = grouped(count);
        match (what, count) {
            (AuditCount::Lost, 0) => format!("none {of} was lost"),
            (AuditCount::Lost, 1) => format!("1 {of} was lost: {LOST}"),
            (AuditCount::Lost, _) => format!("{n} {of} were lost: {LOST}"),
            (AuditCount::Duplicated, 0) => {
                format!("none {of} was processed twice{}", self.read_again())
            }
            (AuditCount::Duplicated, 1) => format!("1 event was processed more than once, {of}"),
            (AuditCount::Duplicated, _) => {
                format!("{n} events were processed more than once, {of}")
            }
            (AuditCount::Dead, 0) => format!("none {of} is dead (failed permanently)"),
            (AuditCount::Dead, 1) => format!("1 {of} is dead (failed permanently)"),
            (AuditCount::Dead, _) => format!("{n} {of} are dead (failed permanently)"),
            (AuditCount::Unexpected, 0) => "every listed event was sent by this run".to_owned(),
            (AuditCount::Unexpected, 1) => "1 listed event was not sent by this run".to_owned(),
            (AuditCount::Unexpected, _) => format!("{n} listed events were not sent by this run"),
        }
    }

    /// Until when duplicates were looked for.
    fn read_again(&self) -> String {
        match &self.read_again_after {
            Some(quiet) => format!(", read again {quiet} after all were processed"),
            None => String::new(),
        }
    }

    fn incomplete(&self, cause: &IncompleteCount) -> String {
        let but = match cause {
            IncompleteCount::NothingAccepted => {
                return "no event was accepted, so the gate cannot pass".to_owned();
            }
            IncompleteCount::EffectsNotReported { missing } => return not_reported(*missing),
            IncompleteCount::NoListing => {
                return "the server has no listing of this run alone, so events that it did not send cannot be seen"
                    .to_owned();
            }
            IncompleteCount::SharedEvents { requests } => return shared(*requests),
            IncompleteCount::InterruptedBeforeReadingAgain => {
                "the audit was interrupted before its second reading".to_owned()
            }
            IncompleteCount::NotReadAgain => "the second reading failed".to_owned(),
            IncompleteCount::UnknownNames => format!(
                "up to {} may be: requests without an answer have no known names",
                grouped(self.finding.exceedances.at_most)
            ),
            IncompleteCount::PerhapsTwice { events } => format!(
                "{} may have been notified twice: an attempt was cut off before its answer, and another one was made",
                grouped(*events)
            ),
            IncompleteCount::UnreadEvents {
                events,
                last_answer,
            } => format!(
                "the state of {} could not be read (last answer: {})",
                grouped(*events),
                last_answer.cause()
            ),
            IncompleteCount::Pending { events, end } => format!(
                "{} were still pending {}",
                grouped(*events),
                match end {
                    AuditEnd::Signal => "when the audit was interrupted",
                    AuditEnd::Deadline => "at the deadline of the audit",
                }
            ),
        };
        format!("{}, but {but}", self.seen())
    }
}

fn not_reported(missing: MissingEffects) -> String {
    let how_often = match missing {
        MissingEffects::Inserts => "an event was inserted",
        MissingEffects::Notifications => "an event was notified",
        MissingEffects::Both => "an event was inserted or notified",
    };
    format!("the server does not report how often {how_often}, so duplicates cannot be seen")
}

fn shared(requests: u64) -> String {
    let (were, them) = match requests {
        1 => ("1 request was".to_owned(), "it"),
        n => (format!("{} requests were", grouped(n)), "them"),
    };
    format!("{were} answered with another request's event, so the outcome of {them} is unknown")
}
