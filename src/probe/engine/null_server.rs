//! A server on loopback that answers at once: its measured latency is the measurement overhead.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;

use anyhow::Context as _;
use bytes::Bytes;
use http::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::run::plan::HttpVersion;

/// The answer to every request.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// The body of every answer.
const BODY: &[u8] = b"ok";

/// What ends the head of a request, and as none of ours to this server has a body, the request.
const END: &[u8] = b"\r\n\r\n";

/// Serves on a thread of its own until it is dropped.
#[derive(Debug)]
pub(super) struct NullServer {
    address: SocketAddr,
    /// Its end, by whatever way, ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl NullServer {
    /// Listens on a free port of loopback, for clients that speak this version.
    pub(super) fn start(version: HttpVersion) -> anyhow::Result<NullServer> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .context("cannot start the null server's runtime")?;
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .context("cannot listen on loopback")?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("null-server".into())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(listener, version) => {}
                        _ = stopped => {}
                    }
                });
            })
            .context("cannot start the null server's thread")?;
        Ok(NullServer {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        // If it panicked, the requests to it have failed, and that was said.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn serve(listener: TcpListener, version: HttpVersion) {
    // Out of files: the client's requests fail, and the calibration with them.
    while let Ok((stream, _)) = listener.accept().await {
        match version {
            HttpVersion::Http1 => tokio::spawn(answer(stream)),
            HttpVersion::Http2 { .. } => tokio::spawn(answer_streams(stream)),
        };
    }
}

/// Answers request after request, which do not overlap, until the client hangs up.
async fn answer(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let (mut buffer, mut held) = ([0u8; 4096], 0);
    loop {
        match stream.read(&mut buffer[held..]).await {
            Ok(read) if read > 0 => held += read,
            _ => return,
        }
        if buffer[..held].ends_with(END) {
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
            held = 0;
        }
    }
}

/// The same over HTTP/2, where requests overlap.
async fn answer_streams(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((_request, mut respond))) = connection.accept().await {
        // A stream that the client has given up needs no answer.
        if let Ok(mut body) = respond.send_response(Response::new(()), false) {
            let _ = body.send_data(Bytes::from_static(BODY), true);
        }
    }
}
