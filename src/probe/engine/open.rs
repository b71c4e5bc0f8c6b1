//! The open model: starts follow the schedule, whatever the answers do.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::spawn_local;

use super::connection::{Connection, still_open};
use super::pacer::Pacer;
use super::run_part::RunPart;
use super::sender_thread::{OutgoingRequest, SenderThread};
use super::stop::{StartFate, StopSignal};
use super::thread_slot::ThreadSlot;
use crate::run::plan::Plan;
use crate::run::schedule::Schedule;
use crate::run::shard::Shard;

/// The schedules of a run: one of the warm-up and one of the run proper for each endpoint.
#[derive(Clone)]
pub(super) struct Schedules {
    endpoints: Vec<(Schedule, Schedule)>,
}

impl Schedules {
    pub(super) fn new(plan: &Plan) -> Schedules {
        let schedules = |endpoint: usize| {
            let run = Schedule::of_plan(plan, endpoint);
            Schedule::of_warmup(plan, endpoint)
                .zip(run)
                .expect("resolve gives every endpoint of an open plan a rate")
        };
        Schedules {
            endpoints: (0..plan.endpoints.len()).map(schedules).collect(),
        }
    }

    /// One thread's share of all endpoints' starts, in order of time.
    pub(super) fn share(&self, share: ScheduleShare) -> impl Iterator<Item = DueRequest> + use<> {
        let ScheduleShare {
            shard,
            slot,
            t0_ns,
            warmup_ns,
            ..
        } = share;
        // Every thread's indices of the whole run, and from those the shard's own.
        let shards = u64::from(shard.count());
        let part = shard.global(slot.thread as u64);
        let parts = shards * slot.threads as u64;
        let own = move |(index, at_ns): (u64, u64)| (index / shards, at_ns);
        let mut streams: Vec<_> = (0..)
            .zip(&self.endpoints)
            .map(|(endpoint, (warmup, run))| {
                let due = move |part, offset_ns| {
                    move |(index, at_ns): (u64, u64)| DueRequest {
                        at_ns: offset_ns + at_ns,
                        part,
                        endpoint,
                        index,
                    }
                };
                let warmup = warmup
                    .share(part, parts)
                    .map(own)
                    .map(due(RunPart::Warmup, t0_ns - warmup_ns));
                warmup
                    .chain(
                        run.share(part, parts)
                            .map(own)
                            .map(due(RunPart::Run, t0_ns)),
                    )
                    .peekable()
            })
            .collect();
        std::iter::from_fn(move || {
            let next = streams
                .iter_mut()
                .filter_map(|s| Some((s.peek()?.at_ns, s)))
                .min_by_key(|(at_ns, _)| *at_ns);
            next.and_then(|(_, stream)| stream.next())
        })
    }
}

/// A start of the schedule, in ns of the run's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct DueRequest {
    at_ns: u64,
    part: RunPart,
    endpoint: usize,
    index: u64,
}

/// Which part of the schedule a thread sends: of shard i of n, thread j of m has the indices ≡ i + n·j (mod n·m).
#[derive(Debug, Clone, Copy)]
pub(super) struct ScheduleShare {
    pub(super) shard: Shard,
    pub(super) slot: ThreadSlot,
    /// When the run proper begins, in ns of the clock.
    pub(super) t0_ns: u64,
    pub(super) warmup_ns: u64,
    /// This thread's part of the in-flight cap of an origin.
    pub(super) max_in_flight: usize,
}

/// Sends this thread's share of the starts, each over the pool of its origin, and waits until all of it has ended.
pub(super) async fn run(
    sender: &Rc<SenderThread>,
    mut dues: impl Iterator<Item = DueRequest>,
    pools: Vec<Rc<Pool>>,
    mut pacer: Pacer,
    stop: StopSignal,
) {
    let pool_of = |due: &DueRequest| &pools[sender.origins.origin(due.endpoint)];
    let mut stopped = pin!(stop.clone().stopped());
    let mut cut = None;
    for due in dues.by_ref() {
        tokio::select! {
            // The stop first: when every start is overdue, waiting ends at once each time.
            biased;
            () = &mut stopped => {
                cut = Some(due);
                break;
            }
            () = pacer.wait_until(due.at_ns) => {}
        }
        pool_of(&due).dispatch(sender, due);
    }
    for due in cut.into_iter().chain(dues) {
        match stop.fate_of(sender.clock.at(due.at_ns)) {
            StartFate::Sent => {
                pacer.wait_until(due.at_ns).await;
                pool_of(&due).dispatch(sender, due);
            }
            StartFate::NotPlanned => break,
        }
    }
    if stop.is_interrupted() {
        pools.iter().for_each(|pool| pool.give_up_waiting(sender));
    }
    for pool in &pools {
        pool.drained(stop.clone(), sender).await;
    }
}

/// A thread's connections to one origin and the requests that wait for one.
pub(super) struct Pool {
    max_in_flight: usize,
    in_flight: Cell<usize>,
    idle: RefCell<Vec<Connection>>,
    waiting: RefCell<VecDeque<OutgoingRequest>>,
    empty: Notify,
}

impl Pool {
    /// Begins with the connections that were opened before t0.
    pub(super) fn new(max_in_flight: usize, prepared: Vec<Connection>) -> Pool {
        Pool {
            max_in_flight,
            in_flight: Cell::new(0),
            idle: RefCell::new(prepared),
            waiting: RefCell::default(),
            empty: Notify::new(),
        }
    }

    /// Sends a request at once, or queues it when the cap is reached.
    fn dispatch(self: &Rc<Pool>, sender: &Rc<SenderThread>, due: DueRequest) {
        let mut outgoing = outgoing(due);
        if self.in_flight.get() >= self.max_in_flight {
            outgoing.queued_ns = Some(sender.clock.now_ns());
            return self.waiting.borrow_mut().push_back(outgoing);
        }
        self.in_flight.set(self.in_flight.get() + 1);
        spawn_local(Rc::clone(self).serve(Rc::clone(sender), outgoing));
    }

    /// Performs a request, then those that wait, and leaves the connection for the next.
    async fn serve(self: Rc<Pool>, sender: Rc<SenderThread>, first: OutgoingRequest) {
        let mut next = Some(first);
        let mut connection = None;
        while let Some(outgoing) = next {
            let open = still_open(connection).await;
            let reused = match open {
                Some(connection) => Some(connection),
                None => self.take_idle().await,
            };
            connection = sender.perform(outgoing, reused).await;
            next = self.next_waiting(&sender);
        }
        self.idle.borrow_mut().extend(connection);
        self.in_flight.set(self.in_flight.get() - 1);
        if self.in_flight.get() == 0 {
            self.empty.notify_one();
        }
    }

    /// The connection used last that the peer has not closed.
    async fn take_idle(&self) -> Option<Connection> {
        loop {
            let connection = self.idle.borrow_mut().pop()?;
            if let Some(connection) = still_open(Some(connection)).await {
                return Some(connection);
            }
        }
    }

    fn next_waiting(&self, sender: &SenderThread) -> Option<OutgoingRequest> {
        loop {
            let outgoing = self.waiting.borrow_mut().pop_front()?;
            if !sender.expire(&outgoing) {
                return Some(outgoing);
            }
        }
    }

    /// Waits for what is in flight, each request at most until its timeout; an interruption gives up what only waits.
    async fn drained(&self, stop: StopSignal, sender: &SenderThread) {
        while self.in_flight.get() > 0 {
            tokio::select! {
                () = self.empty.notified() => {}
                () = stop.clone().interrupted(), if !stop.is_interrupted() => self.give_up_waiting(sender),
            }
        }
    }

    fn give_up_waiting(&self, sender: &SenderThread) {
        self.waiting
            .borrow_mut()
            .drain(..)
            .for_each(|waiting| sender.unsent(&waiting));
    }
}

fn outgoing(due: DueRequest) -> OutgoingRequest {
    OutgoingRequest {
        part: due.part,
        endpoint: due.endpoint,
        index: due.index,
        intended_ns: Some(due.at_ns),
        queued_ns: None,
    }
}
