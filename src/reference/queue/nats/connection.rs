//! The connection to a NATS server, and its streams: made if they are missing, left alone if they are there.

use std::time::Duration;

use async_nats::jetstream::context::Context;
use async_nats::jetstream::stream::{
    Config as StreamConfig, DiscardPolicy, RetentionPolicy, StorageType, Stream,
};
use async_nats::{Client, ConnectOptions};

use super::super::dispatch::Dispatch;
use super::super::error::QueueError;
use super::credentials::Credentials;

/// How long the server remembers ids: longer than any retry of a publication.
const DUPLICATES: Duration = Duration::from_secs(120);
/// Dead letters that are kept; the oldest go first.
const DEAD_LETTERS: i64 = 10_000;
/// The durable consumer that all workers share.
pub(super) const CONSUMER: &str = "a7probe";

pub(super) fn failed(error: impl std::fmt::Display) -> QueueError {
    QueueError::Broker(error.to_string())
}

pub(super) async fn connect(dispatch: &Dispatch, deadline: Duration) -> Result<Client, QueueError> {
    let mut url = dispatch.url.clone();
    let options = match Credentials::of(&dispatch.url) {
        Credentials::None => ConnectOptions::new(),
        Credentials::User { name, password } => {
            ConnectOptions::with_user_and_password(name, password)
        }
        Credentials::Token(token) => ConnectOptions::with_token(token),
    };
    // The client does not look there; neither may a log of what it connects to.
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
pub(super) fn stream_name(queue: &str) -> String {
    queue.replace('.', "_")
}

/// The stream and the one for dead letters, made if they are missing. What is there stays as it is.
pub(super) async fn stream(context: &Context, queue: &str) -> Result<Stream, QueueError> {
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
