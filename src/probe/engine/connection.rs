//! What carries one request at a time: a connection of HTTP/1.1, or one stream of a connection of HTTP/2.

mod body_search;
mod chunks;
mod foreign_protocol;
mod framing_fields;
mod http1;
mod http2;
mod response;
mod response_error;
mod response_options;

use std::borrow::Cow;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::monotonic_clock::MonotonicClock;
use super::timeline::{RequestPhase, Timeline};
use crate::run::plan::BodyFault;

pub(super) use http1::Http1Connection;
pub(super) use http2::{
    ConnectionEvent, Http2Connection, Http2Request, SlotOwner, StreamError, StreamSlot,
};
pub(super) use response_error::ResponseError;
pub(super) use response_options::{Expect, Keep, ResponseOptions, RetainedContent};

/// Carries one request at a time.
pub(super) enum Connection {
    Http1(Http1Connection),
    Http2(StreamSlot),
}

/// A request in the form that its connection sends.
#[derive(Debug)]
pub(super) enum EncodedRequest<'a> {
    Http1(Cow<'a, [u8]>),
    /// Or why HTTP/2 has no such request.
    Http2(Result<Rc<Http2Request>, String>),
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) finished_ns: u64,
    pub(super) body_bytes: u64,
    /// Whether the connection may carry another request.
    pub(super) reusable: bool,
    pub(super) server_timing: Vec<(String, Duration)>,
    /// What it said, if that was asked for.
    pub(super) kept: Option<RetainedContent>,
    /// What is wrong with its body, if that was asked for.
    pub(super) body_fault: Option<BodyFault>,
}

/// Why there is no complete answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Response(#[from] ResponseError),
    #[error("{0}")]
    Stream(#[from] StreamError),
}

impl EncodedRequest<'_> {
    /// The path that is asked for, with its query.
    pub(super) fn path(&self) -> Option<&str> {
        match self {
            EncodedRequest::Http1(bytes) => {
                let line = bytes.split(|&byte| byte == b'\r').next()?;
                std::str::from_utf8(line).ok()?.split(' ').nth(1)
            }
            EncodedRequest::Http2(Ok(request)) => Some(request.path()),
            EncodedRequest::Http2(Err(_)) => None,
        }
    }
}

impl Connection {
    /// Sends a request and reads its answer to the last byte. Dropping the future leaves the connection unusable.
    pub(super) async fn exchange(
        &mut self,
        request: &EncodedRequest<'_>,
        options: ResponseOptions<'_>,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<Response, ExchangeError> {
        match (self, request) {
            (Connection::Http1(connection), EncodedRequest::Http1(bytes)) => {
                timeline.enter(RequestPhase::FirstByte, clock.now_ns());
                connection.exchange(bytes, options, clock, timeline).await
            }
            (Connection::Http2(slot), EncodedRequest::Http2(Ok(request))) => {
                slot.exchange(request, options, clock, timeline).await
            }
            (_, EncodedRequest::Http2(Err(why))) => {
                Err(StreamError::Unsendable(why.clone()).into())
            }
            // The policy of the plan decides about both.
            (_, EncodedRequest::Http1(_) | EncodedRequest::Http2(_)) => {
                let why = "the connection speaks another version of HTTP".to_owned();
                Err(StreamError::Unsendable(why).into())
            }
        }
    }
}

/// The connection, unless there is none or its peer has closed it. A stream is used once.
pub(super) async fn still_open(connection: Option<Connection>) -> Option<Connection> {
    match connection? {
        Connection::Http1(connection) => {
            let open = connection.unless_stale().await?;
            Some(Connection::Http1(open))
        }
        Connection::Http2(_) => None,
    }
}
