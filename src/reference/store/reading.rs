//! Reads of a store, which never block commits.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    DeadCursor, DeadPage, EventId, EventPage, EventRecord, Lease, Process, Snapshot, Store,
    StoreError,
};

impl Store {
    /// What is known of an event, `None` if nothing.
    ///
    /// # Errors
    /// If the store cannot be read within its time limit.
    pub async fn event(&self, event_id: EventId) -> Result<Option<EventRecord>, StoreError> {
        self.shared.engine.event(event_id).await
    }

    /// The same, once it is processed, dead or failed, or when `wait` has ended.
    ///
    /// # Errors
    /// If the store cannot be read within its time limit.
    pub async fn settled(
        &self,
        event_id: EventId,
        wait: Duration,
    ) -> Result<Option<EventRecord>, StoreError> {
        let deadline = Instant::now() + wait;
        let mut elsewhere = self.shared.signals.elsewhere.subscribe();
        loop {
            // Registered before the look, so that what settles in between is not missed.
            let watch = self.shared.signals.watchers.watch(event_id);
            elsewhere.mark_unchanged();
            let record = self.event(event_id).await?;
            if record
                .as_ref()
                .is_none_or(|record| record.state.is_settled())
            {
                return Ok(record);
            }
            tokio::select! {
                () = watch.settled() => {}
                _ = elsewhere.changed() => {}
                // A notice of an event that settled in that time may be missing.
                () = tokio::time::sleep_until(deadline) => return self.event(event_id).await,
            }
        }
    }

    /// The next `limit` events of a run in order of acceptance, after `cursor` (0 for the first page).
    ///
    /// # Errors
    /// If the store cannot be read within its time limit.
    pub async fn run_page(
        &self,
        run: &str,
        cursor: i64,
        limit: u32,
    ) -> Result<EventPage, StoreError> {
        self.shared.engine.run_page(run, cursor, limit).await
    }

    /// How long the oldest unprocessed event has waited; zero when there is none.
    ///
    /// # Errors
    /// If the store cannot be read within its time limit.
    pub async fn oldest_wait(&self) -> Result<Duration, StoreError> {
        let oldest = self.shared.engine.oldest_wait().await?;
        Ok(oldest.unwrap_or_default())
    }

    /// The next `limit` dead letters after `cursor`, in the order in which they died.
    ///
    /// # Errors
    /// If the store cannot be read within its time limit.
    pub async fn dead_page(&self, cursor: DeadCursor, limit: u32) -> Result<DeadPage, StoreError> {
        self.shared.engine.dead_page(cursor, limit).await
    }

    /// The processes that have lately reported themselves.
    ///
    /// # Errors
    /// If the store cannot be read within its time limit.
    pub async fn processes(&self) -> Result<Vec<Process>, StoreError> {
        self.shared.engine.processes().await
    }

    /// Leases that have run out and wait to be taken over: their owners died, or are too slow.
    ///
    /// # Errors
    /// If the store cannot be read within its time limit.
    pub async fn expired_leases(&self) -> Result<u64, StoreError> {
        self.shared.engine.expired_leases().await
    }

    /// The body of an event as it came, to hand it to an external worker.
    ///
    /// # Errors
    /// If the store cannot be read within its time limit.
    pub async fn payload(&self, event_id: EventId) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.engine.payload(event_id).await
    }

    /// The lease that a worker elsewhere holds, put together again from its event and its token, the attempt's number.
    /// `None` for an unknown event, or a token that was never issued. [`Store::finish`] detects a lease that was taken
    /// over.
    ///
    /// # Errors
    /// If the store cannot be read within its time limit.
    pub async fn lease_of(
        &self,
        event_id: EventId,
        attempt: u32,
    ) -> Result<Option<Lease>, StoreError> {
        self.shared.engine.lease_of(event_id, attempt).await
    }

    /// Counts by state, without I/O.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.signals.totals.snapshot(self.held())
    }

    /// Acknowledged events that are only in memory: none, unless [`Durability::None`](super::Durability).
    pub fn held(&self) -> u64 {
        self.shared
            .memory
            .as_ref()
            .map_or(0, |memory| memory.len() as u64)
    }

    /// Accepted events that are not settled yet, without I/O.
    pub fn depth(&self) -> u64 {
        self.snapshot().open()
    }

    /// Did the last transaction succeed, and will there be another one? Without I/O.
    pub fn is_writable(&self) -> bool {
        self.shared.signals.totals.is_writable() && !self.shared.queue.is_closed()
    }
}
