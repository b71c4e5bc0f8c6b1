//! Brokers as dispatchers: they carry event ids to whoever works, and what they lose is found again in the store.
//!
//! Nothing here is believed for ever. A [`Publisher`] returns when the broker has confirmed, or fails within its
//! deadline; a [`Consumer`] connects again by itself, and whatever it hands out may come twice. That an event is done
//! once is the store's business (leases and fencing), and that it is done at all is the sweeper's.

mod advice;
#[cfg(feature = "amqp")]
mod amqp;
mod backoff;
#[cfg(any(feature = "amqp", feature = "redis"))]
mod celery;
mod delivery;
mod dispatch;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "redis")]
mod pickle;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod rq;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

pub use advice::{Advice, advice};
pub use delivery::{Delivery, Settlement};
pub use dispatch::{Dialect, Dispatch, DispatchError, Protocol};

use crate::reference::outage::OutageLog;
use backoff::Backoff;
use delivery::ConsumerLink;

/// What is published: an event that somebody is to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchJob {
    /// Which event.
    pub event_id: Uuid,
    /// Its body, JSON. Only Celery and RQ jobs carry it; our own workers read it from the store.
    pub payload: Vec<u8>,
    /// Which of its dispatches it is: a broker that drops duplicates (NATS) drops only those of the same one.
    pub round: u32,
}

/// Why a broker did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// No answer within the deadline; it may have been done all the same.
    #[error("no answer from the broker within {} ms", .after.as_millis())]
    TimedOut {
        /// The deadline.
        after: Duration,
    },
    /// It cannot be reached, or it refused.
    #[error("the broker failed: {0}")]
    Broker(String),
    /// It took the message and had no queue for it.
    #[error("the broker has no queue {0:?}")]
    Unroutable(String),
    /// It did not take the message.
    #[error("the broker refused a message")]
    Refused,
    /// It takes no messages for now.
    #[error("the broker is short of memory or disk and takes no messages")]
    Blocked,
}

/// How a broker is talked to.
#[derive(Clone, Copy, Debug)]
pub struct QueueOptions {
    /// Time for one operation, connecting included.
    pub deadline: Duration,
    /// Deliveries that may be under way at the same time, those that wait for an attempt included.
    pub prefetch: u16,
    /// When a delivery of a consumer that is gone goes to another (Redis and NATS; RabbitMQ notices by itself).
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

/// Hands jobs to a broker. Not shared: whoever has it publishes one batch after the other.
pub struct Publisher {
    dispatch: Dispatch,
    deadline: Duration,
    backoff: Backoff,
    sink: Option<Sink>,
}

/// A connection that publishes.
#[allow(clippy::large_enum_variant, reason = "there is one of it in a process")]
enum Sink {
    #[cfg(feature = "amqp")]
    Amqp(amqp::Sink),
    #[cfg(feature = "redis")]
    Redis(self::redis::Sink),
    #[cfg(feature = "nats")]
    Nats(nats::Sink),
    /// No broker is built in, so nothing is connected.
    #[allow(dead_code, reason = "a full build has every broker")]
    Nowhere(std::convert::Infallible),
}

impl Publisher {
    /// Connects with the first batch.
    pub fn new(dispatch: Dispatch, options: QueueOptions) -> Publisher {
        Publisher {
            dispatch,
            deadline: options.deadline,
            backoff: Backoff::default(),
            sink: None,
        }
    }

    /// Resolves when the broker has confirmed every job, or when the deadline is over: one attempt, which after a
    /// failure waits a little first. What failed may have been taken all the same, wholly or in part.
    pub async fn publish(&mut self, jobs: &[DispatchJob]) -> Result<(), QueueError> {
        self.backoff.rest().await;
        self.ask(async |sink| sink.publish(jobs).await).await
    }

    /// How many jobs the broker has by now, as far as it tells; the same job twice counts as two.
    pub async fn depth(&mut self) -> Result<u64, QueueError> {
        self.backoff.rest().await;
        self.ask(async |sink| sink.depth().await).await
    }

    /// One attempt within the deadline. What failed is not used again, except that a broker that is short of memory is
    /// not burdened with one connection after the other.
    async fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut Sink) -> Result<T, QueueError>,
    ) -> Result<T, QueueError> {
        let after = self.deadline;
        let attempt = async {
            let sink = match &mut self.sink {
                Some(sink) => sink,
                closed => closed.insert(Sink::open(&self.dispatch, after).await?),
            };
            if sink.is_blocked() {
                return Err(QueueError::Blocked);
            }
            question(sink).await
        };
        let answer = timeout(after, attempt).await;
        let answer = answer.unwrap_or(Err(QueueError::TimedOut { after }));
        if answer.is_ok() {
            self.backoff.reset();
        } else {
            self.backoff.grow();
            self.sink.take_if(|sink| !sink.is_blocked());
        }
        answer
    }
}

impl Sink {
    async fn open(dispatch: &Dispatch, deadline: Duration) -> Result<Sink, QueueError> {
        let _ = deadline;
        match dispatch.protocol() {
            #[cfg(feature = "amqp")]
            Protocol::Amqp => amqp::Sink::open(dispatch).await.map(Sink::Amqp),
            #[cfg(feature = "redis")]
            Protocol::Redis => self::redis::Sink::open(dispatch, deadline)
                .await
                .map(Sink::Redis),
            #[cfg(feature = "nats")]
            Protocol::Nats => nats::Sink::open(dispatch, deadline).await.map(Sink::Nats),
            #[allow(unreachable_patterns, reason = "a slim build lacks a broker")]
            _ => Err(not_built_in()),
        }
    }

    async fn publish(&mut self, jobs: &[DispatchJob]) -> Result<(), QueueError> {
        let _ = jobs;
        match self {
            #[cfg(feature = "amqp")]
            Sink::Amqp(sink) => sink.publish(jobs).await,
            #[cfg(feature = "redis")]
            Sink::Redis(sink) => sink.publish(jobs).await,
            #[cfg(feature = "nats")]
            Sink::Nats(sink) => sink.publish(jobs).await,
            Sink::Nowhere(nothing) => match *nothing {},
        }
    }

    async fn depth(&mut self) -> Result<u64, QueueError> {
        match self {
            #[cfg(feature = "amqp")]
            Sink::Amqp(sink) => sink.depth().await,
            #[cfg(feature = "redis")]
            Sink::Redis(sink) => sink.depth().await,
            #[cfg(feature = "nats")]
            Sink::Nats(sink) => sink.depth().await,
            Sink::Nowhere(nothing) => match *nothing {},
        }
    }

    /// Would what is published here only wait?
    fn is_blocked(&self) -> bool {
        match self {
            #[cfg(feature = "amqp")]
            Sink::Amqp(sink) => sink.is_blocked(),
            #[allow(unreachable_patterns, reason = "a slim build lacks a broker")]
            _ => false,
        }
    }
}

/// Takes jobs from a broker. Not shared: whoever has it takes one delivery after the other; deliveries may be settled
/// from anywhere.
pub struct Consumer {
    dispatch: Dispatch,
    options: QueueOptions,
    /// Tells what it has taken from what others have, however often it connects again.
    name: Uuid,
    backoff: Backoff,
    source: Option<Source>,
    taken: VecDeque<Delivery>,
    /// Dropped with the source, which ends every wait for an answer on it.
    connection: watch::Sender<()>,
    /// Deliveries of this source whose end the broker does not know.
    unsettled: Arc<AtomicUsize>,
    taking: OutageLog,
    settling: OutageLog,
}

/// How long a broker may take to close a consumer without outstanding deliveries.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection that consumes.
#[allow(clippy::large_enum_variant, reason = "there is one of it in a process")]
enum Source {
    #[cfg(feature = "amqp")]
    Amqp(amqp::Source),
    #[cfg(feature = "redis")]
    Stream(self::redis::StreamSource),
    #[cfg(feature = "redis")]
    List(self::redis::ListSource),
    #[cfg(feature = "nats")]
    Nats(nats::Source),
    /// No broker is built in, so nothing is connected.
    #[allow(dead_code, reason = "a full build has every broker")]
    Nowhere(std::convert::Infallible),
}

impl Consumer {
    /// Connects with the first call of [`Consumer::next`].
    pub fn new(dispatch: Dispatch, options: QueueOptions) -> Consumer {
        let thing = format!("the broker {dispatch}");
        Consumer {
            taking: OutageLog::of(&*thing, "cannot take jobs; tried again until it answers"),
            settling: OutageLog::of(thing, "cannot acknowledge a delivery; it comes again"),
            connection: watch::Sender::new(()),
            unsettled: Arc::default(),
            dispatch,
            options,
            name: Uuid::new_v4(),
            backoff: Backoff::default(),
            source: None,
            taken: VecDeque::new(),
        }
    }

    /// Deliveries that may be under way at the same time.
    pub fn prefetch(&self) -> usize {
        self.options.prefetch.into()
    }

    /// Gives back at once what was taken and is not settled, so that anyone finds it, workers of another kind too.
    /// Deliveries that are still held are given back with the rest, so nobody may work on them any more.
    pub async fn close(mut self) {
        let Some(source) = self.source.take() else {
            return;
        };
        let has_some = !self.taken.is_empty() || self.unsettled.load(Ordering::Relaxed) > 0;
        self.taken.clear();
        let after = if has_some {
            self.options.deadline
        } else {
            FAREWELL.min(self.options.deadline)
        };
        let closed = timeout(after, source.close()).await;
        if let Err(error) = closed.unwrap_or(Err(QueueError::TimedOut { after })) {
            tracing::warn!(%error, broker = %self.dispatch, "cannot give back what was taken");
        }
    }

    /// The next delivery, however long it takes and however often the broker goes away meanwhile. When the future is
    /// dropped, what it was about to hand out comes again later.
    pub async fn next(&mut self) -> Delivery {
        loop {
            if let Some(mut delivery) = self.taken.pop_front() {
                self.unsettled.fetch_add(1, Ordering::Relaxed);
                delivery.link = Some(self.link());
                return delivery;
            }
            self.backoff.rest().await;
            match self.receive().await {
                Ok(deliveries) => {
                    self.backoff.reset();
                    self.taking.succeeded();
                    self.taken.extend(deliveries);
                }
                Err(error) => {
                    self.taking.failed(&error);
                    self.source = None;
                    self.connection = watch::Sender::new(());
                    self.unsettled = Arc::default();
                    self.backoff.grow();
                }
            }
        }
    }

    fn link(&self) -> ConsumerLink {
        ConsumerLink {
            deadline: self.options.deadline,
            connection: self.connection.subscribe(),
            unsettled: self.unsettled.clone(),
            outage: self.settling.clone(),
        }
    }

    /// Some deliveries; none if nothing came for a while.
    async fn receive(&mut self) -> Result<Vec<Delivery>, QueueError> {
        if self.source.is_none() {
            let after = self.options.deadline;
            let source = timeout(
                after,
                Source::open(&self.dispatch, &self.options, self.name),
            )
            .await
            .unwrap_or(Err(QueueError::TimedOut { after }))?;
            self.source = Some(source);
            self.taking.succeeded();
        }
        match self.source.as_mut() {
            #[cfg(feature = "amqp")]
            Some(Source::Amqp(source)) => source.receive().await,
            #[cfg(feature = "redis")]
            Some(Source::Stream(source)) => source.receive().await,
            #[cfg(feature = "redis")]
            Some(Source::List(source)) => source.receive().await,
            #[cfg(feature = "nats")]
            Some(Source::Nats(source)) => source.receive().await,
            #[allow(unreachable_patterns, reason = "a slim build lacks a broker")]
            _ => Err(not_built_in()),
        }
    }
}

impl Source {
    async fn open(
        dispatch: &Dispatch,
        options: &QueueOptions,
        name: Uuid,
    ) -> Result<Source, QueueError> {
        let _ = (options, name);
        match (dispatch.protocol(), dispatch.dialect()) {
            #[cfg(feature = "amqp")]
            (Protocol::Amqp, _) => amqp::Source::open(dispatch, options)
                .await
                .map(Source::Amqp),
            #[cfg(feature = "redis")]
            (Protocol::Redis, Dialect::Own) => {
                self::redis::StreamSource::open(dispatch, options, name)
                    .await
                    .map(Source::Stream)
            }
            #[cfg(feature = "redis")]
            (Protocol::Redis, _) => self::redis::ListSource::open(dispatch, options, name)
                .await
                .map(Source::List),
            #[cfg(feature = "nats")]
            (Protocol::Nats, _) => nats::Source::open(dispatch, options)
                .await
                .map(Source::Nats),
            #[allow(unreachable_patterns, reason = "a slim build lacks a broker")]
            _ => Err(not_built_in()),
        }
    }

    async fn close(self) -> Result<(), QueueError> {
        match self {
            #[cfg(feature = "amqp")]
            Source::Amqp(source) => source.close().await,
            #[cfg(feature = "redis")]
            Source::Stream(source) => source.close().await,
            #[cfg(feature = "redis")]
            Source::List(source) => source.close().await,
            #[cfg(feature = "nats")]
            Source::Nats(source) => source.close().await,
            Source::Nowhere(nothing) => match nothing {},
        }
    }
}

/// [`Dispatch`] refuses the broker of a missing feature, so nobody gets here.
#[allow(dead_code, reason = "a full build has every broker")]
fn not_built_in() -> QueueError {
    QueueError::Broker("it is not built in".to_owned())
}
