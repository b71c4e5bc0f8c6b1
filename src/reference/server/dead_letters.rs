//! Dead letters: the events that were given up and why, and their replay.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use super::app::App;
use super::ingest;
use super::ndjson::{self, Chunk};
use super::path_param::PathParam;
use super::problem::Problem;
use crate::reference::store::{DeadCursor, EventId, Replay};

/// Letters in one read of the list.
const PAGE: u32 = 1000;

/// `GET /dead`: one letter a line (NDJSON), in the order in which they died.
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Response<Body>, Problem> {
    let store = app.pool.store.clone();
    let read = move |cursor| {
        let store = store.clone();
        async move {
            let page = store.dead_page(cursor, PAGE).await?;
            Ok(Chunk::of(&page.letters, page.next))
        }
    };
    ndjson::response(DeadCursor::default(), read).await
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
