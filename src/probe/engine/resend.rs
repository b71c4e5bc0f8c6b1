//! Performs requests, and those that are drawn for it twice: the repetition goes over a connection of its own.

use tokio::sync::oneshot;

use super::connection::{Connection, EncodedRequest};
use super::resend_draw::ResendTiming;
use super::run_part::RunPart;
use super::sender_thread::{OutgoingRequest, Performed, SenderThread};
use super::timeline::Timeline;
use crate::run::completion::{Accepted, EventKey, Resend, key_in_answer};
use crate::run::sample::Outcome;

/// How a repetition was answered.
struct Repetition {
    status: u16,
    /// Whether that is what is expected of the endpoint.
    accepted: bool,
    finished_ns: u64,
    /// The event that it names.
    key: Option<EventKey>,
    /// Whether it is marked as a replay.
    replayed: bool,
}

/// Holds the answer to a repetition against the event that the original's answer named.
fn compared(first: Option<&EventKey>, again: Option<&Repetition>) -> Resend {
    let Some(again) = again else {
        return Resend::Unanswered;
    };
    match (first, &again.key) {
        _ if again.status == 409 && !again.accepted => Resend::Conflict,
        _ if !again.accepted => Resend::Unanswered,
        (Some(first), Some(key)) if first != key => Resend::OtherEvent,
        _ if again.replayed => Resend::Replayed,
        (Some(_), Some(_)) => Resend::Same,
        _ => Resend::NotCompared,
    }
}

impl SenderThread {
    /// Performs one request on this connection or a new one, records it, and gives the connection back if it
    /// may carry another. A request is never sent twice, but for those that are to be: what fails on a reused
    /// connection has failed.
    pub(super) async fn perform(
        &self,
        outgoing: OutgoingRequest,
        connection: Option<Connection>,
    ) -> Option<Connection> {
        let endpoint = self.endpoint(&outgoing);
        let request = endpoint
            .encoder(outgoing.part)
            .encode(self.number(&outgoing));
        let draw = endpoint.resend.filter(|_| outgoing.part == RunPart::Run);
        match draw.and_then(|draw| draw.timing_of(self.in_whole_run(&outgoing))) {
            None => {
                let performed = self.perform_once(&outgoing, &request, connection, None);
                performed.await.connection
            }
            Some(timing) => {
                // In a box, because it is rare and large.
                Box::pin(self.perform_twice(&outgoing, &request, connection, timing)).await
            }
        }
    }

    /// The original is measured as any other; the repetition is recorded apart.
    async fn perform_twice(
        &self,
        outgoing: &OutgoingRequest,
        request: &EncodedRequest<'_>,
        connection: Option<Connection>,
        timing: ResendTiming,
    ) -> Option<Connection> {
        let (original, again) = match timing {
            ResendTiming::Concurrent => {
                let (written, original_is_sent) = oneshot::channel();
                tokio::join!(
                    self.perform_once(outgoing, request, connection, Some(written)),
                    self.repeat(outgoing, request, Some(original_is_sent))
                )
            }
            ResendTiming::After => {
                let original = self.perform_once(outgoing, request, connection, None);
                (original.await, self.repeat(outgoing, request, None).await)
            }
        };
        self.record_repetition(outgoing, timing, &original, again);
        original.connection
    }

    fn record_repetition(
        &self,
        outgoing: &OutgoingRequest,
        timing: ResendTiming,
        original: &Performed,
        again: Option<Repetition>,
    ) {
        let resend = compared(original.key.as_ref(), again.as_ref());
        let answers = &mut self.results.borrow_mut()[outgoing.endpoint].answers;
        answers.resends.add(resend);
        match timing {
            ResendTiming::Concurrent => answers.resends.concurrent += 1,
            ResendTiming::After => answers.resends.after += 1,
        }
        // A client that sends again because the first time failed, and is accepted then, is owed the event.
        if let Some(again) = again.filter(|again| again.accepted)
            && original.outcome != Outcome::Ok
        {
            answers.by_repeat.push(outgoing.index);
            answers.accepted.push(Accepted {
                index: outgoing.index,
                answered_ns: Some(self.since_t0(again.finished_ns)),
                key: again.key,
            });
        }
    }

    /// Sends a request once more. With `original_is_sent`, not before the original's first byte is on its way, so that it
    /// is the repetition that finds the key in use. Returns how it was answered, if it was in time.
    async fn repeat(
        &self,
        outgoing: &OutgoingRequest,
        request: &EncodedRequest<'_>,
        original_is_sent: Option<oneshot::Receiver<()>>,
    ) -> Option<Repetition> {
        let endpoint = self.endpoint(outgoing);
        let options = endpoint.options_of_content(outgoing.part);
        let sent = self.sent(outgoing, request, options);
        let mut timeline = Timeline::starting_at(self.clock.now_ns());
        let exchanged = async {
            let route = self.routes.of_endpoint(outgoing.endpoint);
            let opened = route.connection(self.clock, &mut timeline).await;
            let connection = opened.ok()?;
            if let Some(original_is_sent) = original_is_sent {
                // An original that is never sent has ended.
                let _ = original_is_sent.await;
            }
            self.attempt(Some(connection), &sent, &mut timeline)
                .await
                .ok()
        };
        let answered = tokio::time::timeout(self.timeout, exchanged).await.ok()??;
        let response = answered.response;
        let kept = response.kept.unwrap_or_default();
        let key = |source| key_in_answer(source, &kept.body, kept.location.as_deref());
        Some(Repetition {
            status: response.status,
            accepted: response.body_fault.is_none() && endpoint.expect.contains(response.status),
            finished_ns: response.finished_ns,
            key: endpoint.keep.as_ref().and_then(key),
            replayed: kept.replayed,
        })
    }
}
