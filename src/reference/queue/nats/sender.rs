//! Publishes to JetStream and waits for the acknowledgement of the stream.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::context::{ConsumerInfoErrorKind, Context};
use async_nats::jetstream::message::PublishMessage;
use futures_util::future::try_join_all;

use super::super::broker::{DispatchJob, JobSender};
use super::super::dispatch::Dispatch;
use super::super::error::{BrokerFuture, QueueError};
use super::connection::{CONSUMER, connect, failed, stream, stream_name};

/// One connection that publishes to a subject.
pub(super) struct NatsSender {
    subject: String,
    context: Context,
}

impl NatsSender {
    pub(super) async fn open(
        dispatch: &Dispatch,
        deadline: Duration,
    ) -> Result<Box<dyn JobSender>, QueueError> {
        let context = jetstream::new(connect(dispatch, deadline).await?);
        stream(&context, dispatch.queue()).await?;
        Ok(Box::new(NatsSender {
            subject: dispatch.queue().to_owned(),
            context,
        }))
    }

    async fn send(&self, jobs: &[DispatchJob]) -> Result<(), QueueError> {
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

    /// Messages that the workers' consumer has before it; all in the stream, if no worker has made a consumer yet.
    async fn pending(&self) -> Result<u64, QueueError> {
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
}

impl JobSender for NatsSender {
    fn publish<'a>(&'a mut self, jobs: &'a [DispatchJob]) -> BrokerFuture<'a, ()> {
        Box::pin(self.send(jobs))
    }

    fn depth(&mut self) -> BrokerFuture<'_, u64> {
        Box::pin(self.pending())
    }
}
