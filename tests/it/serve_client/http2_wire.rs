//! The client's connection over HTTP/2, with the same calls that block.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::TcpStream;

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::Response;
use crate::harness::PATIENCE;

/// One connection, driven by a thread of its own.
pub(crate) struct Http2Wire {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    /// In the order in which they were sent. A body that is left open stays open with its stream.
    waiting: VecDeque<(ResponseFuture, SendStream<Bytes>)>,
}

impl Http2Wire {
    pub(super) fn connect(stream: TcpStream) -> io::Result<Http2Wire> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        stream.set_nonblocking(true)?;
        let handshake = async {
            let stream = tokio::net::TcpStream::from_std(stream)?;
            let shaken = h2::client::handshake(stream).await;
            shaken.map_err(io::Error::other)
        };
        let (requests, connection) = runtime.block_on(handshake)?;
        runtime.spawn(connection);
        Ok(Http2Wire {
            runtime,
            requests,
            waiting: VecDeque::new(),
        })
    }

    /// Without a body, the stream stays open.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> io::Result<()> {
        let uri = format!("http://a7{path}");
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).map_err(io::Error::other)?;
        let requests = &mut self.requests;
        let sent = self.runtime.block_on(async {
            let ready = timeout(PATIENCE, requests.clone().ready()).await?;
            *requests = ready.map_err(io::Error::other)?;
            let ends = body.is_some_and(<[u8]>::is_empty);
            let sent = requests.send_request(request, ends);
            let (answer, mut stream) = sent.map_err(io::Error::other)?;
            if let Some(body) = body.filter(|body| !body.is_empty()) {
                let sent = stream.send_data(Bytes::copy_from_slice(body), true);
                sent.map_err(io::Error::other)?;
            }
            Ok::<_, io::Error>((answer, stream))
        })?;
        self.waiting.push_back(sent);
        Ok(())
    }

    /// The answer to the first request that has none yet.
    pub(super) fn receive(&mut self) -> io::Result<Response> {
        let (answer, _open) = self.waiting.pop_front().expect("a request");
        // A timeout is made within the runtime.
        let received = async { timeout(PATIENCE, received(answer)).await };
        let received = self.runtime.block_on(received)?;
        received.map_err(io::Error::other)
    }
}

async fn received(answer: ResponseFuture) -> Result<Response, h2::Error> {
    let (head, mut data) = answer.await?.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = data.data().await {
        let piece = piece?;
        data.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<_, _> = (head.headers.iter())
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    Ok(Response {
        status: head.status.as_u16(),
        headers,
        body,
    })
}
