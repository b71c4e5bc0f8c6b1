//! Tells a broker what was committed, after it was committed and beside the answers: nobody waits for a broker.
//!
//! What arrives goes through a bounded buffer that drops ids when the broker does not keep up, and what a broker was
//! told it may lose. Both are found again by the sweeper: it asks the store for what is due and was taken by nobody.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Dispatching;
use crate::queue::{Dialect, Job, Options, Publisher};
use crate::store::{EventId, Store, SweepCursor};

/// Ids that may wait for the broker; the store keeps what finds no room.
const BUFFER: usize = 10_000;
/// Jobs in one publication.
const BATCH: usize = 256;

/// Rows that the sweeper looks at in one transaction.
const STEP: u32 = 512;

/// One publisher and what it has to publish.
pub(super) struct Dispatcher {
    store: Store,
    arrivals: mpsc::Receiver<EventId>,
    publisher: Publisher,
    settings: Dispatching,
    sweeper: Sweeper,
}

/// Where the sweeper is. What becomes due stands at the end, so it goes on there; from time to time it begins again.
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

    /// Where the step that is due now goes on.
    fn step(&mut self, settings: &Dispatching) -> SweepCursor {
        let now = Instant::now();
        if now.duration_since(self.begun) >= settings.redispatch {
            (self.cursor, self.begun) = (SweepCursor::default(), now);
        }
        self.cursor
    }
}

impl Dispatcher {
    /// From now on no commit is missed, unless the buffer is full.
    pub(super) fn new(store: Store, settings: Dispatching) -> Dispatcher {
        Dispatcher {
            arrivals: store.arrivals(BUFFER),
            publisher: Publisher::new(settings.to.clone(), Options::default()),
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
                    self.dispatch(&ids, 0).await;
                }
                () = sleep_until(self.sweeper.next) => self.sweep().await,
            }
        }
    }

    /// Makes one step: dispatches again what should have been taken by now, at first what is left from before. Between
    /// steps what arrives has its turn.
    async fn sweep(&mut self) {
        // A round of its own: a broker that drops duplicates must not take it for the first one.
        let round = seconds(SystemTime::now());
        let cursor = self.sweeper.step(&self.settings);
        let step = self.store.sweep(cursor, self.settings.redispatch, STEP);
        let is_over = match step.await {
            Ok(swept) => {
                self.sweeper.cursor = swept.cursor;
                for ids in swept.ids.chunks(BATCH) {
                    self.dispatch(ids, round).await;
                }
                swept.is_over
            }
            Err(error) => {
                tracing::warn!(%error, "cannot look for overdue events");
                true
            }
        };
        self.sweeper.next = Instant::now();
        if is_over {
            self.sweeper.next += self.settings.sweep;
        }
    }

    /// Publishes, however long the broker takes to come back. The sweeper alone would find these too, only later.
    async fn dispatch(&mut self, ids: &[EventId], round: u32) {
        let jobs = self.jobs(ids, round).await;
        let mut silent = false;
        while !jobs.is_empty()
            && let Err(error) = self.publisher.publish(&jobs).await
        {
            if !silent {
                tracing::warn!(%error, broker = %self.settings.to, "cannot dispatch; the store keeps what is accepted");
                silent = true;
            }
        }
        if silent {
            tracing::warn!(broker = %self.settings.to, "the broker is back");
        }
    }

    async fn jobs(&self, ids: &[EventId], round: u32) -> Vec<Job> {
        let mut jobs = Vec::with_capacity(ids.len());
        for id in ids {
            let payload = match self.settings.to.dialect() {
                Dialect::Own => Some(Vec::new()),
                _ => self.payload(*id).await,
            };
            jobs.extend(payload.map(|payload| Job {
                event_id: id.uuid(),
                payload,
                round,
            }));
        }
        jobs
    }

    /// `None` leaves the event to the sweeper.
    async fn payload(&self, id: EventId) -> Option<Vec<u8>> {
        let read = self.store.payload(id).await;
        read.inspect_err(|error| tracing::warn!(%error, "cannot read a payload"))
            .ok()
            .flatten()
    }
}

fn seconds(time: SystemTime) -> u32 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    since.as_secs() as u32
}
