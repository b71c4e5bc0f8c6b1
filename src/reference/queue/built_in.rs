//! The brokers of this build: the one place that knows which features it has.

use std::time::Duration;

use super::advice::Advice;
use super::broker::Broker;
use super::dispatch::{Dispatch, Protocol};
use super::error::{QueueError, within};

/// The broker of a URL. [`Dispatch`] refuses the URL of a missing one.
pub(super) fn broker(dispatch: &Dispatch) -> Result<&'static dyn Broker, QueueError> {
    let protocol: Protocol = dispatch.protocol();
    match protocol {
        #[cfg(feature = "amqp")]
        Protocol::Amqp => Ok(&super::amqp::RabbitMq),
        #[cfg(feature = "redis")]
        Protocol::Redis => Ok(&super::redis::Redis),
        #[cfg(feature = "nats")]
        Protocol::Nats => Ok(&super::nats::JetStream),
        #[allow(unreachable_patterns, reason = "a full build has every broker")]
        missing => Err(QueueError::Broker(format!("{missing:?} is not built in"))),
    }
}

/// Asks the broker for its settings. Queues that are missing are made on the way.
pub async fn advice(dispatch: &Dispatch, deadline: Duration) -> Result<Vec<Advice>, QueueError> {
    within(deadline, broker(dispatch)?.advice(dispatch, deadline)).await
}
