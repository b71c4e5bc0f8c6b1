//! One HTTP/1.1 connection: sends encoded bytes, reads one answer, stamps every instant at the socket.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::TcpStream;

use super::response::{ParseProgress, ResponseParser};
use super::{ExchangeError, Response, ResponseError, ResponseOptions};
use crate::probe::engine::monotonic_clock::MonotonicClock;
use crate::probe::engine::timeline::Timeline;
use crate::probe::engine::transport::Transport;
use crate::tls_roots::tls_failure;

/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// What is read is parsed in the same poll, so the connections of a thread share it.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// A connection that carries one request at a time.
#[derive(Debug)]
pub(in crate::probe::engine) struct Http1Connection {
    transport: Transport,
}

/// An exchange in progress: the number of sent bytes, and the received part of the answer.
struct Exchange<'a> {
    request: &'a [u8],
    sent: usize,
    flushed: bool,
    parser: ResponseParser<'a>,
    /// Kept while the answer may still explain it.
    write_error: Option<io::Error>,
}

impl Http1Connection {
    pub(in crate::probe::engine) fn new(transport: Transport) -> Http1Connection {
        Http1Connection { transport }
    }

    /// The stream under it, if that is plain TCP.
    pub(in crate::probe::engine) fn into_tcp(self) -> Option<TcpStream> {
        match self.transport {
            Transport::Tcp(stream) => Some(stream),
            _ => None,
        }
    }

    /// Sends a request and reads its answer to the last byte.
    ///
    /// Both directions are driven together, so that a server that answers before it has read a large body
    /// is heard. Dropping the future leaves the connection unusable.
    pub(in crate::probe::engine) async fn exchange(
        &mut self,
        request: &[u8],
        options: ResponseOptions<'_>,
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

    /// The connection, unless its peer has closed it.
    pub(super) async fn unless_stale(mut self) -> Option<Http1Connection> {
        (!self.is_stale().await).then_some(self)
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
            body_fault: self.parser.take_body_fault(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use tokio::net::TcpStream;

    use super::Http1Connection;
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
            let connection = Http1Connection::new(Transport::Tcp(stream));
            found += usize::from(connection.unless_stale().await.is_some());
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
