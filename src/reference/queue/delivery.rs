//! A job on its way in, and how it leaves the broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use super::QueueError;
use crate::reference::outage::OutageLog;

/// A job that a broker handed out. Dropped without being settled, it comes again, at the latest when the consumer is closed.
pub struct Delivery {
    /// Which event.
    pub event_id: Uuid,
    /// Its body, if the job carries it (Celery and RQ).
    pub payload: Option<Vec<u8>>,
    pub(super) handle: Handle,
    pub(super) link: Option<ConsumerLink>,
}

/// The consumer that a delivery is from.
#[derive(Clone)]
pub(super) struct ConsumerLink {
    /// How long the broker may take to answer.
    pub(super) deadline: Duration,
    /// Closed with the connection: an answer on it can no longer arrive.
    pub(super) connection: watch::Receiver<()>,
    /// How many of its deliveries have an end that the broker does not know.
    pub(super) unsettled: Arc<AtomicUsize>,
    /// Logs acknowledgements that fail.
    pub(super) outage: OutageLog,
}

impl ConsumerLink {
    /// Waits for the broker, at most until its deadline and only while the connection is open.
    async fn wait(
        &self,
        deadline: Duration,
        answer: impl Future<Output = Result<(), QueueError>>,
    ) -> Result<(), QueueError> {
        let mut connection = self.connection.clone();
        tokio::select! {
            biased;
            answer = timeout(deadline, answer) => {
                answer.unwrap_or(Err(QueueError::TimedOut { after: deadline }))
            }
            _ = connection.changed() => Err(QueueError::Broker("its connection is gone".to_owned())),
        }
    }
}

/// A dead letter is published first, and that may be tried several times.
pub(super) const BURIALS: u32 = 4;

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

/// A reason in a form fit for a log and a broker: it may quote text from another program.
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
    #[allow(dead_code, reason = "a slim build has no broker")]
    pub(super) fn new(event_id: Uuid, payload: Option<Vec<u8>>, handle: Handle) -> Delivery {
        Delivery {
            event_id,
            payload,
            handle,
            link: None,
        }
    }

    /// Reports the result of a delivery to the broker, within a deadline. On failure the broker delivers it again.
    pub async fn settle(self, settlement: Settlement) -> Result<(), QueueError> {
        let Some(link) = self.link else {
            return self.handle.settle(settlement).await;
        };
        let deadline = match settlement {
            Settlement::Dead { .. } => link.deadline * BURIALS,
            Settlement::Done | Settlement::Retry => link.deadline,
        };
        let settled = link.wait(deadline, self.handle.settle(settlement)).await;
        link.outage.note(&settled);
        if settled.is_ok() {
            link.unsettled.fetch_sub(1, Ordering::Relaxed);
        }
        settled
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
