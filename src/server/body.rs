//! Reads a request's JSON body within its limits of size and time.

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use tokio::time::timeout;

use super::Limits;
use super::lent::next;
use super::problem::Problem;

/// The whole body, which must say that it is JSON.
pub(super) async fn read_json(
    headers: &HeaderMap,
    mut body: Body,
    limits: &Limits,
) -> Result<Vec<u8>, Problem> {
    if !headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| is_json(value.as_bytes()))
    {
        return Err(Problem::NotJson);
    }
    let read = timeout(limits.body_time, collect(&mut body, limits.body_bytes));
    read.await
        .unwrap_or(Err(Problem::BodyTooSlow(limits.body_time)))
}

async fn collect(body: &mut Body, limit_bytes: usize) -> Result<Vec<u8>, Problem> {
    let announced = body.size_hint();
    if announced.lower() > limit_bytes as u64 {
        return Err(Problem::TooLarge { limit_bytes });
    }
    let mut bytes = Vec::with_capacity(announced.exact().unwrap_or(0) as usize);
    while let Some(data) = next(body).await {
        let data =
            data.map_err(|error| Problem::Malformed(format!("the body broke off: {error}")))?;
        if bytes.len() + data.len() > limit_bytes {
            return Err(Problem::TooLarge { limit_bytes });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
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
    use super::is_json;

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
