//! RabbitMQ: quorum queue, publisher confirms, manual acknowledgement, dead letters that are kept.

mod connection;
mod dead_letter_queue;
mod message;
mod publisher;
mod queues;
mod receiver;
mod sender;
mod table;
mod wire;

use std::time::Duration;

use uuid::Uuid;

use super::advice::Advice;
use super::broker::{Broker, JobReceiver, JobSender, Opening, QueueOptions};
use super::dispatch::Dispatch;
use super::error::{BrokerFuture, QueueError};
use connection::AmqpConnection;
use queues::DeclaredQueue;
use receiver::AmqpReceiver;
use sender::AmqpSender;

/// AMQP 0-9-1, as RabbitMQ speaks it.
pub(super) struct RabbitMq;

impl Broker for RabbitMq {
    fn sender<'a>(
        &self,
        dispatch: &'a Dispatch,
        _deadline: Duration,
    ) -> Opening<'a, dyn JobSender> {
        Box::pin(AmqpSender::open(dispatch))
    }

    fn receiver<'a>(
        &self,
        dispatch: &'a Dispatch,
        options: &'a QueueOptions,
        _name: Uuid,
    ) -> Opening<'a, dyn JobReceiver> {
        Box::pin(AmqpReceiver::open(dispatch, options))
    }

    fn advice<'a>(
        &self,
        dispatch: &'a Dispatch,
        _deadline: Duration,
    ) -> BrokerFuture<'a, Vec<Advice>> {
        Box::pin(advice(dispatch))
    }
}

/// Asks for the properties of an existing queue.
async fn advice(dispatch: &Dispatch) -> Result<Vec<Advice>, QueueError> {
    let connection = AmqpConnection::open(dispatch).await?;
    let found = queues::prepare(&connection, dispatch).await?;
    let _ = connection.close().await;
    let queue = dispatch.queue();
    Ok(match found {
        DeclaredQueue::AsWanted => Vec::new(),
        DeclaredQueue::Other(difference) => vec![Advice::new(
            format!(
                "RabbitMQ has a queue '{queue}' that is not a durable quorum queue with a dead-letter exchange: {difference}"
            ),
            "name another one with ?queue=NAME, or delete it once it is empty; the next start creates it again",
        )],
    })
}
