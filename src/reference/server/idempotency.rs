//! Which event a request is about: the client's key decides, so that a retry is the same event.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::problem::Problem;
use super::single_header::single;
use crate::reference::payload;
use crate::reference::store::EventId;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key, in bytes.
const KEY_BYTES: usize = 255;

/// What is read of a body; everything else is kept as it is.
#[derive(Deserialize)]
struct EventEnvelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

/// The event of a request: named by the `Idempotency-Key`, else by the body's `id`, else a new one. The body must be a
/// JSON object in any case.
pub(super) fn event_id(headers: &HeaderMap, body: &[u8]) -> Result<EventId, Problem> {
    let envelope = envelope(body)?;
    match (single(headers, &IDEMPOTENCY_KEY)?, envelope.id) {
        (Some(key), _) => {
            let key = key
                .to_str()
                .map_err(|_| malformed("the Idempotency-Key is not printable ASCII"))?;
            key_of(unquoted(key), "the Idempotency-Key")
        }
        (None, Some(id)) => key_of(&id_text(id)?, "the id"),
        (None, None) => Ok(EventId::fresh()),
    }
}

fn envelope(body: &[u8]) -> Result<EventEnvelope<'_>, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
    // serde would read an array as the fields of a struct.
    if !text.trim_start().starts_with('{') {
        return Err(malformed("the body is not a JSON object"));
    }
    // An event that no worker could read must not be accepted.
    match payload::check(text) {
        Err(refusal) if refusal.is_of_the_bounds() => Err(malformed(&format!(
            "no worker could read the body: {refusal}"
        ))),
        Err(refusal) => Err(malformed(&format!("the body is {refusal}"))),
        Ok(()) => serde_json::from_str(text)
            .map_err(|error| malformed(&format!("the body is not JSON: {error}"))),
    }
}

/// A string as it reads, a number as it is written.
fn id_text(id: &RawValue) -> Result<Cow<'_, str>, Problem> {
    match id.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str(id.get())
            .map_err(|error| malformed(&format!("the id is not a string: {error}"))),
        Some(b'-' | b'0'..=b'9') => Ok(Cow::Borrowed(id.get())),
        _ => Err(malformed("the id is neither a string nor a number")),
    }
}

fn key_of(key: &str, what: &str) -> Result<EventId, Problem> {
    if (1..=KEY_BYTES).contains(&key.len()) {
        return Ok(EventId::from_key(key));
    }
    Err(malformed(&format!(
        "{what} has {} bytes; it needs 1 to {KEY_BYTES}",
        key.len()
    )))
}

/// A key may come as a structured-field string, in quotes, as draft-ietf-httpapi-idempotency-key-header has it.
fn unquoted(key: &str) -> &str {
    let key = key.trim();
    key.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(key)
}

fn malformed(detail: &str) -> Problem {
    Problem::Malformed(detail.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::event_id;
    use crate::reference::payload;
    use crate::reference::payload::mutation::decode_mutations;
    use crate::reference::store::EventId;

    fn with_key(key: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-key", key.parse().expect("a header value"));
        headers
    }

    #[test]
    fn the_header_goes_before_the_body_and_quotes_do_not_matter() {
        let body = br#"{"id":"from-body"}"#;
        let expected = EventId::from_key("from-header");
        for key in ["from-header", "\"from-header\""] {
            assert_eq!(event_id(&with_key(key), body).expect("a key"), expected);
        }
    }

    #[test]
    fn without_a_header_the_body_names_the_event() {
        let id = |body: &str| event_id(&HeaderMap::new(), body.as_bytes()).expect("an id");
        assert_eq!(
            id(r#"{"a":[1,{"b":2}],"id":"x\u0031"}"#),
            EventId::from_key("x1")
        );
        assert_eq!(id(r#"{"id":17}"#), EventId::from_key("17"));
        assert_ne!(id(r#"{"id":null}"#), id(r#"{}"#));
    }

    #[test]
    fn mutations_of_bodies_are_refused_or_within_the_bounds() {
        let seeds = [
            r#"{"id":"x","a":[1,{"b":2.5e3}],"t":"\u0031"}"#,
            r#"{"n":12345678901234567890,"o":{"o":{"o":[[[]]]}}}"#,
        ];
        let seeds = seeds.map(|seed| seed.as_bytes().to_vec());
        let words: [&[u8]; 7] = [b"[", b"{\"a\":", b"}", b"\"id\":", b"1", b"\\ud800", b"\""];
        decode_mutations(&seeds, &words, |bytes| {
            if event_id(&HeaderMap::new(), bytes).is_ok() {
                let text = std::str::from_utf8(bytes).expect("UTF-8");
                assert_eq!(payload::check(text), Ok(()));
                let deepest = serde_json::from_str::<serde_json::Value>(text);
                let is_beyond = |error: &serde_json::Error| {
                    let said = error.to_string();
                    said.contains("recursion limit") || said.contains("out of range")
                };
                assert!(deepest.as_ref().err().is_none_or(is_beyond), "{text}");
            }
        });
    }

    #[test]
    fn what_is_not_an_object_with_a_usable_id_is_refused() {
        for body in [
            "",
            "[]",
            "17",
            "{",
            r#"{"id":"x"} trailing"#,
            r#"{"id":{}}"#,
            r#"{"id":""}"#,
            r#"{"a":01}"#,
        ] {
            assert!(
                event_id(&HeaderMap::new(), body.as_bytes()).is_err(),
                "{body}"
            );
        }
        assert!(
            event_id(&HeaderMap::new(), b"{\"a\":\"\xff\"}").is_err(),
            "not UTF-8"
        );
        assert!(
            event_id(&with_key(&"k".repeat(256)), b"{}").is_err(),
            "too long a key"
        );
    }
}
