//! What every exchange has: a request id, authorization, `Server-Timing`, a line in the access log.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use axum::response::IntoResponse;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::app::App;
use super::auth;
use super::problem::Problem;
use super::timing::Phases;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// Longest request id that is echoed.
const REQUEST_ID_BYTES: usize = 128;

/// Answers one request.
pub(super) async fn exchange(
    app: Arc<App>,
    router: Router,
    request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let request_id = request_id(&app, request.headers());
    let log = tracing::enabled!(target: "a7probe::access", tracing::Level::INFO)
        .then(|| (request.method().clone(), request.uri().path().to_owned()));

    let mut response = match auth::check(app.core.config.token.as_deref(), &request) {
        Ok(()) => {
            let Ok(response) = TowerToHyperService::new(router).call(request).await;
            response
        }
        Err(problem) => Problem::into_response(problem),
    };

    let phases = response
        .extensions_mut()
        .remove::<Phases>()
        .unwrap_or_default();
    let took = start.elapsed();
    if let Some((method, path)) = log {
        let (status, us) = (response.status().as_u16(), took.as_micros() as u64);
        let request_id = request_id.to_str().unwrap_or("-");
        tracing::info!(target: "a7probe::access", %method, path, status, us, request_id);
    }
    let headers = response.headers_mut();
    headers.insert(SERVER_TIMING, phases.header(took));
    headers.insert(REQUEST_ID, request_id);
    response
}

/// The client's id for the request if it is short and printable, else a new one.
fn request_id(app: &App, headers: &HeaderMap) -> HeaderValue {
    let echoed = headers.get(REQUEST_ID).filter(|id| {
        (1..=REQUEST_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    echoed.cloned().unwrap_or_else(|| {
        HeaderValue::try_from(app.core.next_request_id())
            .expect("hexadecimal digits are a header value")
    })
}
