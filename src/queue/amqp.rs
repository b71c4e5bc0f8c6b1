//! RabbitMQ: quorum queue, publisher confirms, manual acknowledgement, dead-letter exchange.

mod table;

use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use lapin::message::Delivery as Message;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{
    Acker, BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind,
    ExchangeKind,
};
use uuid::Uuid;

use super::celery::Task;
use super::{Advice, Delivery, Dialect, Dispatch, Job, Options, QueueError, Settlement};
use table::{json_from, table_from};

/// Seconds between heartbeats: a peer that fell silent is noticed after two.
const HEARTBEAT: u16 = 5;
/// Deliveries of one message after which RabbitMQ itself puts it among the dead.
const DELIVERY_LIMIT: u32 = 20;
const PERSISTENT: u8 = 2;

impl From<lapin::Error> for QueueError {
    fn from(error: lapin::Error) -> QueueError {
        QueueError::Broker(error.to_string())
    }
}

/// Publishes with confirms.
pub(super) struct Sink {
    dispatch: Dispatch,
    channel: Channel,
    /// The channel lives as long as it.
    _connection: Connection,
}

impl Sink {
    pub(super) async fn open(dispatch: &Dispatch) -> Result<Sink, QueueError> {
        let connection = connect(dispatch).await?;
        prepare(&connection, dispatch).await?;
        let channel = connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(Sink {
            dispatch: dispatch.clone(),
            channel,
            _connection: connection,
        })
    }

    pub(super) async fn publish(&self, jobs: &[Job]) -> Result<(), QueueError> {
        let mut confirms = Vec::with_capacity(jobs.len());
        for job in jobs {
            let (properties, body) = message(&self.dispatch, job);
            confirms.push(self.send(properties, &body).await?);
        }
        for confirmation in try_join_all(confirms).await? {
            match confirmation {
                Confirmation::Ack(None) => {}
                // Mandatory: no queue took it, so it came back before the acknowledgement.
                Confirmation::Ack(Some(_)) => {
                    return Err(QueueError::Unroutable(self.dispatch.queue().to_owned()));
                }
                Confirmation::Nack(_) | Confirmation::NotRequested => {
                    return Err(QueueError::Refused);
                }
            }
        }
        Ok(())
    }

    async fn send(
        &self,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<lapin::PublisherConfirm, QueueError> {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let (exchange, queue) = ("".into(), self.dispatch.queue().into());
        let sent = self
            .channel
            .basic_publish(exchange, queue, options, body, properties);
        Ok(sent.await?)
    }
}

/// Consumes with manual acknowledgement.
pub(super) struct Source {
    dialect: Dialect,
    consumer: lapin::Consumer,
    _connection: Connection,
}

impl Source {
    pub(super) async fn open(dispatch: &Dispatch, options: &Options) -> Result<Source, QueueError> {
        let connection = connect(dispatch).await?;
        prepare(&connection, dispatch).await?;
        let channel = connection.create_channel().await?;
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
        Ok(Source {
            dialect: dispatch.dialect(),
            consumer,
            _connection: connection,
        })
    }

    pub(super) async fn receive(&mut self) -> Result<Vec<Delivery>, QueueError> {
        let Some(message) = self.consumer.next().await else {
            return Err(QueueError::Broker("the consumer was cancelled".to_owned()));
        };
        let message = message?;
        let read = read(self.dialect, &message);
        let handle = Handle {
            acker: message.acker,
        };
        match read {
            Ok((event_id, payload)) => Ok(vec![Delivery {
                event_id,
                payload,
                handle: super::delivery::Handle::Amqp(handle),
            }]),
            Err(reason) => {
                handle.settle(Settlement::Dead { reason }).await?;
                Ok(Vec::new())
            }
        }
    }
}

pub(super) struct Handle {
    acker: Acker,
}

impl Handle {
    pub(super) async fn settle(self, settlement: Settlement) -> Result<(), QueueError> {
        let requeue = match settlement {
            Settlement::Done => {
                self.acker.ack(BasicAckOptions::default()).await?;
                return Ok(());
            }
            Settlement::Retry => true,
            Settlement::Dead { reason } => {
                tracing::warn!(reason, "a message is dead-lettered");
                false
            }
        };
        let options = BasicNackOptions {
            requeue,
            ..BasicNackOptions::default()
        };
        self.acker.nack(options).await?;
        Ok(())
    }
}

/// Asks for what a queue of this name already is.
pub(super) async fn advice(dispatch: &Dispatch) -> Result<Vec<Advice>, QueueError> {
    let connection = connect(dispatch).await?;
    let found = prepare(&connection, dispatch).await?;
    let _ = connection.close(200, "asked".into()).await;
    let queue = dispatch.queue();
    Ok(match found {
        Found::AsWanted => Vec::new(),
        Found::Other(difference) => vec![Advice::new(
            format!(
                "RabbitMQ has a queue '{queue}' that is no durable quorum queue with a dead-letter exchange: {difference}"
            ),
            "name another one with ?queue=NAME, or delete it once it is empty; it is made anew at the next start",
        )],
    })
}

async fn connect(dispatch: &Dispatch) -> Result<Connection, QueueError> {
    let mut uri: AMQPUri = dispatch
        .url()
        .as_str()
        .parse()
        .map_err(QueueError::Broker)?;
    // As every other client has it: no path is the default virtual host, and kombu writes it as `//`.
    if uri.vhost.is_empty() {
        "/".clone_into(&mut uri.vhost);
    }
    uri.query.heartbeat = Some(HEARTBEAT);
    let properties = ConnectionProperties::default().with_connection_name("a7probe".into());
    Ok(Connection::connect_uri(uri, properties).await?)
}

/// What is there under the queue's name.
enum Found {
    AsWanted,
    /// How it differs, in RabbitMQ's words.
    Other(String),
}

/// Makes what is missing. What is there already stays as it is: others may depend on it.
async fn prepare(connection: &Connection, dispatch: &Dispatch) -> Result<Found, QueueError> {
    match dispatch.dialect() {
        Dialect::Own => own_queue(connection, dispatch.queue()).await,
        _ => celery_queue(connection, dispatch.queue()).await,
    }
}

async fn own_queue(connection: &Connection, queue: &str) -> Result<Found, QueueError> {
    let dead = format!("{queue}.dead");
    let channel = connection.create_channel().await?;
    let exchange = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let (kind, none) = (ExchangeKind::Fanout, FieldTable::default());
    channel
        .exchange_declare(dead.as_str().into(), kind, exchange, none.clone())
        .await?;
    let quorum = table_from(&serde_json::json!({"x-queue-type": "quorum"}));
    // A dead-letter queue of another kind is somebody's choice.
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
    Ok(other.map_or(Found::AsWanted, Found::Other))
}

/// The queue is Celery's; if no worker has made it yet, it is made as a stock worker does, so that the two agree.
async fn celery_queue(connection: &Connection, queue: &str) -> Result<Found, QueueError> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions {
        passive: true,
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let there = channel
        .queue_declare(queue.into(), passive, FieldTable::default())
        .await;
    match there {
        Ok(_) => Ok(Found::AsWanted),
        Err(error) if is_missing(&error) => {
            declare(connection, queue, FieldTable::default()).await?;
            Ok(Found::AsWanted)
        }
        Err(error) => Err(error.into()),
    }
}

/// Declares a durable queue on a channel of its own, because RabbitMQ closes the channel when the queue is there and
/// differs; says how it differs.
async fn declare(
    connection: &Connection,
    queue: &str,
    arguments: FieldTable,
) -> Result<Option<String>, QueueError> {
    let channel = connection.create_channel().await?;
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

fn message(dispatch: &Dispatch, job: &Job) -> (BasicProperties, Vec<u8>) {
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

fn read(dialect: Dialect, message: &Message) -> Result<(Uuid, Option<Vec<u8>>), String> {
    if dialect == Dialect::Own {
        let id = Uuid::try_parse_ascii(&message.data)
            .map_err(|_| "the message is not an event id".to_owned())?;
        return Ok((id, None));
    }
    let headers = message.properties.headers().as_ref();
    let headers = headers.map_or(serde_json::Value::Null, json_from);
    let (event_id, payload) = Task::read(&headers, &message.data)?;
    Ok((event_id, Some(payload)))
}
