//! Works on what a broker delivers. The store decides whether an event is to be worked on; the broker only says which.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Crew, Taken};
use crate::queue::{Consumer, Delivery, Settlement};
use crate::store::{
    Admission, EventId, Fingerprint, Grant, Handling, State, StoreError, Submission,
};

/// A retry that is due later than this is left to the sweeper.
const LONGEST_HOLD: Duration = Duration::from_secs(20);

impl Crew {
    /// Works on deliveries until told to stop, then lets the attempts that have begun finish within the grace. What is
    /// not acknowledged by then comes again, here or elsewhere.
    pub async fn consume(self, mut consumer: Consumer, mut stop: watch::Receiver<bool>) {
        let slots = Arc::new(Semaphore::new(self.options.workers));
        let mut under_way = JoinSet::new();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = async {
                while let Ok(slot) = slots.clone().acquire_owned().await {
                    while under_way.try_join_next().is_some() {}
                    let (crew, delivery) = (self.clone(), consumer.next().await);
                    under_way.spawn(async move {
                        crew.handle(delivery).await;
                        drop(slot);
                    });
                }
            } => {}
        }
        let _ = timeout(self.options.grace, async {
            while under_way.join_next().await.is_some() {}
        })
        .await;
        under_way.shutdown().await;
    }

    async fn handle(&self, delivery: Delivery) {
        let event_id = EventId::from_bytes(*delivery.event_id.as_bytes());
        let settlement = match self
            .bring_about(event_id, delivery.payload.as_deref())
            .await
        {
            Ok(settlement) => settlement,
            Err(error) => {
                tracing::warn!(%error, %event_id, "cannot work on a delivery");
                // Not at once: the store is in trouble.
                sleep(Duration::from_secs(1)).await;
                Settlement::Retry
            }
        };
        if let Err(error) = delivery.settle(settlement).await {
            // It comes again, and finds the event done.
            tracing::warn!(%error, %event_id, "cannot acknowledge a delivery");
        }
    }

    /// Attempts the event until it is settled, somebody else's, or due too late to be waited for.
    async fn bring_about(
        &self,
        event_id: EventId,
        payload: Option<&[u8]>,
    ) -> Result<Settlement, StoreError> {
        loop {
            match self.take(event_id).await? {
                Taken::Attempted => {
                    let record = self.store.event(event_id).await?;
                    if record.is_none_or(|record| record.state != State::Retrying) {
                        return Ok(Settlement::Done);
                    }
                }
                Taken::Left(Grant::NotDue(pause)) if pause <= LONGEST_HOLD => sleep(pause).await,
                Taken::Left(Grant::Unknown) => {
                    if let Err(reason) = self.adopt(event_id, payload).await? {
                        return Ok(Settlement::Dead { reason });
                    }
                }
                // Settled, taken by another worker who is responsible now, or found by the sweeper when it is due.
                Taken::Left(_) => return Ok(Settlement::Done),
            }
        }
    }

    /// Accepts an event that was not ingested here but published by a Python program. The reason if it cannot be.
    async fn adopt(
        &self,
        event_id: EventId,
        payload: Option<&[u8]>,
    ) -> Result<Result<(), String>, StoreError> {
        let Some(payload) = payload else {
            return Ok(Err("no such event in the store".to_owned()));
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let submission = Submission {
            event_id,
            fingerprint: Fingerprint::of(payload),
            payload: payload.to_vec(),
            run: None,
            accepted_ms: since.map_or(0, |since| since.as_millis() as i64),
            handling: Handling::Queue,
        };
        Ok(match self.store.accept(submission).await? {
            Admission::BodyDiffers | Admission::IdTaken => {
                Err("this event id stands for another body".to_owned())
            }
            _ => Ok(()),
        })
    }
}
