//! Publishes to RabbitMQ with confirms.

use futures_util::future::try_join_all;

use super::super::broker::{DispatchJob, JobSender};
use super::super::dispatch::Dispatch;
use super::super::error::{BrokerFuture, QueueError};
use super::connection::AmqpConnection;
use super::publisher::{ConfirmChannel, confirmed};
use super::{message, queues};

/// One channel with confirms.
pub(super) struct AmqpSender {
    dispatch: Dispatch,
    channel: ConfirmChannel,
}

impl AmqpSender {
    pub(super) async fn open(dispatch: &Dispatch) -> Result<Box<dyn JobSender>, QueueError> {
        let connection = AmqpConnection::open(dispatch).await?;
        queues::prepare(&connection, dispatch).await?;
        Ok(Box::new(AmqpSender {
            dispatch: dispatch.clone(),
            channel: ConfirmChannel::on(connection).await?,
        }))
    }
}

impl JobSender for AmqpSender {
    fn publish<'a>(&'a mut self, jobs: &'a [DispatchJob]) -> BrokerFuture<'a, ()> {
        Box::pin(async move {
            let queue = self.dispatch.queue();
            let mut confirms = Vec::with_capacity(jobs.len());
            for job in jobs {
                let (properties, body) = message::write(&self.dispatch, job);
                confirms.push(self.channel.send(queue, properties, &body).await?);
            }
            let confirmations = try_join_all(confirms).await?;
            confirmations
                .iter()
                .try_for_each(|confirmation| confirmed(queue, confirmation))
        })
    }

    fn depth(&mut self) -> BrokerFuture<'_, u64> {
        Box::pin(queues::depth(&self.channel.channel, self.dispatch.queue()))
    }

    fn is_blocked(&self) -> bool {
        self.channel.is_blocked()
    }
}
