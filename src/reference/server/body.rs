//! Reads a request's JSON body within its limits of size and time.

use std::error::Error as _;

use axum::body::{Body, HttpBody};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use tokio::time::timeout;

use super::body_drain::next;
use super::config::Limits;
use super::held_memory::MemoryHeld;
use super::problem::Problem;
use super::single_header::single;

/// The whole body, which must say that it is JSON.
pub(super) async fn read_json(
    headers: &HeaderMap,
    mut body: Body,
    limits: &Limits,
) -> Result<Vec<u8>, Problem> {
    check_headers(headers)?;
    let read = timeout(limits.body_time, collect(&mut body, limits.body_bytes));
    read.await
        .unwrap_or(Err(Problem::BodyTooSlow(limits.body_time)))
}

/// Checks that the body is JSON in UTF-8, without an encoding. An encoded body would be stored as bytes that no worker
/// expects.
fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = single(headers, &CONTENT_TYPE)?.map_or(&b""[..], HeaderValue::as_bytes);
    if !is_json(content_type) {
        return Err(Problem::NotJson);
    }
    if let Some(charset) = charset(content_type)
        && !["utf-8", "utf8", "us-ascii"]
            .iter()
            .any(|known| charset.eq_ignore_ascii_case(known.as_bytes()))
    {
        let charset = shown(charset);
        let detail = format!("the charset is {charset}; JSON is sent as UTF-8");
        return Err(Problem::NotDecoded(detail));
    }
    let encodings = headers.get_all(CONTENT_ENCODING).iter();
    let mut codings = encodings.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let unknown = codings.find(|coding| {
        let coding = coding.trim_ascii();
        !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
    });
    match unknown {
        None => Ok(()),
        Some(coding) => Err(Problem::NotDecoded(format!(
            "the content encoding is {}; send the body without one",
            shown(coding.trim_ascii())
        ))),
    }
}

/// The charset that a content type names.
fn charset(content_type: &[u8]) -> Option<&[u8]> {
    let parameters = content_type.split(|byte| *byte == b';').skip(1);
    parameters.into_iter().find_map(|parameter| {
        let equals = parameter.iter().position(|byte| *byte == b'=')?;
        let (name, value) = parameter.split_at(equals);
        let value = value[1..].trim_ascii();
        let value = value
            .strip_prefix(b"\"")
            .and_then(|value| value.strip_suffix(b"\""))
            .unwrap_or(value);
        name.trim_ascii()
            .eq_ignore_ascii_case(b"charset")
            .then_some(value)
    })
}

/// A word of a header, in a form that an answer may quote.
fn shown(word: &[u8]) -> String {
    let word = &word[..word.len().min(40)];
    word.escape_ascii().to_string()
}

async fn collect(body: &mut Body, limit_bytes: usize) -> Result<Vec<u8>, Problem> {
    let announced = body.size_hint();
    if announced.lower() > limit_bytes as u64 {
        return Err(Problem::TooLarge(limit_bytes));
    }
    let mut bytes = Vec::with_capacity(announced.exact().unwrap_or(0) as usize);
    while let Some(data) = next(body).await {
        let data = data.map_err(broken_off)?;
        if bytes.len() + data.len() > limit_bytes {
            return Err(Problem::TooLarge(limit_bytes));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Why a body cannot be read on.
fn broken_off(error: axum::Error) -> Problem {
    let mut cause = error.source();
    while let Some(found) = cause {
        if found.is::<MemoryHeld>() {
            return Problem::Overloaded(found.to_string());
        }
        cause = found.source();
    }
    Problem::Malformed(format!("the body broke off: {error}"))
}

/// `application/json` or `application/…+json`, with or without parameters.
fn is_json(content_type: &[u8]) -> bool {
    let media_type = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let Some((prefix, subtype)) = media_type.split_at_checked("application/".len()) else {
        return false;
    };
    let suffix = subtype
        .len()
        .checked_sub("+json".len())
        .map(|at| &subtype[at..]);
    prefix.eq_ignore_ascii_case(b"application/")
        && (subtype.eq_ignore_ascii_case(b"json")
            || suffix.is_some_and(|end| end.eq_ignore_ascii_case(b"+json")))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::{check_headers, is_json};
    use crate::reference::server::problem::Problem;

    fn checked(fields: &[(&'static str, &str)]) -> Result<(), Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().expect("a header value"));
        }
        check_headers(&headers)
    }

    #[test]
    fn a_body_that_is_not_plain_utf8_json_is_refused() {
        let json = ("content-type", "application/json");
        for encoding in ["", "identity", "Identity", "identity, identity", " , "] {
            assert!(
                checked(&[json, ("content-encoding", encoding)]).is_ok(),
                "{encoding}"
            );
        }
        for encoding in [
            "gzip",
            "GZIP",
            "br",
            "zstd",
            "identity, gzip",
            "gzip, identity",
            "x",
        ] {
            let refused = checked(&[json, ("content-encoding", encoding)]);
            assert!(matches!(refused, Err(Problem::NotDecoded(_))), "{encoding}");
        }
        let two = [
            json,
            ("content-encoding", "identity"),
            ("content-encoding", "gzip"),
        ];
        assert!(matches!(checked(&two), Err(Problem::NotDecoded(_))));
        assert!(matches!(checked(&[json, json]), Err(Problem::Malformed(_))));
    }

    #[test]
    fn json_has_one_charset() {
        for charset in ["utf-8", "UTF-8", "\"utf-8\"", "utf8", "us-ascii"] {
            let value = format!("application/json; charset={charset}");
            assert!(checked(&[("content-type", &value)]).is_ok(), "{charset}");
        }
        for charset in ["utf-16", "iso-8859-1", "\"UTF-16LE\"", ""] {
            let value = format!("application/json;a=b; Charset={charset}");
            let refused = checked(&[("content-type", &value)]);
            assert!(matches!(refused, Err(Problem::NotDecoded(_))), "{charset}");
        }
    }

    #[test]
    fn json_by_any_of_its_names() {
        for name in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/cloudevents+json",
        ] {
            assert!(is_json(name.as_bytes()), "{name}");
        }
        for name in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "json",
            "",
        ] {
            assert!(!is_json(name.as_bytes()), "{name}");
        }
    }
}
