//! A job on its way in, and how it leaves the broker.

use uuid::Uuid;

use super::QueueError;

/// A job that a broker handed out. Dropped without being settled, it comes again, at the latest when the consumer is closed.
pub struct Delivery {
    /// Which event.
    pub event_id: Uuid,
    /// Its body, if the job carries it (Celery and RQ).
    pub payload: Option<Vec<u8>>,
    pub(super) handle: Handle,
}

/// What the broker is to do with a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Forget it: the event is done, or somebody else's.
    Done,
    /// Hand it out again.
    Retry,
    /// Keep it apart for people to look at.
    Dead {
        /// Why.
        reason: String,
    },
}

/// The way back to the broker.
pub(super) enum Handle {
    #[cfg(feature = "amqp")]
    Amqp(Box<super::amqp::Handle>),
    #[cfg(feature = "redis")]
    Stream(super::redis::StreamHandle),
    #[cfg(feature = "redis")]
    List(super::redis::ListHandle),
    #[cfg(feature = "nats")]
    Nats(Box<super::nats::Handle>),
    /// No broker is built in, so nothing was delivered.
    #[allow(dead_code, reason = "a full build has every broker")]
    Nowhere(std::convert::Infallible),
}

/// A reason as a log and a broker can take it: it may quote what somebody else has sent.
#[allow(dead_code, reason = "a slim build has no broker")]
pub(super) fn brief(reason: &str) -> String {
    let clean = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut brief: String = clean.clone().take(LONGEST_REASON).collect();
    if clean.count() > LONGEST_REASON {
        brief.push('…');
    }
    brief
}

/// In characters.
#[allow(dead_code, reason = "a slim build has no broker")]
const LONGEST_REASON: usize = 200;

impl Delivery {
    /// Tells the broker what became of it. On failure the delivery comes again.
    pub async fn settle(self, settlement: Settlement) -> Result<(), QueueError> {
        self.handle.settle(settlement).await
    }
}

impl Handle {
    pub(super) async fn settle(self, settlement: Settlement) -> Result<(), QueueError> {
        let _ = &settlement;
        match self {
            #[cfg(feature = "amqp")]
            Handle::Amqp(handle) => handle.settle(settlement).await,
            #[cfg(feature = "redis")]
            Handle::Stream(handle) => handle.settle(settlement).await,
            #[cfg(feature = "redis")]
            Handle::List(handle) => handle.settle(settlement).await,
            #[cfg(feature = "nats")]
            Handle::Nats(handle) => handle.settle(settlement).await,
            Handle::Nowhere(nothing) => match nothing {},
        }
    }
}
