//! The words for what must be known to read the numbers of an audit.

use crate::run::completion::{AuditRemark, DoneClock, cause_and_hint};
use crate::units::{grouped, plural};

impl AuditRemark {
    /// What is so.
    pub(crate) fn text(&self) -> String {
        let events = |n: &u64| format!("{} {}", grouped(*n), plural(*n, "event"));
        match self {
            AuditRemark::Trouble { unread, last } => format!(
                "the state of {} could not be read when the audit ended; the last answer: {}",
                events(unread),
                cause_and_hint(last).0
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
                cause_and_hint(reason).0
            ),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> &str {
        match self {
            AuditRemark::Trouble { last, .. } => cause_and_hint(last)
                .1
                .unwrap_or("look at the service; what could not be read is neither lost nor done"),
            AuditRemark::ClocksDisagree { .. } => {
                "synchronise the clocks, or let one clock write both times"
            }
            AuditRemark::NoOffset { .. } => {
                "let the service write times with Z or an offset, or seconds since 1970"
            }
            AuditRemark::NoTime { .. } => "let the listing tell when each event was done",
            AuditRemark::NotReadAgain { reason } => cause_and_hint(reason)
                .1
                .unwrap_or("look at the service, and audit again"),
        }
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
