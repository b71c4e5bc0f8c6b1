//! How many threads send, and one thread's part of a whole.

use crate::run::plan::{Model, Plan};
use crate::run::recording::IndexShare;

/// Starts a second that one thread takes on before another is used.
const RATE_PER_THREAD: f64 = 10_000.0;

/// One thread among all.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadSlot {
    pub(super) thread: usize,
    pub(super) threads: usize,
}

impl ThreadSlot {
    /// This thread's part of a whole, the remainder spread over the first threads.
    pub(super) fn part(self, whole: usize) -> usize {
        whole / self.threads + usize::from(self.thread < whole % self.threads)
    }

    /// This thread's part of the requests in flight at one origin: for HTTP/2 its part of the connections, filled.
    pub(super) fn in_flight(self, plan: &Plan) -> usize {
        let whole = match plan.model {
            Model::Open { .. } => plan.connections.max_in_flight,
            Model::Closed { concurrency } => concurrency,
        };
        self.part_of_streams(whole, plan.connections.version.depth())
    }

    /// Whole connections of this depth, the last of which may not be full.
    fn part_of_streams(self, whole: usize, depth: usize) -> usize {
        let connections = whole.div_ceil(depth);
        let before: usize = (0..self.thread)
            .map(|thread| ThreadSlot { thread, ..self }.part(connections) * depth)
            .sum();
        (self.part(connections) * depth).min(whole.saturating_sub(before))
    }

    /// Which requests of an endpoint are this thread's.
    pub(super) fn requests(self, model: Model) -> IndexShare {
        match model {
            _ if self.threads == 1 => IndexShare::All,
            Model::Open { .. } => IndexShare::EveryNth {
                first: self.thread as u64,
                step: self.threads as u64,
            },
            Model::Closed { .. } => IndexShare::Taken,
        }
    }
}

/// As few threads as the rate allows: one more thread is one more to disturb the service with. A connection of HTTP/2 is
/// one thread's.
/// `rate` is what this machine sends of the plan, at the most.
pub(super) fn thread_count(plan: &Plan, rate: f64) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let version = plan.connections.version;
    let wanted = match plan.model {
        // Every thread has its part of the in-flight cap, so there are never more threads than that.
        Model::Open { .. } => ((rate / RATE_PER_THREAD).ceil() as usize)
            .min(version.connections(plan.connections.max_in_flight)),
        Model::Closed { concurrency } => version.connections(concurrency),
    };
    wanted.clamp(1, cores)
}

/// Starts a second of a whole plan at the most.
pub(super) fn total_rate(plan: &Plan) -> f64 {
    plan.highest_rate(|_| true)
}

#[cfg(test)]
mod tests {
    use super::ThreadSlot;

    #[test]
    fn the_parts_of_all_threads_are_the_whole() {
        for (whole, streams) in [(512, 1), (512, 8), (100, 8), (9, 8), (1, 100), (17, 3)] {
            for threads in 1..=whole_connections(whole, streams).min(4) {
                let slots = (0..threads).map(|thread| ThreadSlot { thread, threads });
                let parts: Vec<usize> = slots
                    .map(|slot| slot.part_of_streams(whole, streams))
                    .collect();
                assert_eq!(parts.iter().sum::<usize>(), whole, "{parts:?}");
                assert!(parts.iter().all(|&part| part > 0), "{parts:?}");
            }
        }
    }

    fn whole_connections(whole: usize, streams: usize) -> usize {
        whole.div_ceil(streams)
    }
}
