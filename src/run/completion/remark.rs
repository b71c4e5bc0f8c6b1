//! What must be known to read the numbers of an audit.

use serde::{Deserialize, Serialize};

use super::audit_trouble::{AuditTrouble, in_words};

/// What must be known to read the numbers of an audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "remark")]
#[cfg_attr(test, schemars(rename = "Remark"))]
pub enum AuditRemark {
    /// States could not be read when the wait ended.
    Trouble {
        /// How many.
        unread: u64,
        /// What came last instead.
        #[serde(with = "in_words")]
        #[cfg_attr(test, schemars(with = "String"))]
        last: AuditTrouble,
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
