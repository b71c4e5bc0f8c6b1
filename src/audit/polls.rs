//! The service tells of one event at a time: a URL for each id, asked by a few connections at once.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::Value;
use tokio::time::Instant;

use super::client::{Reach, Trouble, as_segment, in_words};
use super::ledger::{Ledger, Look};
use super::requests::{Named, Request, Requests};
use super::settling::Settling;
use super::state::{Stage, State, Time};
use super::{Ran, Told};
use crate::completion::{DoneClock, Remark, Settled, text_of};
use crate::plan::{Field, Polls};
use crate::units::{grouped, plural};

/// Questions under way at once.
const AT_ONCE: usize = 16;

/// Asks for every event until all that was accepted is settled, and once more after that.
pub(super) async fn ask(
    ran: &Ran<'_>,
    reach: &Reach,
    requests: &Requests,
    polls: &Polls,
    settling: &mut Settling<'_>,
    quiet: Duration,
) -> Result<Told, String> {
    let mut asking = Asking {
        reach,
        requests,
        polls,
        ledger: Ledger::new(requests),
        heard: Heard::default(),
        trouble: None,
    };
    let settled = asking.until_settled(settling).await;
    if let Some(reason) = asking.why_unread(settled) {
        return Err(reason);
    }
    let mut told = asking.told(settled, ran, settling);
    if settled == Settled::Done && !quiet.is_zero() {
        match asking.once_more(settling, quiet).await {
            Some(Ok(())) => {
                told = asking.told(settled, ran, settling);
                told.quiet = Some(quiet);
            }
            Some(Err(reason)) => told.remarks.push(Remark::NotReadAgain { reason }),
            None => {}
        }
    }
    Ok(told)
}

/// What answers there were.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    documents: u64,
    /// Answers that there is no such event.
    unknown: u64,
    /// Documents that have a field which says whether the event is done, or given up.
    with_field: u64,
}

struct Asking<'a> {
    reach: &'a Reach,
    requests: &'a Requests,
    polls: &'a Polls,
    ledger: Ledger<'a>,
    heard: Heard,
    /// What came last instead of a document.
    trouble: Option<String>,
}

/// The answer about one request, and when it was asked for.
struct Answer {
    place: usize,
    asked: Instant,
    /// `None` if the service knows no such event.
    document: Result<Option<Value>, Trouble>,
}

impl Asking<'_> {
    async fn until_settled(&mut self, settling: &mut Settling<'_>) -> Settled {
        loop {
            let retry_after = match self.round(settling).await {
                Ok(retry_after) => retry_after,
                Err(settled) => return settled,
            };
            settling.note(self.ledger.progress());
            if self.ledger.is_complete() {
                return Settled::Done;
            }
            if let Err(settled) = settling.pause(retry_after).await {
                return settled;
            }
        }
    }

    /// Asks once for everything that is not settled, accepted or not; how long the service then wants to be left alone.
    async fn round(&mut self, settling: &mut Settling<'_>) -> Result<Option<Duration>, Settled> {
        let places = 0..self.requests.all.len();
        let due = places.filter(|&place| !self.ledger.is_settled(place));
        let mut answers = pin!(answers(
            self.reach,
            self.requests,
            self.polls,
            due.collect()
        ));
        let mut retry_after = None;
        while let Some(answer) = settling.until(answers.next()).await? {
            match answer.document {
                Ok(document) => {
                    let look = Look {
                        asked: settling.at(answer.asked),
                        answered: settling.elapsed(),
                    };
                    let state = document.map(|document| self.heard.state(self.polls, &document));
                    self.heard.unknown += u64::from(state.is_none());
                    self.ledger.take(answer.place, state, look);
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
        let known = places.filter(|&place| self.ledger.is_known(place));
        let mut answers = pin!(answers(
            self.reach,
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
                    let state = document.map(|document| self.heard.state(self.polls, &document));
                    self.ledger.take_again(answer.place, state);
                }
                Err(trouble) => return Some(Err(trouble.text)),
            }
        }
    }

    fn told(&self, settled: Settled, ran: &Ran<'_>, settling: &Settling<'_>) -> Told {
        let mut told = Told::of(&self.ledger, ran, (settled, settling), DoneClock::Poll);
        told.trouble.clone_from(&self.trouble);
        for (reason, named) in told.unread.iter_mut().zip(&self.requests.endpoints) {
            *reason = nameless(named);
        }
        told
    }

    /// Why nothing that was heard can be believed, or why nothing was heard.
    fn why_unread(&self, settled: Settled) -> Option<String> {
        let asked = self.requests.all.iter().filter(|request| request.owed);
        let asked = asked.count() as u64;
        let Heard {
            documents,
            unknown,
            with_field,
        } = self.heard;
        if asked == 0 || with_field > 0 {
            return None;
        }
        if documents > 0 {
            return Some(self.without_field());
        }
        let trouble = self.trouble.clone();
        let url = self.reach.shown(&self.polls.url);
        Some(match (unknown, trouble) {
            (0, trouble) => trouble.unwrap_or_else(|| super::silence(settled)),
            (_, None) => format!(
                "{} at {url} answered 404: is --audit-url right?",
                match asked {
                    1 => "the only state URL".to_owned(),
                    n => format!("all {} state URLs", grouped(n)),
                }
            ),
            (_, Some(trouble)) => format!(
                "no state URL at {url} told of an event: some answered 404, and {trouble}; is --audit-url right?"
            ),
        })
    }

    /// A wrong name of a field looks as if nothing were ever done.
    fn without_field(&self) -> String {
        let documents = self.heard.documents;
        format!(
            "no answer had the field '{}' ({} {}): is --audit-done right?",
            name_of(&self.polls.done),
            grouped(documents),
            plural(documents, "answer"),
        )
    }
}

/// Why an endpoint's events cannot all be asked for.
fn nameless(named: &Named) -> Option<String> {
    (named.nameless > 0).then(|| {
        format!(
            "{} of {} accepted answers name no event where --audit-id looks for it",
            grouped(named.nameless),
            grouped(named.owed)
        )
    })
}

/// As it is typed: `data.status` for `/data/status`.
fn name_of(field: &Field) -> String {
    field.pointer.trim_start_matches('/').replace('/', ".")
}

/// Answers about requests, in whatever order they come.
fn answers<'a>(
    reach: &'a Reach,
    requests: &'a Requests,
    polls: &'a Polls,
    places: Vec<usize>,
) -> impl Stream<Item = Answer> + 'a {
    let asked = places.into_iter().map(move |place| async move {
        let asked = Instant::now();
        let document = document(reach, polls, &requests.all[place]).await;
        Answer {
            place,
            asked,
            document,
        }
    });
    stream::iter(asked).buffer_unordered(AT_ONCE)
}

async fn document(
    reach: &Reach,
    polls: &Polls,
    request: &Request,
) -> Result<Option<Value>, Trouble> {
    let url = polls
        .url
        .replace("{id}", &as_segment(&request.key.to_string()));
    let Some(answer) = reach.get(request.endpoint, &url).await? else {
        return Ok(None);
    };
    let wrong = |what: &str| reach.trouble(&url, what);
    let text = answer.text().await.map_err(|e| wrong(&in_words(&e)))?;
    let document = serde_json::from_str(&text);
    document
        .map(Some)
        .map_err(|e| wrong(&format!("no JSON: {e}")))
}

impl Heard {
    /// What a document says of its event.
    fn state(&mut self, polls: &Polls, document: &Value) -> State {
        self.documents += 1;
        // A service that only has the field of the dead says nothing of who is done.
        let is_dead = polls.dead.as_ref().is_some_and(|dead| dead.holds(document));
        let tells = is_dead || document.pointer(&polls.done.pointer).is_some();
        self.with_field += u64::from(tells);
        let stage = match is_dead {
            _ if polls.done.holds(document) => Stage::Done,
            true => Stage::GivenUp,
            false => Stage::Pending,
        };
        let count = |name: &str| document.get(name).and_then(Value::as_u64);
        let time = |pointer: &Option<String>| {
            let value = document.pointer(pointer.as_deref()?);
            value.and_then(Time::of)
        };
        State {
            stage,
            inserts: count("inserts"),
            notifications: count("notifications"),
            notify_unknown: count("notify_unknown").unwrap_or(0),
            accepted_at: time(&polls.accepted_at),
            done_at: time(&polls.done_at),
        }
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
            false => text_of(value).is_some_and(|text| self.values.contains(&text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::plan::Field;

    #[test]
    fn a_field_counts_by_its_value_or_by_being_there() {
        let field = |pointer: &str, values: &[&str]| Field {
            pointer: pointer.to_owned(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        let document = json!({"state": "done", "n": 1, "ok": true, "error": null, "a": {"b": "x"}});
        assert!(field("/state", &["done", "sent"]).holds(&document));
        assert!(!field("/state", &["failed"]).holds(&document));
        assert!(field("/n", &["1"]).holds(&document) && field("/ok", &["true"]).holds(&document));
        assert!(field("/a/b", &[]).holds(&document));
        assert!(!field("/error", &[]).holds(&document) && !field("/none", &[]).holds(&document));
    }
}
