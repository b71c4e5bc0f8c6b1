//! Tells HTTP/2 with prior knowledge from HTTP/1.1, by the first bytes of a connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// What a client of HTTP/2 sends first (RFC 9113 §3.4). No method of HTTP/1.1 is called PRI.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpokenProtocol {
    /// Or something that is answered 400 as HTTP/1.1.
    Http1,
    Http2,
}

/// A stream whose first bytes were read and are read again.
pub(super) struct Rewound<S> {
    stream: S,
    first: [u8; PREFACE.len()],
    /// Of `first`, how far it is filled, and how far it is read again.
    filled: usize,
    read: usize,
}

/// Reads until the protocol is known: the first byte that differs from the preface decides.
///
/// # Errors
/// Those of the stream.
pub(super) async fn recognize<S>(mut stream: S) -> io::Result<(SpokenProtocol, Rewound<S>)>
where
    S: AsyncRead + Unpin,
{
    let (mut first, mut filled) = ([0; PREFACE.len()], 0);
    while filled < PREFACE.len() && PREFACE.starts_with(&first[..filled]) {
        match stream.read(&mut first[filled..]).await? {
            0 => break,
            read => filled += read,
        }
    }
    let protocol = if first == *PREFACE {
        SpokenProtocol::Http2
    } else {
        SpokenProtocol::Http1
    };
    let rewound = Rewound {
        stream,
        first,
        filled,
        read: 0,
    };
    Ok((protocol, rewound))
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let again = &self.first[self.read..self.filled];
        if again.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let taken = again.len().min(buffer.remaining());
        buffer.put_slice(&again[..taken]);
        self.read += taken;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::{PREFACE, SpokenProtocol, recognize};

    /// The protocol of a client that sends these pieces and no more, and what is read after it was recognized.
    async fn recognized(pieces: &[&[u8]]) -> (SpokenProtocol, Vec<u8>) {
        let (mut client, server) = duplex(64);
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let sending = tokio::spawn(async move {
            for piece in pieces {
                client.write_all(&piece).await.expect("sent");
                tokio::task::yield_now().await;
            }
        });
        let (protocol, mut stream) = recognize(server).await.expect("read");
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.expect("read");
        sending.await.expect("no panic");
        (protocol, read)
    }

    #[tokio::test]
    async fn the_preface_is_http2_in_one_piece_and_in_many() {
        let with_more = [&PREFACE[..], b"and what follows"].concat();
        let single: Vec<&[u8]> = with_more.chunks(1).collect();
        for pieces in [vec![&with_more[..]], single] {
            let (protocol, read) = recognized(&pieces).await;
            assert_eq!(protocol, SpokenProtocol::Http2);
            assert_eq!(read, with_more);
        }
    }

    #[tokio::test]
    async fn everything_else_is_http1_and_nothing_of_it_is_lost() {
        for sent in [
            "",
            "GET / HTTP/1.1\r\n\r\n",
            "POST /ingest HTTP/1.1\r\n\r\n",
            "PRI * HTTP/1.1\r\n\r\n and more than a preface",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
            "P",
        ] {
            let (protocol, read) = recognized(&[sent.as_bytes()]).await;
            assert_eq!(protocol, SpokenProtocol::Http1, "{sent}");
            assert_eq!(read, sent.as_bytes());
        }
    }

    #[tokio::test]
    async fn the_first_byte_that_differs_decides() {
        let (mut client, server) = duplex(64);
        client.write_all(b"PO").await.expect("sent");
        // The client stays silent, and still its protocol is known.
        let (protocol, _) = recognize(server).await.expect("read");
        assert_eq!(protocol, SpokenProtocol::Http1);
        drop(client);
    }
}
