//! The processes that work on a store, as each tells the others.

use serde::Serialize;

use super::FailureText;

/// What a process reports of itself now and then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessReport {
    /// What it is: `worker`, `background`, `sync`.
    pub role: String,
    /// The machine's name.
    pub host: String,
    /// The process id on that machine.
    pub pid: u32,
    /// Attempts that are under way.
    pub in_flight: u32,
    /// What the attempts came to since the process started.
    #[serde(flatten)]
    pub done: WorkDone,
    /// `closed`, `open` or `half-open`.
    pub breaker: String,
    /// Why the breaker is not closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker_reason: Option<FailureText>,
}

/// Attempts and what followed them, counted since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkDone {
    /// Attempts that ended, however.
    pub attempts: u64,
    /// Events processed.
    pub processed: u64,
    /// Failed attempts that another one follows.
    pub retries: u64,
    /// Events given up.
    pub dead: u64,
}

impl WorkDone {
    /// As it is stored.
    pub(super) fn to_row(self) -> [i64; 4] {
        [self.attempts, self.processed, self.retries, self.dead].map(|count| count as i64)
    }

    /// As it was stored.
    pub(super) fn from_row(row: [i64; 4]) -> WorkDone {
        let [attempts, processed, retries, dead] = row.map(|count| count.max(0) as u64);
        WorkDone {
            attempts,
            processed,
            retries,
            dead,
        }
    }
}

/// A report, and how old it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Of this start of the process; the store knows its leases by it.
    pub id: String,
    /// The reported numbers.
    #[serde(flatten)]
    pub report: ProcessReport,
    /// Age of the report in milliseconds, by the store's clock.
    pub seen_ms_ago: u64,
}

impl Process {
    /// The owner of leases, as it is shown.
    pub(super) fn id(owner: i64) -> String {
        format!("{owner:016x}")
    }
}

/// A process without a report for this time is no longer shown.
pub(super) const SHOWN_MS: i64 = 30_000;
/// After this time its row is removed.
pub(super) const KEPT_MS: i64 = 3_600_000;
