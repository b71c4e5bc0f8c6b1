//! The seam between the queue and its brokers: one trait that sends jobs, one that receives them.

use std::time::Duration;

use uuid::Uuid;

use super::advice::Advice;
use super::delivery::Received;
use super::dispatch::Dispatch;
use super::error::BrokerFuture;

/// One job to publish: an event that a worker is to process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchJob {
    /// Id of the event.
    pub event_id: Uuid,
    /// Its body, JSON. Only Celery and RQ jobs carry it; our own workers read it from the store.
    pub payload: Vec<u8>,
    /// Which of its dispatches it is: a broker that drops duplicates (NATS) drops only those of the same one.
    pub round: u32,
}

/// Limits of a broker's connection.
#[derive(Clone, Copy, Debug)]
pub struct QueueOptions {
    /// Time for one operation, connecting included.
    pub deadline: Duration,
    /// Deliveries that may be under way at the same time, those that wait for an attempt included.
    pub prefetch: u16,
    /// When a delivery of a consumer that is gone goes to another (Redis and NATS; RabbitMQ notices on its own).
    pub redelivery: Duration,
}

impl Default for QueueOptions {
    fn default() -> Self {
        QueueOptions {
            deadline: Duration::from_secs(5),
            prefetch: 64,
            redelivery: Duration::from_secs(60),
        }
    }
}

/// A connection that is being opened.
pub(super) type Opening<'a, T> = BrokerFuture<'a, Box<T>>;

/// A kind of broker.
pub(super) trait Broker: Sync {
    /// Connects to publish.
    fn sender<'a>(&self, dispatch: &'a Dispatch, deadline: Duration) -> Opening<'a, dyn JobSender>;

    /// Connects to consume. The name distinguishes this consumer's deliveries from those of others.
    fn receiver<'a>(
        &self,
        dispatch: &'a Dispatch,
        options: &'a QueueOptions,
        name: Uuid,
    ) -> Opening<'a, dyn JobReceiver>;

    /// Asks for settings that lose messages. Missing queues are made on the way.
    fn advice<'a>(
        &self,
        dispatch: &'a Dispatch,
        deadline: Duration,
    ) -> BrokerFuture<'a, Vec<Advice>>;
}

/// A connection that publishes.
pub(super) trait JobSender: Send + Sync {
    /// Resolves when the broker has confirmed every job.
    fn publish<'a>(&'a mut self, jobs: &'a [DispatchJob]) -> BrokerFuture<'a, ()>;

    /// Jobs that the broker has, as far as it tells; the same job twice counts as two.
    fn depth(&mut self) -> BrokerFuture<'_, u64>;

    /// Would a job published here only wait in memory?
    fn is_blocked(&self) -> bool {
        false
    }
}

/// A connection that consumes.
pub(super) trait JobReceiver: Send {
    /// Some deliveries; none if nothing came for a while.
    fn receive(&mut self) -> BrokerFuture<'_, Vec<Received>>;

    /// Gives back everything that was received and is not settled.
    fn close(self: Box<Self>) -> BrokerFuture<'static, ()>;
}
