//! One answer of a state URL: a document, a redirect to the result, or a statement that there is no such event.

use reqwest::header::LOCATION;
use reqwest::{Response, StatusCode};
use serde_json::{Map, Value};

use super::client::{AuditClient, FailedQuery, as_segment, transport_failure};
use super::see_other::{self, RedirectMeaning};
use crate::run::completion::{EventKey, QueryFailure, RedirectDefect, json_of};
use crate::run::plan::{Field, Polls};

/// Name under which the HTTP status can be asked for, as in `--audit-done :status=302`.
const STATUS_FIELD: &str = ":status";

/// Longest text that is treated as the state itself.
const LONGEST_WORD: usize = 64;

/// The state of one event as the service reports it.
#[derive(Debug, PartialEq)]
pub(super) enum StateAnswer {
    Document {
        status: u16,
        /// With the HTTP status as a field of its own, where it is an object.
        document: Value,
    },
    /// 303 to what may be the event's result.
    SeeOther {
        id: String,
        location: String,
        shows: RedirectMeaning,
    },
    /// 404: unknown, or forgotten.
    NotFound,
    /// 410: it existed once.
    Gone,
}

/// Asks a state URL.
pub(super) async fn ask(
    client: &AuditClient,
    endpoint: usize,
    key: &EventKey,
    polls: &Polls,
) -> Result<StateAnswer, FailedQuery> {
    let url = &state_url(polls, key);
    let failed = |failure| client.failed(endpoint, url, failure);
    let answer = client.answer(endpoint, url).await?;
    let status = answer.status();
    let stated = |document: Value| StateAnswer::Document {
        status: status.as_u16(),
        document: with_status(document, status),
    };
    match status {
        StatusCode::NOT_FOUND => return Ok(StateAnswer::NotFound),
        StatusCode::GONE => return Ok(StateAnswer::Gone),
        _ if status.is_redirection() => {
            let bare = stated(Value::Object(Map::new()));
            if is_named(polls, &bare) {
                return Ok(bare);
            }
            if status == StatusCode::SEE_OTHER {
                return see_other(client, endpoint, url, key, location(&answer)).await;
            }
            return Err(failed(QueryFailure::Redirected {
                status: status.as_u16(),
            }));
        }
        _ if !status.is_success() => return Err(client.refused(endpoint, url, &answer)),
        _ => {}
    }
    let body = answer.bytes().await;
    let body = body.map_err(|e| failed(transport_failure(&e)))?;
    let empty = body.iter().all(u8::is_ascii_whitespace);
    match json_of(&body) {
        Ok(document) => Ok(stated(in_a_field(document, &polls.done))),
        // Accepted, without further information.
        Err(_) if empty && status == StatusCode::ACCEPTED => Ok(stated(Value::Object(Map::new()))),
        Err(error) => match bare_word(&body) {
            Some(word) => Ok(stated(in_a_field(Value::String(word), &polls.done))),
            None if empty => Err(failed(QueryFailure::NoBody {
                status: status.as_u16(),
            })),
            None if body.trim_ascii_start().starts_with(b"<") => Err(failed(QueryFailure::Html)),
            None => Err(failed(QueryFailure::NotJson {
                cause: error.to_string(),
            })),
        },
    }
}

/// A 303 without words about it: whether it shows that the event is done depends on where it points.
async fn see_other(
    client: &AuditClient,
    endpoint: usize,
    url: &str,
    key: &EventKey,
    location: String,
) -> Result<StateAnswer, FailedQuery> {
    let id = key.to_string();
    let failed = |defect| client.failed(endpoint, url, QueryFailure::SeeOther { defect });
    let asked = client
        .whole(endpoint, url)
        .ok_or_else(|| failed(RedirectDefect::UnknownPlace))?;
    let shows = see_other::read(&asked, &location, &id);
    match shows {
        RedirectMeaning::Nothing(defect) => return Err(failed(defect)),
        RedirectMeaning::ItsResult => {}
        // A login page may have another address for every visit.
        RedirectMeaning::SomeResult => {
            let again = client.answer(endpoint, url).await?;
            if again.status() != StatusCode::SEE_OTHER || self::location(&again) != location {
                return Err(failed(RedirectDefect::Changing));
            }
        }
    }
    Ok(StateAnswer::SeeOther {
        id,
        location,
        shows,
    })
}

fn location(answer: &Response) -> String {
    let location = answer.headers().get(LOCATION);
    location.map_or_else(String::new, |to| {
        String::from_utf8_lossy(to.as_bytes()).into_owned()
    })
}

/// Where the state of an event is.
fn state_url(polls: &Polls, key: &EventKey) -> String {
    polls.url.replace("{id}", &as_segment(&key.to_string()))
}

/// Whether `--audit-done` or `--audit-dead` names this status.
fn is_named(polls: &Polls, answer: &StateAnswer) -> bool {
    let StateAnswer::Document { document, .. } = answer else {
        return false;
    };
    let mut fields = [Some(&polls.done), polls.dead.as_ref()]
        .into_iter()
        .flatten();
    fields.any(|field| field.pointer.ends_with(STATUS_FIELD) && field.holds(document))
}

fn with_status(mut document: Value, status: StatusCode) -> Value {
    if let Value::Object(fields) = &mut document {
        fields.insert(STATUS_FIELD.to_owned(), status.as_u16().into());
    }
    document
}

/// A bare state, without a document around it, counts as the requested field.
fn in_a_field(document: Value, field: &Field) -> Value {
    let name = field.pointer.trim_start_matches('/');
    match document {
        Value::Object(_) | Value::Array(_) | Value::Null => document,
        state => Value::Object([(name.to_owned(), state)].into_iter().collect()),
    }
}

fn bare_word(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let word = text.trim_start_matches('\u{feff}').trim();
    let plain = |c: char| c.is_alphanumeric() || "_- ".contains(c);
    (!word.is_empty() && word.len() <= LONGEST_WORD && word.chars().all(plain))
        .then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{bare_word, in_a_field};
    use crate::run::plan::Field;

    #[test]
    fn a_bare_state_stands_for_the_field() {
        let field = Field {
            pointer: "/state".to_owned(),
            values: Vec::new(),
        };
        assert_eq!(bare_word(b" COMPLETED\r\n").as_deref(), Some("COMPLETED"));
        assert_eq!(bare_word(b"<p>done</p>"), None);
        assert_eq!(bare_word(b""), None);
        assert_eq!(in_a_field(json!("done"), &field), json!({"state": "done"}));
        assert_eq!(in_a_field(json!({"a": 1}), &field), json!({"a": 1}));
    }
}
