//! Why a service gave no answer before the run: the failure, and the phase that it ended in.

use std::time::Duration;

use crate::run::sample::FailureKind;
use crate::tls_roots::TlsFailure;

/// The kinds of failure that need different hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureCause {
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
    /// HTTP/2 was asked for, and the service does not speak it.
    NoHttp2,
    /// HTTP/2: the service refused the stream.
    RefusedStream,
    /// The request cannot be written in HTTP/2.
    Unsendable,
    /// The received bytes are another protocol.
    NotHttp,
    /// The answer is HTTP/1.x, but malformed, cut short or too long.
    Malformed,
    /// The proxy opens no way to the service; its status, if it answered.
    Proxy(Option<u16>),
    /// A redirect is not followed.
    Redirect,
    /// The run was stopped.
    Interrupted,
}

/// What came instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreflightFailure {
    /// No answer: the failure as a message, and its kind for a hint.
    #[error("{1}")]
    Failed(FailureKind, String, FailureCause),
    /// No complete answer within this time, and the phase that was reached.
    #[error("no answer within {}", crate::units::Pretty(*.0))]
    Timeout(Duration, PendingPhase),
}

/// The phase of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingPhase {
    /// The name to be resolved.
    Name,
    /// A connection.
    Connection,
    /// The TLS handshake.
    Handshake,
    /// HTTP/2: the SETTINGS of the server.
    Settings,
    /// HTTP/2: a stream, of which the server allows none.
    Stream,
    /// The first byte of the answer.
    Answer,
    /// The rest of the answer.
    Rest,
}

impl PreflightFailure {
    /// Whether any byte came from the server.
    pub fn is_answered(&self) -> bool {
        match self {
            PreflightFailure::Timeout(_, pending) => {
                matches!(pending, PendingPhase::Stream | PendingPhase::Rest)
            }
            PreflightFailure::Failed(_, _, cause) => matches!(
                cause,
                FailureCause::Tls(_)
                    | FailureCause::SpeaksTls
                    | FailureCause::Http2Only
                    | FailureCause::NoHttp2
                    | FailureCause::RefusedStream
                    | FailureCause::NotHttp
                    | FailureCause::Malformed
                    | FailureCause::Redirect
            ),
        }
    }

    /// Whether it concerns one endpoint; other failures concern the server.
    pub fn is_of_one_endpoint(&self) -> bool {
        match self {
            PreflightFailure::Timeout(_, pending) => {
                matches!(pending, PendingPhase::Answer | PendingPhase::Rest)
            }
            PreflightFailure::Failed(_, _, cause) => {
                matches!(
                    cause,
                    FailureCause::Closed
                        | FailureCause::Malformed
                        | FailureCause::RefusedStream
                        | FailureCause::Unsendable
                        | FailureCause::Redirect
                )
            }
        }
    }
}
