//! A job on its way in, and how it leaves the broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use super::error::{BrokerFuture, QueueError, within};
use crate::reference::outage::OutageLog;

/// What the broker is to do with a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Forget it: the event is done, or belongs to another worker.
    Done,
    /// Hand it out again.
    Retry,
    /// Keep it apart for people to look at.
    Dead {
        /// Why.
        reason: String,
    },
}

/// The way back to the broker for one delivery.
pub(super) trait DeliveryHandle: Send {
    /// Resolves when the broker knows the result.
    fn settle(self: Box<Self>, settlement: Settlement) -> BrokerFuture<'static, ()>;
}

/// A message as a broker handed it out.
pub(super) struct Received {
    /// Its job, or why it is not one of ours.
    pub(super) job: Result<ReceivedJob, String>,
    pub(super) handle: Box<dyn DeliveryHandle>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReceivedJob {
    pub(super) event_id: Uuid,
    /// The event's body, if the message carries it.
    pub(super) payload: Option<Vec<u8>>,
}

/// A message that is an event id.
impl TryFrom<&[u8]> for ReceivedJob {
    type Error = uuid::Error;

    fn try_from(text: &[u8]) -> Result<ReceivedJob, uuid::Error> {
        Ok(ReceivedJob {
            event_id: Uuid::try_parse_ascii(text)?,
            payload: None,
        })
    }
}

/// A job that a broker handed out. Dropped without being settled, it comes again, at the latest when the consumer is closed.
pub struct Delivery {
    /// Id of the event.
    pub event_id: Uuid,
    /// Its body, if the job carries it (Celery and RQ).
    pub payload: Option<Vec<u8>>,
    handle: Box<dyn DeliveryHandle>,
    link: ConsumerLink,
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
            answer = within(deadline, answer) => answer,
            _ = connection.changed() => Err(QueueError::Broker("its connection is gone".to_owned())),
        }
    }
}

/// A dead letter is published first, and that may be tried several times.
const DEAD_LETTER_DEADLINES: u32 = 4;

impl Received {
    /// The delivery of a job. A message that is not a job of ours becomes a dead letter; then there is none.
    pub(super) async fn read(self, link: &ConsumerLink) -> Result<Option<Delivery>, QueueError> {
        match self.job {
            Ok(job) => Ok(Some(Delivery {
                event_id: job.event_id,
                payload: job.payload,
                handle: self.handle,
                link: link.clone(),
            })),
            Err(reason) => {
                let reason = brief(&reason);
                let settled = self.handle.settle(Settlement::Dead { reason });
                within(link.deadline * DEAD_LETTER_DEADLINES, settled).await?;
                Ok(None)
            }
        }
    }
}

impl Delivery {
    /// Reports the result of a delivery to the broker, within a deadline. On failure the broker delivers it again.
    ///
    /// # Errors
    /// [`QueueError`] if the broker does not take the result within the deadline.
    pub async fn settle(self, settlement: Settlement) -> Result<(), QueueError> {
        let link = self.link;
        let deadline = match settlement {
            Settlement::Dead { .. } => link.deadline * DEAD_LETTER_DEADLINES,
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

/// In characters.
const LONGEST_REASON: usize = 200;

/// A reason in a form fit for a log and a broker: it may quote text from another program.
fn brief(reason: &str) -> String {
    let clean = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut brief: String = clean.clone().take(LONGEST_REASON).collect();
    if clean.count() > LONGEST_REASON {
        brief.push('…');
    }
    brief
}
