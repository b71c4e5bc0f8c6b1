//! One HTTP/1.1 connection: sends encoded bytes, reads one answer, stamps every instant at the socket.

pub(super) mod response;

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::ReadBuf;

use super::clock::Clock;
use super::transport::Transport;
use crate::sample::FailureKind;
use response::{Expect, Progress, ResponseError, ResponseParser};

/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1024;

/// A connection that carries one request at a time.
#[derive(Debug)]
pub(super) struct Connection {
    transport: Transport,
    buffer: Box<[u8]>,
    /// Requests it has carried.
    pub(super) uses: u64,
}

/// Instants of one exchange, in ns of the run's clock; kept outside so that a timeout leaves them readable.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Stamps {
    /// Just before the first byte was handed to the socket.
    pub(super) sent_ns: Option<u64>,
    /// When the first bytes of the answer had been read.
    pub(super) first_byte_ns: Option<u64>,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) finished_ns: u64,
    pub(super) body_bytes: u64,
    /// Whether the connection may carry another request.
    pub(super) reusable: bool,
    pub(super) server_timing: Vec<(String, Duration)>,
}

/// Why there is no complete answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Response(#[from] ResponseError),
}

impl ExchangeError {
    /// The bin it is counted in.
    pub(super) fn kind(&self) -> FailureKind {
        match self {
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
        }
    }
}

/// An exchange under way: how much was sent, and the answer so far.
struct Exchange<'a> {
    request: &'a [u8],
    sent: usize,
    flushed: bool,
    parser: ResponseParser,
    /// Kept while the answer may still explain it.
    write_error: Option<io::Error>,
}

impl Connection {
    pub(super) fn new(transport: Transport) -> Connection {
        Connection {
            transport,
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            uses: 0,
        }
    }

    /// Sends a request and reads its answer to the last byte.
    ///
    /// Both directions are driven together, so that a server that answers before it has read a large body
    /// is heard. Dropping the future leaves the connection unusable.
    pub(super) async fn exchange(
        &mut self,
        request: &[u8],
        expect: Expect,
        clock: Clock,
        stamps: &mut Stamps,
    ) -> Result<Answer, ExchangeError> {
        let mut exchange = Exchange {
            request,
            sent: 0,
            flushed: false,
            parser: ResponseParser::new(expect),
            write_error: None,
        };
        self.uses += 1;
        stamps.sent_ns = Some(clock.now_ns());
        poll_fn(|cx| self.poll_exchange(cx, &mut exchange, clock, stamps)).await
    }

    /// Whether the peer has closed an idle connection, or sent what nobody asked for.
    pub(super) async fn is_stale(&mut self) -> bool {
        poll_fn(|cx| {
            let mut buf = ReadBuf::new(&mut self.buffer);
            Poll::Ready(self.transport.poll_read(cx, &mut buf).is_ready())
        })
        .await
    }

    fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange<'_>,
        clock: Clock,
        stamps: &mut Stamps,
    ) -> Poll<Result<Answer, ExchangeError>> {
        self.poll_send(cx, exchange);
        loop {
            let mut buf = ReadBuf::new(&mut self.buffer);
            match self.transport.poll_read(cx, &mut buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(e)) => {
                    return Poll::Ready(Err(exchange.write_error.take().unwrap_or(e).into()));
                }
                Poll::Ready(Ok(())) => {}
            }
            let now_ns = clock.now_ns();
            let bytes = buf.filled();
            let surplus = if bytes.is_empty() {
                exchange.closed()?;
                0
            } else {
                stamps.first_byte_ns.get_or_insert(now_ns);
                match exchange.parser.feed(bytes)? {
                    Progress::More => continue,
                    Progress::Done(used) => bytes.len() - used,
                }
            };
            // A connection that still owes bytes in either direction is out of step.
            let in_step = surplus == 0 && exchange.is_sent();
            return Poll::Ready(Ok(exchange.answer(now_ns, in_step)));
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, exchange: &mut Exchange<'_>) {
        while exchange.write_error.is_none() && exchange.sent < exchange.request.len() {
            match self
                .transport
                .poll_write(cx, &exchange.request[exchange.sent..])
            {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => exchange.write_error = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => exchange.sent += n,
                Poll::Ready(Err(e)) => exchange.write_error = Some(e),
            }
        }
        if exchange.write_error.is_none() && !exchange.flushed {
            match self.transport.poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => exchange.flushed = true,
                Poll::Ready(Err(e)) => exchange.write_error = Some(e),
            }
        }
    }
}

impl Exchange<'_> {
    fn is_sent(&self) -> bool {
        self.flushed && self.write_error.is_none()
    }

    fn closed(&mut self) -> Result<(), ExchangeError> {
        let ended = self.parser.end_of_stream();
        match (ended, self.write_error.take()) {
            (Err(ResponseError::ClosedInHead), Some(e)) => Err(e.into()),
            (ended, _) => Ok(ended?),
        }
    }

    fn answer(&mut self, finished_ns: u64, in_step: bool) -> Answer {
        Answer {
            status: self.parser.status().unwrap_or(0),
            finished_ns,
            body_bytes: self.parser.body_bytes(),
            reusable: self.parser.reusable() && in_step,
            server_timing: self.parser.take_server_timing(),
        }
    }
}
