//! Remarks that explain the numbers of an audit.

use serde::{Deserialize, Serialize};

use super::audit_trouble::{AuditTrouble, in_words};

/// Remarks that explain the numbers of an audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "remark")]
#[cfg_attr(test, schemars(rename = "Remark"))]
pub enum AuditRemark {
    /// States could not be read when the wait ended.
    Trouble {
        /// Number of events.
        unread: u64,
        /// The last answer instead of a state.
        #[serde(with = "in_words")]
        #[cfg_attr(test, schemars(with = "String"))]
        last: AuditTrouble,
    },
    /// Events were processed before they were accepted, so no reported time is used.
    ClocksDisagree {
        /// Number of events.
        events: u64,
    },
    /// Times without a time zone, compared with others.
    NoOffset {
        /// Number of events.
        events: u64,
    },
    /// Events that are listed as processed, without a time.
    NoTime {
        /// Number of events.
        events: u64,
    },
    /// The second reading of processed events failed.
    NotReadAgain {
        /// Why.
        #[serde(with = "in_words")]
        #[cfg_attr(test, schemars(with = "String"))]
        reason: AuditTrouble,
    },
}

impl AuditRemark {
    pub(super) fn trouble(&self) -> Option<&AuditTrouble> {
        match self {
            AuditRemark::Trouble { last, .. } => Some(last),
            _ => None,
        }
    }
}
