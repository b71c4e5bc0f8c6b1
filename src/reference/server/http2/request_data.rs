//! A request's body over HTTP/2, as the handlers read it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use h2::RecvStream;
use hyper::body::{Frame, SizeHint};

use super::super::held_memory::HeldBytes;

/// The frames of one stream.
pub(super) struct RequestData {
    stream: RecvStream,
    /// Bytes that the client said it would send, and has not sent.
    announced: u64,
    held: Arc<HeldBytes>,
    /// Resolves when the client can send nothing more.
    input_end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl RequestData {
    pub(super) fn new(
        stream: RecvStream,
        headers: &HeaderMap,
        held: Arc<HeldBytes>,
        input_end: impl Future<Output = ()> + Send + 'static,
    ) -> RequestData {
        // h2 has checked that there is one length at most, and holds the frames to it.
        let announced = headers.get(CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        RequestData {
            stream,
            announced: announced.unwrap_or(0),
            held,
            input_end: Box::pin(input_end),
        }
    }

    fn received(&mut self, data: Bytes) -> Result<Frame<Bytes>, axum::Error> {
        // The handlers keep or drop what they read. How much they may keep is counted here, not by the window.
        let released = self.stream.flow_control().release_capacity(data.len());
        released.map_err(axum::Error::new)?;
        self.held.grow(data.len()).map_err(axum::Error::new)?;
        self.announced = self.announced.saturating_sub(data.len() as u64);
        Ok(Frame::data(data))
    }
}

impl HttpBody for RequestData {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.stream.poll_data(cx) {
            Poll::Ready(Some(Ok(data))) => Poll::Ready(Some(self.received(data))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(axum::Error::new(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => self.input_end.as_mut().poll(cx).map(|()| {
                let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
                Some(Err(axum::Error::new(cut)))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// No upper bound, so that nothing is allocated for what is only announced.
    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.announced);
        hint
    }
}
