//! What the client keeps of answers to find its events again: 32 bytes an accepted request, and the text of an id that
//! is not a UUID.

use std::time::Instant;

use serde_json::Value;
use uuid::Uuid;

use super::resends::Resends;
use crate::run::plan::IdSource;
use crate::run::shard::Shard;

/// The name that a service gives to an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKey {
    /// Most are UUIDs, and those take no memory beyond their place.
    Uuid(Uuid),
    /// Anything else.
    Text(Box<str>),
}

impl EventKey {
    /// The key that a text names.
    pub fn of(text: &str) -> EventKey {
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.hyphenated().to_string() == text => EventKey::Uuid(uuid),
            _ => EventKey::Text(text.into()),
        }
    }

    /// The same key for every spelling of a UUID.
    #[must_use]
    pub fn normal(&self) -> EventKey {
        match self {
            EventKey::Text(text) => {
                Uuid::try_parse(text).map_or_else(|_| self.clone(), EventKey::Uuid)
            }
            EventKey::Uuid(_) => self.clone(),
        }
    }
}

impl std::fmt::Display for EventKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EventKey::Uuid(uuid) => uuid.hyphenated().fmt(f),
            EventKey::Text(text) => f.write_str(text),
        }
    }
}

/// One accepted answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Position in the plan of the endpoint.
    pub index: u64,
    /// When the answer was complete, in ns from t0; `None` if another machine received it.
    pub answered_ns: Option<u64>,
    /// The event that it names; `None` if it names none.
    pub key: Option<EventKey>,
}

/// An accepted event of the current run.
#[derive(Clone, Debug)]
pub struct AcceptedEvent {
    /// The endpoint's place in the plan.
    pub endpoint: usize,
    /// Position in the plan of the endpoint.
    pub index: u64,
    /// The event that the answer names; `None` if it names none.
    pub key: Option<EventKey>,
    /// When the answer had arrived completely.
    pub at: Instant,
}

/// The retained parts of one endpoint's answers.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// The accepted ones; in no order.
    pub accepted: Vec<Accepted>,
    /// Of those, the ones that were accepted only when they were sent a second time on purpose, by their index.
    pub by_repeat: Vec<u64>,
    /// What became of requests that were sent twice on purpose.
    pub resends: Resends,
}

impl Answers {
    /// Adds another thread's, or a shard's, which numbers its requests on its own.
    pub(crate) fn merge_shard(&mut self, other: Answers, shard: Shard) {
        let accepted = other.accepted.into_iter();
        self.accepted.extend(accepted.map(|answer| Accepted {
            index: shard.global(answer.index),
            ..answer
        }));
        let by_repeat = other.by_repeat.into_iter();
        self.by_repeat
            .extend(by_repeat.map(|index| shard.global(index)));
        self.resends.merge(&other.resends);
    }
}

/// The id that an answer gives to its event.
pub fn key_in_answer(source: &IdSource, body: &[u8], location: Option<&str>) -> Option<EventKey> {
    match source {
        IdSource::Key => None,
        IdSource::Answer(pointer) => {
            let value = json_of(body).ok()?;
            text_of(value.pointer(pointer)?).map(|text| EventKey::of(&text))
        }
        IdSource::Location => {
            let path = location?.split(['?', '#']).next()?.trim_end_matches('/');
            let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
            Some(EventKey::of(&percent_decoded(last)))
        }
    }
}

/// JSON as services send it: with a byte order mark, or in UTF-16.
///
/// # Errors
/// The bytes are not JSON.
pub fn json_of(body: &[u8]) -> serde_json::Result<Value> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        String::from_utf16_lossy(&units.collect::<Vec<_>>())
    };
    match body {
        [0xef, 0xbb, 0xbf, text @ ..] => serde_json::from_slice(text),
        [0xff, 0xfe, text @ ..] => serde_json::from_str(&utf16(text, u16::from_le_bytes)),
        [0xfe, 0xff, text @ ..] => serde_json::from_str(&utf16(text, u16::from_be_bytes)),
        // JSON begins with ASCII, so the positions of its zero bytes show its encoding (RFC 4627 §3).
        [first, 0, _, 0, ..] if *first != 0 => {
            serde_json::from_str(&utf16(body, u16::from_le_bytes))
        }
        [0, first, 0, ..] if *first != 0 => serde_json::from_str(&utf16(body, u16::from_be_bytes)),
        text => serde_json::from_slice(text),
    }
}

/// A segment of a path as it was before it was encoded for one; an invalid encoding stays unchanged.
fn percent_decoded(segment: &str) -> String {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after
            .get(..2)
            .filter(|d| byte == b'%' && d.iter().all(u8::is_ascii_hexdigit));
        let number = digits.and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 16).ok());
        decoded.push(number.unwrap_or(byte));
        rest = match number {
            Some(_) => &after[2..],
            None => after,
        };
    }
    String::from_utf8(decoded).unwrap_or_else(|_| segment.to_owned())
}

/// A value as it reads: text without quotes, numbers and booleans as in JSON.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{EventKey, key_in_answer};
    use crate::run::plan::IdSource;

    fn key(pointer: &str, body: &str) -> Option<String> {
        let source = IdSource::Answer(pointer.to_owned());
        key_in_answer(&source, body.as_bytes(), None).map(|key| key.to_string())
    }

    #[test]
    fn an_id_is_found_in_the_body_or_in_the_location() {
        assert_eq!(
            key("/event_id", r#"{"event_id":"a-1"}"#).as_deref(),
            Some("a-1")
        );
        assert_eq!(
            key("/data/id", r#"{"data":{"id":17}}"#).as_deref(),
            Some("17")
        );
        assert_eq!(key("/event_id", "no JSON"), None);
        assert_eq!(key("/event_id", r#"{"event_id":null}"#), None);
        let location = key_in_answer(&IdSource::Location, b"", Some("/status/abc?x=1"));
        assert_eq!(location, Some(EventKey::of("abc")));
        assert_eq!(key_in_answer(&IdSource::Location, b"", None), None);
    }

    #[test]
    fn json_is_read_behind_a_byte_order_mark_and_in_utf_16() {
        let text = "{\"event_id\":\"\u{e9}-1\"}";
        let marked = |mark: &str| format!("{mark}{text}");
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(bytes).collect()
        };
        for body in [
            text.as_bytes().to_vec(),
            marked("\u{feff}").into_bytes(),
            utf16(&marked("\u{feff}"), u16::to_le_bytes),
            utf16(&marked("\u{feff}"), u16::to_be_bytes),
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
        ] {
            let source = IdSource::Answer("/event_id".to_owned());
            let key = key_in_answer(&source, &body, None);
            assert_eq!(key, Some(EventKey::of("\u{e9}-1")), "{body:?}");
        }
    }

    #[test]
    fn an_encoded_location_is_decoded_once() {
        for (segment, id) in [
            ("a%2Fb%20c", "a/b c"),
            ("100%25", "100%"),
            ("a%252F", "a%2F"),
            ("50%", "50%"),
            ("%zz", "%zz"),
            ("%+1", "%+1"),
            ("%ff", "%ff"),
        ] {
            let location = format!("/status/{segment}");
            let key = key_in_answer(&IdSource::Location, b"", Some(&location));
            assert_eq!(key, Some(EventKey::of(id)), "{segment}");
        }
    }

    #[test]
    fn every_spelling_of_a_uuid_is_one_key() {
        let lower = EventKey::of("550e8400-e29b-41d4-a716-446655440000");
        let upper = EventKey::of("550E8400-E29B-41D4-A716-446655440000");
        assert_ne!(upper, lower);
        assert_eq!(upper.normal(), lower);
        assert_eq!(EventKey::of("order 17").normal(), EventKey::of("order 17"));
    }

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        for text in [
            "550e8400-e29b-41d4-a716-446655440000",
            "550E8400-E29B-41D4-A716-446655440000",
            "550e8400e29b41d4a716446655440000",
            "order 17",
        ] {
            assert_eq!(EventKey::of(text).to_string(), text);
        }
    }
}
