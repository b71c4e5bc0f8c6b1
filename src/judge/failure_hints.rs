//! What an unexpected status suggests to do next, as values; the report has the sentences.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::run::plan::Endpoint;

/// The next step after a status that is not expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusHint {
    /// The path or the method is wrong.
    NameThePath,
    /// Credentials are missing or not accepted.
    SendCredentials,
    /// The proxy asks for credentials.
    SendProxyCredentials,
    /// A request without a body is malformed: the service may speak TLS.
    LookAtTheAnswer,
    /// The body is not what the service expects.
    GiveTheBody,
    /// A 304, with the cause.
    NotModified(NotModified),
    /// The service asks for another protocol.
    EnableHttp11,
    /// The service does not accept HTTP/1.1.
    AcceptHttp11,
    /// Redirects are not followed.
    NameTheTarget,
    /// The status may be what is meant.
    ExpectIt,
}

/// Why a request is answered with 304: its client has the document already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotModified {
    /// The endpoint's headers make it conditional.
    Conditional(Vec<&'static str>),
    /// The request asks past caches, and has no condition.
    Unasked,
    /// A cache may answer.
    Cached,
}

/// Headers that make a request conditional.
const CONDITIONS: [&str; 2] = ["If-None-Match", "If-Modified-Since"];

impl StatusHint {
    /// For an endpoint that answered this status.
    pub fn of(endpoint: &Endpoint, status: u16) -> StatusHint {
        match status {
            404 | 405 => StatusHint::NameThePath,
            401 | 403 => StatusHint::SendCredentials,
            407 => StatusHint::SendProxyCredentials,
            400 if endpoint.body.is_none() => StatusHint::LookAtTheAnswer,
            400 | 415 | 422 => StatusHint::GiveTheBody,
            304 => StatusHint::NotModified(NotModified::of(endpoint)),
            426 => StatusHint::EnableHttp11,
            505 => StatusHint::AcceptHttp11,
            300..=399 => StatusHint::NameTheTarget,
            _ => StatusHint::ExpectIt,
        }
    }
}

impl NotModified {
    fn of(endpoint: &Endpoint) -> NotModified {
        let conditions = CONDITIONS.into_iter();
        let sent: Vec<&str> = conditions
            .filter(|condition| endpoint.header(condition).is_some())
            .collect();
        if !sent.is_empty() {
            NotModified::Conditional(sent)
        } else if endpoint.header("Cache-Control").is_some() {
            NotModified::Unasked
        } else {
            NotModified::Cached
        }
    }
}

/// Whether a status shows that the request is wrong. Redirects and most 4xx do; 5xx, 408 and 429 show that the service
/// is unwell.
pub fn shows_a_wrong_plan(status: u16) -> bool {
    matches!(status, 300..=499) && !matches!(status, 408 | 425 | 429)
}

/// A status that is not expected of an endpoint, and the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnexpectedStatus {
    /// The status; 0 if no answer had an unexpected one.
    pub status: u16,
    /// The next step.
    #[serde(skip)]
    pub hint: StatusHint,
}

impl UnexpectedStatus {
    /// The one that came most often.
    pub fn most_frequent(endpoint: &Endpoint, statuses: &BTreeMap<u16, u64>) -> UnexpectedStatus {
        let unexpected = statuses
            .iter()
            .filter(|(status, _)| !endpoint.expect.contains(**status));
        let most = unexpected.max_by_key(|(_, count)| **count);
        UnexpectedStatus::of(endpoint, most.map_or(0, |(status, _)| *status))
    }

    /// For an endpoint that answered this status.
    pub fn of(endpoint: &Endpoint, status: u16) -> UnexpectedStatus {
        UnexpectedStatus {
            status,
            hint: StatusHint::of(endpoint, status),
        }
    }
}
