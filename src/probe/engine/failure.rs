//! Why a request has no answer: the bin it is counted in, a message, and the kind of failure that a hint depends on.

use std::io;

use super::connection::ExchangeError;
use super::connection::response::ResponseError;
use crate::run::sample::FailureKind;
use crate::trust::{TlsFailure, tls_failure};

/// A request that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    pub(super) cause: Cause,
}

/// The kinds of failure that need different hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The name does not resolve.
    Name,
    /// Nothing listens there.
    Refused,
    /// No connection, for another reason.
    NoConnection,
    /// This machine has no file descriptor or port left.
    Exhausted,
    /// The connection ended without a byte of an answer.
    Closed,
    /// TLS failed: its certificates, or its protocol.
    Tls(TlsFailure),
    /// The received bytes are TLS, on a connection without TLS.
    SpeaksTls,
    /// The received bytes are HTTP/2.
    Http2Only,
    /// The received bytes are another protocol.
    NotHttp,
    /// The answer is HTTP/1.x, but malformed, cut short or too long.
    Malformed,
    /// The run was stopped.
    Interrupted,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, cause: Cause, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            message: message.into(),
            cause,
        }
    }

    pub(super) fn tls(failure: TlsFailure) -> Failure {
        Failure::new(
            FailureKind::Tls,
            Cause::Tls(failure.clone()),
            failure.to_string(),
        )
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Failure {
        match error {
            ExchangeError::Io(error) => of_io(&error),
            ExchangeError::Response(error) => of_response(&error),
        }
    }
}

fn of_io(error: &io::Error) -> Failure {
    if let Some(failure) = tls_failure(error) {
        return Failure::tls(failure);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Failure::new(
            FailureKind::Reset,
            Cause::Closed,
            "the server closed the TLS connection without close_notify",
        ),
        io::ErrorKind::InvalidData => {
            Failure::new(FailureKind::Tls, Cause::Malformed, words(error))
        }
        _ => Failure::new(FailureKind::Reset, Cause::Closed, words(error)),
    }
}

fn of_response(error: &ResponseError) -> Failure {
    use ResponseError as E;
    let kind = match error {
        E::ClosedInHead | E::Unanswered | E::ResetInHead | E::ResetInBody(_) => FailureKind::Reset,
        E::ClosedInBody(_) | E::Chunk(_) | E::BodyTooLong => FailureKind::Body,
        _ => FailureKind::Protocol,
    };
    let cause = match error {
        E::Unanswered => Cause::Closed,
        E::Tls => Cause::SpeaksTls,
        E::Http2 => Cause::Http2Only,
        E::NotHttp(_) => Cause::NotHttp,
        _ => Cause::Malformed,
    };
    Failure::new(kind, cause, error.to_string())
}

/// The operating system's message, without its number.
pub(super) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}
