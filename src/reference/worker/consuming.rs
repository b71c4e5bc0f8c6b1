//! Works on what a broker delivers. The store decides whether an event is to be worked on; the broker only says which.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::pool::{TakeResult, WorkerPool};
use super::store_pause::StorePause;
use crate::reference::payload;
use crate::reference::queue::{Consumer, Delivery, Settlement};
use crate::reference::store::{
    Admission, EventId, EventState, Fingerprint, Grant, Handling, StoreError, Submission,
};

/// A retry that is due later than this is left to the sweeper: only where the provider names so late a time.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// How long an acknowledgement may delay a worker that stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Who may begin an attempt, and until when.
#[derive(Clone)]
struct AttemptSlots {
    /// As many as attempts may run at the same time.
    slots: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

/// What follows a look at a delivery.
enum DeliveryStep {
    /// Another one, after a pause.
    Again(Duration),
    Over(Settlement),
    /// Nothing more here: the worker stops.
    Left,
}

impl AttemptSlots {
    /// Waits for the right to begin an attempt; `None` once the worker stops.
    async fn slot(&mut self) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => None,
            slot = self.slots.acquire() => slot.ok(),
        }
    }

    /// Waits for the broker; `None` if that takes longer than allowed during a stop.
    async fn patiently<T>(&mut self, answer: impl Future<Output = T>) -> Option<T> {
        let over = async {
            let _ = self.stop.wait_for(|stop| *stop).await;
            sleep(STOP_TIMEOUT).await;
        };
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = over => None,
        }
    }

    /// Pauses; `None` once the worker stops.
    async fn pause(&mut self, pause: Duration) -> Option<()> {
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => None,
            () = sleep(pause) => Some(()),
        }
    }
}

impl WorkerPool {
    /// Works on deliveries until the shutdown, then lets the attempts that have begun finish within the grace, or until
    /// patience ends. What is not acknowledged by then is given back to the broker.
    pub async fn consume(
        self,
        mut consumer: Consumer,
        stop: watch::Receiver<bool>,
        patience: impl Future<Output = ()>,
    ) {
        let slots = Arc::new(Semaphore::new(self.options.workers));
        let mut slots = AttemptSlots { slots, stop };
        let mut under_way = JoinSet::new();
        let until_stop = slots.clone();
        tokio::select! {
            _ = slots.stop.wait_for(|stop| *stop) => {}
            () = self.deliver(&mut consumer, until_stop, &mut under_way) => {}
        }
        tokio::select! {
            () = async { while under_way.join_next().await.is_some() {} } => {}
            () = sleep(self.options.grace) => {}
            () = patience => {}
        }
        under_way.shutdown().await;
        consumer.close().await;
    }

    /// Begins with one delivery after the other, as many as the broker hands out at the same time: those that wait for a
    /// retry don't keep others from their first attempt.
    async fn deliver(
        &self,
        consumer: &mut Consumer,
        slots: AttemptSlots,
        under_way: &mut JoinSet<()>,
    ) {
        let places = Arc::new(Semaphore::new(consumer.prefetch()));
        while let Ok(place) = places.clone().acquire_owned().await {
            while under_way.try_join_next().is_some() {}
            let (pool, slots, delivery) = (self.clone(), slots.clone(), consumer.next().await);
            under_way.spawn(async move {
                pool.handle(delivery, slots).await;
                drop(place);
            });
        }
    }

    async fn handle(&self, delivery: Delivery, mut slots: AttemptSlots) {
        let event_id = EventId::from_bytes(*delivery.event_id.as_bytes());
        let payload = delivery.payload.as_deref();
        let Some(settlement) = self.bring_about(event_id, payload, &mut slots).await else {
            return;
        };
        // On failure the broker delivers it again, and the event is found done.
        let settled = slots.patiently(delivery.settle(settlement)).await;
        if let Some(Err(error)) = settled {
            tracing::debug!(%error, %event_id, "cannot acknowledge a delivery");
        }
    }

    /// Attempts the event until it is settled, taken by another worker, or due too late to be waited for; `None` if the worker
    /// stops before. While the store fails the delivery is kept and tried again: brokers count what comes back to them,
    /// and take a message for poison that came back too often.
    async fn bring_about(
        &self,
        event_id: EventId,
        payload: Option<&[u8]>,
        slots: &mut AttemptSlots,
    ) -> Option<Settlement> {
        let mut failing = StorePause::new();
        loop {
            let pause = match self.step(event_id, payload, slots).await {
                Ok(DeliveryStep::Over(settlement)) => return Some(settlement),
                Ok(DeliveryStep::Left) | Err(StoreError::Closed) => return None,
                Ok(DeliveryStep::Again(pause)) => {
                    failing.reset();
                    pause
                }
                Err(error) => {
                    // The store logs its own failures.
                    tracing::debug!(%error, %event_id, "cannot process a delivery; it is kept");
                    failing.next()
                }
            };
            slots.pause(pause).await?;
        }
    }

    async fn step(
        &self,
        event_id: EventId,
        payload: Option<&[u8]>,
        slots: &mut AttemptSlots,
    ) -> Result<DeliveryStep, StoreError> {
        let taken = {
            let Some(_slot) = slots.slot().await else {
                return Ok(DeliveryStep::Left);
            };
            self.take(event_id).await?
        };
        Ok(match taken {
            TakeResult::Attempted => match self.store.event(event_id).await? {
                Some(record) if record.state == EventState::Retrying => {
                    DeliveryStep::Again(Duration::ZERO)
                }
                _ => DeliveryStep::Over(Settlement::Done),
            },
            TakeResult::Left(Grant::NotDue(pause)) if pause <= LONGEST_HOLD => {
                DeliveryStep::Again(pause)
            }
            TakeResult::Left(Grant::Unknown) => match self.adopt(event_id, payload).await? {
                Ok(()) => DeliveryStep::Again(Duration::ZERO),
                Err(reason) => DeliveryStep::Over(Settlement::Dead { reason }),
            },
            // Settled, taken by another worker who is responsible now, or found by the sweeper when it is due.
            TakeResult::Left(_) => DeliveryStep::Over(Settlement::Done),
        })
    }

    /// Accepts an event that was not ingested here but published by a Python program. The reason if it cannot be.
    async fn adopt(
        &self,
        event_id: EventId,
        body: Option<&[u8]>,
    ) -> Result<Result<(), String>, StoreError> {
        let Some(body) = body else {
            let store = self.store.location();
            return Ok(Err(format!(
                "the store {store} has no such event; if another store dispatches to this queue, give each store its own queue with ?queue=NAME"
            )));
        };
        // The same bounds as for accepted events: no other worker could read it.
        let read = std::str::from_utf8(body).map_err(|error| error.to_string());
        let read = read.and_then(|text| payload::check(text).map_err(|error| error.to_string()));
        if let Err(reason) = read {
            return Ok(Err(format!("the payload cannot be accepted: {reason}")));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let submission = Submission {
            event_id,
            fingerprint: Fingerprint::of(body),
            payload: body.to_vec(),
            run: None,
            accepted_ms: since.map_or(0, |since| since.as_millis() as i64),
            handling: Handling::Queue,
        };
        Ok(match self.store.accept(submission).await? {
            Admission::BodyDiffers | Admission::IdTaken => {
                Err("this event id belongs to another body".to_owned())
            }
            _ => Ok(()),
        })
    }
}
