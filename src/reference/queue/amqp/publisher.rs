//! A channel that publishes with confirms.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};

use super::super::error::QueueError;
use super::connection::AmqpConnection;

/// Messages outlive a restart of the broker.
pub(super) const PERSISTENT: u8 = 2;

/// A channel and its connection, which nothing else uses: RabbitMQ reads no more from one that publishes while it is
/// short of memory or disk, and acknowledgements must not wait for that.
pub(super) struct ConfirmChannel {
    pub(super) channel: Channel,
    connection: AmqpConnection,
}

impl ConfirmChannel {
    pub(super) async fn on(connection: AmqpConnection) -> Result<ConfirmChannel, QueueError> {
        let channel = connection.channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(ConfirmChannel {
            channel,
            connection,
        })
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.connection.is_blocked()
    }

    /// Sends to a queue. It is there once the confirm has come and [`confirmed`] likes it.
    pub(super) async fn send(
        &self,
        queue: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<PublisherConfirm, QueueError> {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let sent = self
            .channel
            .basic_publish("".into(), queue.into(), options, body, properties);
        Ok(sent.await?)
    }
}

/// What the broker says of a message.
pub(super) fn confirmed(queue: &str, confirmation: &Confirmation) -> Result<(), QueueError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        // Mandatory: no queue took it, so it came back before the acknowledgement.
        Confirmation::Ack(Some(_)) => Err(QueueError::Unroutable(queue.to_owned())),
        Confirmation::Nack(_) | Confirmation::NotRequested => Err(QueueError::Refused),
    }
}
