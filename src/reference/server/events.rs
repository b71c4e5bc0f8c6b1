//! What became of events: one by its id, or all of a run.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::Response;
use serde::Deserialize;

use super::app::App;
use super::ndjson::{self, Chunk};
use super::path_param::PathParam;
use super::problem::Problem;
use super::run_name::run_name;
use crate::reference::store::{EventId, EventRecord};
use crate::units::parse_duration;

/// Events in one read of a listing.
const PAGE: u32 = 1000;

/// The query of `GET /events/{id}`.
#[derive(Deserialize)]
pub(super) struct Wait {
    /// How long to wait for the event to settle, such as `5s`.
    wait: Option<String>,
}

/// `GET /events/{id}?wait=5s`: the event, once it is settled or the wait has ended.
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
    let read = move |cursor| {
        let (store, run) = (store.clone(), run.clone());
        async move {
            let page = store.run_page(&run, cursor, PAGE).await?;
            Ok(Chunk::of(&page.events, page.next))
        }
    };
    ndjson::response(0, read).await
}
