//! Why a gate on the completion audit came out as it did without a test.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::run::completion::AuditTrouble;
use crate::run::completion::audit_trouble::as_cause;
use crate::units::serialize_optional_ms;

/// Why a gate on the completion audit came out as it did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub(crate) enum AuditReason {
    /// The run was not audited.
    NotAudited,
    /// The audit could not read the server's answers.
    #[serde(rename = "audit_unread")]
    Unread {
        /// What the audit says of it.
        #[serde(serialize_with = "as_cause")]
        #[cfg_attr(test, schemars(with = "String"))]
        cause: AuditTrouble,
    },
    /// Keys that were sent twice were answered with two events.
    #[serde(rename = "several_events_per_key")]
    SeveralEvents {
        /// Keys with two events.
        keys: u64,
        /// Keys that were sent twice.
        #[serde(rename = "keys_resent")]
        resent: u64,
    },
    /// The audit was interrupted before the time to completion of every event was known.
    #[serde(rename = "audit_interrupted")]
    Interrupted {
        /// Events that were still pending.
        #[serde(rename = "events_pending")]
        pending: u64,
    },
    /// The count alone decides.
    Counted {
        /// How long after completion the events were read again, if they were.
        #[serde(
            rename = "read_again_after_ms",
            serialize_with = "serialize_optional_ms"
        )]
        read_again_after: Option<Duration>,
    },
    /// The count is within its limit, but it may be incomplete.
    #[serde(untagged)]
    Incomplete {
        #[serde(flatten)]
        cause: IncompleteCount,
        /// How long after completion the events were read again, if they were.
        #[serde(
            rename = "read_again_after_ms",
            serialize_with = "serialize_optional_ms"
        )]
        read_again_after: Option<Duration>,
    },
}

/// Why a count may be incomplete.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "code", content = "values")]
pub(crate) enum IncompleteCount {
    /// No request was accepted.
    NothingAccepted,
    /// The server does not report how often this happened.
    EffectsNotReported {
        #[cfg_attr(test, schemars(with = "Vec<String>"))]
        missing: MissingEffects,
    },
    /// There is no listing of this run alone.
    NoListing,
    /// Requests were answered with another request's event.
    SharedEvents { requests: u64 },
    /// The audit was interrupted before it had read everything again.
    InterruptedBeforeReadingAgain,
    /// The processed events could not be read again.
    NotReadAgain,
    /// Requests whose answer was not seen have no known names.
    #[serde(rename = "unknown_event_names")]
    UnknownNames,
    /// An attempt was cut off before its answer, and another one was made.
    #[serde(rename = "perhaps_notified_twice")]
    PerhapsTwice {
        /// Events that may have been notified twice.
        events: u64,
    },
    /// The state of events could not be read.
    #[serde(rename = "events_unread")]
    UnreadEvents {
        events: u64,
        /// What came instead of a state.
        #[serde(serialize_with = "as_cause")]
        #[cfg_attr(test, schemars(with = "String"))]
        last_answer: AuditTrouble,
    },
    /// Events were pending when the audit ended.
    #[serde(rename = "events_pending")]
    Pending {
        events: u64,
        #[serde(rename = "ended_by")]
        end: AuditEnd,
    },
}

/// The counts of effects that the server does not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingEffects {
    Inserts,
    Notifications,
    Both,
}

impl Serialize for MissingEffects {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(match self {
            MissingEffects::Inserts => &["inserts"][..],
            MissingEffects::Notifications => &["notifications"],
            MissingEffects::Both => &["inserts", "notifications"],
        })
    }
}

/// What ended an audit while events were pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditEnd {
    Deadline,
    Signal,
}
