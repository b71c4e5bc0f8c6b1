//! RabbitMQ: quorum queue, publisher confirms, manual acknowledgement, dead letters that are kept.

mod dead_letter_queue;
mod connection;
mod publisher;
mod queues;
mod table;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use lapin::BasicProperties;
use lapin::message::Delivery as Message;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::time::timeout;
use uuid::Uuid;

use super::celery::Task;
use super::delivery::brief;
use super::{Advice, Delivery, Dialect, Dispatch, DispatchJob, QueueOptions, QueueError, Settlement};
use dead_letter_queue::DeadLetterQueue;
use connection::AmqpConnection;
use publisher::{ConfirmChannel, confirmed};
use queues::DeclaredQueue;
use table::{table_from, text_in};

const PERSISTENT: u8 = 2;

impl From<lapin::Error> for QueueError {
    fn from(error: lapin::Error) -> QueueError {
        QueueError::Broker(error.to_string())
    }
}

/// Publishes with confirms.
pub(super) struct Sink {
    dispatch: Dispatch,
    publisher: ConfirmChannel,
}

impl Sink {
    pub(super) async fn open(dispatch: &Dispatch) -> Result<Sink, QueueError> {
        let connection = AmqpConnection::open(dispatch).await?;
        queues::prepare(&connection, dispatch).await?;
        Ok(Sink {
            dispatch: dispatch.clone(),
            publisher: ConfirmChannel::on(connection).await?,
        })
    }

    /// Would more of it only wait in memory?
    pub(super) fn is_blocked(&self) -> bool {
        self.publisher.is_blocked()
    }

    pub(super) async fn publish(&self, jobs: &[DispatchJob]) -> Result<(), QueueError> {
        let queue = self.dispatch.queue();
        let mut confirms = Vec::with_capacity(jobs.len());
        for job in jobs {
            let (properties, body) = message(&self.dispatch, job);
            confirms.push(self.publisher.send(queue, properties, &body).await?);
        }
        let confirmations = try_join_all(confirms).await?;
        confirmations
            .iter()
            .try_for_each(|confirmation| confirmed(queue, confirmation))
    }

    pub(super) async fn depth(&self) -> Result<u64, QueueError> {
        queues::depth(&self.publisher.channel, self.dispatch.queue()).await
    }
}

/// Consumes with manual acknowledgement.
pub(super) struct Source {
    dispatch: Dispatch,
    consumer: lapin::Consumer,
    /// Of a queue that keeps no dead letters by itself.
    dead_letter_queue: Option<Arc<DeadLetterQueue>>,
    deadline: Duration,
    connection: AmqpConnection,
}

impl Source {
    pub(super) async fn open(dispatch: &Dispatch, options: &QueueOptions) -> Result<Source, QueueError> {
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
        let dead_letter_queue = match (dispatch.dialect(), found) {
            (Dialect::Own, DeclaredQueue::AsWanted) => None,
            _ => Some(Arc::new(DeadLetterQueue::of(dispatch, options.deadline))),
        };
        Ok(Source {
            dispatch: dispatch.clone(),
            consumer,
            dead_letter_queue,
            deadline: options.deadline,
            connection,
        })
    }

    pub(super) async fn receive(&mut self) -> Result<Vec<Delivery>, QueueError> {
        let Some(message) = self.consumer.next().await else {
            return Err(QueueError::Broker("the consumer was cancelled".to_owned()));
        };
        let message = message?;
        let read = read(&self.dispatch, &message);
        let handle = Handle {
            message,
            dead_letter_queue: self.dead_letter_queue.clone(),
        };
        match read {
            Ok((event_id, payload)) => Ok(vec![Delivery::new(
                event_id,
                payload,
                super::delivery::Handle::Amqp(Box::new(handle)),
            )]),
            Err(reason) => {
                let reason = brief(&reason);
                let after = self.deadline * super::delivery::BURIALS;
                let settled = timeout(after, handle.settle(Settlement::Dead { reason })).await;
                settled.unwrap_or(Err(QueueError::TimedOut { after }))?;
                Ok(Vec::new())
            }
        }
    }

    /// RabbitMQ puts back what is not acknowledged, where it was, when a connection ends.
    pub(super) async fn close(self) -> Result<(), QueueError> {
        self.connection.close().await
    }
}

/// One message that is under way.
pub(super) struct Handle {
    message: Message,
    dead_letter_queue: Option<Arc<DeadLetterQueue>>,
}

impl Handle {
    pub(super) async fn settle(self, settlement: Settlement) -> Result<(), QueueError> {
        match settlement {
            Settlement::Done => self.acknowledge().await,
            Settlement::Retry => self.refuse(true).await,
            Settlement::Dead { reason } => {
                tracing::warn!(reason, "a message is dead-lettered");
                match &self.dead_letter_queue {
                    None => self.refuse(false).await,
                    Some(dead_letter_queue) => match dead_letter_queue.bury(&self.message, &reason).await {
                        Ok(()) => self.acknowledge().await,
                        Err(_) => self.refuse(true).await,
                    },
                }
            }
        }
    }

    async fn acknowledge(&self) -> Result<(), QueueError> {
        let options = BasicAckOptions::default();
        self.message.acker.ack(options).await?;
        Ok(())
    }

    async fn refuse(&self, requeue: bool) -> Result<(), QueueError> {
        let options = BasicNackOptions {
            requeue,
            ..BasicNackOptions::default()
        };
        self.message.acker.nack(options).await?;
        Ok(())
    }
}

/// Asks for what a queue of this name already is.
pub(super) async fn advice(dispatch: &Dispatch) -> Result<Vec<Advice>, QueueError> {
    let connection = AmqpConnection::open(dispatch).await?;
    let found = queues::prepare(&connection, dispatch).await?;
    let _ = connection.close().await;
    let queue = dispatch.queue();
    Ok(match found {
        DeclaredQueue::AsWanted => Vec::new(),
        DeclaredQueue::Other(difference) => vec![Advice::new(
            format!(
                "RabbitMQ has a queue '{queue}' that is no durable quorum queue with a dead-letter exchange: {difference}"
            ),
            "name another one with ?queue=NAME, or delete it once it is empty; it is made anew at the next start",
        )],
    })
}

fn message(dispatch: &Dispatch, job: &DispatchJob) -> (BasicProperties, Vec<u8>) {
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    match dispatch.dialect() {
        Dialect::Own => {
            let id = job.event_id.to_string();
            let properties = properties
                .with_content_type("text/plain".into())
                .with_message_id(id.as_str().into());
            (properties, id.into_bytes())
        }
        _ => {
            let task = Task::of(dispatch.task(), job);
            let properties = properties
                .with_content_type("application/json".into())
                .with_content_encoding("utf-8".into())
                .with_correlation_id(task.id().as_str().into())
                .with_reply_to("".into())
                .with_priority(0)
                .with_headers(table_from(&task.headers));
            (properties, task.body)
        }
    }
}

fn read(dispatch: &Dispatch, message: &Message) -> Result<(Uuid, Option<Vec<u8>>), String> {
    if dispatch.dialect() == Dialect::Own {
        let id = Uuid::try_parse_ascii(&message.data)
            .map_err(|_| "the message is not an event id".to_owned())?;
        return Ok((id, None));
    }
    let headers = message.properties.headers().as_ref();
    let task = headers.and_then(|headers| text_in(headers, "task"));
    let (event_id, payload) = Task::read(dispatch.task(), task.as_deref(), &message.data)?;
    Ok((event_id, Some(payload)))
}
