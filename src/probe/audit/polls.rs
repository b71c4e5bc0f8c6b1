//! The service tells of one event at a time: a URL for each id, asked by a few connections at once.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::time::Instant;

use super::audit_report::{AuditReport, cut_short, silence};
use super::audit_state::{AuditState, Memory, QueryTimes};
use super::audited_requests::{AuditedRequest, AuditedRequests, NamingCounts};
use super::audited_run::AuditedRun;
use super::client::{AuditClient, Trouble};
use super::received_answers::{ReceivedAnswers, name_of};
use super::settling::Settling;
use super::state_answer::{self, StateAnswer};

use crate::run::completion::{DoneClock, Settled, cause_and_hint};
use crate::run::plan::Polls;
use crate::units::{Pretty, grouped, plural};

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
) -> Result<AuditReport, String> {
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
    trouble: Option<String>,
}

/// The answer about one request, and when it was asked for.
struct Answer {
    place: usize,
    asked: Instant,
    /// `None` if the service knows no such event.
    document: Result<StateAnswer, Trouble>,
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

    fn forgotten(&self, events: u64) -> String {
        let (known, hint) = match self.polls.ttl {
            Some(ttl) => (
                format!(" (--audit-ttl is {})", Pretty(ttl)),
                "give --audit-ttl a time for which the service surely remembers an event",
            ),
            None => (
                String::new(),
                "give with --audit-ttl how long the service remembers an event: events are then asked for before that",
            ),
        };
        let url = self.client.shown(&self.polls.url);
        format!(
            "{} {} at {url} may have been forgotten by the service{known}\nhint: {hint}",
            grouped(events),
            plural(events, "event")
        )
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
        self.received.unclear = Some(format!(
            "303 points to {}, which is not the result of one event\nhint: where 303 means done, say --audit-done :status=303",
            crate::redact::url(location).escape_debug()
        ));
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
                Err(trouble) => {
                    retry_after = retry_after.max(trouble.retry_after);
                    self.trouble = Some(trouble.text);
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
    ) -> Option<Result<(), String>> {
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
                Err(trouble) => return Some(Err(trouble.text)),
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
            report.trouble = Some(self.forgotten(forgotten));
        }
        for (reason, named) in report.unread.iter_mut().zip(&self.requests.endpoints) {
            *reason = nameless(named);
        }
        report
    }

    /// Why nothing that was received can be believed, or why nothing was received.
    fn why_unread(&self, settled: Settled) -> Option<String> {
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
            return Some(self.without_field());
        }
        let trouble = self.trouble.clone();
        let url = self.client.shown(&self.polls.url);
        let said = match gone {
            0 => "404",
            n if n == unknown => "410",
            _ => "404 or 410",
        };
        Some(match (unknown, trouble) {
            (0, trouble) => trouble.unwrap_or_else(|| silence(settled)),
            (_, None) => format!(
                "{} at {url} answered {said}\nhint: {}",
                match asked {
                    1 => "the only state URL".to_owned(),
                    n => format!("all {} state URLs", grouped(n)),
                },
                match gone {
                    0 =>
                        "give --audit-url the URL of an event's state, with {id} for its id, and --audit-id the field of the id",
                    _ =>
                        "give with --audit-ttl how long the service remembers an event: events are then asked for before that",
                }
            ),
            (_, Some(trouble)) => format!(
                "no state URL at {url} told of an event: some answered 404, and {}\nhint: {}",
                cause_and_hint(&trouble).0,
                cause_and_hint(&trouble).1.unwrap_or(
                    "give --audit-url the URL of an event's state, with {id} for its id"
                )
            ),
        })
    }

    /// A wrong name of a field looks as if nothing were ever done.
    fn without_field(&self) -> String {
        let documents = self.received.documents;
        format!(
            "no answer had the field '{}' ({} {})\nhint: name with --audit-done FIELD=VALUE a field that the answers have, such as data.status=done",
            name_of(&self.polls.done),
            grouped(documents),
            plural(documents, "answer"),
        )
    }
}

/// Why an endpoint's events cannot all be asked for.
fn nameless(named: &NamingCounts) -> Option<String> {
    (named.nameless > 0).then(|| {
        format!(
            "{} of {} accepted answers name no event where --audit-id looks for it\nhint: say with --audit-id which field of the answer is the id, or --audit-id location",
            grouped(named.nameless),
            grouped(named.owed)
        )
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
) -> Result<StateAnswer, Trouble> {
    state_answer::ask(client, request.endpoint, &request.key, polls).await
}
