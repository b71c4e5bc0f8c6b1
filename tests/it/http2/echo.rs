//! An HTTP/2 server that answers by a function of the request, and keeps what it was asked.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::scripted::Certificate;

/// A request, and its body.
pub(super) type AskedRequest = (Parts, Vec<u8>);

type Answer = dyn Fn(&AskedRequest) -> Response<&'static str> + Send + Sync;

/// Serves until it is dropped.
pub(super) struct EchoServer {
    port: u16,
    scheme: &'static str,
    shared: Arc<EchoShared>,
    /// Ends with it.
    runtime: Runtime,
}

struct EchoShared {
    answer: Box<Answer>,
    asked: Mutex<Vec<AskedRequest>>,
}

/// What a test's answer is, mostly.
pub(super) fn ok() -> Response<&'static str> {
    Response::new("ok")
}

impl EchoServer {
    pub(super) fn plain(
        answer: impl Fn(&AskedRequest) -> Response<&'static str> + Send + Sync + 'static,
    ) -> EchoServer {
        EchoServer::start(None, answer)
    }

    /// The same with TLS, and ALPN as the certificate has it.
    pub(super) fn tls(
        certificate: &Certificate,
        answer: impl Fn(&AskedRequest) -> Response<&'static str> + Send + Sync + 'static,
    ) -> EchoServer {
        let acceptor = TlsAcceptor::from(certificate.config());
        EchoServer::start(Some(acceptor), answer)
    }

    /// The same with TLS whose ALPN has nothing but HTTP/2.
    pub(super) fn http2_only(
        answer: impl Fn(&AskedRequest) -> Response<&'static str> + Send + Sync + 'static,
    ) -> EchoServer {
        let certificate = Certificate::new().with(|server| {
            server.alpn_protocols = vec![b"h2".to_vec()];
        });
        EchoServer::tls(&certificate, answer)
    }

    fn start(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(&AskedRequest) -> Response<&'static str> + Send + Sync + 'static,
    ) -> EchoServer {
        let runtime = Runtime::new().expect("a runtime");
        let shared = Arc::new(EchoShared {
            answer: Box::new(answer),
            asked: Mutex::default(),
        });
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let all = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, tls) = (Arc::clone(&all), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &all).await,
                        Some(tls) => serve(tls.accept(stream).await?, &all).await,
                    }
                });
            }
        });
        EchoServer {
            port,
            scheme,
            shared,
            runtime,
        }
    }

    /// Serves a Unix socket as well.
    pub(super) fn listen_at(&self, path: &Path) {
        let all = Arc::clone(&self.shared);
        let _entered = self.runtime.enter();
        let listener = UnixListener::bind(path).expect("a free path");
        self.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let all = Arc::clone(&all);
                tokio::spawn(async move { serve(stream, &all).await });
            }
        });
    }

    pub(super) fn url(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.port)
    }

    /// The requests that arrived so far.
    pub(super) fn asked(&self) -> Vec<AskedRequest> {
        self.shared.asked.lock().expect("no panic").clone()
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    shared: &Arc<EchoShared>,
) -> io::Result<()> {
    let mut connection = h2::server::handshake(stream)
        .await
        .map_err(io::Error::other)?;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let asked = read(request).await;
            let answer = (shared.answer)(&asked);
            shared.asked.lock().expect("no panic").push(asked);
            let (head, body) = answer.into_parts();
            if let Ok(mut stream) = respond.send_response(Response::from_parts(head, ()), false) {
                let _ = stream.send_data(Bytes::from_static(body.as_bytes()), true);
            }
        });
    }
    Ok(())
}

async fn read(request: Request<h2::RecvStream>) -> AskedRequest {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
        bytes.extend(piece);
    }
    (head, bytes)
}
