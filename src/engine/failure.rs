//! Why a request has no answer: the bin it is counted in, and words for a person.

use std::io;

use super::connection::ExchangeError;
use super::connection::response::ResponseError;
use crate::sample::FailureKind;

/// A request that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            message: message.into(),
        }
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Failure {
        let kind = match &error {
            // What rustls cannot decrypt or accept arrives as invalid data.
            ExchangeError::Io(e) if e.kind() == io::ErrorKind::InvalidData => FailureKind::Tls,
            ExchangeError::Io(_) | ExchangeError::Response(ResponseError::ClosedInHead) => {
                FailureKind::Reset
            }
            ExchangeError::Response(
                ResponseError::ClosedInBody(_)
                | ResponseError::Chunk(_)
                | ResponseError::BodyTooLong,
            ) => FailureKind::Body,
            ExchangeError::Response(_) => FailureKind::Protocol,
        };
        Failure::new(kind, error.to_string())
    }
}
