//! What a body must hold for its answer to count as a success: a text, a regular expression or a JSON value.

use regex::bytes::Regex;

use crate::redact;
use crate::run::completion::{json_of, text_of};
use crate::units::plural;

/// Longest body that a regular expression or a JSON value is looked for in, in bytes. A text is found in a body of any
/// length.
pub const MAX_SEARCHED_BYTES: usize = 1024 * 1024;

/// A check of a body, as `--expect-body` gives it.
#[derive(Clone, Debug)]
pub struct ExpectedBody {
    source: String,
    check: BodyCheck,
}

#[derive(Clone, Debug)]
enum BodyCheck {
    Text(Regex),
    Pattern(Regex),
    Json {
        /// As it was typed, `json.status`.
        path: String,
        pointer: String,
        value: String,
    },
}

/// The part of a body that a check needs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SearchedPart {
    /// Every piece of the body, together with this number of bytes before it.
    Pieces { overlap: usize },
    /// The whole body.
    Whole,
}

/// Why a body is not as expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// The text is not in it.
    #[error("the body does not contain the expected text")]
    NoText,
    /// The regular expression matches nothing in it.
    #[error("the body does not match the regular expression")]
    NoMatch,
    /// It is not JSON.
    #[error("the body is not JSON")]
    NotJson,
    /// It has nothing at this path.
    #[error("the body has no value at {0}")]
    NoValue(String),
    /// It has another value at this path.
    #[error("the body has another value at {0}")]
    OtherValue(String),
    /// Its bytes are encoded, for example compressed.
    #[error("the body is encoded ({0}) and cannot be searched")]
    Encoded(String),
    /// It is longer than [`MAX_SEARCHED_BYTES`].
    #[error("the body is longer than {} MiB, the limit of this check", MAX_SEARCHED_BYTES / 1024 / 1024)]
    TooLong,
}

impl ExpectedBody {
    /// Reads `TEXT`, `/REGEX/` or `json.PATH=VALUE`.
    ///
    /// # Errors
    /// A message without the text, which may be a secret: it is empty, the regular expression cannot be read, or the JSON
    /// path has no value.
    pub fn parse(text: &str) -> Result<ExpectedBody, String> {
        let check = if text.is_empty() {
            return Err("an empty text matches every body".to_owned());
        } else if let Some(pattern) = pattern_of(text) {
            BodyCheck::Pattern(regex(pattern)?)
        } else if let Some(rest) = text.strip_prefix("json.") {
            let (path, value) = rest
                .split_once('=')
                .filter(|(path, _)| !path.is_empty())
                .ok_or("a JSON check needs a path and a value: json.status=ok")?;
            BodyCheck::Json {
                path: format!("json.{path}"),
                pointer: format!("/{}", path.replace('.', "/")),
                value: value.to_owned(),
            }
        } else {
            BodyCheck::Text(regex(&regex::escape(text))?)
        };
        Ok(ExpectedBody {
            source: text.to_owned(),
            check,
        })
    }

    /// The part of a body that must be seen at a time.
    pub(crate) fn searched_part(&self) -> SearchedPart {
        match &self.check {
            BodyCheck::Text(_) => SearchedPart::Pieces {
                overlap: self.source.len() - 1,
            },
            BodyCheck::Pattern(_) | BodyCheck::Json { .. } => SearchedPart::Whole,
        }
    }

    /// What is wrong with a body or, where `ExpectedBody::searched_part` allows it, with a part of one.
    pub fn fault_in(&self, body: &[u8]) -> Option<BodyFault> {
        match &self.check {
            BodyCheck::Text(text) => (!text.is_match(body)).then_some(BodyFault::NoText),
            BodyCheck::Pattern(pattern) => (!pattern.is_match(body)).then_some(BodyFault::NoMatch),
            BodyCheck::Json {
                path,
                pointer,
                value,
            } => {
                let Ok(json) = json_of(body) else {
                    return Some(BodyFault::NotJson);
                };
                let Some(found) = json.pointer(pointer) else {
                    return Some(BodyFault::NoValue(path.clone()));
                };
                let found = text_of(found).unwrap_or_else(|| found.to_string());
                (found != *value).then(|| BodyFault::OtherValue(path.clone()))
            }
        }
    }

    /// What may be shown and saved of it: its kind, its length and 16 bits of its SHA-256.
    pub fn redacted(&self) -> String {
        let hidden = |text: &str| {
            let bits = redact::fingerprint(text.as_bytes());
            let length = text.len() as u64;
            format!("{length} {}, SHA-256 {bits}…", plural(length, "byte"))
        };
        match &self.check {
            BodyCheck::Text(_) => format!("text ({})", hidden(&self.source)),
            BodyCheck::Pattern(_) => format!("regular expression ({})", hidden(&self.source)),
            BodyCheck::Json { path, value, .. } => format!("{path} ({})", hidden(value)),
        }
    }
}

impl PartialEq for ExpectedBody {
    fn eq(&self, other: &ExpectedBody) -> bool {
        self.source == other.source
    }
}

impl Eq for ExpectedBody {}

/// What stands between two slashes.
fn pattern_of(text: &str) -> Option<&str> {
    text.strip_prefix('/')?
        .strip_suffix('/')
        .filter(|pattern| !pattern.is_empty())
}

/// The reason that the crate gives repeats the expression, so it is left out.
fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        _ => "the regular expression has a syntax error".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{BodyFault, ExpectedBody, SearchedPart};

    fn fault(check: &str, body: &str) -> Option<BodyFault> {
        ExpectedBody::parse(check)
            .unwrap()
            .fault_in(body.as_bytes())
    }

    #[test]
    fn a_text_a_regular_expression_and_a_json_value_are_found() {
        for (check, body) in [
            ("ok", "it is ok"),
            ("a.b", "xa.by"),
            ("json", "a json document"),
            ("/^o.$/", "ok"),
            ("/[0-9]{3}/", "id 123"),
            ("json.status=ok", r#"{"status":"ok"}"#),
            ("json.data.items.0.id=7", r#"{"data":{"items":[{"id":7}]}}"#),
            ("json.ready=true", r#"{"ready":true}"#),
            ("json.error=null", r#"{"error":null}"#),
            ("json.q=a=b", r#"{"q":"a=b"}"#),
        ] {
            assert_eq!(fault(check, body), None, "{check} in {body}");
        }
    }

    #[test]
    fn a_body_that_differs_is_named_for_its_difference() {
        let at = |path: &str| path.to_owned();
        for (check, body, expected) in [
            ("ok", "OK", BodyFault::NoText),
            ("a.b", "xaxby", BodyFault::NoText),
            ("/^o.$/", "oops", BodyFault::NoMatch),
            ("json.a=1", "<html>", BodyFault::NotJson),
            ("json.a=1", "", BodyFault::NotJson),
            (
                "json.a.b=1",
                r#"{"a":1}"#,
                BodyFault::NoValue(at("json.a.b")),
            ),
            (
                "json.a=1",
                r#"{"a":2}"#,
                BodyFault::OtherValue(at("json.a")),
            ),
            (
                "json.a=1",
                r#"{"a":[1]}"#,
                BodyFault::OtherValue(at("json.a")),
            ),
        ] {
            assert_eq!(fault(check, body), Some(expected), "{check} in {body}");
        }
    }

    #[test]
    fn a_check_that_cannot_be_read_is_refused_without_its_text() {
        for (text, message) in [
            ("", "matches every body"),
            ("/s3cret(/", "syntax error"),
            ("json.s3cret", "json.status=ok"),
            ("json.=s3cret", "json.status=ok"),
        ] {
            let error = ExpectedBody::parse(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn of_a_check_its_kind_and_length_are_shown_and_its_text_is_not() {
        for (text, shown) in [
            // printf abc | sha256sum
            ("abc", "text (3 bytes, SHA-256 ba78…)"),
            ("json.key=abc", "json.key (3 bytes, SHA-256 ba78…)"),
        ] {
            assert_eq!(ExpectedBody::parse(text).unwrap().redacted(), shown);
        }
        let pattern = ExpectedBody::parse("/s3cret/").unwrap().redacted();
        assert!(
            pattern.starts_with("regular expression (8 bytes"),
            "{pattern}"
        );
    }

    #[test]
    fn a_text_needs_its_own_length_less_one_and_the_others_all() {
        let part = |text: &str| ExpectedBody::parse(text).unwrap().searched_part();
        assert_eq!(part("abc"), SearchedPart::Pieces { overlap: 2 });
        assert_eq!(part("/abc/"), SearchedPart::Whole);
        assert_eq!(part("json.a=1"), SearchedPart::Whole);
    }
}
