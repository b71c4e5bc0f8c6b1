//! One attempt: notifies the provider and records the outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::time::sleep;

use super::pool::{OnFailure, WorkerPool};
use super::store_pause::StorePause;
use super::work_counters::AttemptEnd;
use crate::reference::provider::{Mail, SendError};
use crate::reference::store::{
    AttemptOutcome, EventState, Finished, Insert, Lease, Next, Notification, Notified,
    RepeatPolicy, StoreError,
};

/// Why an event is dead whose attempts all began and never ended: it may be what ends the workers.
const CUT_OFF_TOO_OFTEN: &str = "every attempt was interrupted before its outcome was known";

impl WorkerPool {
    /// Have all attempts at this event been made, and none of them reported its outcome?
    pub(crate) fn is_one_too_many(&self, lease: &Lease) -> bool {
        lease.tries > self.options.retry.attempts
    }

    /// Makes one attempt: notifies, unless that was settled before or there were attempts enough, and records what came of
    /// it. Returns the state in which that leaves the event, or `None` if it decided nothing: the lease was taken over, or
    /// the store is closed.
    pub(crate) async fn attempt(
        &self,
        lease: Lease,
        on_failure: OnFailure,
    ) -> Result<Option<EventState>, SendError> {
        let (notified, sent) = match lease.notification {
            Notification::Due if self.is_one_too_many(&lease) => {
                let outcome = AttemptOutcome::not_sent(CUT_OFF_TOO_OFTEN, Next::GiveUp);
                return Ok(self.record(&lease, outcome).await);
            }
            Notification::Due => {
                let sent = self.notify(&lease).await;
                if on_failure == OnFailure::Retry {
                    self.breaker.record(&sent);
                }
                (self.notified(&sent), sent)
            }
            Notification::Sent => (Notified::Before, Ok(())),
            Notification::Unknown => {
                let reason =
                    "an earlier attempt was interrupted, and a notification is sent at most once";
                let reason = reason.into();
                (Notified::Unknown { reason }, Ok(()))
            }
        };
        self.counters
            .ended(AttemptEnd::of(lease.notification, &sent));
        let next = self.next(&lease, &notified, &sent, on_failure);
        let became = self.record(&lease, AttemptOutcome { notified, next }).await;
        sent.map(|()| became)
    }

    /// Calls the provider, as a step of the trace that the event came with.
    async fn notify(&self, lease: &Lease) -> Result<(), SendError> {
        let mail = Mail {
            event_id: lease.event_id.uuid(),
            attempt: lease.attempt,
        };
        let _under_way = UnderWay::begin(&self.under_way);
        let step = self.traces.of(lease.event_id).map(|trace| trace.child());
        let began = Instant::now();
        let sent = self.provider.send(mail, step.as_ref()).await;
        let took = began.elapsed();
        self.counters.calls.observe_duration(took);
        let (event_id, attempt, us) = (&lease.event_id, lease.attempt, took.as_micros() as u64);
        let outcome = AttemptEnd::of(Notification::Due, &sent).name();
        let trace_id = step
            .as_ref()
            .map(|step| tracing::field::display(step.trace_id()));
        let span_id = step
            .as_ref()
            .map(|step| tracing::field::display(step.span_id()));
        tracing::info!(target: "a7probe::attempt", %event_id, attempt, outcome, us, trace_id, span_id);
        sent
    }

    /// What a call of the provider, here or elsewhere, has made of the notification.
    pub(crate) fn notified(&self, sent: &Result<(), SendError>) -> Notified {
        match sent {
            Ok(()) => Notified::Sent,
            Err(error) => {
                let reason = error.to_string().into();
                if !error.may_have_been_sent() {
                    return Notified::Failed { reason };
                }
                match self.store.repeat() {
                    RepeatPolicy::AtLeastOnce => Notified::Broken { reason },
                    RepeatPolicy::AtMostOnce => Notified::Unknown { reason },
                }
            }
        }
    }

    /// What follows: the event is done when both its effects are, and each that is not is tried again without the other.
    pub(crate) fn next(
        &self,
        lease: &Lease,
        notified: &Notified,
        sent: &Result<(), SendError>,
        on_failure: OnFailure,
    ) -> Next {
        let failed = matches!(notified, Notified::Failed { .. } | Notified::Broken { .. });
        let error = sent.as_ref().err().filter(|_| failed);
        if error.is_none() && lease.insert == Insert::Done {
            return Next::Done;
        }
        match on_failure {
            OnFailure::Answer if error.is_some() => Next::Answer,
            _ => self.options.retry.after(lease.event_id, lease.tries, error),
        }
    }

    /// Records the outcome, however long the store takes to be writable again: a sent notification must not be
    /// forgotten. The event's state then, if this decided it.
    async fn record(&self, lease: &Lease, outcome: AttemptOutcome) -> Option<EventState> {
        let mut pause = StorePause::new();
        loop {
            match self.store.finish(lease.clone(), outcome.clone()).await {
                // Again: an earlier try went through, and only its answer was lost.
                Ok(Finished::Recorded | Finished::RecordedAgain) => {
                    self.count(lease, outcome.next);
                    return Some(outcome.becomes(lease));
                }
                Ok(Finished::Stale | Finished::StaleAgain) => {
                    self.count_stale(lease, &outcome);
                    return None;
                }
                Err(StoreError::Closed) => return None,
                Err(error) => tracing::debug!(%error, "cannot record an outcome"),
            }
            sleep(pause.next()).await;
        }
    }
}

impl WorkerPool {
    /// Counts an attempt that a worker elsewhere has made and that was recorded here; once, however often it is reported.
    pub(crate) fn reported(
        &self,
        lease: &Lease,
        end: AttemptEnd,
        outcome: &AttemptOutcome,
        finished: Finished,
    ) {
        match finished {
            Finished::RecordedAgain | Finished::StaleAgain => return,
            Finished::Recorded => self.count(lease, outcome.next),
            Finished::Stale => self.count_stale(lease, outcome),
        }
        self.counters.ended(end);
    }

    fn count_stale(&self, lease: &Lease, outcome: &AttemptOutcome) {
        self.counters.leases_lost.increment();
        if outcome.notified == Notified::Sent {
            self.counters.duplicates.increment();
        }
        let event_id = lease.event_id;
        self.leases.failed(&format_args!("event {event_id}"));
    }

    fn count(&self, lease: &Lease, next: Next) {
        self.leases.succeeded();
        match next {
            Next::Done => self.counters.processed.increment(),
            Next::Retry(_) => return self.counters.retries.increment(),
            Next::GiveUp => self.counters.dead.increment(),
            Next::Answer => {}
        }
        self.traces.forget(lease.event_id);
    }
}

/// Counts an attempt as under way until it is dropped, however it ends.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(count: &Arc<AtomicUsize>) -> UnderWay {
        count.fetch_add(1, Ordering::Relaxed);
        UnderWay(count.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
