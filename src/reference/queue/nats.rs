//! NATS JetStream: a work-queue stream in files, ids that drop duplicates, one durable pull consumer.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::{Config as PullConfig, Stream as Messages};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, Context};
use async_nats::jetstream::message::{AckKind, PublishMessage};
use async_nats::jetstream::stream::{
    Config as StreamConfig, DiscardPolicy, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{self, Message};
use async_nats::{Client, ConnectOptions};
use futures_util::future::try_join_all;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use uuid::Uuid;

use super::dispatch::Credentials;
use super::{Advice, Delivery, Dispatch, DispatchJob, QueueOptions, QueueError, Settlement};

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

/// How long the server may take to send a message back.
const ROUND_TRIP: Duration = Duration::from_millis(500);

/// The client queues its messages, and would wait for a server that accepts no more.
async fn within(
    after: Duration,
    answer: impl Future<Output = Result<(), QueueError>>,
) -> Result<(), QueueError> {
    let answer = timeout(after, answer).await;
    answer.unwrap_or(Err(QueueError::TimedOut { after }))
}

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

    /// What the workers' consumer has before it; what is in the stream, if no worker has made one yet.
    pub(super) async fn depth(&self) -> Result<u64, QueueError> {
        let stream = self.context.get_stream(stream_name(&self.subject)).await;
        let stream = stream.map_err(failed)?;
        match stream.consumer_info(CONSUMER).await {
            Ok(info) => Ok(info.num_pending + info.num_ack_pending as u64),
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
                Ok(stream.cached_info().state.messages)
            }
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) async fn publish(&self, jobs: &[DispatchJob]) -> Result<(), QueueError> {
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
    client: Client,
    context: Context,
    deadline: Duration,
    /// Messages whose handles were dropped without being settled.
    dropped: UnboundedReceiver<Message>,
    drops: UnboundedSender<Message>,
}

impl Source {
    pub(super) async fn open(dispatch: &Dispatch, options: &QueueOptions) -> Result<Source, QueueError> {
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
        Ok(Source {
            dead: format!("{}.dead", dispatch.queue()),
            messages: messages.messages().await.map_err(failed)?,
            client,
            context,
            deadline: options.deadline,
            dropped,
            drops,
        })
    }

    pub(super) async fn receive(&mut self) -> Result<Vec<Delivery>, QueueError> {
        let message = tokio::select! {
            message = self.messages.next() => message,
            Some(dropped) = self.dropped.recv() => {
                let given_back = async { dropped.ack_with(AckKind::Nak(None)).await.map_err(failed) };
                within(self.deadline, given_back).await?;
                return Ok(Vec::new());
            }
        };
        let message = message.ok_or_else(|| failed("the consumer is gone"))?;
        let delivery = self.delivery(message.map_err(failed)?).await?;
        Ok(delivery.into_iter().collect())
    }

    /// Gives back what was pulled in advance and what was dropped.
    pub(super) async fn close(mut self) -> Result<(), QueueError> {
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

    async fn delivery(&self, message: Message) -> Result<Option<Delivery>, QueueError> {
        let event_id = Uuid::try_parse_ascii(&message.payload);
        let handle = Handle {
            dead: self.dead.clone(),
            message: Some(message),
            context: self.context.clone(),
            drops: self.drops.clone(),
        };
        match event_id {
            Ok(event_id) => Ok(Some(Delivery::new(
                event_id,
                None,
                super::delivery::Handle::Nats(Box::new(handle)),
            ))),
            Err(_) => {
                let reason = "the message is not an event id".to_owned();
                within(self.deadline, handle.settle(Settlement::Dead { reason })).await?;
                Ok(None)
            }
        }
    }
}

/// One message that is under way; none once it is settled.
pub(super) struct Handle {
    dead: String,
    message: Option<Message>,
    context: Context,
    drops: UnboundedSender<Message>,
}

impl Handle {
    pub(super) async fn settle(mut self, settlement: Settlement) -> Result<(), QueueError> {
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

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            // Nobody gives it back once the source is gone: then the server misses it in its time.
            let _ = self.drops.send(message);
        }
    }
}

async fn connect(dispatch: &Dispatch, deadline: Duration) -> Result<Client, QueueError> {
    let mut url = dispatch.url().clone();
    let options = match dispatch.credentials() {
        Credentials::None => ConnectOptions::new(),
        Credentials::User { name, password } => {
            ConnectOptions::with_user_and_password(name, password)
        }
        Credentials::Token(token) => ConnectOptions::with_token(token),
    };
    // The client does not look there; neither shall whoever prints what it connects to.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    options
        .name("a7probe")
        .connection_timeout(deadline)
        .request_timeout(Some(deadline))
        // A server that went silent is noticed after two of them.
        .ping_interval(Duration::from_secs(5))
        .connect(url.as_str())
        .await
        .map_err(failed)
}

/// Names of streams have no dots, subjects do.
fn stream_name(queue: &str) -> String {
    queue.replace('.', "_")
}

/// The stream and the one for dead letters, made if they are missing. What is there stays as it is.
async fn stream(context: &Context, queue: &str) -> Result<Stream, QueueError> {
    let name = stream_name(queue);
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

/// Asks for the stream's settings, and for the server's sync interval, which only a system account is told.
pub(super) async fn advice(
    dispatch: &Dispatch,
    deadline: Duration,
) -> Result<Vec<Advice>, QueueError> {
    let client = connect(dispatch, deadline).await?;
    let context = jetstream::new(client.clone());
    let stream = stream(&context, dispatch.queue()).await?;
    let mut advice = unsafe_stream(&stream.cached_info().config);
    let interval = sync_interval(&client).await;
    advice.extend(unsafe_interval(interval));
    Ok(advice)
}

/// What is to be said of a stream that somebody else has made, or changed.
fn unsafe_stream(config: &StreamConfig) -> Vec<Advice> {
    let limited = config.max_messages > 0 || config.max_bytes > 0;
    let findings = [
        (
            config.storage != StorageType::File,
            "is in memory: a restart loses it",
        ),
        (
            config.retention == RetentionPolicy::Limits,
            "keeps what is done (retention limits): it grows, and a consumer that is made anew gets all of it again",
        ),
        (
            config.retention == RetentionPolicy::Interest,
            "keeps nothing while there is no consumer (retention interest): what is dispatched before the first worker is lost",
        ),
        (
            !config.max_age.is_zero(),
            "drops what waits for longer than its max_age",
        ),
        (
            limited && config.discard == DiscardPolicy::Old,
            "drops the oldest when it is full (discard old)",
        ),
    ];
    let found = findings.into_iter().filter(|(is_so, _)| *is_so);
    let hint = "delete the stream once it is empty; it is made anew at the next start, in files, as a work queue without an age limit that refuses what finds no room";
    found
        .map(|(_, what)| {
            Advice::new(
                format!("the JetStream stream '{}' {what}", config.name),
                hint,
            )
        })
        .collect()
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
    use std::time::Duration;

    use super::{
        DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, unsafe_interval, unsafe_stream,
    };

    #[test]
    fn each_setting_of_a_stream_that_loses_is_named_and_nothing_else() {
        let safe = StreamConfig {
            name: "jobs".to_owned(),
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            ..StreamConfig::default()
        };
        assert_eq!(unsafe_stream(&safe), []);
        let with = |change: fn(&mut StreamConfig)| {
            let mut config = safe.clone();
            change(&mut config);
            config
        };
        for (config, words) in [
            (with(|c| c.storage = StorageType::Memory), "in memory"),
            (
                with(|c| c.retention = RetentionPolicy::Limits),
                "retention limits",
            ),
            (
                with(|c| c.retention = RetentionPolicy::Interest),
                "retention interest",
            ),
            (with(|c| c.max_age = Duration::from_secs(60)), "max_age"),
            (
                with(|c| (c.max_bytes, c.discard) = (1 << 20, DiscardPolicy::Old)),
                "discard old",
            ),
        ] {
            let found = unsafe_stream(&config);
            assert!(
                found.len() == 1
                    && found[0].what.contains(words)
                    && found[0].what.contains("'jobs'"),
                "{words}: {found:?}"
            );
        }
    }

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
