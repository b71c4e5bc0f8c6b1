//! What must be known to read the numbers of an audit, as values: in words, with what to do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hint::cause_and_hint;
use crate::units::{grouped, plural};

/// What must be known to read the numbers of an audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "remark")]
#[schemars(rename = "Remark")]
pub enum AuditRemark {
    /// States could not be read when the wait ended.
    Trouble {
        /// How many.
        unread: u64,
        /// What came last instead.
        last: String,
    },
    /// Events were done before they were accepted, so no time that is told is believed.
    ClocksDisagree {
        /// How many.
        events: u64,
    },
    /// Times that say nothing of the zone they are in, held against others.
    NoOffset {
        /// Of how many events.
        events: u64,
    },
    /// Events that are listed as done and say not when.
    NoTime {
        /// How many.
        events: u64,
    },
    /// What was done could not be read once more.
    NotReadAgain {
        /// Why.
        reason: String,
    },
}

impl AuditRemark {
    /// What is so.
    pub fn text(&self) -> String {
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
    pub fn hint(&self) -> &str {
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

    pub(super) fn trouble(&self) -> Option<&str> {
        match self {
            AuditRemark::Trouble { last, .. } => Some(last),
            _ => None,
        }
    }
}
