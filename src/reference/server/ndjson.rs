//! Listings of any length: lines of JSON (NDJSON) that are read from the store while they are sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse;
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::mpsc;

use super::problem::Problem;
use crate::reference::store::StoreError;

/// One read of a listing.
pub(super) struct Chunk<C> {
    lines: Bytes,
    /// Where the next read begins; `None` at the end.
    next: Option<C>,
}

impl<C> Chunk<C> {
    pub(super) fn of<T: Serialize>(records: &[T], next: Option<C>) -> Chunk<C> {
        let lines = lines(records);
        Chunk { lines, next }
    }
}

/// A response of everything from this cursor on. The first chunk is read before the status is sent: a store that is
/// down is a 503. Then one chunk is sent while the next is read; a client that stops reading stops the reading.
pub(super) async fn response<C: Send + 'static, R>(
    begin: C,
    read: impl Fn(C) -> R + Send + 'static,
) -> Result<Response<Body>, Problem>
where
    R: Future<Output = Result<Chunk<C>, StoreError>> + Send + 'static,
{
    let first = read(begin).await?;
    let (sender, chunks) = mpsc::channel(1);
    tokio::spawn(send(first, read, sender));
    let mut response = Body::new(NdjsonBody { chunks }).into_response();
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, ndjson);
    Ok(response)
}

/// Sends chunk after chunk. An error breaks the body off, so that the client does not take a part for the whole.
async fn send<C, R: Future<Output = Result<Chunk<C>, StoreError>>>(
    first: Chunk<C>,
    read: impl Fn(C) -> R,
    chunks: mpsc::Sender<Result<Bytes, StoreError>>,
) {
    let mut chunk = Ok(first);
    loop {
        let (lines, next) = match chunk {
            Ok(Chunk { lines, next }) => (Ok(lines), next),
            Err(error) => (Err(error), None),
        };
        if chunks.send(lines).await.is_err() {
            return;
        }
        let Some(cursor) = next else { return };
        chunk = read(cursor).await;
    }
}

pub(super) fn lines<T: Serialize>(records: &[T]) -> Bytes {
    let mut lines = Vec::with_capacity(records.len() * 256);
    for record in records {
        serde_json::to_writer(&mut lines, record).expect("a record is JSON and memory takes it");
        lines.push(b'\n');
    }
    lines.into()
}

/// A body that is made while it is sent.
struct NdjsonBody {
    chunks: mpsc::Receiver<Result<Bytes, StoreError>>,
}

impl HttpBody for NdjsonBody {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        self.chunks
            .poll_recv(cx)
            .map(|page| page.map(|page| page.map(Frame::data)))
    }
}
