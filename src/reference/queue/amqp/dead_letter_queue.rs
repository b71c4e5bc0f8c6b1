//! Dead letters of a queue without a dead-letter exchange: RabbitMQ would throw away what is refused there, so it is
//! published to a durable queue `NAME.dead` first.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::message::Delivery as Message;
use lapin::types::{AMQPValue, FieldTable};
use tokio::sync::Mutex;

use super::super::backoff::Backoff;
use super::super::dispatch::Dispatch;
use super::super::error::{QueueError, within};
use super::connection::AmqpConnection;
use super::publisher::{ConfirmChannel, PERSISTENT, confirmed};
use super::queues;
use crate::reference::outage::OutageLog;

/// Where the dead letters of one queue go. Connects with the first of them.
pub(super) struct DeadLetterQueue {
    dispatch: Dispatch,
    queue: String,
    deadline: Duration,
    channel: Mutex<Option<ConfirmChannel>>,
    keeping: OutageLog,
}

/// How often a letter is tried before it goes back to its queue.
const TRIES: u32 = 3;

impl DeadLetterQueue {
    pub(super) fn of(dispatch: &Dispatch, deadline: Duration) -> DeadLetterQueue {
        DeadLetterQueue {
            dispatch: dispatch.clone(),
            queue: queues::dead(dispatch.queue()),
            deadline,
            channel: Mutex::new(None),
            keeping: OutageLog::of(
                format!("the broker {dispatch}"),
                "cannot store a dead letter; trying again",
            ),
        }
    }

    /// Resolves when the broker has the letter. Until then the original must not be acknowledged. Fails after a few
    /// tries; then the message returns to its queue, so that it does not block other deliveries.
    pub(super) async fn keep(&self, letter: &Message, reason: &str) -> Result<(), QueueError> {
        let mut channel = self.channel.lock().await;
        let (mut backoff, after) = (Backoff::default(), self.deadline);
        let mut tries = 1;
        loop {
            let kept = within(after, self.attempt(&mut channel, letter, reason)).await;
            self.keeping.note(&kept);
            if kept.is_ok() || tries >= TRIES {
                return kept;
            }
            *channel = None;
            tries += 1;
            backoff.grow();
            backoff.rest().await;
        }
    }

    async fn attempt(
        &self,
        channel: &mut Option<ConfirmChannel>,
        letter: &Message,
        reason: &str,
    ) -> Result<(), QueueError> {
        let channel = match channel {
            Some(channel) => channel,
            closed => closed.insert(self.open().await?),
        };
        let properties = lasting(&letter.properties, reason);
        let sent = channel.send(&self.queue, properties, &letter.data).await?;
        confirmed(&self.queue, &sent.await?)
    }

    async fn open(&self) -> Result<ConfirmChannel, QueueError> {
        let connection = AmqpConnection::open(&self.dispatch).await?;
        // If it is there and differs, an operator chose so.
        queues::declare(&connection, &self.queue, FieldTable::default()).await?;
        ConfirmChannel::on(connection).await
    }
}

/// The original properties, except those that would make the letter expire (a time to live, memory) or be refused (a
/// user name other than that of this connection). Its headers give the reason for its death.
fn lasting(original: &BasicProperties, reason: &str) -> BasicProperties {
    let mut lasting = BasicProperties::default().with_delivery_mode(PERSISTENT);
    macro_rules! keep {
        ($($of:ident $with:ident),*) => {$(
            if let Some(value) = original.$of() {
                lasting = lasting.$with(value.to_owned());
            }
        )*};
    }
    keep!(
        content_type with_content_type,
        content_encoding with_content_encoding,
        priority with_priority,
        correlation_id with_correlation_id,
        reply_to with_reply_to,
        message_id with_message_id,
        timestamp with_timestamp,
        kind with_type,
        app_id with_app_id,
        cluster_id with_cluster_id
    );
    let mut headers = original.headers().clone().unwrap_or_default();
    headers.insert("a7-reason".into(), AMQPValue::LongString(reason.into()));
    lasting.with_headers(headers)
}
