//! Consumes from RabbitMQ with manual acknowledgement.

use std::sync::Arc;

use futures_util::StreamExt as _;
use lapin::message::Delivery as Message;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;

use super::super::broker::{JobReceiver, QueueOptions};
use super::super::delivery::{DeliveryHandle, Received, Settlement};
use super::super::dispatch::{Dialect, Dispatch};
use super::super::error::{BrokerFuture, QueueError};
use super::connection::AmqpConnection;
use super::dead_letter_queue::DeadLetterQueue;
use super::message;
use super::queues::{self, DeclaredQueue};

/// One consumer of the queue.
pub(super) struct AmqpReceiver {
    dispatch: Dispatch,
    consumer: lapin::Consumer,
    /// For a queue that keeps no dead letters on its own.
    dead_letters: Option<Arc<DeadLetterQueue>>,
    connection: AmqpConnection,
}

impl AmqpReceiver {
    pub(super) async fn open(
        dispatch: &Dispatch,
        options: &QueueOptions,
    ) -> Result<Box<dyn JobReceiver>, QueueError> {
        let connection = AmqpConnection::open(dispatch).await?;
        let found = queues::prepare(&connection, dispatch).await?;
        let channel = connection.channel().await?;
        channel
            .basic_qos(options.prefetch, BasicQosOptions::default())
            .await?;
        let (queue, tag) = (dispatch.queue().into(), "".into());
        let consumer = channel
            .basic_consume(
                queue,
                tag,
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        let dead_letters = match (dispatch.dialect(), found) {
            (Dialect::Own, DeclaredQueue::AsWanted) => None,
            _ => Some(Arc::new(DeadLetterQueue::of(dispatch, options.deadline))),
        };
        Ok(Box::new(AmqpReceiver {
            dispatch: dispatch.clone(),
            consumer,
            dead_letters,
            connection,
        }))
    }

    async fn next(&mut self) -> Result<Vec<Received>, QueueError> {
        let Some(message) = self.consumer.next().await else {
            return Err(QueueError::Broker("the consumer was cancelled".to_owned()));
        };
        let message = message?;
        Ok(vec![Received {
            job: message::read(&self.dispatch, &message),
            handle: Box::new(AmqpDelivery {
                message,
                dead_letters: self.dead_letters.clone(),
            }),
        }])
    }
}

impl JobReceiver for AmqpReceiver {
    fn receive(&mut self) -> BrokerFuture<'_, Vec<Received>> {
        Box::pin(self.next())
    }

    /// RabbitMQ puts back what is not acknowledged, where it was, when a connection ends.
    fn close(self: Box<Self>) -> BrokerFuture<'static, ()> {
        Box::pin(async move { self.connection.close().await })
    }
}

/// One message that is under way.
struct AmqpDelivery {
    message: Message,
    dead_letters: Option<Arc<DeadLetterQueue>>,
}

impl DeliveryHandle for AmqpDelivery {
    fn settle(self: Box<Self>, settlement: Settlement) -> BrokerFuture<'static, ()> {
        Box::pin(async move {
            match settlement {
                Settlement::Done => self.acknowledge().await,
                Settlement::Retry => self.refuse(Requeue::Yes).await,
                Settlement::Dead { reason } => self.dead_letter(&reason).await,
            }
        })
    }
}

/// Whether RabbitMQ puts a refused message back into its queue, or among the dead.
#[derive(PartialEq)]
enum Requeue {
    Yes,
    No,
}

impl AmqpDelivery {
    async fn dead_letter(&self, reason: &str) -> Result<(), QueueError> {
        tracing::warn!(reason, "a message is dead-lettered");
        let Some(queue) = &self.dead_letters else {
            return self.refuse(Requeue::No).await;
        };
        match queue.keep(&self.message, reason).await {
            Ok(()) => self.acknowledge().await,
            Err(_) => self.refuse(Requeue::Yes).await,
        }
    }

    async fn acknowledge(&self) -> Result<(), QueueError> {
        let options = BasicAckOptions::default();
        self.message.acker.ack(options).await?;
        Ok(())
    }

    async fn refuse(&self, requeue: Requeue) -> Result<(), QueueError> {
        let options = BasicNackOptions {
            requeue: requeue == Requeue::Yes,
            ..BasicNackOptions::default()
        };
        self.message.acker.nack(options).await?;
        Ok(())
    }
}
