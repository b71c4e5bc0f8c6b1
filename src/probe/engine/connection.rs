//! One HTTP/1.1 connection: sends encoded bytes, reads one answer, stamps every instant at the socket.

mod chunks;
mod foreign_protocol;
mod framing_fields;
mod response;
mod response_error;
mod response_options;

use crate::tls_roots::tls_failure;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::ReadBuf;

use super::monotonic_clock::MonotonicClock;
use super::timeline::Timeline;
use super::transport::Transport;
use response::{ParseProgress, ResponseParser};

pub(super) use response_error::ResponseError;
pub(super) use response_options::{Expect, Keep, ResponseOptions, RetainedContent};

/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// What is read is parsed in the same poll, so the connections of a thread share it.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// A connection that carries one request at a time.
#[derive(Debug)]
pub(super) struct Connection {
    transport: Transport,
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
}

/// Why there is no complete answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Response(#[from] ResponseError),
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
        Connection { transport }
    }

    /// Sends a request and reads its answer to the last byte.
    ///
    /// Both directions are driven together, so that a server that answers before it has read a large body
    /// is heard. Dropping the future leaves the connection unusable.
    pub(super) async fn exchange(
        &mut self,
        request: &[u8],
        options: ResponseOptions,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<Response, ExchangeError> {
        let mut exchange = Exchange {
            request,
            sent: 0,
            flushed: false,
            parser: ResponseParser::new(options),
            write_error: None,
        };
        poll_fn(|cx| {
            self.poll_send(cx, &mut exchange, timeline);
            BUFFER.with_borrow_mut(|buffer| {
                self.poll_answer(cx, buffer, &mut exchange, clock, timeline)
            })
        })
        .await
    }

    /// Whether the peer has closed an idle connection, or sent bytes without a request.
    ///
    /// Outside of tokio's budget for a task: where that is spent, every connection would seem open.
    async fn is_stale(&mut self) -> bool {
        let poll = poll_fn(|cx| {
            let mut byte = [0];
            let read = self.transport.poll_read(cx, &mut ReadBuf::new(&mut byte));
            Poll::Ready(read.is_ready())
        });
        tokio::task::unconstrained(poll).await
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        exchange: &mut Exchange<'_>,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Poll<Result<Response, ExchangeError>> {
        loop {
            let mut buf = ReadBuf::new(buffer);
            match self.transport.poll_read(cx, &mut buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(e)) => {
                    return Poll::Ready(Err(exchange.cut(e)));
                }
                Poll::Ready(Ok(())) => {}
            }
            let now_ns = clock.now_ns();
            let bytes = buf.filled();
            let surplus = if bytes.is_empty() {
                exchange.closed()?;
                0
            } else {
                timeline.first_byte(now_ns);
                match exchange.parser.feed(bytes)? {
                    ParseProgress::More => continue,
                    ParseProgress::Done(used) => bytes.len() - used,
                }
            };
            // A connection that still owes bytes in either direction is out of step.
            let in_step = surplus == 0 && exchange.is_sent();
            return Poll::Ready(Ok(exchange.answer(now_ns, in_step)));
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange<'_>,
        timeline: &mut Timeline,
    ) {
        while exchange.write_error.is_none() && exchange.sent < exchange.request.len() {
            match self
                .transport
                .poll_write(cx, &exchange.request[exchange.sent..])
            {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => exchange.write_error = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    exchange.sent += n;
                    timeline.written();
                }
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

/// The connection, unless there is none or its peer has closed it meanwhile.
pub(super) async fn still_open(connection: Option<Connection>) -> Option<Connection> {
    let mut connection = connection?;
    (!connection.is_stale().await).then_some(connection)
}

impl Exchange<'_> {
    fn is_sent(&self) -> bool {
        self.flushed && self.write_error.is_none()
    }

    /// A failed read. One that ends an answer that had begun is named by how far it had come.
    fn cut(&mut self, error: io::Error) -> ExchangeError {
        let is_of_tls = tls_failure(&error).is_some();
        match self.parser.reset().filter(|_| !is_of_tls) {
            Some(reset) => reset.into(),
            None => self.write_error.take().unwrap_or(error).into(),
        }
    }

    fn closed(&mut self) -> Result<(), ExchangeError> {
        let ended = self.parser.end_of_stream();
        match (ended, self.write_error.take()) {
            (Err(ResponseError::ClosedInHead), Some(e)) => Err(e.into()),
            (ended, _) => Ok(ended?),
        }
    }

    fn answer(&mut self, finished_ns: u64, in_step: bool) -> Response {
        Response {
            status: self.parser.status().unwrap_or(0),
            finished_ns,
            body_bytes: self.parser.body_bytes(),
            reusable: self.parser.reusable() && in_step,
            server_timing: self.parser.take_server_timing(),
            kept: self.parser.take_kept(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use tokio::net::TcpStream;

    use super::{Connection, still_open};
    use crate::probe::engine::transport::Transport;

    /// More than tokio lets a task read before it makes it wait.
    const MANY: usize = 300;

    async fn connections(listener: &TcpListener) -> (Vec<TcpStream>, Vec<std::net::TcpStream>) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..MANY {
            ours.push(
                TcpStream::connect(listener.local_addr().unwrap())
                    .await
                    .unwrap(),
            );
            theirs.push(listener.accept().unwrap().0);
        }
        (ours, theirs)
    }

    async fn still_open_among(streams: Vec<TcpStream>) -> usize {
        let mut found = 0;
        for stream in streams {
            let connection = Connection::new(Transport::Tcp(stream));
            found += usize::from(still_open(Some(connection)).await.is_some());
        }
        found
    }

    fn block_on(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(test);
    }

    #[test]
    fn any_number_of_closed_connections_is_seen_as_closed() {
        block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let (ours, theirs) = connections(&listener).await;
            drop(theirs);
            for stream in &ours {
                stream.readable().await.unwrap();
            }
            assert_eq!(still_open_among(ours).await, 0);
        });
    }

    #[test]
    fn idle_connections_are_seen_as_open() {
        block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let (ours, _theirs) = connections(&listener).await;
            assert_eq!(still_open_among(ours).await, MANY);
        });
    }
}
