//! Everything that can be wrong with a request, and the one place that says which status that is (RFC 9457).

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

use crate::reference::provider::SendError;
use crate::reference::store::StoreError;

/// An answer that is not what was asked for.
#[derive(Clone, Debug)]
pub(super) enum Problem {
    /// Not the JSON that is expected, or a header that cannot be used: what is wrong with it.
    Malformed(String),
    Unauthorized,
    NotFound,
    MethodNotAllowed,
    /// The body did not come in time.
    BodyTooSlow(Duration),
    /// The key's first request is still in its synchronous call.
    InProgress,
    /// The event is not dead, so it cannot be replayed: its state.
    NotDead(&'static str),
    /// The event cannot be leased now: why, and after how many seconds it may.
    NotLeasable(&'static str, u64),
    /// The lease was taken over, or another outcome recorded for it.
    StaleLease,
    /// There never was a lease with this token.
    NoSuchLease,
    /// The event id is taken by another body whose key has expired.
    IdTaken,
    TooLarge {
        limit_bytes: usize,
    },
    NotJson,
    /// The body has an encoding or a charset that is not decoded.
    NotDecoded(String),
    /// The key came with another body before.
    BodyDiffers,
    /// The client is over its rate limit, for so long.
    TooManyRequests(Duration),
    /// Too much waits: in front of the commit, or to be processed.
    Overloaded(String),
    Draining,
    /// The store cannot do it: I/O error.
    StoreDown(String),
    /// The store cannot do it: the disk is full.
    StoreFull(String),
    /// The store cannot do it: it cannot be written.
    StoreReadOnly(String),
    /// The commit took too long to be waited for; it may still succeed.
    CommitTooSlow(Duration),
    /// The work within the request has come to an end, and the event is not processed: why, and what follows.
    NotProcessed(String),
    /// The work within the request is done or under way, and the store does not take its outcome.
    RecordTooSlow(Duration),
    /// A commit has been under way for so long.
    StoreBusy(Duration),
    ProviderFailed(String),
    ProviderTooSlow(String),
}

/// A problem's name, in the extensions of its response.
#[derive(Clone, Copy)]
pub(super) struct ProblemName(pub(super) &'static str);

/// The `application/problem+json` body.
#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Problem {
    /// Every name, in the order in which they are counted.
    pub(super) const NAMES: [&'static str; 27] = [
        "malformed",
        "unauthorized",
        "not-found",
        "method-not-allowed",
        "body-too-slow",
        "in-progress",
        "not-dead",
        "not-leasable",
        "stale-lease",
        "no-such-lease",
        "id-taken",
        "too-large",
        "not-json",
        "not-decoded",
        "body-differs",
        "too-many-requests",
        "overloaded",
        "draining",
        "store-down",
        "store-full",
        "store-read-only",
        "commit-too-slow",
        "not-processed",
        "record-too-slow",
        "store-busy",
        "provider-failed",
        "provider-too-slow",
    ];

    /// Status, name and title of each problem.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Problem::Malformed(_) => (
                StatusCode::BAD_REQUEST,
                "malformed",
                "the request cannot be read",
            ),
            Problem::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "a valid bearer token is needed",
            ),
            Problem::NotFound => (StatusCode::NOT_FOUND, "not-found", "there is nothing here"),
            Problem::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "this path has other methods",
            ),
            Problem::NotDead(_) => (
                StatusCode::CONFLICT,
                "not-dead",
                "only a dead event can be replayed",
            ),
            Problem::NotLeasable(..) => (
                StatusCode::CONFLICT,
                "not-leasable",
                "the event cannot be leased now",
            ),
            Problem::StaleLease => (
                StatusCode::CONFLICT,
                "stale-lease",
                "the lease was taken over",
            ),
            Problem::NoSuchLease => (
                StatusCode::CONFLICT,
                "no-such-lease",
                "there never was a lease with this token",
            ),
            Problem::BodyTooSlow(_) => (
                StatusCode::REQUEST_TIMEOUT,
                "body-too-slow",
                "the body did not come in time",
            ),
            Problem::InProgress => (
                StatusCode::CONFLICT,
                "in-progress",
                "the first request with this key is still being answered",
            ),
            Problem::IdTaken => (
                StatusCode::CONFLICT,
                "id-taken",
                "this event id stands for another body",
            ),
            Problem::TooLarge { .. } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "the body is too large",
            ),
            Problem::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "the content type must be application/json",
            ),
            Problem::NotDecoded(_) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-decoded",
                "the encoding of the body is not supported",
            ),
            Problem::BodyDiffers => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "body-differs",
                "this key came with another body before",
            ),
            Problem::TooManyRequests(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                "this client sends more than it may",
            ),
            Problem::Overloaded(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "too much is waiting",
            ),
            Problem::Draining => (
                StatusCode::SERVICE_UNAVAILABLE,
                "draining",
                "the server is about to stop",
            ),
            Problem::StoreDown(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "store-down",
                "the store is not available",
            ),
            Problem::StoreFull(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "store-full",
                "the store has no room left",
            ),
            Problem::StoreReadOnly(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "store-read-only",
                "the store cannot be written",
            ),
            Problem::StoreBusy(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "store-busy",
                "the store does not answer",
            ),
            Problem::NotProcessed(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not-processed",
                "the event is not processed yet",
            ),
            Problem::RecordTooSlow(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "record-too-slow",
                "what was done could not be recorded in time",
            ),
            Problem::CommitTooSlow(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "commit-too-slow",
                "the commit takes too long",
            ),
            Problem::ProviderFailed(_) => (
                StatusCode::BAD_GATEWAY,
                "provider-failed",
                "the provider failed",
            ),
            Problem::ProviderTooSlow(_) => (
                StatusCode::GATEWAY_TIMEOUT,
                "provider-too-slow",
                "the provider did not answer in time",
            ),
        }
    }

    /// What is to be said about this one.
    fn detail(&self) -> Option<String> {
        Some(match self {
            Problem::Malformed(detail)
            | Problem::NotDecoded(detail)
            | Problem::Overloaded(detail)
            | Problem::StoreDown(detail)
            | Problem::StoreFull(detail)
            | Problem::StoreReadOnly(detail)
            | Problem::NotProcessed(detail)
            | Problem::ProviderFailed(detail)
            | Problem::ProviderTooSlow(detail) => detail.clone(),
            Problem::TooLarge { limit_bytes } => format!("the limit is {limit_bytes} bytes"),
            Problem::TooManyRequests(wait) => {
                format!("the next request is allowed in {} ms", wait.as_millis() + 1)
            }
            Problem::StoreBusy(time) => {
                format!("a commit has been under way for {} ms", time.as_millis())
            }
            Problem::RecordTooSlow(limit) => format!(
                "no answer within {} ms; the work goes on, so repeat the request with the same key",
                limit.as_millis()
            ),
            Problem::BodyTooSlow(limit) => format!("the limit is {} ms", limit.as_millis()),
            Problem::CommitTooSlow(limit) => format!(
                "no answer from the store within {} ms; the event may have been accepted, so repeat it with the same key",
                limit.as_millis()
            ),
            Problem::NotDead(state) => format!("it is {state}"),
            Problem::NotLeasable(why, _) => (*why).to_owned(),
            Problem::StaleLease => {
                "what was sent is in the effect log; the outcome is decided by whoever holds the lease now".to_owned()
            }
            Problem::NoSuchLease => "nothing is recorded".to_owned(),
            Problem::IdTaken => "its key has expired, but event ids live for ever".to_owned(),
            _ => return None,
        })
    }

    /// The header that tells a client what to do.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Problem::Unauthorized => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Problem::NotLeasable(_, seconds) if *seconds > 0 => {
                Some((RETRY_AFTER, HeaderValue::from(*seconds)))
            }
            Problem::NotDecoded(_) => Some((ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
            Problem::TooManyRequests(wait) => Some((RETRY_AFTER, whole_seconds(*wait))),
            Problem::InProgress
            | Problem::Overloaded(_)
            | Problem::Draining
            | Problem::StoreDown(_)
            | Problem::StoreBusy(_)
            | Problem::NotProcessed(_)
            | Problem::RecordTooSlow(_)
            | Problem::CommitTooSlow(_) => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            // Someone has to make room first.
            Problem::StoreFull(_) | Problem::StoreReadOnly(_) => {
                Some((RETRY_AFTER, HeaderValue::from_static("5")))
            }
            _ => None,
        }
    }
}

/// Rounded up: whoever comes then is not refused again.
fn whole_seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from((wait.as_secs_f64().ceil() as u64).max(1))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let (status, name, title) = self.kind();
        let body = ProblemBody {
            r#type: format!("urn:a7probe:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail(),
        };
        let json = serde_json::to_vec(&body).expect("strings and a number are always JSON");
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(CONTENT_TYPE, content_type)], json).into_response();
        response.headers_mut().extend(self.header());
        response.extensions_mut().insert(ProblemName(name));
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::Full { .. } | StoreError::Backlog { .. } => {
                Problem::Overloaded(error.to_string())
            }
            StoreError::Failed(_) | StoreError::Unsure(_) | StoreError::Lost(_) => {
                Problem::StoreDown(error.to_string())
            }
            StoreError::NoRoom(_) => Problem::StoreFull(error.to_string()),
            StoreError::ReadOnly(_) => Problem::StoreReadOnly(error.to_string()),
            StoreError::Closed => Problem::Draining,
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Problem {
        match error {
            SendError::Timeout(_) => Problem::ProviderTooSlow(error.to_string()),
            _ => Problem::ProviderFailed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Problem;

    #[test]
    fn every_problem_is_counted_under_its_name() {
        let text = include_str!("problem.rs");
        let kinds = text.split("fn kind(").nth(1).expect("the function");
        let kinds = kinds.split("\n    }\n").next().expect("its body");
        let named: BTreeSet<&str> = kinds
            .lines()
            .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
            .filter(|name| !name.contains(' '))
            .chain(kinds.match_indices("NOT_FOUND, \"").map(|_| "not-found"))
            .collect();
        assert_eq!(named, Problem::NAMES.into_iter().collect());
    }
}
