//! NATS JetStream: a work-queue stream in files, ids that drop duplicates, one durable pull consumer.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::{Config as PullConfig, Stream as Messages};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::message::{AckKind, PublishMessage};
use async_nats::jetstream::stream::{
    Config as StreamConfig, DiscardPolicy, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{self, Message};
use async_nats::{Client, ConnectOptions};
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::{Advice, Delivery, Dispatch, Job, Options, QueueError, Settlement};

/// How long the server remembers ids: longer than any retry of a publication.
const DUPLICATES: Duration = Duration::from_secs(120);
/// How long one pull waits for a message, and how often the server says that it still does.
const PULL: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(2);
const CONSUMER: &str = "a7probe";
/// Dead letters that are kept; the oldest go first.
const DEAD_LETTERS: i64 = 10_000;
/// How long servers are waited for that may not answer at all: only a system account may ask.
const SYSTEM_ANSWER: Duration = Duration::from_secs(1);

fn failed(error: impl std::fmt::Display) -> QueueError {
    QueueError::Broker(error.to_string())
}

/// Publishes and waits for the acknowledgement of the stream.
pub(super) struct Sink {
    subject: String,
    context: Context,
}

impl Sink {
    pub(super) async fn open(dispatch: &Dispatch, deadline: Duration) -> Result<Sink, QueueError> {
        let context = jetstream::new(connect(dispatch, deadline).await?);
        stream(&context, dispatch.queue()).await?;
        Ok(Sink {
            subject: dispatch.queue().to_owned(),
            context,
        })
    }

    pub(super) async fn publish(&self, jobs: &[Job]) -> Result<(), QueueError> {
        let mut acks = Vec::with_capacity(jobs.len());
        for job in jobs {
            let id = job.event_id.to_string();
            let message = PublishMessage::build()
                .message_id(format!("{id}.{}", job.round))
                .payload(id.into());
            let sent = self.context.send_publish(self.subject.clone(), message);
            acks.push(sent.await.map_err(failed)?.into_future());
        }
        try_join_all(acks).await.map_err(failed)?;
        Ok(())
    }
}

/// Pulls as one of the workers of the durable consumer.
pub(super) struct Source {
    dead: String,
    messages: Messages,
    context: Context,
}

impl Source {
    pub(super) async fn open(dispatch: &Dispatch, options: &Options) -> Result<Source, QueueError> {
        let context = jetstream::new(connect(dispatch, options.deadline).await?);
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
        Ok(Source {
            dead: format!("{}.dead", dispatch.queue()),
            messages: messages.messages().await.map_err(failed)?,
            context,
        })
    }

    pub(super) async fn receive(&mut self) -> Result<Vec<Delivery>, QueueError> {
        let message = self.messages.next().await;
        let message = message.ok_or_else(|| failed("the consumer is gone"))?;
        let delivery = self.delivery(message.map_err(failed)?).await?;
        Ok(delivery.into_iter().collect())
    }

    async fn delivery(&self, message: Message) -> Result<Option<Delivery>, QueueError> {
        let event_id = Uuid::try_parse_ascii(&message.payload);
        let handle = Handle {
            dead: self.dead.clone(),
            message,
            context: self.context.clone(),
        };
        match event_id {
            Ok(event_id) => Ok(Some(Delivery {
                event_id,
                payload: None,
                handle: super::delivery::Handle::Nats(Box::new(handle)),
            })),
            Err(_) => {
                let reason = "the message is not an event id".to_owned();
                handle.settle(Settlement::Dead { reason }).await?;
                Ok(None)
            }
        }
    }
}

/// One message that is under way.
pub(super) struct Handle {
    dead: String,
    message: Message,
    context: Context,
}

impl Handle {
    pub(super) async fn settle(self, settlement: Settlement) -> Result<(), QueueError> {
        let kind = match settlement {
            Settlement::Done => AckKind::Ack,
            Settlement::Retry => AckKind::Nak(None),
            Settlement::Dead { reason } => {
                tracing::warn!(reason, "a message is dead-lettered");
                let payload = self.message.payload.clone();
                let letter = PublishMessage::build()
                    .header("A7-Reason", reason.as_str())
                    .payload(payload);
                let sent = self.context.send_publish(self.dead, letter).await;
                sent.map_err(failed)?.await.map_err(failed)?;
                AckKind::Term
            }
        };
        self.message.ack_with(kind).await.map_err(failed)
    }
}

async fn connect(dispatch: &Dispatch, deadline: Duration) -> Result<Client, QueueError> {
    ConnectOptions::new()
        .name("a7probe")
        .connection_timeout(deadline)
        .request_timeout(Some(deadline))
        // A server that went silent is noticed after two of them.
        .ping_interval(Duration::from_secs(5))
        .connect(dispatch.url().as_str())
        .await
        .map_err(failed)
}

/// The stream and the one for dead letters, made if they are missing. What is there stays as it is.
async fn stream(context: &Context, queue: &str) -> Result<Stream, QueueError> {
    // Names of streams have no dots, subjects do.
    let name = queue.replace('.', "_");
    let dead = StreamConfig {
        name: format!("{name}_dead"),
        subjects: vec![format!("{queue}.dead")],
        max_messages: DEAD_LETTERS,
        storage: StorageType::File,
        ..StreamConfig::default()
    };
    context.get_or_create_stream(dead).await.map_err(failed)?;
    let config = StreamConfig {
        name,
        subjects: vec![queue.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        duplicate_window: DUPLICATES,
        ..StreamConfig::default()
    };
    context.get_or_create_stream(config).await.map_err(failed)
}

/// Asks for the stream's storage, and for the server's sync interval, which only a system account is told.
pub(super) async fn advice(
    dispatch: &Dispatch,
    deadline: Duration,
) -> Result<Vec<Advice>, QueueError> {
    let client = connect(dispatch, deadline).await?;
    let context = jetstream::new(client.clone());
    let stream = stream(&context, dispatch.queue()).await?;
    let mut advice = Vec::new();
    let config = &stream.cached_info().config;
    if config.storage != StorageType::File {
        advice.push(Advice::new(
            format!(
                "the JetStream stream '{}' is in memory: a restart loses it",
                config.name
            ),
            "delete the stream once it is empty; it is made anew in files at the next start",
        ));
    }
    let interval = sync_interval(&client).await;
    advice.extend(unsafe_interval(interval));
    Ok(advice)
}

/// What is to be said of a sync interval in nanoseconds; `None` if the server does not tell.
fn unsafe_interval(interval: Option<i64>) -> Option<Advice> {
    // What `sync_interval: always` is reported as differs by version; the flag beside it is read as 0.
    let what = match interval {
        Some(0) => return None,
        Some(nanos) => format!(
            "NATS syncs JetStream to disk every {} s: a power failure loses what came since",
            nanos as f64 / 1e9
        ),
        None => "NATS does not tell an ordinary user how often it syncs JetStream to disk (by default every 2 minutes): a power failure may lose what came since".to_owned(),
    };
    let hint = "set jetstream { sync_interval: always } in nats-server.conf (2.10 or later), or leave it: the sweeper dispatches again";
    Some(Advice::new(what, hint))
}

async fn sync_interval(client: &Client) -> Option<i64> {
    let question = client.request("$SYS.REQ.SERVER.PING.JSZ", "{\"config\":true}".into());
    let answer = tokio::time::timeout(SYSTEM_ANSWER, question)
        .await
        .ok()?
        .ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&answer.payload).ok()?;
    let config = &answer["data"]["config"];
    if config["sync_always"] == true {
        return Some(0);
    }
    config["sync_interval"].as_i64()
}

#[cfg(test)]
mod tests {
    use super::unsafe_interval;

    #[test]
    fn an_interval_that_loses_is_named_with_its_length() {
        assert_eq!(unsafe_interval(Some(0)), None);
        let named = unsafe_interval(Some(120_000_000_000)).unwrap();
        assert!(named.what.contains("every 120 s"), "{named}");
        assert!(
            unsafe_interval(None)
                .unwrap()
                .what
                .contains("does not tell")
        );
    }
}
