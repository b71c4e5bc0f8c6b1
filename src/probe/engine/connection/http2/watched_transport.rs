//! The byte stream that the HTTP/2 library reads and writes: every byte passes its watch.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frame_watch::{FrameWatch, StreamEnd};
use crate::probe::engine::transport::Transport;

#[derive(Debug)]
pub(super) struct WatchedTransport {
    pub(super) transport: Transport,
    pub(super) watch: Rc<RefCell<FrameWatch>>,
}

impl AsyncRead for WatchedTransport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = self.transport.poll_read(cx, buf);
        let mut watch = self.watch.borrow_mut();
        match &read {
            Poll::Pending => {}
            Poll::Ready(Ok(())) if buf.filled().len() > before => {
                watch.received(&buf.filled()[before..], Instant::now());
            }
            Poll::Ready(Ok(())) => watch.end = Some(StreamEnd::Closed),
            Poll::Ready(Err(_)) => watch.end = Some(StreamEnd::Broken),
        }
        drop(watch);
        read
    }
}

impl AsyncWrite for WatchedTransport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        let written = self.transport.poll_write(cx, bytes);
        if let Poll::Ready(Ok(taken)) = written {
            self.watch.borrow_mut().sent(&bytes[..taken], now);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_shutdown(cx)
    }
}
