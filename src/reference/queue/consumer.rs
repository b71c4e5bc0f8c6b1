//! Takes jobs from a broker, however often its connection breaks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use super::backoff::Backoff;
use super::broker::{JobReceiver, QueueOptions};
use super::built_in::broker;
use super::delivery::{ConsumerLink, Delivery};
use super::dispatch::Dispatch;
use super::error::{QueueError, within};
use crate::reference::outage::OutageLog;

/// How long a broker may take to close a consumer without outstanding deliveries.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Consumes from one broker. Not shared: its owner takes one delivery after the other; deliveries may be settled from
/// anywhere.
pub struct Consumer {
    dispatch: Dispatch,
    options: QueueOptions,
    /// Distinguishes its deliveries from those of others, however often it connects again.
    name: Uuid,
    backoff: Backoff,
    receiver: Option<Box<dyn JobReceiver>>,
    taken: VecDeque<Delivery>,
    /// Dropped with the receiver, which ends every wait for an answer on it.
    connection: watch::Sender<()>,
    /// Deliveries of this receiver whose end the broker does not know.
    unsettled: Arc<AtomicUsize>,
    /// One outage of the broker, whether it shows when jobs are taken or when they are acknowledged.
    outage: OutageLog,
}

impl Consumer {
    /// Connects with the first call of [`Consumer::next`].
    pub fn new(dispatch: Dispatch, options: QueueOptions) -> Consumer {
        Consumer {
            outage: OutageLog::of(
                format!("the broker {dispatch}"),
                "cannot take or acknowledge jobs; trying again until the broker answers",
            ),
            connection: watch::Sender::new(()),
            unsettled: Arc::default(),
            dispatch,
            options,
            name: Uuid::new_v4(),
            backoff: Backoff::default(),
            receiver: None,
            taken: VecDeque::new(),
        }
    }

    /// Deliveries that may be under way at the same time.
    pub fn prefetch(&self) -> usize {
        self.options.prefetch.into()
    }

    /// Returns unsettled jobs at once, so that every worker finds them, also workers of another kind. Deliveries that
    /// are still held are given back with the rest, so no worker may process them any more.
    pub async fn close(mut self) {
        let Some(receiver) = self.receiver.take() else {
            return;
        };
        let has_some = !self.taken.is_empty() || self.unsettled.load(Ordering::Relaxed) > 0;
        self.taken.clear();
        let after = if has_some {
            self.options.deadline
        } else {
            CLOSE_TIMEOUT.min(self.options.deadline)
        };
        if let Err(error) = within(after, receiver.close()).await {
            tracing::warn!(%error, broker = %self.dispatch, "cannot return taken jobs to the queue");
        }
    }

    /// The next delivery, however long it takes and however often the broker goes away in between. When the future is
    /// dropped, what it was about to hand out comes again later.
    pub async fn next(&mut self) -> Delivery {
        loop {
            if let Some(delivery) = self.taken.pop_front() {
                self.unsettled.fetch_add(1, Ordering::Relaxed);
                return delivery;
            }
            self.backoff.rest().await;
            match self.receive().await {
                Ok(deliveries) => {
                    self.backoff.reset();
                    self.outage.succeeded();
                    self.taken = deliveries;
                }
                Err(error) => {
                    self.outage.failed(&error);
                    self.receiver = None;
                    self.connection = watch::Sender::new(());
                    self.unsettled = Arc::default();
                    self.backoff.grow();
                }
            }
        }
    }

    /// Some deliveries; none if nothing came for a while. A message that cannot become a dead letter now comes again
    /// and delays no other.
    async fn receive(&mut self) -> Result<VecDeque<Delivery>, QueueError> {
        let received = self.connected().await?.receive().await?;
        let (link, mut failed) = (self.link(), None);
        let mut deliveries = VecDeque::with_capacity(received.len());
        for message in received {
            match message.read(&link).await {
                Ok(delivery) => deliveries.extend(delivery),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if deliveries.is_empty() => Err(error),
            _ => Ok(deliveries),
        }
    }

    async fn connected(&mut self) -> Result<&mut dyn JobReceiver, QueueError> {
        let receiver = match &mut self.receiver {
            Some(receiver) => receiver,
            closed => {
                let broker = broker(self.dispatch.protocol())?;
                let opened = broker.receiver(&self.dispatch, &self.options, self.name);
                let receiver = closed.insert(within(self.options.deadline, opened).await?);
                self.outage.succeeded();
                receiver
            }
        };
        Ok(&mut **receiver)
    }

    fn link(&self) -> ConsumerLink {
        ConsumerLink {
            deadline: self.options.deadline,
            connection: self.connection.subscribe(),
            unsettled: self.unsettled.clone(),
            outage: self.outage.clone(),
        }
    }
}
