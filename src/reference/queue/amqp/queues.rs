//! The queues in RabbitMQ: made if they are missing, left alone if they are there.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, ErrorKind, ExchangeKind};

use super::super::dispatch::{Dialect, Dispatch};
use super::super::error::QueueError;
use super::connection::AmqpConnection;
use super::table::table_from;

/// Deliveries of one message after which RabbitMQ itself puts it among the dead.
const DELIVERY_LIMIT: u32 = 20;

const PASSIVE: QueueDeclareOptions = QueueDeclareOptions {
    passive: true,
    durable: true,
    exclusive: false,
    auto_delete: false,
    nowait: false,
};

/// The queue of a queue's dead letters.
pub(super) fn dead(queue: &str) -> String {
    format!("{queue}.dead")
}

/// How many messages wait in it.
pub(super) async fn depth(channel: &Channel, queue: &str) -> Result<u64, QueueError> {
    let found = channel.queue_declare(queue.into(), PASSIVE, FieldTable::default());
    Ok(found.await?.message_count().into())
}

/// What is there under the queue's name.
pub(super) enum DeclaredQueue {
    AsWanted,
    /// How it differs, in RabbitMQ's words.
    Other(String),
}

/// Makes what is missing. What is there already stays as it is: others may depend on it.
pub(super) async fn prepare(
    connection: &AmqpConnection,
    dispatch: &Dispatch,
) -> Result<DeclaredQueue, QueueError> {
    match dispatch.dialect() {
        Dialect::Own => own_queue(connection, dispatch.queue()).await,
        _ => celery_queue(connection, dispatch.queue()).await,
    }
}

async fn own_queue(connection: &AmqpConnection, queue: &str) -> Result<DeclaredQueue, QueueError> {
    let dead = dead(queue);
    let channel = connection.channel().await?;
    let exchange = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let (kind, none) = (ExchangeKind::Fanout, FieldTable::default());
    channel
        .exchange_declare(dead.as_str().into(), kind, exchange, none.clone())
        .await?;
    let quorum = table_from(&serde_json::json!({"x-queue-type": "quorum"}));
    // A dead-letter queue of another kind is an operator's choice.
    if declare(connection, &dead, quorum).await?.is_none() {
        let (dead, key) = (dead.as_str(), "".into());
        let options = QueueBindOptions::default();
        channel
            .queue_bind(dead.into(), dead.into(), key, options, none)
            .await?;
    }
    let arguments = table_from(&serde_json::json!({
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": dead,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }));
    let other = declare(connection, queue, arguments).await?;
    Ok(other.map_or(DeclaredQueue::AsWanted, DeclaredQueue::Other))
}

/// The queue is Celery's; if no worker has made it yet, it is made as a stock worker does, so that the two agree.
async fn celery_queue(
    connection: &AmqpConnection,
    queue: &str,
) -> Result<DeclaredQueue, QueueError> {
    let channel = connection.channel().await?;
    let there = channel
        .queue_declare(queue.into(), PASSIVE, FieldTable::default())
        .await;
    match there {
        Ok(_) => Ok(DeclaredQueue::AsWanted),
        Err(error) if is_missing(&error) => {
            declare(connection, queue, FieldTable::default()).await?;
            Ok(DeclaredQueue::AsWanted)
        }
        Err(error) => Err(error.into()),
    }
}

/// Declares a durable queue on a channel of its own, because RabbitMQ closes the channel when the queue is there and
/// differs; says how it differs.
pub(super) async fn declare(
    connection: &AmqpConnection,
    queue: &str,
    arguments: FieldTable,
) -> Result<Option<String>, QueueError> {
    let channel = connection.channel().await?;
    match channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)
        .await
    {
        Ok(_) => Ok(None),
        Err(error) => match error.kind() {
            ErrorKind::ProtocolError(error) if error.get_id() == PRECONDITION_FAILED => {
                Ok(Some(error.get_message().to_string()))
            }
            _ => Err(error.into()),
        },
    }
}

const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == NOT_FOUND)
}
