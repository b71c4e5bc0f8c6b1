//! Why a request has no answer: the bin it is counted in, a message, and the kind of failure that a hint depends on.

use std::io;

use super::connection::{ExchangeError, ResponseError, StreamError};
use crate::run::preflight_failure::FailureCause;
use crate::run::sample::FailureKind;
use crate::tls_roots::{TlsFailure, tls_failure};

#[derive(Debug, Clone)]
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
            ExchangeError::Stream(error) => of_stream(&error),
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

fn of_stream(error: &StreamError) -> RequestFailure {
    use StreamError as E;
    let (kind, cause) = match error {
        E::Refused => (FailureKind::RefusedStream, FailureCause::RefusedStream),
        E::Reset(_) => (FailureKind::StreamReset, FailureCause::Malformed),
        E::Unprocessed(_) | E::GoAway(_) => (FailureKind::GoAway, FailureCause::Malformed),
        E::Unsent | E::Lost { .. } => (FailureKind::Reset, FailureCause::Closed),
        E::Malformed(_) => (FailureKind::Protocol, FailureCause::Malformed),
        E::NotHttp2(_) => (FailureKind::Protocol, FailureCause::NoHttp2),
        E::Unsendable(_) => (FailureKind::Client, FailureCause::Unsendable),
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
