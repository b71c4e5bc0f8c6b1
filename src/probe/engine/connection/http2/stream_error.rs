//! Every way in which a stream of HTTP/2 ends without a complete answer.

use h2::Reason;

use super::frame_watch::{FrameWatch, StreamEnd};

/// Why a stream has no complete answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StreamError {
    /// The connection ended before the request was handed to it.
    #[error("the server ended the connection before the request was sent")]
    Unsent,
    /// Above the last stream of the server's GOAWAY: it was not processed (RFC 9113 §6.8).
    #[error("every connection ended before the server processed the request (GOAWAY, {0})")]
    Unprocessed(ErrorCode),
    /// Within the last stream of the server's GOAWAY, and left without an answer.
    #[error("the server ended the connection without an answer (GOAWAY, {0})")]
    GoAway(ErrorCode),
    /// `REFUSED_STREAM`.
    #[error("the server refused the stream (REFUSED_STREAM)")]
    Refused,
    /// RST_STREAM with another code.
    #[error("the server reset the stream ({0})")]
    Reset(ErrorCode),
    /// The answer breaks the protocol.
    #[error("the answer breaks HTTP/2 ({0})")]
    Malformed(ErrorCode),
    /// The server sent an answer that is not HTTP/2.
    #[error("{0}")]
    NotHttp2(String),
    /// The connection ended without a GOAWAY.
    #[error("the connection {how} {when}")]
    Lost {
        /// `was closed` or `broke`.
        how: &'static str,
        /// How far the answer had come.
        when: String,
    },
    /// The request cannot be written in HTTP/2.
    #[error("the request cannot be sent over HTTP/2: {0}")]
    Unsendable(String),
}

/// An error code of HTTP/2 (RFC 9113 §7), shown by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorCode(pub(super) u32);

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            // The names of the library, which knows these.
            0..=13 => write!(f, "{:?}", Reason::from(self.0)),
            other => write!(f, "error code {other}"),
        }
    }
}

/// How far the answer of a stream has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerProgress {
    pub(super) stream: u32,
    /// Bytes of the body, once there is a head.
    pub(super) body_bytes: Option<u64>,
}

/// Names the error that ended a stream.
pub(super) fn named(
    error: &h2::Error,
    progress: AnswerProgress,
    watch: &FrameWatch,
) -> StreamError {
    let code = ErrorCode(error.reason().unwrap_or(Reason::NO_ERROR).into());
    if error.is_reset() && error.is_remote() {
        return match error.reason() {
            Some(Reason::REFUSED_STREAM) => StreamError::Refused,
            _ => StreamError::Reset(code),
        };
    }
    if let Some(goaway) = watch.goaway {
        let code = ErrorCode(goaway.code);
        return if watch.is_unprocessed(progress.stream) {
            StreamError::Unprocessed(code)
        } else {
            StreamError::GoAway(code)
        };
    }
    if error.is_library() {
        return StreamError::Malformed(code);
    }
    StreamError::Lost {
        how: match watch.end {
            Some(StreamEnd::Closed) => "was closed",
            _ => "broke",
        },
        when: match progress.body_bytes {
            None => "without an answer".to_owned(),
            Some(bytes) => format!("inside the body, after {bytes} bytes of it"),
        },
    }
}
