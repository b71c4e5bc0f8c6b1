//! `GET /metrics`: everything that the server counts and the store knows.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse;

use super::super::app::App;
use super::super::http2_counts::Http2Counts;
use super::super::problem::Problem;
use super::super::route::Route;
use super::histogram::{Scale, histogram};
use super::processes;
use crate::exposition::{Exposition, MetricKind};
use crate::reference::store::Store;
use crate::reference::worker::{AttemptEnd, BREAKER_STATES};

/// `GET /metrics`.
pub(in super::super) async fn metrics(State(app): State<Arc<App>>) -> Response<Body> {
    let look = app.core.metrics.look(&app.pool.store).await;
    let oldest = look.as_ref().map(|look| look.oldest);
    let mut page = Exposition::new();
    process(&mut page, &app);
    requests(&mut page, &app);
    http2(&mut page, &app.core.http2);
    ingest(&mut page, &app);
    queue(&mut page, &app.pool.store, oldest);
    page.gauge(
        "a7probe_events_stuck",
        "Events that this process has dispatched repeatedly and that no worker has started, while later events were processed.",
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
        "Version and mode of this process; always 1.",
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
        "1 while the server stops: it finishes its work and accepts no new events.",
        u8::from(app.core.is_draining()),
    );
}

fn requests(page: &mut Exposition, app: &App) {
    let requests = &app.core.metrics.requests;
    page.family(
        "a7probe_http_requests_total",
        MetricKind::Counter,
        "Answered requests, by route, method and status.",
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
        "Time from the request's head until its answer is ready to be sent, by route and status class.",
    );
    for route in Route::ALL {
        for (class, snapshot) in requests.durations(route) {
            let labels = [("route", route.pattern()), ("class", class)];
            histogram(page, &labels, &snapshot, Scale::Time);
        }
    }
}

fn http2(page: &mut Exposition, counts: &Http2Counts) {
    page.gauge(
        "a7probe_http2_connections",
        "Connections over HTTP/2.",
        counts.connections(),
    );
    page.gauge(
        "a7probe_http2_held_bytes",
        "Bytes of heads, bodies and answers that requests over HTTP/2 hold; a request beyond the limit is refused with 503.",
        counts.memory.bytes(),
    );
    page.family(
        "a7probe_http2_ended_connections_total",
        MetricKind::Counter,
        "Connections over HTTP/2 that the server ended early, by reason: flood (frames without content), protocol (what breaks the protocol, or too many resets) or limit (too many connections).",
    )
    .sample(&[("reason", "flood")], counts.floods.get())
    .sample(&[("reason", "protocol")], counts.faults.get())
    .sample(&[("reason", "limit")], counts.refused.get());
}

fn ingest(page: &mut Exposition, app: &App) {
    let metrics = &app.core.metrics;
    page.gauge(
        "a7probe_ingest_in_flight",
        "Requests to /ingest in progress.",
        app.core.in_flight(),
    );
    page.counter(
        "a7probe_ingest_accepted_total",
        "New events that were acknowledged.",
        metrics.accepted.get(),
    );
    page.counter(
        "a7probe_ingest_replayed_total",
        "Repeated acknowledgements for a known key: duplicates without an effect.",
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
        "Clients that the rate limit currently tracks.",
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
        "Accepted events that are queued, retrying or working.",
        now.open(),
    );
    page.gauge("a7probe_leases", "Events with a lease.", now.working);
    page.family(
        "a7probe_queue_oldest_age_seconds",
        MetricKind::Gauge,
        "Age of the oldest event that is queued, retrying or working; absent if the store does not answer within a second.",
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
        "Attempts of this process, by outcome of the notification.",
    );
    for end in AttemptEnd::ALL {
        page.sample(&[("outcome", end.name())], counters.attempts(end));
    }
    page.family(
        "a7probe_provider_call_duration_seconds",
        MetricKind::Histogram,
        "Time from the call of the provider to its answer.",
    );
    histogram(page, &[], &counters.calls.read(), Scale::Time);
    for (name, help, counter) in [
        (
            "a7probe_retries_total",
            "Failed attempts that are retried.",
            &counters.retries,
        ),
        (
            "a7probe_processed_total",
            "Events that this process has processed.",
            &counters.processed,
        ),
        (
            "a7probe_dead_total",
            "Events that failed permanently in this process (dead).",
            &counters.dead,
        ),
        (
            "a7probe_leases_lost_total",
            "Attempts that outlived their lease; their outcome was not recorded.",
            &counters.leases_lost,
        ),
        (
            "a7probe_duplicate_notifications_total",
            "Notifications sent by attempts that outlived their lease; another attempt may have sent them too. Only the provider knows of notifications sent before a crash.",
            &counters.duplicates,
        ),
    ] {
        page.counter(name, help, counter.get());
    }
}

fn breaker(page: &mut Exposition, app: &App) {
    page.gauge(
        "a7probe_provider_calls_in_flight",
        "Calls of the provider in progress in this process.",
        app.pool.in_flight(),
    );
    let (now, _) = app.pool.breaker.status();
    page.family(
        "a7probe_breaker",
        MetricKind::Gauge,
        "State of this process's circuit breaker, 1 for the current one: closed (calls are made), open (no calls) or half-open (one trial call).",
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
        "Requests and outcomes per commit; transactions without a write are not counted.",
    );
    histogram(page, &[], &commits.batch.read(), Scale::Count);
    page.family(
        "a7probe_commit_duration_seconds",
        MetricKind::Histogram,
        "Time from the start of a transaction until it is on disk.",
    );
    histogram(page, &[], &commits.duration.read(), Scale::Time);
    page.counter(
        "a7probe_commits_failed_total",
        "Transactions that were rolled back.",
        commits.failed.get(),
    );
    page.gauge(
        "a7probe_commit_stuck_seconds",
        "Age of the current transaction; 0 without one.",
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
            "Calls of the simulated provider.",
            journal.calls,
        ),
        (
            "a7probe_simulator_sent_total",
            "Mails that the simulated provider accepted.",
            journal.sent,
        ),
        (
            "a7probe_simulator_duplicates_total",
            "Mails that the simulated provider accepted beyond the first of an event.",
            journal.duplicates,
        ),
    ] {
        page.family(name, MetricKind::Counter, help)
            .sample(&[], count);
    }
}
