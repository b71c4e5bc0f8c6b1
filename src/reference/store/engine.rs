//! The two databases behind a store, and the one place that tells them apart.

use std::sync::Arc;
use std::time::Duration;

use super::commit_queue::CommitQueue;
#[cfg(feature = "postgres")]
use super::postgres::{Postgres, readers};
use super::signals::CommitSignals;
use super::sqlite::Sqlite;
use super::{
    DeadCursor, DeadPage, EventId, EventPage, EventRecord, Insert, Lease, Location, Notification,
    OpenError, Process, StoreError, StoreOptions,
};

/// Commits what is queued, and reads.
pub(super) enum Engine {
    Sqlite(Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
}

impl Engine {
    /// Opens what the options name.
    pub(super) fn open(
        options: &StoreOptions,
        queue: &Arc<CommitQueue>,
        signals: &CommitSignals,
    ) -> Result<Engine, OpenError> {
        // Fits a signed integer, and is never that of the counts that nobody owns.
        let owner = i64::from(rand::random::<u32>()) << 31 | i64::from(rand::random::<u32>() >> 1);
        let owner = owner.max(1);
        match &options.location {
            Location::File(path) => {
                Sqlite::open(options, path, owner, queue, signals).map(Engine::Sqlite)
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => {
                Postgres::open(options, url, owner, queue, signals).map(Engine::Postgres)
            }
            #[cfg(not(feature = "postgres"))]
            Location::Postgres(_) => Err(OpenError::LacksPostgres {
                store: options.location.clone(),
            }),
        }
    }

    pub(super) async fn event(&self, event_id: EventId) -> Result<Option<EventRecord>, StoreError> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.read(move |readers| readers.event(event_id)).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => {
                postgres
                    .read(move |client| readers::event(client, event_id))
                    .await
            }
        }
    }

    pub(super) async fn run_page(
        &self,
        run: &str,
        cursor: i64,
        limit: u32,
    ) -> Result<EventPage, StoreError> {
        let run = run.to_owned();
        match self {
            Engine::Sqlite(sqlite) => {
                sqlite
                    .read(move |readers| readers.run_page(&run, cursor, limit))
                    .await
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => {
                postgres
                    .read(move |client| readers::run_page(client, run, cursor, limit))
                    .await
            }
        }
    }

    pub(super) async fn oldest_wait(&self) -> Result<Option<Duration>, StoreError> {
        match self {
            Engine::Sqlite(sqlite) => {
                let oldest_ms = sqlite.read(|readers| readers.oldest_wait_ms()).await?;
                Ok(oldest_ms.map(|ms| Duration::from_millis(ms.max(0) as u64)))
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => {
                let oldest_ms = postgres.read(readers::oldest_ms).await?;
                Ok(oldest_ms.map(|ms| Duration::from_millis(ms.max(0) as u64)))
            }
        }
    }

    pub(super) async fn dead_page(
        &self,
        cursor: DeadCursor,
        limit: u32,
    ) -> Result<DeadPage, StoreError> {
        match self {
            Engine::Sqlite(sqlite) => {
                sqlite
                    .read(move |readers| readers.dead_page(cursor, limit))
                    .await
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => {
                postgres
                    .read(move |client| readers::dead_page(client, cursor, limit))
                    .await
            }
        }
    }

    pub(super) async fn processes(&self) -> Result<Vec<Process>, StoreError> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.read(|readers| readers.processes()).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => postgres.read(readers::processes).await,
        }
    }

    pub(super) async fn expired(&self) -> Result<u64, StoreError> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.read(|readers| readers.expired()).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => postgres.read(readers::expired).await,
        }
    }

    pub(super) async fn payload(&self, event_id: EventId) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Engine::Sqlite(sqlite) => sqlite.read(move |readers| readers.payload(event_id)).await,
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => {
                postgres
                    .read(move |client| readers::payload(client, event_id))
                    .await
            }
        }
    }

    pub(super) async fn lease_of(
        &self,
        event_id: EventId,
        attempt: u32,
    ) -> Result<Option<Lease>, StoreError> {
        let found = match self {
            Engine::Sqlite(sqlite) => {
                sqlite
                    .read(move |readers| readers.held(event_id, attempt))
                    .await?
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => {
                postgres
                    .read(move |client| readers::held(client, event_id, attempt))
                    .await?
            }
        };
        Ok(found.map(|held| held.lease(event_id, attempt)))
    }

    /// Waits for what was queued, the queue being closed.
    pub(super) fn join(&self) {
        match self {
            Engine::Sqlite(sqlite) => sqlite.join(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => postgres.join(),
        }
    }
}

/// What the database knows of a lease that is held elsewhere.
pub(super) struct ExternalLease {
    pub(super) job: i64,
    /// Attempts that do not count any more.
    pub(super) base: u32,
    /// Why the insert failed in this very attempt, if it did.
    pub(super) not_inserted: Option<String>,
}

impl ExternalLease {
    fn lease(self, event_id: EventId, attempt: u32) -> Lease {
        Lease {
            job: self.job,
            event_id,
            attempt,
            tries: attempt.saturating_sub(self.base),
            insert: self
                .not_inserted
                .map_or(Insert::Done, |reason| Insert::Failed { reason }),
            notification: Notification::Due,
        }
    }
}
