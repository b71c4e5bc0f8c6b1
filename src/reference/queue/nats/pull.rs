//! Pull requests of a durable consumer: one at a time, so that a worker that stops knows what may still come.
//!
//! The client library's own streams ask for more as soon as half of a batch has been read, also while a worker
//! hands its messages back; what the server sent then would come again only after the redelivery time.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::context::Context;
use async_nats::{StatusCode, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::json;
use tokio::time::timeout;

use super::super::error::QueueError;
use super::connection::failed;

/// How long one pull waits for a message, and how often the server says that it still does.
const EXPIRES: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long the server may take to send a message back.
const ROUND_TRIP: Duration = Duration::from_millis(500);

/// Pulls messages in batches and asks for the next batch only when the last one has been read or has expired.
pub(super) struct Pull {
    client: Client,
    context: Context,
    /// Where the server takes requests for the next messages.
    requests: String,
    inbox: String,
    request: String,
    batch: u16,
    answers: Subscriber,
    /// Messages that the server may still send for the last request.
    outstanding: u16,
}

impl Pull {
    /// Subscribes to the answers; asks for nothing yet.
    ///
    /// # Errors
    ///
    /// If the connection is closed.
    pub(super) async fn open(
        context: &Context,
        consumer: &PullConsumer,
        batch: u16,
    ) -> Result<Pull, QueueError> {
        let client = context.client();
        let inbox = client.new_inbox();
        let answers = client.subscribe(inbox.clone()).await.map_err(failed)?;
        let info = consumer.cached_info();
        let request = json!({
            "batch": batch,
            "expires": EXPIRES.as_nanos() as u64,
            "idle_heartbeat": HEARTBEAT.as_nanos() as u64,
        });
        Ok(Pull {
            context: context.clone(),
            requests: format!(
                "$JS.API.CONSUMER.MSG.NEXT.{}.{}",
                info.stream_name, info.name
            ),
            inbox,
            request: request.to_string(),
            batch,
            answers,
            outstanding: 0,
            client,
        })
    }

    /// The next message. Cancelling loses none.
    ///
    /// # Errors
    ///
    /// If the server refuses the request, the consumer has been deleted, or two heartbeats are missing.
    pub(super) async fn next(&mut self) -> Result<Message, QueueError> {
        loop {
            if self.outstanding == 0 {
                self.ask().await?;
            }
            let answer = timeout(2 * HEARTBEAT, self.answers.next()).await;
            let answer = answer.map_err(|_| failed("the server sends no heartbeats"))?;
            let answer = answer.ok_or_else(|| failed("the connection is closed"))?;
            if let Some(message) = self.read(answer)? {
                return Ok(message);
            }
        }
    }

    /// Ends the pull: unsubscribes, and returns the messages that had arrived or were on their way.
    pub(super) async fn finish(mut self) -> Vec<Message> {
        let mut arrived = Vec::new();
        loop {
            // An account that may not write to an inbox does without.
            let _ = timeout(ROUND_TRIP, self.round_trip()).await;
            let before = arrived.len();
            while let Some(Some(answer)) = self.answers.next().now_or_never() {
                arrived.extend(self.read(answer).ok().flatten());
            }
            if arrived.len() == before || self.outstanding == 0 {
                return arrived;
            }
        }
    }

    /// Sends a message to this connection itself: what the server sent before arrives before it.
    /// The client's `flush` ends as soon as the socket has taken the bytes.
    async fn round_trip(&self) -> Result<(), QueueError> {
        let inbox = self.client.new_inbox();
        let mut echo = self.client.subscribe(inbox.clone()).await.map_err(failed)?;
        let sent = self.client.publish(inbox, Vec::new().into()).await;
        sent.map_err(failed)?;
        echo.next().await;
        Ok(())
    }

    async fn ask(&mut self) -> Result<(), QueueError> {
        let (subject, inbox) = (self.requests.clone(), self.inbox.clone());
        let asked = self
            .client
            .publish_with_reply(subject, inbox, self.request.clone().into());
        asked.await.map_err(failed)?;
        self.outstanding = self.batch;
        Ok(())
    }

    fn read(&mut self, answer: async_nats::Message) -> Result<Option<Message>, QueueError> {
        match answer.status {
            None | Some(StatusCode::OK) => {
                self.outstanding = self.outstanding.saturating_sub(1);
                let context = self.context.clone();
                Ok(Some(Message {
                    message: answer,
                    context,
                }))
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Ok(None),
            // The request has expired.
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => {
                self.outstanding = 0;
                Ok(None)
            }
            Some(status) => {
                let reason = answer.description.unwrap_or_default();
                Err(failed(format!(
                    "the server ended a pull: {status} {reason}"
                )))
            }
        }
    }
}
