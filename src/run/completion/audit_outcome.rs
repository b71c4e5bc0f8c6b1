//! How the server was asked: whose clocks, which effects, how the wait ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event_report::UnknownMeans;

/// Whose clocks the time from acceptance to completion is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DoneClock {
    /// The server's, at both ends.
    Server,
    /// The probe's at the answer, the server's at completion: as exact as the two clocks agree.
    Both,
    /// The probe's: completion was between the last reading without it and the first reading with it.
    Poll,
}

/// Whether the server reports the number of one kind of effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, schemars(rename = "Effects"))]
pub enum EffectReporting {
    /// The server reports it.
    #[serde(rename = "told")]
    Reported,
    /// The server does not report it for every processed event: duplicates cannot be seen.
    #[serde(rename = "not_told")]
    NotReported,
}

/// How the wait for the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// No event was pending.
    Done,
    /// The wait ended at the deadline.
    Deadline,
    /// A signal ended the wait.
    Interrupted,
}

/// How the server was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditOutcome {
    /// Whose clocks its times are of.
    pub clock: DoneClock,
    /// How the wait for it ended.
    pub settled: Settled,
    /// Longest wait.
    pub patience: Duration,
    /// How to count accepted requests that the server does not know.
    pub unknown: UnknownMeans,
}
