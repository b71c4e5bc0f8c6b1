//! The defaults of `measure`, `ab` and `diagnose`.

use std::time::Duration;

/// Longest time of an adaptive run, which ends as soon as it is decided.
pub(crate) const DEFAULT_BUDGET: Duration = Duration::from_secs(120);
/// Longest time of a `--quick` run.
pub(crate) const QUICK_BUDGET: Duration = Duration::from_secs(15);
/// Longest time of all steps of a diagnosis.
pub(crate) const DEFAULT_DIAGNOSE_BUDGET: Duration = Duration::from_secs(60);
/// Length of a closed-model run: the answers decide how many requests it sends.
pub(crate) const DEFAULT_DURATION: Duration = Duration::from_secs(30);
/// Rate of each endpoint, a second.
pub(crate) const DEFAULT_RATE_PER_S: f64 = 20.0;
/// Limit of the default gates.
pub(crate) const DEFAULT_TARGET: Duration = Duration::from_millis(150);
/// Sent before a run.
pub(crate) const DEFAULT_WARMUP: Duration = Duration::from_secs(2);
/// Request timeout, counted from the intended start.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests in flight in an open model.
pub(crate) const DEFAULT_MAX_IN_FLIGHT: usize = 512;
/// Requests in flight on one HTTP/2 connection: the least that RFC 9113 recommends a server to allow.
pub(crate) const DEFAULT_STREAMS: usize = 100;
/// Most requests that are planned for one endpoint; each keeps a bit for every target.
pub(crate) const MAX_PLANNED: u64 = 100_000_000;
