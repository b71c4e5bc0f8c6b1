//! `GET /metrics`: everything that the server counts and the store knows.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse;

use super::super::app::App;
use super::super::problem::Problem;
use super::super::route::Route;
use super::exposition::{Exposition, MetricKind, Scale};
use super::processes;
use crate::reference::store::Store;
use crate::reference::worker::{AttemptEnd, BREAKER_STATES};

/// `GET /metrics`.
pub(in super::super) async fn metrics(State(app): State<Arc<App>>) -> Response<Body> {
    let look = app.core.metrics.look(&app.pool.store).await;
    let oldest = look.as_ref().map(|look| look.oldest);
    let mut page = Exposition::new();
    process(&mut page, &app);
    requests(&mut page, &app);
    ingest(&mut page, &app);
    queue(&mut page, &app.pool.store, oldest);
    page.gauge(
        "a7probe_events_stuck",
        "Events that this process has dispatched again and again and that no worker has begun, while later ones are done.",
        app.core.stuck.count(),
    );
    work(&mut page, &app);
    breaker(&mut page, &app);
    processes::processes(&mut page, look.as_ref().map_or(&[], |look| &look.processes));
    commits(&mut page, &app.pool.store);
    provider(&mut page, &app);
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, content_type)], page.finish()).into_response()
}

fn process(page: &mut Exposition, app: &App) {
    let mode = app.core.config.mode.name();
    let version = env!("CARGO_PKG_VERSION");
    page.family(
        "a7probe_build_info",
        MetricKind::Gauge,
        "What is running; always 1.",
    )
    .sample(&[("version", version), ("mode", mode)], 1);
    let started = app.core.metrics.started.duration_since(UNIX_EPOCH);
    page.gauge(
        "process_start_time_seconds",
        "When the process started, in seconds since the Unix epoch.",
        started.unwrap_or_default().as_secs_f64(),
    );
    page.gauge(
        "a7probe_draining",
        "1 while the server finishes its work and accepts nothing new.",
        u8::from(app.core.is_draining()),
    );
}

fn requests(page: &mut Exposition, app: &App) {
    let requests = &app.core.metrics.requests;
    page.family(
        "a7probe_http_requests_total",
        MetricKind::Counter,
        "Requests answered, by route, method and status.",
    );
    for route in Route::ALL {
        for (method, status, count) in requests.seen(route) {
            let labels = [
                ("route", route.pattern()),
                ("method", method),
                ("status", status),
            ];
            page.sample(&labels, count);
        }
    }
    page.family(
        "a7probe_http_request_duration_seconds",
        MetricKind::Histogram,
        "From the request's head until its answer is ready to be sent, by route and class of the status.",
    );
    for route in Route::ALL {
        for (class, snapshot) in requests.durations(route) {
            let labels = [("route", route.pattern()), ("class", class)];
            page.histogram(&labels, &snapshot, Scale::Time);
        }
    }
}

fn ingest(page: &mut Exposition, app: &App) {
    let metrics = &app.core.metrics;
    page.gauge(
        "a7probe_ingest_in_flight",
        "Requests to /ingest that are being answered.",
        app.core.in_flight(),
    );
    page.counter(
        "a7probe_ingest_accepted_total",
        "New events that were acknowledged.",
        metrics.accepted.get(),
    );
    page.counter(
        "a7probe_ingest_replayed_total",
        "Acknowledgements repeated for a key that came before: duplicates that did nothing.",
        metrics.replayed.get(),
    );
    page.family(
        "a7probe_ingest_rejected_total",
        MetricKind::Counter,
        "Requests to /ingest that were refused, by the name of the problem.",
    );
    for (name, count) in Problem::NAMES.iter().zip(&metrics.rejected) {
        page.sample(&[("reason", name)], count.get());
    }
    let limited = app
        .core
        .limiter
        .as_ref()
        .map_or(0, |limiter| limiter.clients());
    page.gauge(
        "a7probe_rate_limit_clients",
        "Clients that the rate limit tells apart now.",
        limited,
    );
}

fn queue(page: &mut Exposition, store: &Store, oldest: Option<Duration>) {
    let now = store.snapshot();
    page.family(
        "a7probe_events",
        MetricKind::Gauge,
        "Events in the store, by state.",
    )
    .sample(&[("state", "queued")], now.queued)
    .sample(&[("state", "retrying")], now.retrying)
    .sample(&[("state", "working")], now.working)
    .sample(&[("state", "failed")], now.failed)
    .sample(&[("state", "dead")], now.dead)
    .sample(&[("state", "processed")], now.processed);
    page.gauge(
        "a7probe_queue_depth",
        "Accepted events that are not settled: queued, retrying and working.",
        now.open(),
    );
    page.gauge(
        "a7probe_leases",
        "Events that someone holds a lease on.",
        now.working,
    );
    page.family(
        "a7probe_queue_oldest_age_seconds",
        MetricKind::Gauge,
        "How long the oldest unsettled event has waited; absent when the store does not answer within a second.",
    );
    if let Some(oldest) = oldest {
        page.sample(&[], oldest.as_secs_f64());
    }
}

fn work(page: &mut Exposition, app: &App) {
    let counters = &app.pool.counters;
    page.family(
        "a7probe_attempts_total",
        MetricKind::Counter,
        "Attempts of this process, by what came of the notification.",
    );
    for end in AttemptEnd::ALL {
        page.sample(&[("outcome", end.name())], counters.attempts(end));
    }
    page.family(
        "a7probe_provider_call_duration_seconds",
        MetricKind::Histogram,
        "From the call of the provider to its answer.",
    )
    .histogram(&[], &counters.calls.read(), Scale::Time);
    for (name, help, counter) in [
        (
            "a7probe_retries_total",
            "Failed attempts that another one follows.",
            &counters.retries,
        ),
        (
            "a7probe_processed_total",
            "Events that this process has processed.",
            &counters.processed,
        ),
        (
            "a7probe_dead_total",
            "Events that this process has given up.",
            &counters.dead,
        ),
        (
            "a7probe_leases_lost_total",
            "Attempts that outlived their lease; their outcome decided nothing.",
            &counters.leases_lost,
        ),
        (
            "a7probe_duplicate_notifications_total",
            "Notifications sent by such attempts, which someone else was to send too. \
             What was sent before a crash is known to the provider alone.",
            &counters.duplicates,
        ),
    ] {
        page.counter(name, help, counter.get());
    }
}

fn breaker(page: &mut Exposition, app: &App) {
    page.gauge(
        "a7probe_provider_calls_in_flight",
        "Calls of the provider that are under way in this process.",
        app.pool.in_flight(),
    );
    let (now, _) = app.pool.breaker.status();
    page.family(
        "a7probe_breaker",
        MetricKind::Gauge,
        "1 for the state of this process' circuit breaker: the provider is asked, is not, or one call finds out.",
    );
    for state in BREAKER_STATES {
        page.sample(&[("state", state)], u8::from(state == now));
    }
}

fn commits(page: &mut Exposition, store: &Store) {
    let commits = store.commits();
    page.gauge(
        "a7probe_commit_queue_depth",
        "Requests that wait for a commit.",
        store.waiting_commits(),
    );
    page.family(
        "a7probe_commit_batch_size",
        MetricKind::Histogram,
        "Requests and pieces of work that shared a commit; what wrote nothing is none.",
    )
    .histogram(&[], &commits.batch.read(), Scale::Count);
    page.family(
        "a7probe_commit_duration_seconds",
        MetricKind::Histogram,
        "From the begin of a transaction until it is on disk.",
    )
    .histogram(&[], &commits.duration.read(), Scale::Time);
    page.counter(
        "a7probe_commits_failed_total",
        "Transactions that were rolled back.",
        commits.failed.get(),
    );
    page.gauge(
        "a7probe_commit_stuck_seconds",
        "How long the transaction under way has been running; 0 when there is none.",
        commits.stuck_for().as_secs_f64(),
    );
    page.gauge(
        "a7probe_store_writable",
        "0 after a transaction was rolled back, until one succeeds.",
        u8::from(store.is_writable()),
    );
}

fn provider(page: &mut Exposition, app: &App) {
    let Some(simulator) = &app.core.simulator else {
        return;
    };
    let journal = simulator.journal();
    for (name, help, count) in [
        (
            "a7probe_simulator_calls_total",
            "Mails that the simulated provider was asked to send.",
            journal.calls,
        ),
        (
            "a7probe_simulator_sent_total",
            "Mails that it took.",
            journal.sent,
        ),
        (
            "a7probe_simulator_duplicates_total",
            "Mails that it took beyond the first of their event.",
            journal.duplicates,
        ),
    ] {
        page.family(name, MetricKind::Counter, help)
            .sample(&[], count);
    }
}
