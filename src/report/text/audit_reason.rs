//! What the completion audit says of a gate, in one sentence.

use crate::judge::gate::{
    AuditCount, AuditEnd, AuditReason, Condition, Finding, IncompleteCount, MissingEffects,
};
use crate::units::{Pretty, grouped};

const LOST: &str = "answered as accepted, and unknown to the server";

pub(super) fn sentence(finding: &Finding, reason: &AuditReason) -> String {
    match reason {
        AuditReason::NotAudited => unread("the run was not audited"),
        AuditReason::Unread { cause } => unread(&cause.cause()),
        AuditReason::SeveralEvents { keys, resent } => format!(
            "{} of {} keys that were sent twice were answered with two events",
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
    format!("{cause}. What was never read is never a pass")
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
            (AuditCount::Duplicated, 0) => format!("none {of} was done twice{}", self.read_again()),
            (AuditCount::Duplicated, 1) => format!("1 event was done more than once, {of}"),
            (AuditCount::Duplicated, _) => format!("{n} events were done more than once, {of}"),
            (AuditCount::Dead, 0) => format!("none {of} was given up"),
            (AuditCount::Dead, 1) => format!("1 {of} was given up by the server"),
            (AuditCount::Dead, _) => format!("{n} {of} were given up by the server"),
            (AuditCount::Unexpected, 0) => "no event is listed that was not sent".to_owned(),
            (AuditCount::Unexpected, 1) => "1 event is listed that was not sent".to_owned(),
            (AuditCount::Unexpected, _) => format!("{n} events are listed that were not sent"),
        }
    }

    /// Until when duplicates were looked for.
    fn read_again(&self) -> String {
        match &self.read_again_after {
            Some(quiet) => format!(", looked at again {quiet} after all were done"),
            None => String::new(),
        }
    }

    fn incomplete(&self, cause: &IncompleteCount) -> String {
        let but = match cause {
            IncompleteCount::NothingAccepted => {
                return "nothing was accepted, and no data is never a pass".to_owned();
            }
            IncompleteCount::EffectsNotReported { missing } => return not_reported(*missing),
            IncompleteCount::NoListing => {
                return "there is no listing of this run alone, so events that it did not send cannot be seen"
                    .to_owned();
            }
            IncompleteCount::SharedEvents { requests } => return shared(*requests),
            IncompleteCount::InterruptedBeforeReadingAgain => {
                "the audit was interrupted before it had read everything once more".to_owned()
            }
            IncompleteCount::NotReadAgain => "what was done could not be read once more".to_owned(),
            IncompleteCount::UnknownNames => format!(
                "up to {} may be: requests whose answer was never seen have no known names",
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
                "the state of {} could not be read (the last answer: {})",
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
        MissingEffects::Both => "an effect was had",
    };
    format!("the server does not tell how often {how_often}, so duplicates cannot be seen")
}

fn shared(requests: u64) -> String {
    let (were, them) = match requests {
        1 => ("1 request was".to_owned(), "it"),
        n => (format!("{} requests were", grouped(n)), "them"),
    };
    format!(
        "{were} answered with another request's event, so nobody can tell what became of {them}"
    )
}
