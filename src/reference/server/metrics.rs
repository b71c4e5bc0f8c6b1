//! What the server counts. Counting is a few atomic additions, without I/O.

mod histogram;
pub(super) mod page;
mod processes;
mod requests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{Method, StatusCode};
use tokio::sync::Mutex;

use super::problem::Problem;
use super::route::Route;
use crate::reference::counters::Counter;
use crate::reference::store::{Process, Store, StoreError};

use requests::RequestCounts;

/// How long a scrape waits for the store; without an answer the sample is left out.
const STORE_TIME: Duration = Duration::from_secs(1);

/// Everything that is counted where requests are answered.
pub(super) struct Metrics {
    requests: RequestCounts,
    /// New events that were acknowledged.
    pub(super) accepted: Counter,
    /// Acknowledged again: idempotent duplicates.
    pub(super) replayed: Counter,
    rejected: [Counter; Problem::NAMES.len()],
    started: SystemTime,
    /// At most one scrape reads the store.
    reading: Arc<Mutex<()>>,
}

impl Metrics {
    pub(super) fn new() -> Metrics {
        Metrics {
            requests: RequestCounts::new(),
            accepted: Counter::default(),
            replayed: Counter::default(),
            rejected: Default::default(),
            started: SystemTime::now(),
            reading: Arc::default(),
        }
    }

    /// A request was answered.
    pub(super) fn answered(
        &self,
        route: Route,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        self.requests.count(route, method, status, took);
    }

    /// `/ingest` said no, and this is the problem's name.
    pub(super) fn rejected(&self, name: &str) {
        if let Some(at) = Problem::NAMES.iter().position(|known| *known == name) {
            self.rejected[at].increment();
        }
    }

    /// What only the store knows; `None` if it does not say so in time. A slower read continues on its own: the next
    /// scrape waits for it and does not add another.
    async fn look(&self, store: &Store) -> Option<StoreReading> {
        let (reading, store) = (self.reading.clone(), store.clone());
        let read = async {
            let turn = reading.lock_owned().await;
            let read = async move {
                let look = StoreReading::into_store(&store).await;
                drop(turn);
                look
            };
            tokio::spawn(read).await
        };
        tokio::time::timeout(STORE_TIME, read)
            .await
            .ok()?
            .ok()?
            .ok()
    }
}

/// What a scrape reads from the store.
struct StoreReading {
    /// How long the oldest event has waited.
    oldest: Duration,
    processes: Vec<Process>,
}

impl StoreReading {
    async fn into_store(store: &Store) -> Result<StoreReading, StoreError> {
        let (oldest, processes) = tokio::try_join!(store.oldest_wait(), store.processes())?;
        Ok(StoreReading { oldest, processes })
    }
}
