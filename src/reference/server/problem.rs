//! Everything that can be wrong with a request, and the one place that says which status that is (RFC 9457).

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

use crate::reference::provider::SendError;
use crate::reference::store::StoreError;

/// Status, name and title of every problem, in the order in which they are counted.
macro_rules! problems {
    ($($(#[$doc:meta])* $problem:ident $(($($detail:ty),+))? = $status:ident, $name:literal, $title:literal;)+) => {
        /// An answer that reports a problem.
        #[derive(Clone, Debug)]
        pub(super) enum Problem {
            $($(#[$doc])* $problem $(($($detail),+))?,)+
        }

        impl Problem {
            pub(super) const NAMES: [&'static str; [$($name),+].len()] = [$($name),+];

            fn status_name_title(&self) -> (StatusCode, &'static str, &'static str) {
                match self {
                    $(Problem::$problem { .. } => (StatusCode::$status, $name, $title),)+
                }
            }
        }
    };
}

problems! {
    /// Not the JSON that is expected, or a header that cannot be used: what is wrong with it.
    Malformed(String) = BAD_REQUEST, "malformed", "the request cannot be read";
    Unauthorized = UNAUTHORIZED, "unauthorized", "a valid bearer token is needed";
    NotFound = NOT_FOUND, "not-found", "not found";
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "the path does not support this method";
    BodyTooSlow(Duration) = REQUEST_TIMEOUT, "body-too-slow", "the body did not come in time";
    /// The key's first request is still in its synchronous call.
    InProgress = CONFLICT, "in-progress", "the first request with this key is still in progress";
    /// The event is not dead, so it cannot be replayed: its state.
    NotDead(&'static str) = CONFLICT, "not-dead", "only a dead event can be replayed";
    /// The event cannot be leased now: why, and after how many seconds it may.
    NotLeasable(&'static str, u64) = CONFLICT, "not-leasable", "the event cannot be leased now";
    /// The lease was taken over, or another outcome recorded for it.
    StaleLease = CONFLICT, "stale-lease", "the lease was taken over";
    NoSuchLease = CONFLICT, "no-such-lease", "unknown lease token";
    /// The event id is taken by another body whose key has expired.
    IdTaken = CONFLICT, "id-taken", "this event id belongs to another body";
    TooLarge(usize) = PAYLOAD_TOO_LARGE, "too-large", "the body is too large";
    NotJson = UNSUPPORTED_MEDIA_TYPE, "not-json", "the content type must be application/json";
    /// The body has an encoding or a charset that is not decoded.
    NotDecoded(String) = UNSUPPORTED_MEDIA_TYPE, "not-decoded", "the encoding of the body is not supported";
    BodyDiffers = UNPROCESSABLE_ENTITY, "body-differs", "this key was used with another body";
    /// Time until the next request is allowed.
    TooManyRequests(Duration) = TOO_MANY_REQUESTS, "too-many-requests", "this client exceeds its rate limit";
    /// Too much waits: in front of the commit, or to be processed.
    Overloaded(String) = SERVICE_UNAVAILABLE, "overloaded", "too many requests are waiting";
    Draining = SERVICE_UNAVAILABLE, "draining", "the server is stopping";
    /// The store cannot do it: I/O error.
    StoreDown(String) = SERVICE_UNAVAILABLE, "store-down", "the store is not available";
    /// The store cannot do it: the disk is full.
    StoreFull(String) = SERVICE_UNAVAILABLE, "store-full", "the store is full";
    /// The store cannot do it: it cannot be written.
    StoreReadOnly(String) = SERVICE_UNAVAILABLE, "store-read-only", "the store cannot be written";
    /// The commit took too long to be waited for; it may still succeed.
    CommitTooSlow(Duration) = SERVICE_UNAVAILABLE, "commit-too-slow", "the commit takes too long";
    /// The work within the request has come to an end, and the event is not processed: why, and what follows.
    NotProcessed(String) = SERVICE_UNAVAILABLE, "not-processed", "the event is not processed yet";
    /// The work within the request is done or under way, and the store does not take its outcome.
    RecordTooSlow(Duration) = SERVICE_UNAVAILABLE, "record-too-slow", "the outcome could not be recorded in time";
    /// How long a commit has been under way.
    StoreBusy(Duration) = SERVICE_UNAVAILABLE, "store-busy", "the store does not answer";
    ProviderFailed(String) = BAD_GATEWAY, "provider-failed", "the provider failed";
    ProviderTooSlow(String) = GATEWAY_TIMEOUT, "provider-too-slow", "the provider did not answer in time";
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
    /// What this one adds to its title.
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
            Problem::TooLarge(limit_bytes) => format!("the limit is {limit_bytes} bytes"),
            Problem::TooManyRequests(wait) => {
                format!("the next request is allowed in {} ms", wait.as_millis() + 1)
            }
            Problem::StoreBusy(time) => {
                format!("a commit has been under way for {} ms", time.as_millis())
            }
            Problem::RecordTooSlow(limit) => format!(
                "no answer within {} ms; the work continues, so repeat the request with the same key",
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
                "sent notifications are in the effect log; the current lease holder decides the outcome".to_owned()
            }
            Problem::NoSuchLease => "no outcome was recorded".to_owned(),
            Problem::IdTaken => "its key has expired, but event ids do not expire".to_owned(),
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
            // An operator has to make room first.
            Problem::StoreFull(_) | Problem::StoreReadOnly(_) => {
                Some((RETRY_AFTER, HeaderValue::from_static("5")))
            }
            _ => None,
        }
    }
}

/// Rounded up: a client that comes then is not refused again.
fn whole_seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from((wait.as_secs_f64().ceil() as u64).max(1))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let (status, name, title) = self.status_name_title();
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
    fn every_problem_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Problem::NAMES.into_iter().collect();
        assert_eq!(names.len(), Problem::NAMES.len());
        let is_plain = |name: &&str| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-'));
        assert!(names.iter().all(is_plain), "{names:?}");
    }
}
