//! One HTTP/2 connection: many requests at a time, each on a stream of its own, all instants stamped at the socket.
//!
//! The library does frames, header compression and flow control. A task drives the connection; requests are tasks of
//! the same thread.

mod frame_reader;
mod frame_watch;
mod http2_request;
mod stream_error;
mod stream_slot;
mod watched_transport;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::{self, SendRequest};

use super::foreign_protocol::{self, ForeignProtocol};
use super::response_error::MAX_HEAD_BYTES;
use super::{ExchangeError, ResponseError};
use crate::probe::engine::transport::Transport;
use frame_watch::{FrameWatch, StreamEnd};
use watched_transport::WatchedTransport;

pub(in crate::probe::engine) use http2_request::Http2Request;
pub(in crate::probe::engine) use stream_error::StreamError;
pub(in crate::probe::engine) use stream_slot::{SlotOwner, StreamSlot};

/// What the server may send of one answer before it is read, in bytes: the answers are read at once, so that no window
/// of ours slows the server down.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;

/// The same for all streams of a connection together.
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;

/// Streams that were given up and whose late frames are recognized. Timeouts may give up all streams at once.
const ABANDONED: usize = 65_536;

/// An open connection.
pub(in crate::probe::engine) struct Http2Connection {
    /// Makes requests; `None` once the connection takes no more, which lets it close when its streams have ended.
    requests: RefCell<Option<SendRequest<Bytes>>>,
    watch: Rc<RefCell<FrameWatch>>,
    /// Streams that are taken.
    in_use: Cell<usize>,
    /// Most streams that the server allows at present.
    allowed: Cell<usize>,
}

/// What moves the bytes of a connection; ends with it.
pub(in crate::probe::engine) struct Http2Driver {
    io: client::Connection<WatchedTransport, Bytes>,
    connection: Rc<Http2Connection>,
}

/// What a driver has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probe::engine) enum ConnectionEvent {
    /// The server has changed how many streams it allows.
    NewLimit,
    /// The connection takes no more requests: a GOAWAY, or its end.
    Retired,
}

impl Http2Connection {
    /// Begins a connection; returns when the server has sent its SETTINGS, which say how many streams it allows.
    pub(in crate::probe::engine) async fn open(
        transport: Transport,
    ) -> Result<(Rc<Http2Connection>, Http2Driver), ExchangeError> {
        let watch = Rc::new(RefCell::new(FrameWatch::new()));
        let transport = WatchedTransport {
            transport,
            watch: Rc::clone(&watch),
        };
        let begun = client::Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEAD_BYTES as u32)
            .max_concurrent_reset_streams(ABANDONED)
            .max_local_error_reset_streams(None)
            .handshake(transport)
            .await;
        let failed = |error: h2::Error| not_opened(error, &watch.borrow());
        let (requests, mut io) = begun.map_err(failed)?;
        poll_fn(|cx| {
            let polled = Pin::new(&mut io).poll(cx);
            let seen = watch.borrow();
            match polled {
                _ if seen.is_foreign => Poll::Ready(Err(foreign(&seen))),
                Poll::Ready(Err(error)) => Poll::Ready(Err(not_opened(error, &seen))),
                Poll::Ready(Ok(())) => Poll::Ready(Err(foreign(&seen))),
                Poll::Pending if seen.has_settings => Poll::Ready(Ok(())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await?;
        let connection = Rc::new(Http2Connection {
            allowed: Cell::new(requests.current_max_send_streams()),
            requests: RefCell::new(Some(requests)),
            watch,
            in_use: Cell::new(0),
        });
        connection.watch.borrow_mut().new_settings = false;
        let driver = Http2Driver {
            io,
            connection: Rc::clone(&connection),
        };
        Ok((connection, driver))
    }

    /// Whether it is open for requests.
    pub(in crate::probe::engine) fn is_usable(&self) -> bool {
        self.requests.borrow().is_some()
    }

    /// Most streams that the server allows at present.
    pub(in crate::probe::engine) fn allowed(&self) -> usize {
        self.allowed.get()
    }

    /// Whether the server has sent a GOAWAY.
    pub(in crate::probe::engine) fn has_goaway(&self) -> bool {
        self.watch.borrow().goaway.is_some()
    }

    /// Whether a stream is free where at most this many are used.
    pub(in crate::probe::engine) fn has_room(&self, streams: usize) -> bool {
        self.is_usable() && self.in_use.get() < streams.min(self.allowed.get())
    }

    /// Takes no more requests; it closes when its streams have ended.
    pub(in crate::probe::engine) fn retire(&self) {
        *self.requests.borrow_mut() = None;
    }

    /// Looks at what has passed the socket since the last time.
    fn event(&self) -> Option<ConnectionEvent> {
        let mut watch = self.watch.borrow_mut();
        let is_over = watch.goaway.is_some() || watch.end.is_some();
        if is_over && self.is_usable() {
            return Some(ConnectionEvent::Retired);
        }
        if std::mem::take(&mut watch.new_settings)
            && let Some(requests) = &*self.requests.borrow()
        {
            self.allowed.set(requests.current_max_send_streams());
            return Some(ConnectionEvent::NewLimit);
        }
        None
    }
}

impl Http2Driver {
    /// Moves bytes until the connection ends, and tells what happens to it.
    pub(in crate::probe::engine) async fn drive(mut self, mut tell: impl FnMut(ConnectionEvent)) {
        poll_fn(|cx: &mut Context<'_>| {
            let ended = Pin::new(&mut self.io).poll(cx);
            if let Some(event) = self.connection.event() {
                tell(event);
            }
            ended.map(|_| ())
        })
        .await;
        if self.connection.is_usable() {
            tell(ConnectionEvent::Retired);
        }
    }
}

/// Why a connection has no SETTINGS.
fn not_opened(error: h2::Error, seen: &FrameWatch) -> ExchangeError {
    if !seen.first_bytes().is_empty() || seen.end == Some(StreamEnd::Closed) {
        return foreign(seen);
    }
    match error.into_io() {
        Some(error) => ExchangeError::Io(error),
        None => foreign(seen),
    }
}

/// What the server sent in place of SETTINGS.
fn foreign(seen: &FrameWatch) -> ExchangeError {
    let bytes = seen.first_bytes();
    let other = match foreign_protocol::judge_all(bytes) {
        Some(ForeignProtocol::Tls) => return ResponseError::Tls.into(),
        Some(ForeignProtocol::Other(what)) => format!("the answer is not HTTP/2: {what}"),
        _ if bytes.is_empty() => "the server closed the connection without SETTINGS".to_owned(),
        _ if foreign_protocol::begins_as_http(bytes) => "the server answers in HTTP/1.1".to_owned(),
        _ => "the answer does not begin with SETTINGS".to_owned(),
    };
    StreamError::NotHttp2(other).into()
}
