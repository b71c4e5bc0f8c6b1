//! A deadline for each write: a client that stops reading does not hold its connection indefinitely.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The stream fails with [`io::ErrorKind::TimedOut`] when no byte could be written for this time.
pub(super) struct WriteDeadline<S> {
    stream: S,
    limit: Duration,
    /// Runs while there is no room.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteDeadline<S> {
    pub(super) fn new(stream: S, limit: Duration) -> WriteDeadline<S> {
        WriteDeadline {
            stream,
            limit,
            stuck: None,
        }
    }

    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stuck = None;
            return progress;
        }
        let limit = self.limit;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(limit)));
        match stuck.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::WriteDeadline;

    #[tokio::test]
    async fn whoever_does_not_read_is_waited_for_so_long_and_no_longer() {
        let (mut client, server) = duplex(4);
        let mut server = WriteDeadline::new(server, Duration::from_millis(20));
        let error = server.write_all(b"more than four").await;
        assert_eq!(error.expect_err("stuck").kind(), ErrorKind::TimedOut);
        let mut read = [0; 4];
        client.read_exact(&mut read).await.expect("the sent bytes");
        assert_eq!(&read, b"more");
    }

    #[tokio::test]
    async fn whoever_reads_a_little_gets_everything_in_the_end() {
        let (mut client, server) = duplex(4);
        let mut server = WriteDeadline::new(server, Duration::from_secs(60));
        let text = b"more than four";
        let writing = tokio::spawn(async move { server.write_all(text).await });
        let mut read = vec![0; text.len()];
        client.read_exact(&mut read).await.expect("all of it");
        assert_eq!(read, text);
        assert!(writing.await.expect("no panic").is_ok());
    }
}
