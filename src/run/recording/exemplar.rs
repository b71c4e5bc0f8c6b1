//! A request that is kept as an example, with all that is known of it.

use std::time::Duration;

use crate::run::sample::{ConnectionUse, Outcome, Phases};
use crate::run::shard::Shard;
use crate::trace::TraceId;

/// One of the slowest requests, or of those that failed first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemplar {
    /// Position in the endpoint's plan.
    pub index: u64,
    /// Latency by the recording's clock; for a timeout, how long was waited.
    pub latency: Duration,
    /// Second of the run, from t0 to the intended start (the send in the closed model).
    pub at: Duration,
    /// Our own delay before it was dispatched.
    pub send_lag: Option<Duration>,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status, if any.
    pub status: Option<u16>,
    /// Connection new or reused; `None` if nothing was sent.
    pub connection: Option<ConnectionUse>,
    /// Where the time went.
    pub phases: Phases,
    /// The trace that it began; `None` without `--trace`, and if nothing was sent.
    pub trace_id: Option<TraceId>,
}

impl Exemplar {
    /// A request of a shard, under its index in the whole run.
    pub(super) fn of_shard(&self, shard: Shard) -> Exemplar {
        Exemplar {
            index: shard.global(self.index),
            ..self.clone()
        }
    }
}
