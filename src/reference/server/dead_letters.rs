//! Dead letters: what was given up and why, and the way back.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, StatusCode};

use super::app::App;
use super::problem::Problem;
use super::path_param::PathParam;
use super::{events, ingest};
use crate::reference::store::{DeadCursor, DeadPage, EventId, Replay, Store, StoreError};
use tokio::sync::mpsc;

/// Letters in one read of the list.
const PAGE: u32 = 1000;

/// `GET /dead`: one letter a line (NDJSON), in the order in which they died.
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Response<Body>, Problem> {
    let store = app.pool.store.clone();
    // The first page is read before the status is sent: a store that is down is a 503.
    let first = store.dead_page(DeadCursor::default(), PAGE).await?;
    let (sender, pages) = mpsc::channel(1);
    tokio::spawn(send(store, first, sender));
    Ok(events::ndjson(pages))
}

/// Sends page after page. An error breaks the body off, so that the client does not take a part for the whole.
async fn send(store: Store, first: DeadPage, pages: mpsc::Sender<Result<Bytes, StoreError>>) {
    let mut page = Ok(first);
    loop {
        let next = page.as_ref().ok().and_then(|page| page.next);
        let sent = page.map(|page| events::lines(&page.letters));
        if pages.send(sent).await.is_err() {
            return;
        }
        let Some(cursor) = next else { return };
        page = store.dead_page(cursor, PAGE).await;
    }
}

/// `POST /dead/{id}/replay`: the event is due again, with all its attempts; 202 once that is committed.
pub(super) async fn replay(
    State(app): State<Arc<App>>,
    PathParam(id): PathParam,
) -> Result<Response<Body>, Problem> {
    let event_id: EventId = id.parse().map_err(|_| Problem::NotFound)?;
    match app.pool.store.replay(event_id).await? {
        Replay::Requeued => Ok(ingest::json(
            StatusCode::ACCEPTED,
            format!(r#"{{"accepted":true,"event_id":"{event_id}"}}"#),
            event_id,
        )),
        Replay::NotDead(state) => Err(Problem::NotDead(state.name())),
        Replay::Unknown => Err(Problem::NotFound),
    }
}
