//! How many threads send, and one thread's part of a whole.

use crate::run::plan::{Model, Plan};

/// Starts a second that one thread takes on before another is used.
const RATE_PER_THREAD: f64 = 10_000.0;

/// One thread among all.
#[derive(Clone, Copy)]
pub(super) struct ThreadSlot {
    pub(super) thread: usize,
    pub(super) threads: usize,
}

impl ThreadSlot {
    /// This thread's part of a whole, the remainder spread over the first threads.
    pub(super) fn part(self, whole: usize) -> usize {
        whole / self.threads + usize::from(self.thread < whole % self.threads)
    }
}

/// As few threads as the rate allows: one more thread is one more to disturb the service with.
pub(super) fn thread_count(plan: &Plan) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = match plan.model {
        // Every thread has its part of the in-flight cap, so there are never more threads than that.
        Model::Open { .. } => ((total_rate(plan) / RATE_PER_THREAD).ceil() as usize)
            .min(plan.connections.max_in_flight),
        Model::Closed { concurrency } => concurrency,
    };
    wanted.clamp(1, cores)
}

/// Starts a second, over all endpoints.
pub(super) fn total_rate(plan: &Plan) -> f64 {
    plan.endpoints
        .iter()
        .filter_map(|endpoint| endpoint.rate)
        .map(|rate| rate.as_per_second())
        .sum()
}
