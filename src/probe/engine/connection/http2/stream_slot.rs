//! The right to one stream of a connection: sends one request on it and reads the answer.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::HeaderMap;

use super::Http2Connection;
use super::http2_request::Http2Request;
use super::stream_error::{AnswerProgress, StreamError, named};
use crate::probe::engine::connection::body_search::BodySearch;
use crate::probe::engine::connection::framing_fields::server_timing;
use crate::probe::engine::connection::response_error::{MAX_BODY_BYTES, ResponseError};
use crate::probe::engine::connection::{
    ExchangeError, Keep, Response, ResponseOptions, RetainedContent,
};
use crate::probe::engine::monotonic_clock::MonotonicClock;
use crate::probe::engine::timeline::{RequestPhase, Timeline};

/// What takes a stream back.
pub(in crate::probe::engine) trait SlotOwner {
    /// A stream of this connection is free again.
    fn freed(self: Rc<Self>, connection: &Rc<Http2Connection>);
}

/// A stream that is taken; dropping it frees the stream.
pub(in crate::probe::engine) struct StreamSlot {
    connection: Rc<Http2Connection>,
    owner: Rc<dyn SlotOwner>,
}

impl StreamSlot {
    /// Takes a stream of a connection that has room.
    pub(in crate::probe::engine) fn of(
        connection: &Rc<Http2Connection>,
        owner: Rc<dyn SlotOwner>,
    ) -> StreamSlot {
        connection.in_use.set(connection.in_use.get() + 1);
        StreamSlot {
            connection: Rc::clone(connection),
            owner,
        }
    }

    /// Sends a request and reads its answer to the last byte. Dropping the future resets the stream.
    pub(in crate::probe::engine) async fn exchange(
        &self,
        request: &Http2Request,
        options: ResponseOptions<'_>,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<Response, ExchangeError> {
        let SentHead {
            queued_ns,
            answer,
            mut upload,
        } = match self.sent_at_once(request, clock)? {
            Some(sent) => sent,
            None => self.sent_by_another(request, clock).await?,
        };
        let stream = answer.stream_id().as_u32();
        let written = timeline.take_written();
        self.connection.watch.borrow_mut().begin(stream, written);
        let stamps = Stamping {
            connection: &self.connection,
            stream,
            queued_ns,
            clock,
            timeline,
        };
        if let Some(body) = &request.body {
            // The error of a stream that has ended already is that of its answer.
            let _ = upload.send_data(body.clone(), true);
        }
        let read = self.read(answer, options, stamps.stream).await;
        let finished_ns = stamps.finished_ns();
        let mut response = read?;
        response.finished_ns = finished_ns;
        Ok(response)
    }

    /// Sends by the handle that all requests of the connection share; `None` while one of them waits to be opened, because
    /// the server has lowered its limit.
    fn sent_at_once(
        &self,
        request: &Http2Request,
        clock: MonotonicClock,
    ) -> Result<Option<SentHead>, StreamError> {
        let mut requests = self.connection.requests.borrow_mut();
        let requests = requests.as_mut().ok_or(StreamError::Unsent)?;
        match requests.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => self.send(requests, request, clock).map(Some),
            Poll::Ready(Err(_)) => Err(StreamError::Unsent),
            Poll::Pending => Ok(None),
        }
    }

    /// The same by a handle of its own, which does not wait for the others.
    async fn sent_by_another(
        &self,
        request: &Http2Request,
        clock: MonotonicClock,
    ) -> Result<SentHead, StreamError> {
        let requests = self.connection.requests.borrow().clone();
        let requests = requests.ok_or(StreamError::Unsent)?;
        // It is dropped in the end: it would keep the connection open.
        let mut requests = requests.ready().await.map_err(|_| StreamError::Unsent)?;
        self.send(&mut requests, request, clock)
    }

    fn send(
        &self,
        requests: &mut SendRequest<Bytes>,
        request: &Http2Request,
        clock: MonotonicClock,
    ) -> Result<SentHead, StreamError> {
        let queued_ns = clock.now_ns();
        let sent = requests.send_request(request.head.clone(), request.body.is_none());
        let (answer, upload) = sent.map_err(|error| self.not_sent(&error))?;
        Ok(SentHead {
            queued_ns,
            answer,
            upload,
        })
    }

    fn not_sent(&self, error: &h2::Error) -> StreamError {
        if error.is_io() || error.is_go_away() || error.is_reset() {
            StreamError::Unsent
        } else {
            StreamError::Unsendable(error.to_string())
        }
    }

    async fn read(
        &self,
        answer: ResponseFuture,
        options: ResponseOptions<'_>,
        stream: u32,
    ) -> Result<Response, ExchangeError> {
        let mut progress = AnswerProgress {
            stream,
            body_bytes: None,
        };
        let failed = |error: &h2::Error, progress| -> ExchangeError {
            named(error, progress, &self.connection.watch.borrow()).into()
        };
        let answer = answer.await.map_err(|error| failed(&error, progress))?;
        let (head, mut body) = answer.into_parts();
        let mut content = ReceivedContent::new(options, &head.headers);
        progress.body_bytes = Some(0);
        while !body.is_end_stream() {
            let Some(piece) = body.data().await else {
                break;
            };
            let piece = match piece {
                Ok(piece) => piece,
                Err(_) if self.is_complete(stream) => break,
                Err(error) => return Err(failed(&error, progress)),
            };
            // Fails for a stream that is closed, which needs no window.
            let _ = body.flow_control().release_capacity(piece.len());
            content.add(&piece);
            progress.body_bytes = Some(content.bytes);
            if content.bytes > MAX_BODY_BYTES {
                return Err(ResponseError::BodyTooLong.into());
            }
        }
        if !body.is_end_stream() {
            let end = self.trailers(&mut body, stream).await;
            end.map_err(|error| failed(&error, progress))?;
        }
        Ok(content.response(head.status.as_u16()))
    }

    /// Waits for the end of the stream, which trailers may delay.
    async fn trailers(&self, body: &mut RecvStream, stream: u32) -> Result<(), h2::Error> {
        match body.trailers().await {
            Err(_) if self.is_complete(stream) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Whether the last byte of the answer has come: a server may then reset the rest of the request (RFC 9113 §8.1).
    fn is_complete(&self, stream: u32) -> bool {
        self.connection.watch.borrow().ended(stream).is_some()
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let connection = &self.connection;
        connection.in_use.set(connection.in_use.get() - 1);
        Rc::clone(&self.owner).freed(connection);
    }
}

/// A request whose head was handed to the connection.
struct SentHead {
    queued_ns: u64,
    answer: ResponseFuture,
    upload: SendStream<Bytes>,
}

/// Has a stream stamped, and hands the stamps to the timeline however the request ends.
struct Stamping<'a> {
    connection: &'a Http2Connection,
    stream: u32,
    /// When it was handed to the connection.
    queued_ns: u64,
    clock: MonotonicClock,
    timeline: &'a mut Timeline,
}

impl Stamping<'_> {
    /// When the last byte of the answer came; now, if it did not.
    fn finished_ns(&self) -> u64 {
        let ended = self.connection.watch.borrow().ended(self.stream);
        self.clock.ns_of(ended.unwrap_or_else(Instant::now))
    }
}

impl Drop for Stamping<'_> {
    fn drop(&mut self) {
        let stamps = self.connection.watch.borrow_mut().finish(self.stream);
        match stamps.sent {
            Some(sent) => self.timeline.sent_at(self.clock.ns_of(sent)),
            // The connection took none of it.
            None => self.timeline.enter(RequestPhase::Slot, self.queued_ns),
        }
        if let Some(head) = stamps.head {
            self.timeline.first_byte(self.clock.ns_of(head));
        }
    }
}

/// What is kept of an answer while its body comes in.
struct ReceivedContent<'a> {
    kept: Option<RetainedContent>,
    keep: Keep,
    search: Option<BodySearch<'a>>,
    bytes: u64,
    server_timing: Vec<(String, std::time::Duration)>,
}

impl<'a> ReceivedContent<'a> {
    fn new(options: ResponseOptions<'a>, headers: &HeaderMap) -> ReceivedContent<'a> {
        let mut content = ReceivedContent {
            kept: (options.keep != Keep::Nothing).then(RetainedContent::default),
            keep: options.keep,
            search: options.search.map(BodySearch::new),
            bytes: 0,
            server_timing: Vec::new(),
        };
        for value in headers.get_all("server-timing") {
            content
                .server_timing
                .extend(server_timing(value.as_bytes()));
        }
        if content.kept.is_some() || content.search.is_some() {
            let fields: Vec<httparse::Header<'_>> = headers
                .iter()
                .map(|(name, value)| httparse::Header {
                    name: name.as_str(),
                    value: value.as_bytes(),
                })
                .collect();
            if let Some(kept) = &mut content.kept {
                kept.read_fields(&fields);
            }
            if let Some(search) = &mut content.search {
                search.read_fields(&fields);
            }
        }
        content
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if let Some(kept) = &mut self.kept
            && self.keep == Keep::Content
        {
            kept.add_body(bytes);
        }
        if let Some(search) = &mut self.search {
            search.add(bytes);
        }
    }

    fn response(self, status: u16) -> Response {
        Response {
            status,
            finished_ns: 0,
            body_bytes: self.bytes,
            // The stream is used up, whatever becomes of the connection.
            reusable: false,
            server_timing: self.server_timing,
            kept: self.kept,
            body_fault: self.search.and_then(BodySearch::fault),
        }
    }
}
