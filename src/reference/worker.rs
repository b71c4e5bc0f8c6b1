//! Does what was promised: claims events, notifies the provider, records what came of it.

mod breaker;
mod consuming;
mod heartbeat;
mod retry;
mod traces;
mod work_counters;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout, timeout_at};

pub use breaker::{Breaker, BreakerOptions, BreakerPermit};
pub use retry::Retry;
pub use traces::{Remembered, Traces};
pub use work_counters::{AttemptEnd, WorkCounters};

use crate::reference::outage::OutageLog;
use crate::reference::provider::{Mail, Provider, SendError};
use crate::reference::store::{
    EventId, Finished, Grant, Insert, Lease, Next, Notification, Notified, Outcome, Repeat, State,
    Store, StoreError,
};

/// How the work is done.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// Attempts that may run at the same time.
    pub workers: usize,
    /// What follows a failed attempt.
    pub retry: Retry,
    /// When the provider is not asked for a while.
    pub breaker: BreakerOptions,
    /// How long attempts may go on once the workers are told to stop. Those that don't finish are made again later.
    pub grace: Duration,
}

/// Everything an attempt needs; clones share it.
#[derive(Clone)]
pub struct WorkerPool {
    /// Where the events are.
    pub store: Store,
    /// Who is notified.
    pub provider: Provider,
    /// How.
    pub options: WorkerOptions,
    /// Whether the provider is asked at all.
    pub breaker: Arc<Breaker>,
    /// What came of it.
    pub counters: Arc<WorkCounters>,
    /// On whose behalf.
    pub traces: Arc<Traces>,
    under_way: Arc<AtomicUsize>,
    leases: OutageLog,
}

/// What became of an event that was to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeResult {
    /// An attempt was made, and its outcome is recorded.
    Attempted,
    /// It is not to be worked on now; the store knows when, and by whom.
    Left(Grant),
}

/// Who decides what follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Try again later, a bounded number of times.
    Retry,
    /// Tell the client, who waits for the answer.
    Answer,
}

/// At most this many events are claimed at once.
const CLAIM_LIMIT: usize = 64;
/// The longest sleep between two looks, whatever the store said.
const LONGEST_IDLE: Duration = Duration::from_secs(30);
/// Why an event is dead whose attempts all began and never ended: it may be what ends the workers.
const CUT_OFF_TOO_OFTEN: &str = "every attempt was cut off before its outcome was known";
/// Pauses after a failed transaction: the first, and the longest.
const STORE_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

impl WorkerPool {
    /// A pool with a closed breaker and nothing under way.
    pub fn new(store: Store, provider: Provider, options: WorkerOptions) -> WorkerPool {
        WorkerPool {
            store,
            provider,
            options,
            breaker: Arc::new(Breaker::new(options.breaker)),
            counters: Arc::default(),
            traces: Arc::default(),
            under_way: Arc::default(),
            leases: OutageLog::of("leases", "an attempt outlived its lease"),
        }
    }

    /// Attempts that are under way.
    pub fn in_flight(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Takes this very event, if it is due and nobody else's, and makes one attempt at it: for a consumer that has its
    /// id from a broker, and may acknowledge the message when this returns. Waits while the breaker is open.
    pub async fn take(&self, event_id: EventId) -> Result<TakeResult, StoreError> {
        let _passage = self.breaker.pass().await;
        match self.store.claim_event(event_id).await? {
            Grant::Leased(lease) => {
                // Its failure is recorded, and says when it is due again.
                let _ = self.attempt(lease, OnFailure::Retry).await;
                Ok(TakeResult::Attempted)
            }
            other => Ok(TakeResult::Left(other)),
        }
    }

    /// Works until told to stop, then lets the attempts that have begun finish within the grace.
    pub async fn work(self, mut stop: watch::Receiver<bool>) {
        let mut attempts = JoinSet::new();
        self.dispatch(&mut attempts, &mut stop).await;
        let _ = timeout(self.options.grace, async {
            while attempts.join_next().await.is_some() {}
        })
        .await;
        attempts.shutdown().await;
    }

    /// Claims as many events as there are free slots, and begins an attempt at each. Ends when told to stop or when the
    /// store is closed. Only the waits between claims are cut short: what a claim brings belongs to somebody.
    async fn dispatch(&self, attempts: &mut JoinSet<()>, stop: &mut watch::Receiver<bool>) {
        let slots = Arc::new(Semaphore::new(self.options.workers));
        let mut pause = STORE_PAUSES.0;
        while let Some(Some(permits)) = unless_told(stop, free(&slots)).await {
            while attempts.try_join_next().is_some() {}
            let Some(permit) = unless_told(stop, self.breaker.pass()).await else {
                return;
            };
            let limit = if permit.is_probe() {
                1
            } else {
                permits.num_permits() as u32
            };
            let idle = match self.store.claim(limit).await {
                Ok(claim) if *stop.borrow() => return self.give_back(claim.leases).await,
                Ok(claim) => {
                    pause = STORE_PAUSES.0;
                    let found_none = claim.leases.is_empty();
                    self.begin(claim.leases, permits, &permit, attempts);
                    drop(permit);
                    match claim.idle_for {
                        None if found_none => LONGEST_IDLE,
                        None => continue,
                        Some(idle) => idle.min(LONGEST_IDLE),
                    }
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    // The store logs its own failures.
                    tracing::debug!(%error, "cannot claim events");
                    drop((permits, permit));
                    unless_told(stop, sleep(pause)).await;
                    pause = (pause * 2).min(STORE_PAUSES.1);
                    continue;
                }
            };
            // A worker without a free slot gets no notification: others may have one.
            let until = Instant::now() + idle;
            let arrival = async {
                drop(slots.acquire().await);
                timeout_at(until.into(), self.store.work_arrived()).await
            };
            unless_told(stop, arrival).await;
        }
    }

    fn begin(
        &self,
        leases: Vec<Lease>,
        mut permits: OwnedSemaphorePermit,
        permit: &BreakerPermit,
        attempts: &mut JoinSet<()>,
    ) {
        for (lease, permit) in leases
            .into_iter()
            .zip(std::iter::from_fn(|| permits.split(1)))
        {
            attempts.spawn(self.clone().attempt_in(lease, (permit, permit.clone())));
        }
    }

    /// No attempt is made any more: others get them at once, and no notification counts as begun.
    async fn give_back(&self, leases: Vec<Lease>) {
        if let Err(error) = self.store.give_back(leases).await {
            tracing::warn!(%error, "claimed events are worked on only when their leases have run out");
        }
    }

    /// Makes one attempt; keeps its slot and its permit until it has ended.
    async fn attempt_in(self, lease: Lease, kept: (OwnedSemaphorePermit, BreakerPermit)) {
        if let Err(error) = self.attempt(lease, OnFailure::Retry).await {
            tracing::debug!(%error, "an attempt failed");
        }
        drop(kept);
    }

    /// Have all attempts at this event been made, and none of them told how it ended?
    pub fn is_one_too_many(&self, lease: &Lease) -> bool {
        lease.tries > self.options.retry.attempts
    }

    /// Makes one attempt: notifies, unless that was settled before or there were attempts enough, and records what came of
    /// it. Returns the state in which that leaves the event, or `None` if it decided nothing: the lease was taken over, or
    /// the store is closed.
    pub async fn attempt(
        &self,
        lease: Lease,
        on_failure: OnFailure,
    ) -> Result<Option<State>, SendError> {
        let (notified, sent) = match lease.notification {
            Notification::Due if self.is_one_too_many(&lease) => {
                let outcome = Outcome::not_sent(CUT_OFF_TOO_OFTEN, Next::GiveUp);
                return Ok(self.record(&lease, outcome).await);
            }
            Notification::Due => {
                let sent = self.notify(&lease).await;
                if on_failure == OnFailure::Retry {
                    self.breaker.record(&sent);
                }
                (self.notified(&sent), sent)
            }
            Notification::Sent => (Notified::Before, Ok(())),
            Notification::Unknown => {
                let reason =
                    "an earlier attempt was cut off, and a notification is sent at most once";
                let reason = reason.into();
                (Notified::Unknown { reason }, Ok(()))
            }
        };
        self.counters.ended(AttemptEnd::of(lease.notification, &sent));
        let next = self.next(&lease, &notified, &sent, on_failure);
        let became = self.record(&lease, Outcome { notified, next }).await;
        sent.map(|()| became)
    }

    /// Calls the provider, as a step of the trace that the event came with.
    async fn notify(&self, lease: &Lease) -> Result<(), SendError> {
        let mail = Mail {
            event_id: lease.event_id.uuid(),
            attempt: lease.attempt,
        };
        let _under_way = UnderWay::begin(&self.under_way);
        let step = self.traces.of(lease.event_id).map(|trace| trace.child());
        let began = Instant::now();
        let sent = self.provider.send(mail, step.as_ref()).await;
        let took = began.elapsed();
        self.counters.calls.observe_duration(took);
        let (event_id, attempt, us) = (&lease.event_id, lease.attempt, took.as_micros() as u64);
        let outcome = AttemptEnd::of(Notification::Due, &sent).name();
        let trace_id = step
            .as_ref()
            .map(|step| tracing::field::display(step.trace_id()));
        let span_id = step
            .as_ref()
            .map(|step| tracing::field::display(step.span_id()));
        tracing::info!(target: "a7probe::attempt", %event_id, attempt, outcome, us, trace_id, span_id);
        sent
    }

    /// What a call of the provider, here or elsewhere, has made of the notification.
    pub fn notified(&self, sent: &Result<(), SendError>) -> Notified {
        match sent {
            Ok(()) => Notified::Sent,
            Err(error) => {
                let reason = error.to_string().into();
                match (error.may_have_been_sent(), self.store.repeat()) {
                    (false, _) => Notified::Failed { reason },
                    (true, Repeat::AtLeastOnce) => Notified::Broken { reason },
                    (true, Repeat::AtMostOnce) => Notified::Unknown { reason },
                }
            }
        }
    }

    /// What follows: the event is done when both its effects are, and each that is not is tried again without the other.
    pub fn next(
        &self,
        lease: &Lease,
        notified: &Notified,
        sent: &Result<(), SendError>,
        on_failure: OnFailure,
    ) -> Next {
        let failed = matches!(notified, Notified::Failed { .. } | Notified::Broken { .. });
        let error = sent.as_ref().err().filter(|_| failed);
        if error.is_none() && lease.insert == Insert::Done {
            return Next::Done;
        }
        match on_failure {
            OnFailure::Answer if error.is_some() => Next::Answer,
            _ => self.options.retry.after(lease.event_id, lease.tries, error),
        }
    }

    /// Records the outcome, however long the store takes to be writable again: what was sent must not be forgotten. The
    /// event's state then, if this decided it.
    async fn record(&self, lease: &Lease, outcome: Outcome) -> Option<State> {
        let mut pause = STORE_PAUSES.0;
        loop {
            match self.store.finish(lease.clone(), outcome.clone()).await {
                // Again: an earlier try went through, and only its answer was lost.
                Ok(Finished::Recorded | Finished::RecordedAgain) => {
                    self.count(lease, outcome.next);
                    return Some(outcome.becomes(lease));
                }
                Ok(Finished::Stale | Finished::StaleAgain) => {
                    self.count_stale(lease, &outcome);
                    return None;
                }
                Err(StoreError::Closed) => return None,
                Err(error) => tracing::debug!(%error, "cannot record an outcome"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(STORE_PAUSES.1);
        }
    }
}

/// Counting.
impl WorkerPool {
    /// Counts an attempt that a worker elsewhere has made and that was recorded here; once, however often it is reported.
    pub fn reported(&self, lease: &Lease, end: AttemptEnd, outcome: &Outcome, finished: Finished) {
        match finished {
            Finished::RecordedAgain | Finished::StaleAgain => return,
            Finished::Recorded => self.count(lease, outcome.next),
            Finished::Stale => self.count_stale(lease, outcome),
        }
        self.counters.ended(end);
    }

    fn count_stale(&self, lease: &Lease, outcome: &Outcome) {
        self.counters.leases_lost.increment();
        if outcome.notified == Notified::Sent {
            self.counters.duplicates.increment();
        }
        let event_id = lease.event_id;
        self.leases.failed(&format_args!("event {event_id}"));
    }

    fn count(&self, lease: &Lease, next: Next) {
        self.leases.succeeded();
        match next {
            Next::Done => self.counters.processed.increment(),
            Next::Retry(_) => return self.counters.retries.increment(),
            Next::GiveUp => self.counters.dead.increment(),
            Next::Answer => {}
        }
        self.traces.forget(lease.event_id);
    }
}

/// Counts an attempt as under way until it is dropped, however it ends.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(count: &Arc<AtomicUsize>) -> UnderWay {
        count.fetch_add(1, Ordering::Relaxed);
        UnderWay(count.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits for a free slot and takes all that are free by then; `None` once the slots are closed.
async fn free(slots: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let mut permits = slots.clone().acquire_owned().await.ok()?;
    while permits.num_permits() < CLAIM_LIMIT
        && let Ok(more) = slots.clone().try_acquire_owned()
    {
        permits.merge(more);
    }
    Some(permits)
}

/// Waits for this, unless told to stop before it comes.
async fn unless_told<T>(
    stop: &mut watch::Receiver<bool>,
    wait: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        // Whoever could tell is gone: that tells too.
        _ = stop.wait_for(|stop| *stop) => None,
        done = wait => Some(done),
    }
}
