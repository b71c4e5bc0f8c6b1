//! The service tells of one event at a time: a URL for each id, asked by a few connections at once.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::time::Instant;

use super::audit_report::{AuditReport, cut_short, silence};
use super::audit_state::{AuditState, Memory, QueryTimes};
use super::audited_requests::{AuditedRequest, AuditedRequests, NamingCounts};
use super::audited_run::AuditedRun;
use super::client::{AuditClient, FailedQuery};
use super::received_answers::{ReceivedAnswers, name_of};
use super::settling::Settling;
use super::state_answer::{self, StateAnswer};

use crate::run::completion::{AuditTrouble, DoneClock, PollTrouble, Settled};
use crate::run::plan::Polls;

/// Questions under way at once.
const AT_ONCE: usize = 16;

/// Asks for every event until all that was accepted is settled, and once more after that.
pub(super) async fn ask(
    run: &AuditedRun<'_>,
    client: &AuditClient,
    requests: &AuditedRequests,
    polls: &Polls,
    settling: &mut Settling<'_>,
    quiet: Duration,
) -> Result<AuditReport, AuditTrouble> {
    let mut asking = PollReader {
        client,
        requests,
        polls,
        audit_state: AuditState::new(requests, Memory::Single(polls.ttl)),
        received: ReceivedAnswers::default(),
        trouble: None,
    };
    asking.take_early(run);
    let settled = asking.until_settled(settling).await;
    if let Some(reason) = asking.why_unread(settled) {
        return Err(reason);
    }
    let mut report = asking.report(settled, run, settling);
    if settled == Settled::Done && !quiet.is_zero() {
        let again = asking.once_more(settling, quiet).await;
        let again = again.map(|read| read.map(|()| asking.report(settled, run, settling)));
        report = report.after_second_reading(again, quiet);
    }
    Ok(report)
}

struct PollReader<'a> {
    client: &'a AuditClient,
    requests: &'a AuditedRequests,
    polls: &'a Polls,
    audit_state: AuditState<'a>,
    received: ReceivedAnswers,
    /// What came last instead of a document.
    trouble: Option<AuditTrouble>,
}

/// The answer about one request, and when it was asked for.
struct Answer {
    place: usize,
    asked: Instant,
    /// `None` if the service knows no such event.
    document: Result<StateAnswer, FailedQuery>,
}

impl PollReader<'_> {
    /// Observations made during the run come first.
    fn take_early(&mut self, run: &AuditedRun<'_>) {
        let Some(early) = run.early else { return };
        self.received = early.received.clone();
        for (place, request) in self.requests.all.iter().enumerate() {
            if let Some(look) = early.looks.get(&(request.endpoint, request.index)) {
                self.audit_state.take_early(place, *look);
            }
        }
    }

    async fn until_settled(&mut self, settling: &mut Settling<'_>) -> Settled {
        loop {
            let round = self.round(settling).await;
            self.mark_unclear_results();
            let retry_after = match round {
                Ok(retry_after) => retry_after,
                Err(settled) => return settled,
            };
            settling.note(self.audit_state.progress());
            if self.audit_state.is_complete() {
                return Settled::Done;
            }
            if let Err(settled) = settling.pause(retry_after).await {
                return settled;
            }
        }
    }

    /// An event whose 303 points to no result of its own is not known to be done.
    fn mark_unclear_results(&mut self) {
        let doubtful = self.received.results.doubtful();
        let Some(&location) = doubtful.values().next() else {
            return;
        };
        for (place, request) in self.requests.all.iter().enumerate() {
            if doubtful.contains_key(request.key.to_string().as_str()) {
                self.audit_state.mark_unclear(place);
            }
        }
        let location = crate::redact::url(location);
        self.received.unclear = Some(PollTrouble::SharedResult { location }.into());
    }

    /// Asks once for everything that is not settled, accepted or not; how long the service then wants to be left alone.
    async fn round(&mut self, settling: &mut Settling<'_>) -> Result<Option<Duration>, Settled> {
        let places = 0..self.requests.all.len();
        let due = places.filter(|&place| {
            !self.audit_state.is_settled(place) && !self.audit_state.may_be_forgotten(place)
        });
        let mut answers = pin!(answers(
            self.client,
            self.requests,
            self.polls,
            due.collect()
        ));
        let mut retry_after = None;
        while let Some(answer) = settling.until(answers.next()).await? {
            match answer.document {
                Ok(document) => {
                    let look = QueryTimes {
                        asked: settling.at(answer.asked),
                        answered: settling.elapsed(),
                    };
                    let is_gone = document == StateAnswer::Gone;
                    let state = self.received.state(self.polls, document);
                    if is_gone {
                        self.audit_state.take_gone(answer.place, look);
                    } else {
                        self.audit_state.take(answer.place, state, look);
                    }
                }
                Err(failed) => {
                    retry_after = retry_after.max(failed.retry_after);
                    self.trouble = Some(failed.trouble);
                }
            }
        }
        Ok(retry_after)
    }

    /// Asks once more for everything that the service knows; `None` if a signal comes first.
    async fn once_more(
        &mut self,
        settling: &mut Settling<'_>,
        quiet: Duration,
    ) -> Option<Result<(), AuditTrouble>> {
        if let Err(settled) = settling.quiet(quiet).await {
            return cut_short(settled);
        }
        let places = 0..self.requests.all.len();
        let known = places.filter(|&place| self.audit_state.is_known(place));
        let mut answers = pin!(answers(
            self.client,
            self.requests,
            self.polls,
            known.collect()
        ));
        loop {
            let answer = match settling.until(answers.next()).await {
                Ok(Some(answer)) => answer,
                Ok(None) => return Some(Ok(())),
                Err(settled) => return cut_short(settled),
            };
            match answer.document {
                Ok(document) => {
                    let state = self.received.state(self.polls, document);
                    self.audit_state.take_again(answer.place, state);
                }
                Err(failed) => return Some(Err(failed.trouble)),
            }
        }
    }

    fn report(
        &self,
        settled: Settled,
        run: &AuditedRun<'_>,
        settling: &Settling<'_>,
    ) -> AuditReport {
        let mut report =
            AuditReport::of(&self.audit_state, run, settled, settling, DoneClock::Poll);
        report.trouble = self
            .received
            .unclear
            .clone()
            .or_else(|| self.trouble.clone());
        let forgotten = self.audit_state.forgotten();
        if forgotten > 0 {
            let forgotten = PollTrouble::Forgotten {
                events: forgotten,
                url: self.shown_url(),
                ttl: self.polls.ttl,
            };
            report.trouble = Some(forgotten.into());
        }
        for (reason, named) in report.unread.iter_mut().zip(&self.requests.endpoints) {
            *reason = nameless(named);
        }
        report
    }

    /// Why nothing that was received can be believed, or why nothing was received.
    fn why_unread(&self, settled: Settled) -> Option<AuditTrouble> {
        let asked = self.requests.all.iter().filter(|request| request.owed);
        let asked = asked.count() as u64;
        let ReceivedAnswers {
            documents,
            unknown,
            with_field,
            gone,
            ..
        } = self.received;
        if asked == 0 || with_field > 0 {
            return None;
        }
        if documents > 0 {
            // A wrong name of a field looks as if nothing were ever done.
            let without = PollTrouble::WithoutField {
                field: name_of(&self.polls.done),
                answers: documents,
            };
            return Some(without.into());
        }
        let trouble = self.trouble.clone();
        if unknown == 0 {
            return Some(trouble.unwrap_or_else(|| silence(settled)));
        }
        let url = self.shown_url();
        let none = match trouble {
            None => PollTrouble::NoneFound {
                asked,
                url,
                not_found: unknown - gone,
                gone,
            },
            Some(last) => PollTrouble::NoneAnswered {
                url,
                last: Box::new(last),
            },
        };
        Some(none.into())
    }

    fn shown_url(&self) -> String {
        self.client.shown(0, &self.polls.url)
    }
}

/// Why an endpoint's events cannot all be asked for.
fn nameless(named: &NamingCounts) -> Option<AuditTrouble> {
    (named.nameless > 0).then(|| {
        let nameless = PollTrouble::Nameless {
            nameless: named.nameless,
            accepted: named.owed,
        };
        nameless.into()
    })
}

/// Answers about requests, in whatever order they come.
fn answers<'a>(
    client: &'a AuditClient,
    requests: &'a AuditedRequests,
    polls: &'a Polls,
    places: Vec<usize>,
) -> impl Stream<Item = Answer> + 'a {
    let asked = places.into_iter().map(move |place| async move {
        let asked = Instant::now();
        let document = document(client, polls, &requests.all[place]).await;
        Answer {
            place,
            asked,
            document,
        }
    });
    stream::iter(asked).buffer_unordered(AT_ONCE)
}

async fn document(
    client: &AuditClient,
    polls: &Polls,
    request: &AuditedRequest,
) -> Result<StateAnswer, FailedQuery> {
    state_answer::ask(client, request.endpoint, &request.key, polls).await
}
