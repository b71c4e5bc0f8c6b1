//! The simulated provider's HTTP face: `POST /v3/mail/send` as SendGrid answers it, its journal, and its outages.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::accept::tokio_listener;
use super::{auth, ndjson, tracing_headers};
use crate::reference::provider::{
    ErrorBody, JournalCounts, JournalEntry, OutageState, PostedMail, ProviderAnswer, Quota,
    Simulator,
};
use crate::units::parse_duration;

const MESSAGE_ID: HeaderName = HeaderName::from_static("x-message-id");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// Largest mail that SendGrid takes, attachments included.
const MAIL_BYTES: usize = 30 * 1024 * 1024;

/// What the handlers share.
#[derive(Clone)]
struct Face {
    simulator: Arc<Simulator>,
    /// Asked for as a bearer token, except on `/health`.
    keys: Arc<Vec<String>>,
}

/// Serves the simulator until `shutdown`, then lets the requests in flight end. With `keys`, everything but
/// `GET /health` asks for one of them as a bearer token.
///
/// # Errors
/// If the listener cannot be used.
pub async fn serve_provider(
    listener: std::net::TcpListener,
    simulator: Arc<Simulator>,
    keys: Vec<String>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let face = Face {
        simulator,
        keys: Arc::new(keys),
    };
    axum::serve(tokio_listener(listener)?, router(face))
        .with_graceful_shutdown(shutdown)
        .await
}

fn router(face: Face) -> Router {
    Router::new()
        .route("/v3/mail/send", post(send))
        .route("/journal", get(journal))
        .route("/journal/counts", get(counts))
        .route("/journal/duplicates", get(duplicates))
        .route("/outage", get(outage).post(begin_outage).delete(end_outage))
        .route(
            "/health",
            get(|| async { Json(serde_json::json!({"status": "ok"})) }),
        )
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "not found", None) })
        .method_not_allowed_fallback(|| async {
            refuse(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", None)
        })
        .layer(from_fn_with_state(face.clone(), authorize))
        .with_state(face)
}

async fn authorize(State(face): State<Face>, request: Request, next: Next) -> Response<Body> {
    if request.uri().path() == "/health"
        || face.keys.is_empty()
        || auth::token_of(&face.keys, request.headers()).is_some()
    {
        return next.run(request).await;
    }
    let message = "The provided authorization grant is invalid, expired, or revoked";
    refuse(StatusCode::UNAUTHORIZED, message, None)
}

async fn send(State(face): State<Face>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAIL_BYTES).await else {
        return refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "content length too large",
            None,
        );
    };
    let step = tracing_headers::trace(&head.headers);
    match PostedMail::from_json(&body) {
        Ok(posted) => {
            let mail = face.simulator.receive(posted);
            let response = respond(face.simulator.answer(mail, step.as_ref()).await);
            let (event_id, attempt, status) =
                (mail.event_id, mail.attempt, response.status().as_u16());
            let trace_id = step
                .as_ref()
                .map(|step| tracing::field::display(step.trace_id()));
            tracing::info!(target: "a7probe::provider", %event_id, attempt, status, trace_id);
            response
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.message, error.field),
    }
}

fn refuse(status: StatusCode, message: &str, field: Option<&str>) -> Response<Body> {
    (status, Json(ErrorBody::of(message, field))).into_response()
}

fn respond(answer: ProviderAnswer) -> Response<Body> {
    let mut response = match answer.result {
        Ok(message_id) => (StatusCode::ACCEPTED, [(MESSAGE_ID, message_id.0)]).into_response(),
        Err(refusal) => {
            let status =
                StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (status, Json(refusal.body)).into_response();
            // Whole seconds, and not so early that it would be refused again.
            let retry_after = refusal
                .retry_after
                .map(|after| HeaderValue::from(after.as_secs_f64().ceil() as u64));
            response
                .headers_mut()
                .extend(retry_after.map(|after| (RETRY_AFTER, after)));
            response
        }
    };
    if let Some(quota) = answer.quota {
        tell(response.headers_mut(), quota);
    }
    response
}

/// The reset is a Unix time in seconds, as SendGrid has it.
fn tell(headers: &mut HeaderMap, quota: Quota) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    headers.insert(LIMIT, quota.limit.into());
    headers.insert(REMAINING, quota.remaining.into());
    headers.insert(
        RESET,
        HeaderValue::from((now + quota.reset).as_secs_f64().ceil() as u64),
    );
}

/// `GET /journal`: one event a line, with every call for it.
async fn journal(State(face): State<Face>) -> Response<Body> {
    listing(face, |_| true).await
}

/// `GET /journal/duplicates`: only events with more than one accepted mail.
async fn duplicates(State(face): State<Face>) -> Response<Body> {
    listing(face, |entry| entry.sent > 1).await
}

/// `GET /journal/counts`: what it comes to.
async fn counts(State(face): State<Face>) -> Json<JournalCounts> {
    Json(face.simulator.journal())
}

async fn listing(face: Face, listed: fn(&JournalEntry) -> bool) -> Response<Body> {
    let lines = move || {
        let entries = face.simulator.journal_entries();
        let listed: Vec<&JournalEntry> = entries.iter().filter(|entry| listed(entry)).collect();
        ndjson::lines(&listed)
    };
    // A long journal must not keep mail waiting.
    match tokio::task::spawn_blocking(lines).await {
        Ok(lines) => {
            let ndjson = HeaderValue::from_static("application/x-ndjson");
            ([(CONTENT_TYPE, ndjson)], lines).into_response()
        }
        Err(_) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal error", None),
    }
}

/// The query of `POST /outage`.
#[derive(Deserialize)]
struct Lasting {
    /// How long, such as `10s`; without it until `DELETE /outage`.
    r#for: Option<String>,
}

/// The answer of `/outage`.
#[derive(Serialize)]
struct OutageBody {
    outage: OutageState,
}

async fn outage(State(face): State<Face>) -> Json<OutageBody> {
    Json(OutageBody {
        outage: face.simulator.outage(),
    })
}

async fn begin_outage(
    State(face): State<Face>,
    Query(lasting): Query<Lasting>,
) -> Result<Json<OutageBody>, Response<Body>> {
    let lasting: Option<Duration> = lasting
        .r#for
        .as_deref()
        .map(parse_duration)
        .transpose()
        .map_err(|error| refuse(StatusCode::BAD_REQUEST, &error.to_string(), Some("for")))?;
    face.simulator.begin_outage(lasting);
    Ok(outage(State(face)).await)
}

async fn end_outage(State(face): State<Face>) -> Json<OutageBody> {
    face.simulator.end_outage();
    outage(State(face)).await
}
