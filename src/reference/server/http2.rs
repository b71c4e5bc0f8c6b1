//! HTTP/2 (RFC 9113) on h2: one connection with its streams, and what its client may cost.
//!
//! h2 bounds the size of heads, CONTINUATION frames, empty DATA frames, and resets of streams that were not begun. The
//! rest is bounded here: time without a request, frames that carry nothing ([`frame_meter`]), memory that requests and
//! answers hold ([`super::held_memory`]), time that an answer waits for a window ([`stream`]), connections at the same time.

mod frame_meter;
mod metered_transport;
mod request_data;
mod stream;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::config::Limits;
use super::exchange_host::ExchangeHost;
use super::held_memory::ConnectionShare;
use metered_transport::{MeteredTransport, WireState};
use stream::{PIECE_BYTES, StreamHost};

/// Time for a client to acknowledge that its connection ends.
const GOODBYE: Duration = Duration::from_secs(1);
/// Bytes of bodies that a client may send before they are read, for a stream and for all of a connection.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;

/// Whether a connection takes new requests.
#[derive(Clone, Copy, PartialEq)]
enum ConnectionPhase {
    Open,
    /// GOAWAY is sent; what is in flight may end until then.
    Ending(Instant),
}

/// What comes from a connection.
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Http2Event {
    Request(Request<RecvStream>, SendResponse<Bytes>),
    Flood,
    /// The client sends nothing more, and has all its answers.
    InputEnd,
    Closed(Result<(), h2::Error>),
}

/// Serves a connection that has sent the preface, until it is closed, or until the end of the requests during which the
/// server stops.
///
/// # Errors
/// Those of the connection, and what its client does against the protocol.
pub(super) async fn serve<S>(
    stream: S,
    exchanges: ExchangeHost,
    stopped: watch::Receiver<bool>,
) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let core = exchanges.app.core.clone();
    let limits = &core.config.limits;
    let place = core.http2.enter(limits.http2_connections);
    let wire = WireState::new();
    let transport = MeteredTransport::new(stream, wire.clone());
    let handshake = builder(limits).handshake(transport);
    let Ok(connection) = timeout(limits.head_time, handshake).await else {
        return Ok(());
    };
    let mut opened = ServedConnection {
        connection: connection?,
        running: JoinSet::new(),
        phase: ConnectionPhase::Open,
        idle_time: limits.head_time,
        host: Arc::new(StreamHost {
            exchanges,
            memory: core.http2.memory.clone(),
            share: ConnectionShare::default(),
            wire,
            write_time: limits.write_time,
        }),
    };
    if place.is_none() {
        core.http2.refused.increment();
        opened.end_at_once(Reason::ENHANCE_YOUR_CALM);
    }
    opened.run(stopped).await
}

fn builder(limits: &Limits) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(2 * PIECE_BYTES);
    builder
}

/// One connection. The streams that run end with it.
struct ServedConnection<S> {
    connection: Connection<MeteredTransport<S>, Bytes>,
    running: JoinSet<()>,
    phase: ConnectionPhase,
    /// Time for the first and for each next request.
    idle_time: Duration,
    host: Arc<StreamHost>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> ServedConnection<S> {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) -> Result<(), h2::Error> {
        let mut idle_until = Instant::now() + self.idle_time;
        loop {
            let (is_idle, phase) = (self.running.is_empty(), self.phase);
            let until = match phase {
                ConnectionPhase::Open => idle_until,
                ConnectionPhase::Ending(until) => until,
            };
            tokio::select! {
                event = poll_fn(|cx| poll_event(&mut self.connection, &self.host.wire, is_idle, phase, cx)) => match event {
                    Http2Event::Request(request, reply) => self.begin(request, reply),
                    Http2Event::Flood => {
                        self.host.exchanges.app.core.http2.floods.increment();
                        self.end_at_once(Reason::ENHANCE_YOUR_CALM);
                    }
                    Http2Event::InputEnd => self.end_at_once(Reason::NO_ERROR),
                    Http2Event::Closed(result) => {
                        if result.as_ref().is_err_and(h2::Error::is_library) {
                            self.host.exchanges.app.core.http2.faults.increment();
                        }
                        return result;
                    }
                },
                ended = self.running.join_next(), if !is_idle => {
                    if ended.is_some_and(|ended| ended.is_err()) {
                        tracing::error!("a request over HTTP/2 panicked");
                    }
                    idle_until = Instant::now() + self.idle_time;
                }
                () = sleep_until(until), if is_idle || phase != ConnectionPhase::Open => {
                    if phase != ConnectionPhase::Open {
                        return Ok(());
                    }
                    self.end_gracefully(GOODBYE);
                }
                _ = stopped.wait_for(|stop| *stop), if phase == ConnectionPhase::Open => {
                    // The server itself bounds how long this may take.
                    self.end_gracefully(self.idle_time);
                }
            }
        }
    }

    fn begin(&mut self, request: Request<RecvStream>, reply: SendResponse<Bytes>) {
        let host = self.host.clone();
        // Here and not in the task: large heads must not wait for their turn in memory that is not counted.
        let admitted = host.admit(request);
        let stream = async move { host.serve(admitted, reply).await };
        self.running.spawn(stream);
    }

    /// GOAWAY; requests that are under way end.
    fn end_gracefully(&mut self, time: Duration) {
        self.connection.graceful_shutdown();
        self.phase = ConnectionPhase::Ending(Instant::now() + time);
    }

    /// GOAWAY, and the end of every request.
    fn end_at_once(&mut self, reason: Reason) {
        self.running.abort_all();
        self.connection.abrupt_shutdown(reason);
        self.phase = ConnectionPhase::Ending(Instant::now() + GOODBYE);
    }
}

/// The connection makes progress, and then the state of its transport is looked at.
fn poll_event<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<MeteredTransport<S>, Bytes>,
    wire: &WireState,
    is_idle: bool,
    phase: ConnectionPhase,
    cx: &mut Context<'_>,
) -> Poll<Http2Event> {
    match connection.poll_accept(cx) {
        Poll::Ready(Some(Ok((request, reply)))) => Poll::Ready(Http2Event::Request(request, reply)),
        Poll::Ready(Some(Err(error))) => Poll::Ready(Http2Event::Closed(Err(error))),
        Poll::Ready(None) => Poll::Ready(Http2Event::Closed(Ok(()))),
        Poll::Pending if phase != ConnectionPhase::Open => Poll::Pending,
        Poll::Pending if wire.is_flooded() => Poll::Ready(Http2Event::Flood),
        Poll::Pending if wire.has_input_ended() && is_idle && !connection.has_streams() => {
            Poll::Ready(Http2Event::InputEnd)
        }
        Poll::Pending => Poll::Pending,
    }
}
