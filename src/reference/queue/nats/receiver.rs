//! Pulls from JetStream as one of the workers of the durable consumer.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Config as PullConfig;
use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::{AckKind, PublishMessage};
use async_nats::jetstream::{self, Message};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::super::broker::{JobReceiver, QueueOptions};
use super::super::delivery::{DeliveryHandle, Received, ReceivedJob, Settlement};
use super::super::dispatch::Dispatch;
use super::super::error::{BrokerFuture, QueueError, within};
use super::connection::{CONSUMER, connect, failed, stream};
use super::pull::Pull;

/// One worker process's part of the durable consumer.
pub(super) struct NatsReceiver {
    dead: String,
    pull: Pull,
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
        let pull = Pull::open(&context, &consumer, options.prefetch).await?;
        let (drops, dropped) = unbounded_channel();
        Ok(Box::new(NatsReceiver {
            dead: format!("{}.dead", dispatch.queue()),
            pull,
            client,
            context,
            deadline: options.deadline,
            dropped,
            drops,
        }))
    }

    async fn next(&mut self) -> Result<Vec<Received>, QueueError> {
        let message = tokio::select! {
            message = self.pull.next() => message?,
            Some(dropped) = self.dropped.recv() => {
                let given_back = async { dropped.ack_with(AckKind::Nak(None)).await.map_err(failed) };
                within(self.deadline, given_back).await?;
                return Ok(Vec::new());
            }
        };
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

    /// Returns prefetched and dropped messages.
    async fn give_back(mut self) -> Result<(), QueueError> {
        // Unsubscribes first: what is given back is not to come here again.
        let mut back = self.pull.finish().await;
        while let Ok(message) = self.dropped.try_recv() {
            back.push(message);
        }
        for message in back {
            message.ack_with(AckKind::Nak(None)).await.map_err(failed)?;
        }
        self.client.flush().await.map_err(failed)
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
