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
    /// The probe's when it had the answer, the server's at completion: as true as the two clocks agree.
    Both,
    /// The probe's: completion was between the poll that did not see it yet and the poll that did.
    Poll,
}

/// Whether the server tells how often one kind of effect was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, schemars(rename = "Effects"))]
pub enum EffectReporting {
    /// It tells.
    #[serde(rename = "told")]
    Reported,
    /// It does not, or not of every event that was done: duplicates cannot be seen.
    #[serde(rename = "not_told")]
    NotReported,
}

/// How the wait for the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// Nothing was pending any more.
    Done,
    /// At the deadline.
    Deadline,
    /// By a signal.
    Interrupted,
}

/// How the server was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditOutcome {
    /// Whose clocks its times are of.
    pub clock: DoneClock,
    /// How the wait for it ended.
    pub settled: Settled,
    /// Longest that was waited.
    pub patience: Duration,
    /// What to make of accepted requests that it does not know.
    pub unknown: UnknownMeans,
}
