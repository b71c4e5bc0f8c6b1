//! Is the process alive, is it to be sent requests, how much is queued?

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio::time::timeout;

use super::app::App;
use super::config::Health;
use super::problem::Problem;
use crate::reference::store::StoreError;

/// The body of a good answer.
#[derive(Serialize)]
pub(super) struct Status {
    status: &'static str,
}

const OK: Json<Status> = Json(Status { status: "ok" });

/// `GET /health`: no I/O at all, or a read from the store with [`Health::Deep`].
pub(super) async fn health(State(app): State<Arc<App>>) -> Result<Json<Status>, Problem> {
    if app.core.config.health == Health::Deep {
        app.pool.store.oldest_wait().await?;
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
    let store = &app.pool.store;
    if store.is_closed() {
        return Err(StoreError::Closed.into());
    }
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
