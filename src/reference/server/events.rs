//! What became of events: one by its id, or all of a run.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse;
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::app::App;
use super::problem::Problem;
use super::run_name::run_name;
use super::path_param::PathParam;
use crate::reference::store::{EventId, EventRecord, Page, Store, StoreError};
use crate::units::parse_duration;

/// Events in one read of a listing.
const PAGE: u32 = 1000;

/// The query of `GET /events/{id}`.
#[derive(Deserialize)]
pub(super) struct Wait {
    /// How long to wait for the event to settle, such as `5s`.
    wait: Option<String>,
}

/// `GET /events/{id}?wait=5s`: the event, once it is settled or the wait is over.
pub(super) async fn event(
    State(app): State<Arc<App>>,
    PathParam(id): PathParam,
    query: Result<Query<Wait>, QueryRejection>,
) -> Result<Json<EventRecord>, Problem> {
    let event_id: EventId = id.parse().map_err(|_| Problem::NotFound)?;
    let Query(Wait { wait }) =
        query.map_err(|rejection| Problem::Malformed(rejection.to_string()))?;
    let wait = wait.as_deref().map(parse_duration).transpose();
    let wait = wait
        .map_err(|error| Problem::Malformed(format!("wait: {error}")))?
        .unwrap_or_default();
    let record = app
        .pool
        .store
        .settled(event_id, wait.min(app.core.config.limits.wait))
        .await?;
    record.map(Json).ok_or(Problem::NotFound)
}

/// `GET /runs/{run}/events`: one event a line, in order of acceptance. An unknown run has no events; what no request can
/// have named is refused.
pub(super) async fn run(
    State(app): State<Arc<App>>,
    PathParam(run): PathParam,
) -> Result<Response<Body>, Problem> {
    let run = run_name(run.as_bytes(), "the name of the run")?;
    let store = app.pool.store.clone();
    // The first page is read before the status is sent: a store that is down is a 503.
    let first = store.run_page(&run, 0, PAGE).await?;
    // One page is sent while the next one is read; a client that stops reading stops the reading.
    let (sender, pages) = mpsc::channel(1);
    tokio::spawn(list(store, run, first, sender));
    Ok(ndjson(pages))
}

/// A response of lines of JSON that are made while it is sent.
pub(super) fn ndjson(pages: mpsc::Receiver<Result<Bytes, StoreError>>) -> Response<Body> {
    let mut response = Body::new(Lines { pages }).into_response();
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    response
}

/// Sends page after page. An error breaks the body off, so that the client does not take a part for the whole.
async fn list(
    store: Store,
    run: String,
    first: Page,
    pages: mpsc::Sender<Result<Bytes, StoreError>>,
) {
    let mut page = Ok(first);
    loop {
        let next = page.as_ref().ok().and_then(|page| page.next);
        if pages
            .send(page.map(|page| lines(&page.events)))
            .await
            .is_err()
        {
            return;
        }
        let Some(cursor) = next else { return };
        page = store.run_page(&run, cursor, PAGE).await;
    }
}

/// One record a line.
pub(super) fn lines<T: Serialize>(records: &[T]) -> Bytes {
    let mut lines = Vec::with_capacity(records.len() * 256);
    for record in records {
        serde_json::to_writer(&mut lines, record).expect("a record is JSON and memory takes it");
        lines.push(b'\n');
    }
    lines.into()
}

/// A body that is made while it is sent.
struct Lines {
    pages: mpsc::Receiver<Result<Bytes, StoreError>>,
}

impl HttpBody for Lines {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        self.pages
            .poll_recv(cx)
            .map(|page| page.map(|page| page.map(Frame::data)))
    }
}
