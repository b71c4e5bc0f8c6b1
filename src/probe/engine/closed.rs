//! The closed model: a fixed number of requests at a time, each sent when the one before it was answered.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinSet;

use super::connection::still_open;
use super::run_part::RunPart;
use super::sender_thread::{OutgoingRequest, SenderThread};
use super::stop::StopSignal;
use crate::run::plan::{Plan, Size};

/// Hands out request numbers to the workers of all threads, so that numbers follow the order of sending.
#[derive(Debug)]
pub(super) struct RequestNumbers {
    /// Those of one origin, by their place in the plan.
    endpoints: Vec<usize>,
    t0_ns: u64,
    warmup_ns: u64,
    /// End of a run of fixed duration, in ns of the clock.
    end_ns: Option<u64>,
    /// Requests of a run of fixed size, over all endpoints.
    total: Option<u64>,
    warmup: AtomicU64,
    run: AtomicU64,
}

impl RequestNumbers {
    pub(super) fn new(plan: &Plan, origin: usize, t0_ns: u64) -> RequestNumbers {
        let endpoints: Vec<usize> = (0..plan.endpoints.len())
            .filter(|&endpoint| plan.origin_of(&plan.endpoints[endpoint]) == origin)
            .collect();
        let (end_ns, total) = match plan.size {
            Size::Duration(d) => (Some(t0_ns + d.as_nanos() as u64), None),
            Size::Requests(n) => (None, Some(n.saturating_mul(endpoints.len() as u64))),
        };
        RequestNumbers {
            endpoints,
            t0_ns,
            warmup_ns: plan.warmup.as_nanos() as u64,
            end_ns,
            total,
            warmup: AtomicU64::new(0),
            run: AtomicU64::new(0),
        }
    }

    /// When the first request may be sent: with the warm-up, or at t0 without one.
    fn begin_ns(&self) -> u64 {
        self.t0_ns - self.warmup_ns
    }

    /// The next request, endpoints in turn; `None` when the run is complete.
    fn next(&self, now_ns: u64) -> Option<OutgoingRequest> {
        if now_ns < self.t0_ns {
            let number = self.warmup.fetch_add(1, Ordering::Relaxed);
            return Some(self.outgoing(RunPart::Warmup, number));
        }
        if self.end_ns.is_some_and(|end_ns| now_ns >= end_ns) {
            return None;
        }
        let number = self.run.fetch_add(1, Ordering::Relaxed);
        match self.total {
            Some(total) if number >= total => None,
            _ => Some(self.outgoing(RunPart::Run, number)),
        }
    }

    fn outgoing(&self, part: RunPart, number: u64) -> OutgoingRequest {
        OutgoingRequest {
            part,
            endpoint: self.endpoints[(number % self.endpoints.len() as u64) as usize],
            index: number / self.endpoints.len() as u64,
            intended_ns: None,
            queued_ns: None,
        }
    }
}

/// Runs this thread's workers until the run is complete or stopped.
pub(super) async fn run(
    sender: &Rc<SenderThread>,
    origins: &[Arc<RequestNumbers>],
    workers: usize,
    stop: StopSignal,
) {
    if let Some(first) = origins.first() {
        tokio::time::sleep_until(sender.clock.at(first.begin_ns()).into()).await;
    }
    let mut tasks = JoinSet::new();
    for numbers in origins
        .iter()
        .flat_map(|own| std::iter::repeat_n(own, workers))
    {
        let (sender, numbers, stop) = (Rc::clone(sender), Arc::clone(numbers), stop.clone());
        tasks.spawn_local(async move {
            let mut connection = None;
            while !stop.is_stopped()
                && let Some(outgoing) = numbers.next(sender.clock.now_ns())
            {
                connection = sender.perform(outgoing, still_open(connection).await).await;
            }
        });
    }
    tasks.join_all().await;
}
