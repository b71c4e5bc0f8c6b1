//! Tells a broker about committed events, after the commit and alongside the answers: no request waits for a broker.
//!
//! New ids go through a bounded buffer that drops ids when the broker does not keep up, and a broker may lose a job.
//! Both are found again by the sweeper: it asks the store for what is due and was not taken.

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::config::DispatchOptions;
use super::stuck::{Stuck, StuckDetector};
use crate::reference::outage::OutageLog;
use crate::reference::queue::{Dialect, DispatchJob, Publisher, QueueOptions};
use crate::reference::store::{EventId, Store, SweepCursor};

/// Ids that may wait for the broker; the store keeps what finds no room.
const BUFFER: usize = 10_000;
/// Jobs in one publication.
const BATCH: usize = 256;
/// Bytes of payload in one publication, beyond which it is ended: a slow way takes them within the deadline too.
const BATCH_BYTES: usize = 1 << 20;

/// Rows that the sweeper looks at in one transaction.
const STEP: u32 = 512;

/// One publisher and what it has to publish.
pub(super) struct Dispatcher {
    store: Store,
    arrivals: mpsc::Receiver<EventId>,
    publisher: Publisher,
    settings: DispatchOptions,
    sweeper: Sweeper,
    detector: StuckDetector,
    broker: OutageLog,
    payloads: OutageLog,
}

/// Where the sweeper is. New due events are at the end, so the pass continues there; from time to time it begins again.
struct Sweeper {
    cursor: SweepCursor,
    begun: Instant,
    next: Instant,
}

impl Sweeper {
    fn new() -> Sweeper {
        let now = Instant::now();
        Sweeper {
            cursor: SweepCursor::default(),
            begun: now,
            next: now,
        }
    }

    /// The place where the next step continues.
    fn step(&mut self, settings: &DispatchOptions) -> SweepCursor {
        let now = Instant::now();
        if now.duration_since(self.begun) >= settings.redispatch {
            (self.cursor, self.begun) = (SweepCursor::default(), now);
        }
        self.cursor
    }
}

impl Dispatcher {
    /// From now on no commit is missed, unless the buffer is full.
    pub(super) fn new(store: Store, settings: DispatchOptions, stuck: Stuck) -> Dispatcher {
        Dispatcher {
            detector: StuckDetector::new(stuck),
            broker: OutageLog::of(
                format!("the broker {}", settings.to),
                "cannot dispatch; the store keeps accepted events",
            ),
            payloads: OutageLog::of("the store", "cannot read a payload; it is dispatched later"),
            arrivals: store.arrivals(BUFFER),
            publisher: Publisher::new(settings.to.clone(), QueueOptions::default()),
            store,
            settings,
            sweeper: Sweeper::new(),
        }
    }

    /// Publishes until the store is closed.
    pub(super) async fn run(mut self) {
        let mut arrived = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                count = self.arrivals.recv_many(&mut arrived, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    let ids = std::mem::take(&mut arrived);
                    let _ = self.dispatch(&ids).await;
                }
                () = sleep_until(self.sweeper.next) => self.sweep().await,
            }
        }
    }

    /// Makes one step: dispatches again what should have been taken by now, at first what is left from before. Between
    /// steps what arrives has its turn.
    async fn sweep(&mut self) {
        let cursor = self.sweeper.step(&self.settings);
        let cursor = cursor.sparing_queued(self.is_all_there().await);
        let step = self.store.sweep(cursor, self.settings.redispatch, STEP);
        let is_over = match step.await {
            Ok(swept) => {
                self.sweeper.cursor = swept.cursor;
                let published = self.dispatch(&swept.ids).await;
                self.detector.dispatched_again(&published);
                swept.is_over
            }
            Err(error) => {
                // The store logs its own failures.
                tracing::debug!(%error, "cannot look for overdue events");
                true
            }
        };
        if is_over {
            self.detector.look(&self.store).await;
        }
        self.sweeper.next = Instant::now();
        if is_over {
            self.sweeper.next += self.settings.sweep;
        }
    }

    /// Does the broker have as many jobs as there are open events? Then what is queued waits for workers and is not lost,
    /// and one copy after the other would only fill the broker.
    async fn is_all_there(&mut self) -> bool {
        let open = self.store.snapshot().open();
        let depth = self.publisher.depth().await;
        self.broker.note(&depth);
        depth.is_ok_and(|depth| depth >= open)
    }

    /// Publishes in batches and returns the published events. A broker that drops duplicates must not treat a sweep or
    /// a replay as the first dispatch of the same events. It may drop repetitions of one batch.
    async fn dispatch(&mut self, ids: &[EventId]) -> Vec<EventId> {
        let round = rand::random();
        let (mut batch, mut published) = (JobBatch::default(), Vec::with_capacity(ids.len()));
        for id in ids {
            if let Some(payload) = self.payload(*id).await {
                published.push(*id);
                batch.push(DispatchJob {
                    event_id: id.uuid(),
                    payload,
                    round,
                });
            }
            if batch.is_full() {
                self.publish(&std::mem::take(&mut batch).jobs).await;
            }
        }
        self.publish(&batch.jobs).await;
        self.detector.dispatched(published.iter().copied());
        published
    }

    /// Publishes, however long the broker takes to come back. The sweeper alone would find these too, only later.
    async fn publish(&mut self, jobs: &[DispatchJob]) {
        if jobs.is_empty() {
            return;
        }
        loop {
            let published = self.publisher.publish(jobs).await;
            self.broker.note(&published);
            if published.is_ok() {
                return;
            }
        }
    }

    /// What a job carries. `None` leaves the event to the sweeper.
    async fn payload(&self, id: EventId) -> Option<Vec<u8>> {
        if self.settings.to.dialect() == Dialect::Own {
            return Some(Vec::new());
        }
        let read = self.store.payload(id).await;
        self.payloads.note(&read);
        read.ok().flatten()
    }
}

/// Jobs that are published together, and repeated together if that fails.
#[derive(Default)]
struct JobBatch {
    jobs: Vec<DispatchJob>,
    bytes: usize,
}

impl JobBatch {
    fn push(&mut self, job: DispatchJob) {
        self.bytes += job.payload.len();
        self.jobs.push(job);
    }

    fn is_full(&self) -> bool {
        self.jobs.len() >= BATCH || self.bytes >= BATCH_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::{BATCH, BATCH_BYTES, JobBatch};
    use crate::reference::queue::DispatchJob;

    /// How many jobs with so large a payload fill a batch.
    fn filled_by(bytes: usize) -> usize {
        let mut batch = JobBatch::default();
        while !batch.is_full() {
            batch.push(DispatchJob {
                event_id: uuid::Uuid::nil(),
                payload: vec![b' '; bytes],
                round: 0,
            });
        }
        batch.jobs.len()
    }

    #[test]
    fn a_batch_is_bounded_in_jobs_and_in_bytes() {
        assert_eq!(filled_by(0), BATCH);
        assert_eq!(filled_by(256 << 10), 4);
        assert_eq!(filled_by(2 * BATCH_BYTES), 1);
    }
}
