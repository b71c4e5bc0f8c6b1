//! Every path of the server, and its handler.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::app::App;
use super::metrics::page;
use super::problem::Problem;
use super::route::Route;
use super::{dead_letters, events, external, health, ingest, openapi, queue};

/// Every path of the server.
pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route(Route::Ingest.pattern(), post(ingest::ingest))
        .route(Route::Event.pattern(), get(events::event))
        .route(Route::Run.pattern(), get(events::run))
        .route(Route::Lease.pattern(), post(external::lease))
        .route(Route::Effects.pattern(), post(external::effects))
        .route(Route::Queue.pattern(), get(queue::queue))
        .route(Route::Dead.pattern(), get(dead_letters::list))
        .route(Route::Replay.pattern(), post(dead_letters::replay))
        .route(Route::Health.pattern(), get(health::health))
        .route(Route::Livez.pattern(), get(health::livez))
        .route(Route::Readyz.pattern(), get(health::readyz))
        .route(Route::Metrics.pattern(), get(page::metrics))
        .route(Route::Openapi.pattern(), get(openapi::openapi))
        .fallback(|| async { Problem::NotFound })
        .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
        .with_state(app)
}
