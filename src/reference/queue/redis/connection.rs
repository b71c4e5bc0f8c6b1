//! The connection to a Redis server.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisError};

use super::super::dispatch::Dispatch;
use super::super::error::{BrokerFuture, QueueError};

/// Dead letters that are kept; the oldest go first.
pub(super) const DEAD_LETTERS: usize = 10_000;

impl From<RedisError> for QueueError {
    fn from(error: RedisError) -> QueueError {
        let tls = crate::tls_roots::tls_failure(&error);
        QueueError::Broker(tls.map_or_else(|| error.to_string(), |failure| failure.to_string()))
    }
}

pub(super) async fn connect(
    dispatch: &Dispatch,
    deadline: Duration,
) -> Result<MultiplexedConnection, QueueError> {
    let client = Client::open(dispatch.url.as_str())?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(deadline))
        .set_response_timeout(Some(deadline));
    Ok(client
        .get_multiplexed_async_connection_with_config(&config)
        .await?)
}

/// A batch that Redis runs as one transaction.
pub(super) fn transaction() -> Pipeline {
    let mut batch = redis::pipe();
    batch.atomic();
    batch
}

/// Runs a batch whose answers say nothing more than that it is done.
pub(super) fn run(
    batch: Pipeline,
    mut connection: MultiplexedConnection,
) -> BrokerFuture<'static, ()> {
    Box::pin(async move { Ok(batch.query_async::<()>(&mut connection).await?) })
}
