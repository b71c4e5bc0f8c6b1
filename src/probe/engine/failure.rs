//! Why a request has no answer: the bin it is counted in, a message, and the kind of failure that a hint depends on.

use std::io;

use super::connection::{ExchangeError, ResponseError};
use crate::run::preflight_failure::FailureCause;
use crate::run::sample::FailureKind;
use crate::tls_roots::{TlsFailure, tls_failure};

/// A request that failed.
#[derive(Debug)]
pub(super) struct RequestFailure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    pub(super) cause: FailureCause,
}

impl RequestFailure {
    pub(super) fn new(
        kind: FailureKind,
        cause: FailureCause,
        message: impl Into<String>,
    ) -> RequestFailure {
        RequestFailure {
            kind,
            message: message.into(),
            cause,
        }
    }

    pub(super) fn tls(failure: TlsFailure) -> RequestFailure {
        RequestFailure::new(
            FailureKind::Tls,
            FailureCause::Tls(failure.clone()),
            failure.to_string(),
        )
    }
}

impl From<ExchangeError> for RequestFailure {
    fn from(error: ExchangeError) -> RequestFailure {
        match error {
            ExchangeError::Io(error) => of_io(&error),
            ExchangeError::Response(error) => of_response(&error),
        }
    }
}

fn of_io(error: &io::Error) -> RequestFailure {
    if let Some(failure) = tls_failure(error) {
        return RequestFailure::tls(failure);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => RequestFailure::new(
            FailureKind::Reset,
            FailureCause::Closed,
            "the server closed the TLS connection without close_notify",
        ),
        io::ErrorKind::InvalidData => {
            RequestFailure::new(FailureKind::Tls, FailureCause::Malformed, words(error))
        }
        _ => RequestFailure::new(FailureKind::Reset, FailureCause::Closed, words(error)),
    }
}

fn of_response(error: &ResponseError) -> RequestFailure {
    use ResponseError as E;
    let kind = match error {
        E::ClosedInHead | E::Unanswered | E::ResetInHead | E::ResetInBody(_) => FailureKind::Reset,
        E::ClosedInBody(_) | E::Chunk(_) | E::BodyTooLong => FailureKind::Body,
        _ => FailureKind::Protocol,
    };
    let cause = match error {
        E::Unanswered => FailureCause::Closed,
        E::Tls => FailureCause::SpeaksTls,
        E::Http2 => FailureCause::Http2Only,
        E::NotHttp(_) => FailureCause::NotHttp,
        _ => FailureCause::Malformed,
    };
    RequestFailure::new(kind, cause, error.to_string())
}

/// The operating system's message, without its number.
pub(super) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}
