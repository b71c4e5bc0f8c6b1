//! Drains a request's body: what the handler did not read is read after the answer, within bounds.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::time::timeout;

/// How much of an unread body is drained, in bytes: a connection that is closed with unread data is
/// reset, and the client may lose the answer that says why.
const DRAIN_BYTES: usize = 1024 * 1024;
/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// The body as the handler sees it.
struct TrackedBody {
    body: Body,
    progress: ReadProgress,
    unread: UnreadBody,
}

/// How far a body has been read.
#[derive(Clone, Copy, PartialEq)]
enum ReadProgress {
    /// A client that waits to be asked for it (`Expect: 100-continue`) has not been asked.
    NotBegun,
    Begun,
    Over,
}

/// The rest of a body that was dropped before its end.
#[derive(Clone, Default)]
pub(super) struct UnreadBody(Arc<Mutex<Option<(Body, ReadProgress)>>>);

/// Whether the client waits until it is asked for the body.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Expectation {
    /// It sends the body without being asked.
    None,
    /// It said `Expect: 100-continue`.
    Continue,
}

/// Follows how far a body is read; its rest is kept in `unread` when it is dropped.
pub(super) fn track(body: Body, unread: &UnreadBody) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(TrackedBody {
        body,
        progress: ReadProgress::NotBegun,
        unread: unread.clone(),
    })
}

impl UnreadBody {
    /// Is there a rest?
    pub(super) fn is_some(&self) -> bool {
        self.lock().is_some()
    }

    /// Reads the rest, within bounds; whether that was all of it. What the client would only send if it were asked to is
    /// not asked for.
    pub(super) async fn discard(self, expectation: Expectation) -> bool {
        let Some((mut body, progress)) = self.lock().take() else {
            return true;
        };
        if expectation == Expectation::Continue && progress == ReadProgress::NotBegun {
            return false;
        }
        timeout(DRAIN_TIME, read_on(&mut body))
            .await
            .unwrap_or(false)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Body, ReadProgress)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the body's end was reached.
async fn read_on(body: &mut Body) -> bool {
    let mut discarded = 0;
    while discarded < DRAIN_BYTES {
        match next(body).await {
            Some(Ok(data)) => discarded += data.len(),
            Some(Err(_)) => return false,
            None => return true,
        }
    }
    body.is_end_stream()
}

/// The next piece of a body; trailers are an empty one.
pub(super) async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.progress = match frame {
            // It has ended, or broke off.
            Poll::Ready(None | Some(Err(_))) => ReadProgress::Over,
            _ => ReadProgress::Begun,
        };
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        if self.progress != ReadProgress::Over && !self.body.is_end_stream() {
            *self.unread.lock() = Some((std::mem::take(&mut self.body), self.progress));
        }
    }
}
