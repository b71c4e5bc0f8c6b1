//! One connection, over HTTP/1.1 or HTTP/2 as its first bytes say.

use std::convert::Infallible;
use std::net::TcpStream;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::timeout;

use super::app::App;
use super::exchange_host::ExchangeHost;
use super::http2;
use super::preface::{self, Rewound, SpokenProtocol};
use super::write_deadline::WriteDeadline;

/// Why a connection ended badly.
type ConnectionError = Box<dyn std::error::Error + Send + Sync>;
/// The bytes of a connection whose protocol is known.
type RecognizedStream = Rewound<WriteDeadline<tokio::net::TcpStream>>;

/// Serves one connection until it is closed, or until the end of the exchanges during which the server stops.
///
/// # Errors
/// Those of the socket, and what the client does against its protocol.
pub(super) async fn serve(
    stream: TcpStream,
    app: Arc<App>,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?.ip();
    let limits = app.core.config.limits;
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let stream = WriteDeadline::new(stream, limits.write_time);
    let recognized = tokio::select! {
        recognized = timeout(limits.head_time, preface::recognize(stream)) => recognized,
        _ = stopped.wait_for(|stop| *stop) => return Ok(()),
    };
    let Ok(recognized) = recognized else {
        // It has sent next to nothing in all this time.
        return Ok(());
    };
    let (protocol, stream) = recognized?;
    let exchanges = ExchangeHost { app, router, peer };
    match protocol {
        SpokenProtocol::Http1 => serve_http1(stream, exchanges, stopped).await,
        SpokenProtocol::Http2 => Ok(http2::serve(stream, exchanges, stopped).await?),
    }
}

async fn serve_http1(
    stream: RecognizedStream,
    exchanges: ExchangeHost,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    let limits = exchanges.app.core.config.limits;
    let service = service_fn(move |request: Request<Incoming>| {
        let exchange = exchanges.respond(request.map(Body::new));
        async { Ok::<_, Infallible>(exchange.await) }
    });
    let mut http = http1::Builder::new();
    // A client may shut down its sending side after the last request and still wait for the answers.
    http.timer(TokioTimer::new())
        .half_close(true)
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes.max(8192));
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        _ = stopped.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}
