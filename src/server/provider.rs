//! The simulated provider's HTTP face: `POST /v3/mail/send` as SendGrid answers it, and `GET /journal`.

use std::future::Future;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::provider::{Answer, ErrorBody, JournalCounts, Mail, Quota, Simulator};

const MESSAGE_ID: HeaderName = HeaderName::from_static("x-message-id");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Serves the simulator until `shutdown`, then lets the requests in flight end.
pub async fn serve_provider(
    listener: std::net::TcpListener,
    simulator: Arc<Simulator>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/v3/mail/send", post(send))
        .route("/journal", get(journal))
        .with_state(simulator);
    axum::serve(super::tokio_listener(listener)?, router)
        .with_graceful_shutdown(shutdown)
        .await
}

async fn journal(State(simulator): State<Arc<Simulator>>) -> Json<JournalCounts> {
    Json(simulator.journal())
}

async fn send(State(simulator): State<Arc<Simulator>>, body: Bytes) -> Response<Body> {
    match Mail::from_json(&body) {
        Ok(mail) => respond(simulator.answer(mail).await),
        Err(error) => (
            StatusCode::BAD_REQUEST,
            Json(ErrorBody::of(&error.message, error.field)),
        )
            .into_response(),
    }
}

fn respond(answer: Answer) -> Response<Body> {
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

fn tell(headers: &mut HeaderMap, quota: Quota) {
    headers.insert(LIMIT, quota.limit.into());
    headers.insert(REMAINING, quota.remaining.into());
    headers.insert(
        RESET,
        HeaderValue::from(quota.reset.as_secs_f64().ceil() as u64),
    );
}
