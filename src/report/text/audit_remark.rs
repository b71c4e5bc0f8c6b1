//! The words for what must be known to read the numbers of an audit.

use crate::run::completion::{AuditRemark, AuditTrouble, DoneClock};
use crate::units::{grouped, plural};

impl AuditRemark {
    /// What is so.
    pub(crate) fn text(&self) -> String {
        let events = |n: &u64| format!("{} {}", grouped(*n), plural(*n, "event"));
        match self {
            AuditRemark::Trouble { unread, last } => format!(
                "the state of {} could not be read when the audit ended; last answer: {}",
                events(unread),
                last.cause()
            ),
            AuditRemark::ClocksDisagree { events: n } => format!(
                "{} processed before acceptance: the clocks disagree, so completion times are taken between two readings",
                match n {
                    1 => "1 event was".to_owned(),
                    n => format!("{} events were", grouped(*n)),
                }
            ),
            AuditRemark::NoOffset { events: n } => format!(
                "times of {} have no UTC offset, so completion times are taken between two readings",
                events(n)
            ),
            AuditRemark::NoTime { events: n } => format!(
                "{} listed as processed without processed_at; the completion time is taken between two readings",
                match n {
                    1 => "1 event is".to_owned(),
                    n => format!("{} events are", grouped(*n)),
                }
            ),
            AuditRemark::NotReadAgain { reason } => format!(
                "the second reading failed, so later duplicates cannot be seen: {}",
                reason.cause()
            ),
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        let (trouble, otherwise) = match self {
            AuditRemark::Trouble { last, .. } => (
                Some(last),
                "check the service; events that could not be read count neither as lost nor as processed",
            ),
            AuditRemark::ClocksDisagree { .. } => (
                None,
                "synchronise the clocks, or write both times from one clock",
            ),
            AuditRemark::NoOffset { .. } => (
                None,
                "have the service write times with Z or an offset, or seconds since 1970",
            ),
            AuditRemark::NoTime { .. } => (
                None,
                "have the listing report when each event was processed",
            ),
            AuditRemark::NotReadAgain { reason } => {
                (Some(reason), "check the service, and audit again")
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
            DoneClock::Server => "from acceptance to completion, both on the server's clock",
            DoneClock::Both => {
                "from the answer on this machine's clock to completion on the server's, as exact as the two clocks agree"
            }
            DoneClock::Poll => {
                "from the answer to the reading that found the event processed, after the run had ended: an upper bound"
            }
        }
    }
}
