//! `GET /queue`: how much waits, who works on it, and whether the provider is asked.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::app::App;
use super::problem::Problem;
use super::stuck::StuckEvents;
use crate::reference::provider::JournalCounts;
use crate::reference::store::Process;

/// The body of `GET /queue`.
#[derive(Serialize)]
pub(super) struct QueueReport {
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
    leases: LeaseCounts,
    /// Dispatched by this process repeatedly and never begun, while later events are done.
    stuck: StuckEvents,
    /// Calls to the provider that are under way in this process.
    in_flight: usize,
    /// This process' own; those of the others are in `processes`.
    breaker: BreakerReport,
    /// Every process that works on this store and lives.
    processes: Vec<Process>,
    /// What the simulated provider saw since the start; absent when the provider is elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<JournalCounts>,
}

/// The right to work on an event, as it is held now.
#[derive(Serialize)]
struct LeaseCounts {
    held: u64,
    /// Run out, and to be taken over: the owner died or is too slow.
    expired: u64,
}

#[derive(Serialize)]
struct BreakerReport {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(super) async fn queue(State(app): State<Arc<App>>) -> Result<Json<QueueReport>, Problem> {
    let store = &app.pool.store;
    let (oldest, expired) = tokio::try_join!(store.oldest_wait(), store.expired_leases())?;
    let processes = store.processes().await?;
    let now = store.snapshot();
    let (state, reason) = app.pool.breaker.status();
    Ok(Json(QueueReport {
        depth: now.open(),
        oldest_ms: oldest.as_millis() as u64,
        queued: now.queued,
        retrying: now.retrying,
        working: now.working,
        processed: now.processed,
        failed: now.failed,
        dead: now.dead,
        leases: LeaseCounts {
            held: now.working.saturating_sub(expired),
            expired,
        },
        stuck: app.core.stuck.now(),
        in_flight: app.pool.in_flight(),
        breaker: BreakerReport { state, reason },
        processes,
        provider: app
            .core
            .simulator
            .as_ref()
            .map(|simulator| simulator.journal()),
    }))
}
