//! The service tells of one event at a time: a URL for each id, asked by a few connections at once.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use serde_json::Value;

use super::settling::Settling;
use super::{Ran, Told, keys};
use crate::completion::{Asked, DoneClock, EventKey, Fate, Settled, Standing, text_of};
use crate::plan::{Field, IdSource, Plan, Polls};

/// Questions under way at once.
const AT_ONCE: usize = 16;

/// One request that is asked for.
struct Question {
    endpoint: usize,
    index: u64,
    url: String,
    /// When its answer was complete, if it was accepted.
    answered: Option<Timestamp>,
    /// What was said last.
    known: Option<Fate>,
    /// When it was last seen not to be done.
    not_done: Option<Timestamp>,
    /// Whether its times are the service's own, if it is done.
    clock: Option<DoneClock>,
}

/// Asks for every accepted event until all are settled, then once for those whose answer the client never saw.
pub(super) async fn ask(
    client: &reqwest::Client,
    ran: &Ran<'_>,
    polls: &Polls,
    mut settling: Settling<'_>,
) -> Result<Told, String> {
    let mut questions = questions(ran, polls)?;
    let (mut heard, mut trouble) = (false, None);
    let settled = loop {
        round(
            client,
            polls,
            &mut questions,
            true,
            &mut heard,
            &mut trouble,
        )
        .await;
        let done = questions.iter().filter(|q| q.is_accepted());
        settling.note(done.clone().filter(|q| q.is_settled()).count() as u64);
        if heard && done.clone().all(Question::is_settled) {
            break Settled::Done;
        }
        if let Some(settled) = settling.pause().await {
            break settled;
        }
    };
    let unknown = settling.unknown(settled);
    if !heard {
        return Err(trouble.unwrap_or_else(|| "there was nothing to ask for".to_owned()));
    }
    if polls.id == IdSource::Key && settled != Settled::Interrupted {
        round(
            client,
            polls,
            &mut questions,
            false,
            &mut heard,
            &mut trouble,
        )
        .await;
    }
    let clock = questions
        .iter()
        .filter_map(|q| q.clock)
        .max_by_key(|clock| match clock {
            DoneClock::Server => 0,
            DoneClock::Both => 1,
            DoneClock::Poll => 2,
        });
    let mut fates = vec![HashMap::new(); ran.endpoints.len()];
    for question in questions {
        if let Some(fate) = question.known {
            fates[question.endpoint].insert(question.index, fate);
        }
    }
    Ok(Told {
        fates,
        unexpected: 0,
        effects: None,
        asked: Asked {
            clock: clock.unwrap_or(DoneClock::Poll),
            settled,
            unknown,
            patience: settling.patience(),
        },
    })
}

/// One question a request whose id is known.
///
/// # Errors
/// The answers of accepted requests had no id, so nothing can be asked.
fn questions(ran: &Ran<'_>, polls: &Polls) -> Result<Vec<Question>, String> {
    let mut questions = Vec::new();
    for (number, endpoint) in ran.plan.endpoints.iter().enumerate() {
        if !endpoint.is_accepting() {
            continue;
        }
        let sent = &ran.endpoints[number];
        let answered: HashMap<u64, u64> = sent
            .answers
            .accepted
            .iter()
            .map(|answer| (answer.index, answer.answered_ns))
            .collect();
        let keys = keys(ran, number, &polls.id);
        let nameless = sent.recording.counts.ok.saturating_sub(keys.len() as u64);
        if nameless > 0 {
            return Err(format!(
                "{nameless} of {} accepted answers of {} name no event where --audit-id looks for it",
                sent.recording.counts.ok, endpoint.name
            ));
        }
        questions.extend(keys.into_iter().map(|(index, key)| Question {
            endpoint: number,
            index,
            url: url(ran.plan, polls, &key),
            answered: answered.get(&index).map(|&ns| at(ran.started_at, ns)),
            known: None,
            not_done: None,
            clock: None,
        }));
    }
    questions.sort_by_key(|question| (question.endpoint, question.index));
    Ok(questions)
}

fn at(t0: Timestamp, ns: u64) -> Timestamp {
    t0.checked_add(Duration::from_nanos(ns)).unwrap_or(t0)
}

fn url(plan: &Plan, polls: &Polls, key: &EventKey) -> String {
    let id = key.to_string();
    // A path segment: what would end it is escaped.
    let mut escaped = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => escaped.push(byte.into()),
            false => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    let path = polls.url.replace("{id}", &escaped);
    match path.starts_with('/') {
        true => format!("{}{path}", plan.target),
        false => path,
    }
}

/// Asks once for everything that is not settled, accepted or not.
async fn round(
    client: &reqwest::Client,
    polls: &Polls,
    questions: &mut [Question],
    accepted: bool,
    heard: &mut bool,
    trouble: &mut Option<String>,
) {
    let due = questions
        .iter_mut()
        .filter(|question| question.is_accepted() == accepted && !question.is_settled());
    let mut answers = stream::iter(due)
        .map(|question| async move {
            let answer = get(client, &question.url).await;
            (question, answer)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((question, answer)) = answers.next().await {
        match answer {
            Ok(document) => {
                *heard = true;
                question.take(polls, document.as_ref(), Timestamp::now());
            }
            Err(error) => *trouble = Some(error),
        }
    }
}

/// The document of an event; `None` if the service does not know it.
async fn get(client: &reqwest::Client, url: &str) -> Result<Option<Value>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("GET {url}: {error}");
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|e| wrong(&e.without_url()))?;
    match answer.status().as_u16() {
        404 | 410 => return Ok(None),
        200..=299 => {}
        status => return Err(wrong(&format!("answered {status}"))),
    }
    let text = answer.text().await.map_err(|e| wrong(&e.without_url()))?;
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|e| wrong(&format!("no JSON: {e}")))
}

impl Question {
    fn is_accepted(&self) -> bool {
        self.answered.is_some()
    }

    fn is_settled(&self) -> bool {
        self.known.is_some_and(|fate| fate.is_settled())
    }

    /// Takes what the service says now.
    fn take(&mut self, polls: &Polls, document: Option<&Value>, now: Timestamp) {
        let Some(document) = document else {
            self.not_done = Some(now);
            // What was known and is not any more is lost.
            self.known = None;
            return;
        };
        let standing = if polls.done.holds(document) {
            let (at_least, at_most) = self.took(polls, document, now);
            Standing::Processed { at_least, at_most }
        } else if polls.dead.as_ref().is_some_and(|dead| dead.holds(document)) {
            Standing::GivenUp
        } else {
            self.not_done = Some(now);
            Standing::Pending
        };
        let count = |name: &str| document.get(name).and_then(Value::as_u64);
        self.known = Some(Fate {
            standing,
            inserts: count("inserts"),
            notifications: count("notifications"),
        });
    }

    /// How long it took, at least and at most.
    fn took(&mut self, polls: &Polls, document: &Value, now: Timestamp) -> (Duration, Duration) {
        let told = |pointer: &Option<String>| document.pointer(pointer.as_deref()?).and_then(time);
        let between = |from: Timestamp, to: Timestamp| {
            Duration::try_from(to.duration_since(from)).unwrap_or_default()
        };
        let (clock, at_least, at_most) = match (
            told(&polls.accepted_at),
            told(&polls.done_at),
            self.answered,
        ) {
            (Some(from), Some(to), _) => (DoneClock::Server, between(from, to), between(from, to)),
            (None, Some(to), Some(from)) => (DoneClock::Both, between(from, to), between(from, to)),
            (_, _, answered) => {
                let from = answered.unwrap_or(now);
                let seen = self.not_done.unwrap_or(from);
                (DoneClock::Poll, between(from, seen), between(from, now))
            }
        };
        self.clock = Some(clock);
        (at_least, at_most)
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

/// RFC 3339, with or without an offset (then UTC), or seconds since 1970.
fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text
            .parse()
            .ok()
            .or_else(|| format!("{}Z", text.replace(' ', "T")).parse().ok())
            .or_else(|| text.parse().ok().and_then(of_seconds)),
        Value::Number(number) => of_seconds(number.as_f64()?),
        _ => None,
    }
}

fn of_seconds(seconds: f64) -> Option<Timestamp> {
    // More than microseconds are not in such a number.
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::time;
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

    #[test]
    fn times_are_read_in_the_ways_services_write_them() {
        let expected = time(&json!("2026-01-02T03:04:05.250Z"));
        assert!(expected.is_some());
        for same in [
            json!("2026-01-02T04:04:05.250+01:00"),
            json!("2026-01-02 03:04:05.250"),
            json!("2026-01-02T03:04:05.250"),
            json!(1767323045.25),
        ] {
            assert_eq!(time(&same), expected, "{same}");
        }
        assert_eq!(time(&json!(null)), None);
    }
}
