//! The service tells of one event at a time: a URL for each id, asked by a few connections at once.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::Value;
use tokio::time::Instant;

use super::audit_state::{AuditState, Memory, QueryTimes};
use super::audited_requests::{AuditedRequest, AuditedRequests, NamingCounts};
use super::client::{AuditClient, Trouble, as_segment};
use super::reported_state::{ReportedStage, ReportedState, Time};
use super::see_other::RedirectTargets;
use super::settling::Settling;
use super::state_answer::{self, StateAnswer};
use super::{AuditReport, AuditedRun};
use crate::run::completion::{AuditRemark, DoneClock, EventKey, Settled, cause_and_hint, text_of};
use crate::run::plan::{Field, Polls};
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
    let mut asking = Asking {
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
    let mut told = asking.told(settled, run, settling);
    if settled == Settled::Done && !quiet.is_zero() {
        match asking.once_more(settling, quiet).await {
            Some(Ok(())) => {
                told = asking.told(settled, run, settling);
                told.quiet = Some(quiet);
            }
            Some(Err(reason)) => told.remarks.push(AuditRemark::NotReadAgain { reason }),
            // Everything was done, but the time in which a second effect would have shown was cut.
            None => told.asked.settled = Settled::Interrupted,
        }
    }
    Ok(told)
}

/// What answers there were.
#[derive(Clone, Debug, Default)]
pub(super) struct ReceivedAnswers {
    documents: u64,
    /// Answers that there is no such event.
    unknown: u64,
    /// The number of those that show the event existed.
    gone: u64,
    /// Documents that have a field which says whether the event is done, or given up.
    with_field: u64,
    /// A state that is neither done, given up nor under way, in words.
    unclear: Option<String>,
    /// What 303 pointed to.
    results: RedirectTargets,
}

struct Asking<'a> {
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

impl Asking<'_> {
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
            self.doubt_results();
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
    fn doubt_results(&mut self) {
        let doubtful = self.received.results.doubtful();
        let Some(&location) = doubtful.values().next() else {
            return;
        };
        for (place, request) in self.requests.all.iter().enumerate() {
            if doubtful.contains_key(request.key.to_string().as_str()) {
                self.audit_state.doubt(place);
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
                    match is_gone {
                        true => self.audit_state.take_gone(answer.place, look),
                        false => self.audit_state.take(answer.place, state, look),
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
        let ended = |settled| match settled {
            Settled::Interrupted => None,
            settled => Some(Err(super::silence(settled))),
        };
        if let Err(settled) = settling.quiet(quiet).await {
            return ended(settled);
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
                Err(settled) => return ended(settled),
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

    fn told(&self, settled: Settled, run: &AuditedRun<'_>, settling: &Settling<'_>) -> AuditReport {
        let mut told =
            AuditReport::of(&self.audit_state, run, (settled, settling), DoneClock::Poll);
        told.trouble = self
            .received
            .unclear
            .clone()
            .or_else(|| self.trouble.clone());
        let forgotten = self.audit_state.forgotten();
        if forgotten > 0 {
            told.trouble = Some(self.forgotten(forgotten));
        }
        for (reason, named) in told.unread.iter_mut().zip(&self.requests.endpoints) {
            *reason = nameless(named);
        }
        told
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
            (0, trouble) => trouble.unwrap_or_else(|| super::silence(settled)),
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

/// As it is typed: `data.status` for `/data/status`.
fn name_of(field: &Field) -> String {
    field.pointer.trim_start_matches('/').replace('/', ".")
}

/// A state that is itself a document: the field inside of it that says the state has to be named.
fn compound(name: &str, value: &Value) -> String {
    let (kind, inner) = match value {
        Value::Object(fields) => {
            let usual = ["name", "status", "state", "value", "code", "phase"];
            let of_text = |field: &&String| fields[field.as_str()].is_string();
            let inner = { usual.iter().map(|&usual| usual.to_owned()) }
                .find(|usual| fields.contains_key(usual))
                .or_else(|| fields.keys().find(of_text).cloned());
            ("an object", inner.unwrap_or_else(|| "name".to_owned()))
        }
        _ => ("a list", "0".to_owned()),
    };
    format!(
        "{name} is {kind}, not a state\nhint: name the field inside of it: --audit-done {name}.{inner}=done",
    )
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

/// Where the state of an event is.
pub(super) fn state_url(polls: &Polls, key: &EventKey) -> String {
    polls.url.replace("{id}", &as_segment(&key.to_string()))
}

impl ReceivedAnswers {
    /// The state of the event in an answer; `None` if the answer says that there is no such event.
    pub(super) fn state(&mut self, polls: &Polls, answer: StateAnswer) -> Option<ReportedState> {
        let (status, document) = match answer {
            StateAnswer::Document { status, document } => (status, document),
            StateAnswer::SeeOther {
                id,
                location,
                shows,
            } => {
                self.documents += 1;
                self.with_field += 1;
                self.results.insert(id, location, shows);
                return Some(ReportedState::bare(ReportedStage::Done));
            }
            StateAnswer::NotFound | StateAnswer::Gone => {
                self.unknown += 1;
                self.gone += u64::from(answer == StateAnswer::Gone);
                return None;
            }
        };
        let document = &document;
        self.documents += 1;
        // A service that only has the field of the dead says nothing of who is done.
        let is_dead = polls.dead.as_ref().is_some_and(|dead| dead.holds(document));
        let value = document.pointer(&polls.done.pointer);
        let tells = is_dead || value.is_some() || status == 202;
        self.with_field += u64::from(tells);
        let is_pending = |value: &Value| match &polls.pending {
            Some(pending) => pending.holds(document) || text_of(value).is_none(),
            None => true,
        };
        let stage = match value {
            _ if polls.done.holds(document) => ReportedStage::Done,
            _ if is_dead => ReportedStage::GivenUp,
            Some(value @ (Value::Object(_) | Value::Array(_))) => {
                self.unclear = Some(compound(&name_of(&polls.done), value));
                ReportedStage::Unclear
            }
            Some(value) if !is_pending(value) => {
                let word = text_of(value).unwrap_or_default();
                let name = name_of(&polls.done);
                self.unclear = Some(format!(
                    "{name} is '{}', which is not known\nhint: name all words that mean done with --audit-done {name}=WORD,WORD (they replace the usual ones), and those that mean given up with --audit-dead",
                    word.escape_debug()
                ));
                ReportedStage::Unclear
            }
            _ => ReportedStage::Pending,
        };
        let count = |name: &str| document.get(name).and_then(Value::as_u64);
        let time = |pointer: &Option<String>| {
            let value = document.pointer(pointer.as_deref()?);
            value.and_then(Time::of)
        };
        Some(ReportedState {
            stage,
            inserts: count("inserts"),
            notifications: count("notifications"),
            notify_unknown: count("notify_unknown").unwrap_or(0),
            accepted_at: time(&polls.accepted_at),
            done_at: time(&polls.done_at),
        })
    }
}

impl Field {
    /// Whether the field is there with a value that counts.
    pub(super) fn holds(&self, document: &Value) -> bool {
        let Some(value) = document.pointer(&self.pointer) else {
            return false;
        };
        match self.values.is_empty() {
            true => !matches!(value, Value::Null | Value::Bool(false)),
            false => text_of(value).is_some_and(|text| {
                let is_it = |own: &String| own.trim().to_lowercase() == text.trim().to_lowercase();
                self.values.iter().any(is_it)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::run::plan::Field;

    #[test]
    fn a_field_counts_by_its_value_or_by_being_there() {
        let field = |pointer: &str, values: &[&str]| Field {
            pointer: pointer.to_owned(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        let document = json!({"state": "done", "n": 1, "ok": true, "error": null, "a": {"b": "x"}});
        assert!(field("/state", &["done", "sent"]).holds(&document));
        assert!(field("/state", &["DONE"]).holds(&json!({"state": " Done "})));
        assert!(!field("/state", &["failed"]).holds(&document));
        assert!(field("/n", &["1"]).holds(&document) && field("/ok", &["true"]).holds(&document));
        assert!(field("/a/b", &[]).holds(&document));
        assert!(!field("/error", &[]).holds(&document) && !field("/none", &[]).holds(&document));
    }
}
