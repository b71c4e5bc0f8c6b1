//! The connections that read, alongside the writer and without blocking it.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime as Via,
};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::Error;

use super::answer::{ANSWER_TIME, SILENCE, chain};
use super::database_address::DatabaseAddress;
use crate::reference::store::StoreError;
use crate::reference::store::engine::Read;

/// A connection that reads, lent by the pool.
pub(super) type Reader = Arc<Object>;

/// Some connections, lent out one query at a time.
pub(super) struct ReaderPool {
    /// Of the runtime that drives the connections; the committer has it. A connection must not end with the event loop
    /// that happened to ask first.
    runtime: Handle,
    pool: Pool,
}

impl ReaderPool {
    pub(super) fn new(
        runtime: Handle,
        address: DatabaseAddress,
        size: usize,
    ) -> Result<ReaderPool, String> {
        let manager = Manager::from_config(
            address.config,
            address.tls,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        // The server gives up before the client does: no read is left behind there.
        let limit = Hook::async_fn(|client, _| {
            Box::pin(async move {
                let set = client.batch_execute("SET statement_timeout = '8s'");
                let set = timeout(ANSWER_TIME, set).await;
                set.map_err(|_| HookError::message(SILENCE))?
                    .map_err(HookError::Backend)
            })
        });
        let pool = Pool::builder(manager)
            .max_size(size.max(2))
            .runtime(Via::Tokio1)
            .wait_timeout(Some(Duration::from_secs(5)))
            .create_timeout(Some(address.connect_time))
            .post_create(limit)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(ReaderPool { runtime, pool })
    }

    /// Runs a query on a connection of its own.
    pub(super) fn read<T, F>(&self, query: impl FnOnce(Reader) -> F + Send + 'static) -> Read<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let pool = self.pool.clone();
        let answer = self.runtime.spawn(async move { read(&pool, query).await });
        Box::pin(async move { answer.await.unwrap_or(Err(StoreError::Closed)) })
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }
}

async fn read<T, F>(pool: &Pool, query: impl FnOnce(Reader) -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, Error>>,
{
    let failed = |reason: String| StoreError::Failed(reason.into());
    let lent = pool.get().await;
    let reader = Arc::new(lent.map_err(|error| failed(chain(&error)))?);
    let Ok(answered) = timeout(ANSWER_TIME, query(reader.clone())).await else {
        // The next query on it would wait for the answer to this one first.
        Arc::into_inner(reader).map(Object::take);
        return Err(failed(SILENCE.to_owned()));
    };
    answered.map_err(|error| failed(chain(&error)))
}
