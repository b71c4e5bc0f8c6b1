//! How the planned requests ended, in numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run::recording::unique_map;
use crate::run::sample::{FailureKind, Outcome};

/// How the planned requests ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// Answered in full with an expected status.
    pub ok: u64,
    /// Failed, by kind.
    #[serde(deserialize_with = "unique_map::deserialize")]
    pub failed: BTreeMap<FailureKind, u64>,
    /// No complete answer within the timeout.
    pub timeout: u64,
    /// Not sent, because the run was interrupted.
    pub unsent: u64,
}

impl Counts {
    /// Sum over all outcomes: the planned requests.
    pub fn total(&self) -> u64 {
        self.ok + self.failed_total() + self.timeout + self.unsent
    }

    /// Failures of every kind; timeouts and unsent requests are not among them.
    pub fn failed_total(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Requests that did not end ok, whatever the reason.
    pub fn not_ok(&self) -> u64 {
        self.total() - self.ok
    }

    /// Those that did not end ok for a cause on this side: client failures and unsent requests.
    pub fn client_side(&self) -> u64 {
        self.failed.get(&FailureKind::Client).copied().unwrap_or(0) + self.unsent
    }

    /// Counts one request.
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Failed(kind) => *self.failed.entry(kind).or_default() += 1,
            Outcome::Timeout => self.timeout += 1,
            Outcome::Unsent => self.unsent += 1,
        }
    }

    /// Adds another thread's or shard's counts.
    pub fn merge(&mut self, other: &Counts) {
        self.ok += other.ok;
        self.timeout += other.timeout;
        self.unsent += other.unsent;
        for (&kind, &n) in &other.failed {
            *self.failed.entry(kind).or_default() += n;
        }
    }
}
