//! One stream: a request, its answer, and how long the answer may wait for the client's window.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use axum::response::IntoResponse;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::time::timeout;

use super::super::body_drain::{self, Expectation, UnreadBody, next};
use super::super::exchange_host::ExchangeHost;
use super::super::held_memory::{ConnectionShare, HeldBytes, HeldMemory, MemoryHeld};
use super::super::middleware::{SERVER_TIMING, Shed};
use super::super::problem::Problem;
use super::super::tracing_headers::REQUEST_ID;
use super::metered_transport::WireState;
use super::request_data::RequestData;

/// Most header fields of a request, as over HTTP/1.1.
const FIELDS: usize = 100;
/// What a stream costs in memory, apart from its fields and bodies.
const STREAM_BYTES: usize = 4096;
/// What a field costs, apart from its name and value.
const FIELD_BYTES: usize = 100;
/// What an answer of unknown length costs: it is read from the store while it is sent.
const LISTING_BYTES: usize = 512 * 1024;
/// Most bytes of an answer that wait in the connection at once. The client has the time for a write to take each.
pub(super) const PIECE_BYTES: usize = 16 * 1024;

/// What the streams of a connection share.
pub(super) struct StreamHost {
    pub(super) exchanges: ExchangeHost,
    pub(super) memory: Arc<HeldMemory>,
    pub(super) share: ConnectionShare,
    pub(super) wire: Arc<WireState>,
    /// Time that a client has to take a piece of an answer.
    pub(super) write_time: Duration,
}

/// A request with its place in memory, or without one.
pub(super) struct AdmittedRequest {
    request: Request<Body>,
    /// `None` if there was no memory left.
    held: Option<Arc<HeldBytes>>,
    unread: UnreadBody,
}

/// More header fields than [`FIELDS`].
pub(super) struct TooManyFields;

impl StreamHost {
    /// Counts the memory of a request that has just arrived.
    pub(super) fn admit(
        &self,
        request: Request<RecvStream>,
    ) -> Result<AdmittedRequest, TooManyFields> {
        if request.headers().len() > FIELDS {
            return Err(TooManyFields);
        }
        let unread = UnreadBody::default();
        let bytes = STREAM_BYTES + head_bytes(&request);
        let (request, held) = match self.memory.hold(&self.share, bytes) {
            Ok(held) => {
                let held = Arc::new(held);
                (self.request(request, &held, &unread), Some(held))
            }
            Err(MemoryHeld) => (shed(request), None),
        };
        Ok(AdmittedRequest {
            request,
            held,
            unread,
        })
    }

    /// Answers one request. Ends early when the client gives it up.
    pub(super) async fn serve(
        &self,
        admitted: Result<AdmittedRequest, TooManyFields>,
        mut reply: SendResponse<Bytes>,
    ) {
        let Ok(AdmittedRequest {
            request,
            held,
            unread,
        }) = admitted
        else {
            let mut refused = Response::new(());
            *refused.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            let _ = reply.send_response(refused, true);
            return;
        };
        let response = tokio::select! {
            response = self.exchanges.respond(request) => response,
            _ = poll_fn(|cx| reply.poll_reset(cx)) => return,
        };
        let is_awaited = response.status() != StatusCode::REQUEST_TIMEOUT;
        let answer = affordable(response, held.as_deref());
        let wait = match answer.keeping {
            AnswerKeeping::UntilTaken => self.write_time,
            AnswerKeeping::NoMemory => Duration::ZERO,
        };
        send(answer.response, reply, wait).await;
        if let Some(held) = held.filter(|_| unread.is_some() && is_awaited) {
            // Some clients lose an answer that a reset follows at once.
            held.settle();
            unread.discard(Expectation::None).await;
        }
    }

    fn request(
        &self,
        request: Request<RecvStream>,
        held: &Arc<HeldBytes>,
        unread: &UnreadBody,
    ) -> Request<Body> {
        let (head, stream) = request.into_parts();
        let body = if stream.is_end_stream() {
            Body::empty()
        } else {
            let input_end = self.wire.input_end();
            let data = RequestData::new(stream, &head.headers, held.clone(), input_end);
            body_drain::track(Body::new(data), unread)
        };
        Request::from_parts(head, body)
    }
}

/// Sends a response, of which the client takes each piece in this time.
async fn send(response: Response<Body>, mut reply: SendResponse<Bytes>, patience: Duration) {
    let (head, body) = response.into_parts();
    let mut head = Response::from_parts(head, ());
    prepare(head.headers_mut(), &body);
    if body.is_end_stream() {
        let _ = reply.send_response(head, true);
        return;
    }
    let Ok(mut stream) = reply.send_response(head, false) else {
        return;
    };
    if let Err(reason) = send_body(body, &mut stream, patience).await {
        stream.send_reset(reason);
    }
}

/// Sends a body as the client's windows allow; why it broke off, if it did.
async fn send_body(
    mut body: Body,
    stream: &mut SendStream<Bytes>,
    patience: Duration,
) -> Result<(), Reason> {
    while let Some(data) = next(&mut body).await {
        let mut data = data.map_err(|_| Reason::INTERNAL_ERROR)?;
        while !data.is_empty() {
            let piece = data.split_to(data.len().min(PIECE_BYTES));
            let sent = timeout(patience, send_piece(piece, stream)).await;
            sent.unwrap_or(Err(Reason::CANCEL))?;
        }
    }
    let end = stream.send_data(Bytes::new(), true);
    end.map_err(|_| Reason::CANCEL)
}

/// Hands a piece to the connection, as much at a time as may be sent at once.
async fn send_piece(mut piece: Bytes, stream: &mut SendStream<Bytes>) -> Result<(), Reason> {
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        if stream.capacity() == 0 {
            match poll_fn(|cx| stream.poll_capacity(cx)).await {
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Err(Reason::CANCEL),
            }
        }
        let part = piece.split_to(piece.len().min(stream.capacity()));
        let sent = stream.send_data(part, false);
        sent.map_err(|_| Reason::CANCEL)?;
    }
    Ok(())
}

/// A request for which there is no memory. Its body is not read, and a large head is not kept.
fn shed(request: Request<RecvStream>) -> Request<Body> {
    let is_large = head_bytes(&request) > STREAM_BYTES;
    let mut request = request.map(|_| Body::empty());
    if is_large {
        *request.headers_mut() = HeaderMap::new();
    }
    request.extensions_mut().insert(Shed);
    request
}

/// What a request's head costs in memory.
fn head_bytes(request: &Request<RecvStream>) -> usize {
    let uri = request.uri();
    let authority = uri
        .authority()
        .map_or(0, |authority| authority.as_str().len());
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| FIELD_BYTES + name.as_str().len() + value.len());
    authority + path + fields.sum::<usize>()
}

/// An answer, and whether it may wait for a window.
struct AffordableAnswer {
    response: Response<Body>,
    keeping: AnswerKeeping,
}

enum AnswerKeeping {
    UntilTaken,
    NoMemory,
}

/// The response, if there is memory to keep it until the client takes it; else one that says so.
fn affordable(response: Response<Body>, held: Option<&HeldBytes>) -> AffordableAnswer {
    let bytes = match response.body().size_hint().exact() {
        Some(bytes) => (bytes as usize).saturating_sub(STREAM_BYTES),
        None => LISTING_BYTES,
    };
    match held.map(|held| held.grow(bytes)) {
        Some(Ok(())) => AffordableAnswer {
            response,
            keeping: AnswerKeeping::UntilTaken,
        },
        // It was refused for want of memory already.
        None => AffordableAnswer {
            response,
            keeping: AnswerKeeping::NoMemory,
        },
        Some(Err(error)) => {
            let mut refused = Problem::Overloaded(error.to_string()).into_response();
            for name in [SERVER_TIMING, REQUEST_ID] {
                if let Some(value) = response.headers().get(&name) {
                    refused.headers_mut().insert(name, value.clone());
                }
            }
            AffordableAnswer {
                response: refused,
                keeping: AnswerKeeping::NoMemory,
            }
        }
    }
}

/// Headers that every answer has, without those that HTTP/2 forbids (RFC 9113 §8.2.2).
fn prepare(headers: &mut HeaderMap, body: &Body) {
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    if let Some(length) = body.size_hint().exact()
        && !body.is_end_stream()
    {
        headers
            .entry(CONTENT_LENGTH)
            .or_insert_with(|| HeaderValue::from(length));
    }
    let now = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
    if let Some(now) = now.ok().and_then(|now| HeaderValue::try_from(now).ok()) {
        headers.entry(DATE).or_insert(now);
    }
}
