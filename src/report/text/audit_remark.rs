//! The words for what must be known to read the numbers of an audit.

use crate::run::completion::{AuditRemark, AuditTrouble, DoneClock};
use crate::units::{grouped, plural};

impl AuditRemark {
    /// What is so.
    pub(crate) fn text(&self) -> String {
        let events = |n: &u64| format!("{} {}", grouped(*n), plural(*n, "event"));
        match self {
            AuditRemark::Trouble { unread, last } => format!(
                "the state of {} could not be read when the audit ended; the last answer: {}",
                events(unread),
                last.cause()
            ),
            AuditRemark::ClocksDisagree { events: n } => format!(
                "{} done before acceptance: the clocks disagree, so times are those between two looks",
                match n {
                    1 => "1 event was".to_owned(),
                    n => format!("{} events were", grouped(*n)),
                }
            ),
            AuditRemark::NoOffset { events: n } => format!(
                "times of {} have no offset from UTC, so they cannot be held against others; the time is that between two looks",
                events(n)
            ),
            AuditRemark::NoTime { events: n } => format!(
                "{} listed as processed without processed_at; the time is that between two looks",
                match n {
                    1 => "1 event is".to_owned(),
                    n => format!("{} events are", grouped(*n)),
                }
            ),
            AuditRemark::NotReadAgain { reason } => format!(
                "what was done could not be read once more, so later duplicates were not looked for: {}",
                reason.cause()
            ),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        let (trouble, otherwise) = match self {
            AuditRemark::Trouble { last, .. } => (
                Some(last),
                "look at the service; what could not be read is neither lost nor done",
            ),
            AuditRemark::ClocksDisagree { .. } => (
                None,
                "synchronise the clocks, or let one clock write both times",
            ),
            AuditRemark::NoOffset { .. } => (
                None,
                "let the service write times with Z or an offset, or seconds since 1970",
            ),
            AuditRemark::NoTime { .. } => (None, "let the listing tell when each event was done"),
            AuditRemark::NotReadAgain { reason } => {
                (Some(reason), "look at the service, and audit again")
            }
        };
        trouble
            .and_then(AuditTrouble::hint)
            .unwrap_or_else(|| otherwise.to_owned())
    }
}

impl DoneClock {
    /// Whose clocks, in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            DoneClock::Server => "from acceptance to completion, both by the server's clock",
            DoneClock::Both => {
                "from the answer by this machine's clock to completion by the server's, as true as the two agree"
            }
            DoneClock::Poll => {
                "from the answer to the poll that saw it done, which began when the run had ended: at most so long"
            }
        }
    }
}
