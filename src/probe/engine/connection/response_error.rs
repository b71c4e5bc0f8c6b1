//! Every way in which an answer breaks HTTP/1.1 or a limit of ours, and those limits.

use super::foreign_protocol::ForeignProtocol;

/// Longest head that is read, in bytes; each interim (1xx) answer has this limit too.
pub(super) const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Longest body that is read, in bytes.
pub(super) const MAX_BODY_BYTES: u64 = 1 << 30;

/// Most headers a head may have.
pub(super) const MAX_HEADERS: usize = 128;

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResponseError {
    /// Not HTTP/1.x; the identified protocol.
    #[error("the answer is not HTTP/1.1: {0}")]
    NotHttp(String),
    /// It begins with frames of HTTP/2.
    #[error("the server speaks HTTP/2 only")]
    Http2,
    /// A line of the head has no colon, or a control character.
    #[error("the answer has a malformed header line {0}")]
    HeaderLine(String),
    /// It begins like a TLS record.
    #[error("the answer looks like TLS, not HTTP; try https://")]
    Tls,
    /// The head is longer than is read.
    #[error("the head of the answer is longer than {} KiB", MAX_HEAD_BYTES / 1024)]
    HeadTooLong,
    /// More headers than are read.
    #[error("the answer has more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    /// Content-Length is not a number, or there are several that differ.
    #[error("the answer's Content-Length is '{0}'")]
    ContentLength(String),
    /// A transfer coding that is unknown, or follows chunked.
    #[error("the answer's Transfer-Encoding '{0}' is not supported")]
    TransferEncoding(String),
    /// The server changed the protocol, which the request did not ask for.
    #[error("the server switched protocols without a request")]
    Switched,
    /// The stream ended without a byte.
    #[error("the connection was closed without an answer")]
    Unanswered,
    /// The stream ended inside the head.
    #[error("the connection was closed before the answer was complete")]
    ClosedInHead,
    /// The stream ended inside the body.
    #[error("the connection was closed inside the body, after {0} bytes of it")]
    ClosedInBody(u64),
    /// The connection was reset inside the head.
    #[error("the connection was reset before the answer was complete")]
    ResetInHead,
    /// The connection was reset inside the body.
    #[error("the connection was reset inside the body, after {0} bytes of it")]
    ResetInBody(u64),
    /// A chunk's frame is wrong.
    #[error("the chunked body is malformed: {0}")]
    Chunk(&'static str),
    /// The body is longer than is read.
    #[error("the body is longer than {} MiB", MAX_BODY_BYTES / 1024 / 1024)]
    BodyTooLong,
}

impl From<ForeignProtocol> for ResponseError {
    fn from(foreign: ForeignProtocol) -> ResponseError {
        match foreign {
            ForeignProtocol::Tls => ResponseError::Tls,
            ForeignProtocol::Http2 => ResponseError::Http2,
            ForeignProtocol::Other(what) => ResponseError::NotHttp(what),
            ForeignProtocol::HeaderLine(line) => ResponseError::HeaderLine(line),
        }
    }
}
