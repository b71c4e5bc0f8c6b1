//! Opens connections before t0, so that a run does not begin with many handshakes at once.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::connection::Connection;
use super::monotonic_clock::MonotonicClock;
use super::origin_route::ThreadRoutes;
use super::run_spec::RunSpec;
use super::stop::StopSignal;
use super::thread_slot::ThreadSlot;
use crate::run::plan::{Keepalive, Model};

/// Handshakes under way at the same time, of one thread.
const HANDSHAKES: usize = 8;

/// Longer than this a run does not wait for connections; the requests open those that are missing.
const LIMIT: Duration = Duration::from_secs(1);

/// How many connections a thread opens before t0, and how long that may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Preparation {
    origin: usize,
    connections: usize,
    limit: Duration,
}

impl Preparation {
    /// One thread's part for one origin. There is none where the warm-up opens connections, where every request has its own, in the
    /// closed model, and where the time of an answer is not known.
    pub(super) fn new(spec: &RunSpec<'_>, slot: ThreadSlot, origin: usize) -> Preparation {
        let plan = spec.plan;
        let rate = spec.rate_at(origin) / slot.threads as f64;
        let wanted = match (plan.model, plan.connections.keepalive, spec.answer_time) {
            (Model::Open { .. }, Keepalive::Reuse, Some(answer)) if plan.warmup.is_zero() => {
                let version = plan.connections.version;
                version.connections(connections_at(rate, answer))
            }
            _ => 0,
        };
        Preparation {
            origin,
            connections: wanted.min(slot.in_flight(plan)),
            limit: plan.timeout.min(LIMIT),
        }
    }

    /// Opens them; ends at the first failure, at the limit or at a stop, with those that are open by then.
    ///
    /// Runs inside of a `LocalSet`.
    pub(super) async fn open(self, routes: Rc<ThreadRoutes>, stop: StopSignal) -> Vec<Connection> {
        let left = Rc::new(Cell::new(self.connections));
        let opened = Rc::new(RefCell::new(Vec::new()));
        let mut lanes = JoinSet::new();
        for _ in 0..HANDSHAKES.min(self.connections) {
            let (routes, left, opened) = (Rc::clone(&routes), left.clone(), opened.clone());
            lanes.spawn_local(open_one_by_one(routes, self.origin, left, opened));
        }
        tokio::select! {
            () = async { while lanes.join_next().await.is_some() {} } => {}
            () = tokio::time::sleep(self.limit) => {}
            () = stop.stopped() => {}
        }
        lanes.shutdown().await;
        opened.take()
    }
}

async fn open_one_by_one(
    routes: Rc<ThreadRoutes>,
    origin: usize,
    left: Rc<Cell<usize>>,
    opened: Rc<RefCell<Vec<Connection>>>,
) {
    let clock = MonotonicClock::starting_at(Instant::now());
    while let Some(rest) = left.get().checked_sub(1) {
        left.set(rest);
        match routes.to_origin(origin).prepared(clock).await {
            Ok(connection) => opened.borrow_mut().extend(connection),
            // The requests of the run meet the same failure, and their outcomes name it.
            Err(_failure) => left.set(0),
        }
    }
}

/// Little's law: a rate times an answer's time are under way on average; three standard deviations of a Poisson
/// number and one are added.
fn connections_at(rate_per_s: f64, answer: Duration) -> usize {
    let under_way = rate_per_s * answer.as_secs_f64();
    (under_way + 3.0 * under_way.sqrt()).ceil() as usize + 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::connections_at;

    #[test]
    fn rate_times_answer_time_with_three_deviations_and_one_are_opened() {
        // 10,000/s × 10 ms = 100 under way, and 3 × √100 + 1 more.
        assert_eq!(connections_at(10_000.0, Duration::from_millis(10)), 131);
        assert_eq!(connections_at(100.0, Duration::ZERO), 1);
    }
}
