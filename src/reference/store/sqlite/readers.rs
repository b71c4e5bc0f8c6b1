//! The connections that read, alongside the writer and without blocking it.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use super::connection::open_reader;
use super::damage::Damage;
use super::errors::failed;
use crate::reference::mutex::lock;
use crate::reference::store::engine::Read;
use crate::reference::store::{OpenError, StoreError};

/// A fixed number of connections, lent out one query at a time.
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    damage: Damage,
}

impl Readers {
    pub(super) fn open(path: &Path, count: usize, damage: Damage) -> Result<Readers, OpenError> {
        let open = |_| open_reader(path);
        let idle = (0..count.max(1)).map(open).collect::<Result<Vec<_>, _>>()?;
        Ok(Readers {
            idle: Mutex::new(idle),
            returned: Condvar::new(),
            damage,
        })
    }

    /// Runs a query off the event loop.
    pub(super) fn read<T: Send + 'static>(
        self: &Arc<Readers>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Read<T> {
        let readers = self.clone();
        let answer = tokio::task::spawn_blocking(move || readers.run(query));
        Box::pin(async move { answer.await.unwrap_or(Err(StoreError::Closed)) })
    }

    fn run<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = self.lend();
        let answer = query(&connection);
        lock(&self.idle).push(connection);
        self.returned.notify_one();
        answer.map_err(|error| {
            self.damage.record(&error);
            failed(&error)
        })
    }

    fn lend(&self) -> Connection {
        let mut idle = lock(&self.idle);
        loop {
            if let Some(connection) = idle.pop() {
                return connection;
            }
            let waited = self.returned.wait(idle);
            idle = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}
