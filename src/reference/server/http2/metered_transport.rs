//! The bytes under an HTTP/2 connection: metered, and read in slices, so that no client holds the event loop.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use super::frame_meter::FrameMeter;

/// Bytes that one connection reads before others have their turn: at most 455 frames.
const SLICE_BYTES: usize = 4096;

/// Reads what the meter allows.
pub(super) struct MeteredTransport<S> {
    stream: S,
    wire: Arc<WireState>,
    meter: FrameMeter,
    /// Bytes that are left of this turn.
    slice: usize,
}

/// What the transport found out, for the connection above it.
#[derive(Debug)]
pub(super) struct WireState {
    is_flooded: AtomicBool,
    input_ended: watch::Sender<bool>,
}

impl WireState {
    pub(super) fn new() -> Arc<WireState> {
        Arc::new(WireState {
            is_flooded: AtomicBool::new(false),
            input_ended: watch::Sender::new(false),
        })
    }

    /// The client sent more frames than it may. Nothing more of it is read.
    pub(super) fn is_flooded(&self) -> bool {
        self.is_flooded.load(Ordering::Relaxed)
    }

    /// The client has shut down its sending side. It may still wait for answers.
    pub(super) fn has_input_ended(&self) -> bool {
        *self.input_ended.borrow()
    }

    /// Resolves when it does so.
    pub(super) fn input_end(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut ended = self.input_ended.subscribe();
        async move {
            if ended.wait_for(|ended| *ended).await.is_err() {
                // The connection is gone, and so is everything that waits here.
                std::future::pending().await
            }
        }
    }
}

impl<S> MeteredTransport<S> {
    pub(super) fn new(stream: S, wire: Arc<WireState>) -> MeteredTransport<S> {
        MeteredTransport {
            stream,
            wire,
            meter: FrameMeter::new(Instant::now()),
            slice: SLICE_BYTES,
        }
    }

    fn written(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.meter.sent(*bytes);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MeteredTransport<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.wire.is_flooded() || this.wire.has_input_ended() {
            // The connection above looks at the state after each of its turns, and has timers of its own. An end of
            // the input would take away the answers that are due.
            return Poll::Pending;
        }
        if this.slice == 0 {
            this.slice = SLICE_BYTES;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = this.slice.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        if this.meter.received(part.filled(), Instant::now()).is_err() {
            this.wire.is_flooded.store(true, Ordering::Relaxed);
            return Poll::Pending;
        }
        if read == 0 && room > 0 {
            this.wire.input_ended.send_replace(true);
            return Poll::Pending;
        }
        buffer.advance(read);
        this.slice -= read;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MeteredTransport<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
