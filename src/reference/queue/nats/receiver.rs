//! Pulls from JetStream as one of the workers of the durable consumer.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::{Config as PullConfig, Stream as Messages};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::{AckKind, PublishMessage};
use async_nats::jetstream::{self, Message};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::super::broker::{JobReceiver, QueueOptions};
use super::super::delivery::{DeliveryHandle, Received, ReceivedJob, Settlement};
use super::super::dispatch::Dispatch;
use super::super::error::{BrokerFuture, QueueError, within};
use super::connection::{CONSUMER, connect, failed, stream};

/// How long one pull waits for a message, and how often the server says that it still does.
const PULL: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long the server may take to send a message back.
const ROUND_TRIP: Duration = Duration::from_millis(500);

/// One pull of the durable consumer.
pub(super) struct NatsReceiver {
    dead: String,
    messages: Messages,
    client: Client,
    context: Context,
    deadline: Duration,
    /// Messages whose handles were dropped without being settled.
    dropped: UnboundedReceiver<Message>,
    drops: UnboundedSender<Message>,
}

impl NatsReceiver {
    pub(super) async fn open(
        dispatch: &Dispatch,
        options: &QueueOptions,
    ) -> Result<Box<dyn JobReceiver>, QueueError> {
        let client = connect(dispatch, options.deadline).await?;
        let context = jetstream::new(client.clone());
        let stream = stream(&context, dispatch.queue()).await?;
        let config = PullConfig {
            durable_name: Some(CONSUMER.to_owned()),
            ack_wait: options.redelivery,
            max_ack_pending: 65_536,
            ..PullConfig::default()
        };
        let consumer: PullConsumer = stream.create_consumer(config).await.map_err(failed)?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(options.prefetch.into())
            .expires(PULL)
            // Without them, a consumer that was deleted would look like one that has nothing.
            .heartbeat(HEARTBEAT);
        let (drops, dropped) = unbounded_channel();
        Ok(Box::new(NatsReceiver {
            dead: format!("{}.dead", dispatch.queue()),
            messages: messages.messages().await.map_err(failed)?,
            client,
            context,
            deadline: options.deadline,
            dropped,
            drops,
        }))
    }

    async fn next(&mut self) -> Result<Vec<Received>, QueueError> {
        let message = tokio::select! {
            message = self.messages.next() => message,
            Some(dropped) = self.dropped.recv() => {
                let given_back = async { dropped.ack_with(AckKind::Nak(None)).await.map_err(failed) };
                within(self.deadline, given_back).await?;
                return Ok(Vec::new());
            }
        };
        let message = message.ok_or_else(|| failed("the consumer is gone"))?;
        let message = message.map_err(failed)?;
        let job = ReceivedJob::try_from(&*message.payload);
        Ok(vec![Received {
            job: job.map_err(|_| "the message is not an event id".to_owned()),
            handle: Box::new(NatsDelivery {
                dead: self.dead.clone(),
                message: Some(message),
                context: self.context.clone(),
                drops: self.drops.clone(),
            }),
        }])
    }

    /// Gives back what was pulled in advance and what was dropped.
    async fn give_back(mut self) -> Result<(), QueueError> {
        // By then everything that the server has sent is here. An account that may not write to an inbox does without.
        let _ = timeout(ROUND_TRIP, self.round_trip()).await;
        let mut back = Vec::new();
        while let Some(Some(Ok(message))) = self.messages.next().now_or_never() {
            back.push(message);
        }
        while let Ok(message) = self.dropped.try_recv() {
            back.push(message);
        }
        // Unsubscribes first: what is given back is not to come here again.
        drop(self.messages);
        for message in back {
            message.ack_with(AckKind::Nak(None)).await.map_err(failed)?;
        }
        self.client.flush().await.map_err(failed)
    }

    /// Sends a message to this connection itself. The client's `flush` ends as soon as the socket has taken the bytes.
    async fn round_trip(&self) -> Result<(), QueueError> {
        let inbox = self.client.new_inbox();
        let mut echo = self.client.subscribe(inbox.clone()).await.map_err(failed)?;
        let sent = self.client.publish(inbox, Vec::new().into()).await;
        sent.map_err(failed)?;
        echo.next().await;
        Ok(())
    }
}

impl JobReceiver for NatsReceiver {
    fn receive(&mut self) -> BrokerFuture<'_, Vec<Received>> {
        Box::pin(self.next())
    }

    fn close(self: Box<Self>) -> BrokerFuture<'static, ()> {
        Box::pin(self.give_back())
    }
}

/// One message that is under way; none once it is settled.
struct NatsDelivery {
    dead: String,
    message: Option<Message>,
    context: Context,
    drops: UnboundedSender<Message>,
}

impl NatsDelivery {
    async fn answer(mut self, settlement: Settlement) -> Result<(), QueueError> {
        let Some(message) = self.message.take() else {
            return Ok(());
        };
        let kind = match settlement {
            Settlement::Done => AckKind::Ack,
            Settlement::Retry => AckKind::Nak(None),
            Settlement::Dead { reason } => {
                tracing::warn!(reason, "a message is dead-lettered");
                let letter = PublishMessage::build()
                    .header("A7-Reason", reason.as_str())
                    .payload(message.payload.clone());
                let sent = self.context.send_publish(self.dead.clone(), letter).await;
                sent.map_err(failed)?.await.map_err(failed)?;
                AckKind::Term
            }
        };
        message.ack_with(kind).await.map_err(failed)
    }
}

impl DeliveryHandle for NatsDelivery {
    fn settle(self: Box<Self>, settlement: Settlement) -> BrokerFuture<'static, ()> {
        Box::pin(self.answer(settlement))
    }
}

impl Drop for NatsDelivery {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            // Once the receiver is gone, the server misses it in its time.
            let _ = self.drops.send(message);
        }
    }
}
