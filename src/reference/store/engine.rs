//! The seam between a store and its database.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::commit_queue::CommitQueue;
use super::options::WriteRules;
use super::signals::CommitSignals;
use super::{
    DeadCursor, DeadPage, EventId, EventPage, EventRecord, Lease, Process, StoreError, StoreOptions,
};

/// What a database is opened with.
pub(super) struct EngineSetup<'a> {
    pub(super) options: &'a StoreOptions,
    pub(super) rules: WriteRules,
    pub(super) queue: &'a Arc<CommitQueue>,
    pub(super) signals: &'a CommitSignals,
}

/// An answer to a query.
pub(super) type Read<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// An open database. Its writer takes entries from the commit queue; the queries run alongside and do not wait for it.
pub(super) trait Engine: Send + Sync {
    fn event(&self, event_id: EventId) -> Read<Option<EventRecord>>;

    /// The next `limit` events of a run after `cursor`.
    fn run_page(&self, run: &str, cursor: i64, limit: u32) -> Read<EventPage>;

    /// How long the oldest unsettled event has waited.
    fn oldest_wait(&self) -> Read<Option<Duration>>;

    /// The next `limit` dead letters after `cursor`, with the last error of each.
    fn dead_page(&self, cursor: DeadCursor, limit: u32) -> Read<DeadPage>;

    /// The processes that have lately reported themselves.
    fn processes(&self) -> Read<Vec<Process>>;

    /// How many leases have run out and wait to be taken over.
    fn expired_leases(&self) -> Read<u64>;

    /// The body of an event as it came.
    fn payload(&self, event_id: EventId) -> Read<Option<Vec<u8>>>;

    /// The lease of an attempt that a worker elsewhere makes, put together again.
    fn lease_of(&self, event_id: EventId, attempt: u32) -> Read<Option<Lease>>;

    /// Whether the volume has room for another event, as far as this process can find out.
    fn check_disk_space(&self) -> Read<()> {
        Box::pin(async { Ok(()) })
    }

    /// Waits for the queued entries after the queue was closed.
    fn join(&self);
}
