//! Is the process alive, is it to be sent requests, how much is queued?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio::time::timeout;

use super::Health;
use super::app::App;
use super::problem::Problem;
use crate::provider::JournalCounts;

/// The body of a good answer.
#[derive(Serialize)]
pub(super) struct Status {
    status: &'static str,
}

const OK: Json<Status> = Json(Status { status: "ok" });

/// `GET /health`: no I/O at all, or a read from the store with [`Health::Deep`].
pub(super) async fn health(State(app): State<Arc<App>>) -> Result<Json<Status>, Problem> {
    if app.core.config.health == Health::Deep {
        app.crew.store.oldest_wait().await?;
    }
    Ok(OK)
}

/// `GET /livez`: the process answers.
pub(super) async fn livez() -> Json<Status> {
    OK
}

/// `GET /readyz`: 503 while draining, or while the store cannot be written. After a failure it tries to write, so that
/// a server which gets no requests any more finds out that the store is back.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Result<Json<Status>, Problem> {
    if app.core.is_draining() {
        return Err(Problem::Draining);
    }
    let store = &app.crew.store;
    let (limit, stuck) = (
        app.core.config.limits.probe_time,
        store.commits().stuck_for(),
    );
    if stuck > limit {
        return Err(Problem::StoreBusy(stuck));
    }
    if !store.is_writable() {
        let probed = timeout(limit, store.probe()).await;
        probed.map_err(|_| Problem::StoreBusy(limit))??;
    }
    Ok(OK)
}

/// The body of `GET /queue`.
#[derive(Serialize)]
pub(super) struct Queue {
    /// Accepted and not settled: queued, retrying and working.
    depth: u64,
    /// Age of the oldest of them.
    oldest_ms: u64,
    queued: u64,
    retrying: u64,
    working: u64,
    processed: u64,
    failed: u64,
    dead: u64,
    /// What the simulated provider saw since the start; absent when the provider is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<JournalCounts>,
}

/// `GET /queue`: how much waits, and for how long.
pub(super) async fn queue(State(app): State<Arc<App>>) -> Result<Json<Queue>, Problem> {
    let oldest = app.crew.store.oldest_wait().await?;
    let now = app.crew.store.snapshot();
    Ok(Json(Queue {
        depth: now.open(),
        oldest_ms: oldest.as_millis() as u64,
        queued: now.queued,
        retrying: now.retrying,
        working: now.working,
        processed: now.processed,
        failed: now.failed,
        dead: now.dead,
        provider: app
            .core
            .simulator
            .as_ref()
            .map(|simulator| simulator.journal()),
    }))
}
