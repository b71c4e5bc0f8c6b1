//! The brokers of this build, and the Cargo feature that brings each.

use std::time::Duration;

use super::advice::Advice;
use super::broker::Broker;
use super::dispatch::{Dispatch, Protocol};
use super::error::{QueueError, within};

/// No broker of this build speaks the protocol.
pub(super) struct MissingBroker {
    /// The Cargo feature that brings it.
    pub(super) feature: &'static str,
}

impl From<MissingBroker> for QueueError {
    fn from(MissingBroker { feature }: MissingBroker) -> QueueError {
        QueueError::Broker(format!("it needs a build with --features {feature}"))
    }
}

/// The broker that speaks a protocol.
pub(super) fn broker(protocol: Protocol) -> Result<&'static dyn Broker, MissingBroker> {
    match protocol {
        #[cfg(feature = "amqp")]
        Protocol::Amqp => Ok(&super::amqp::RabbitMq),
        #[cfg(not(feature = "amqp"))]
        Protocol::Amqp => Err(MissingBroker { feature: "amqp" }),
        #[cfg(feature = "redis")]
        Protocol::Redis => Ok(&super::redis::Redis),
        #[cfg(not(feature = "redis"))]
        Protocol::Redis => Err(MissingBroker { feature: "redis" }),
        #[cfg(feature = "nats")]
        Protocol::Nats => Ok(&super::nats::JetStream),
        #[cfg(not(feature = "nats"))]
        Protocol::Nats => Err(MissingBroker { feature: "nats" }),
    }
}

/// Asks the broker for its settings. Queues that are missing are made on the way.
///
/// # Errors
/// The broker is not in this build, cannot be reached, or does not answer within the deadline.
pub async fn advice(dispatch: &Dispatch, deadline: Duration) -> Result<Vec<Advice>, QueueError> {
    let broker = broker(dispatch.protocol())?;
    within(deadline, broker.advice(dispatch, deadline)).await
}
