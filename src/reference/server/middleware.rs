//! What every exchange has: a request id, a place in a trace, authorization, `Server-Timing`, a line in the access log.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
};
use axum::response::IntoResponse;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::app::App;
use super::auth;
use super::body_drain::{self, Expectation, UnreadBody};
use super::config::ServerMode;
use super::held_memory::MemoryHeld;
use super::problem::{Problem, ProblemName};
use super::rate_limit::RateLimitKey;
use super::route::Route;
use super::server_timing::IngestPhases;
use super::tracing_headers::{self, REQUEST_ID};
use crate::reference::store::EventId;
use crate::trace::Trace;

pub(super) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Marks a request for which there is no memory; it is refused unless an orchestrator asks how the server is.
#[derive(Clone, Copy)]
pub(super) struct Shed;

/// What the access log says of a request, taken before it is handed on.
struct Arrival {
    method: Method,
    path: String,
    parent_id: Option<String>,
}

pub(super) async fn respond(
    app: Arc<App>,
    router: Router,
    peer: IpAddr,
    mut request: Request<Body>,
) -> Response<Body> {
    let start = Instant::now();
    let route = Route::of(request.uri().path());
    let request_id = tracing_headers::request_id(&app.core, request.headers());
    let parent = tracing_headers::trace(request.headers());
    let step = parent.as_ref().map_or_else(Trace::start, Trace::child);
    if route == Route::Ingest && (parent.is_some() || app.core.config.mode == ServerMode::Sync) {
        // For the calls that follow. A trace that was begun here is followed only as long as the request lasts.
        request.extensions_mut().insert(step.clone());
    }
    let arrival =
        tracing::enabled!(target: "a7probe::access", tracing::Level::INFO).then(|| Arrival {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            parent_id: parent.map(|parent| parent.span_id().to_string()),
        });
    let method = request.method().clone();
    let expectation = expectation(request.headers());
    let unread = UnreadBody::default();
    let request = if request.version() == Version::HTTP_2 {
        // The rest of a body is not in the way of the answer, nor of other requests; its stream takes care of it.
        request
    } else {
        request.map(|body| body_drain::track(body, &unread))
    };

    let mut response = match admit(&app, route, peer, &request) {
        Ok(()) => {
            let Ok(response) = TowerToHyperService::new(router).call(request).await;
            response
        }
        Err(problem) => {
            // Its unread body comes back.
            drop(request);
            problem.into_response()
        }
    };

    let took = start.elapsed();
    let status = response.status();
    let extensions = response.extensions_mut();
    let phases = extensions.remove::<IngestPhases>().unwrap_or_default();
    let problem = extensions.remove::<ProblemName>();
    let event_id = extensions.remove::<EventId>();
    let metrics = &app.core.metrics;
    metrics.answered(route, &method, status, took);
    if let (Route::Ingest, Some(ProblemName(name))) = (route, problem) {
        metrics.rejected(name);
    }
    if let Some(arrival) = arrival {
        arrival.log(status.as_u16(), took, &request_id, &step, event_id);
    }
    let headers = response.headers_mut();
    headers.insert(SERVER_TIMING, phases.header(took));
    headers.insert(REQUEST_ID, request_id);
    if unread.is_some() && !is_read_to_its_end(unread, expectation, status).await {
        // Its rest cannot be distinguished from the next request.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

fn expectation(headers: &HeaderMap) -> Expectation {
    let awaited =
        |expected: &HeaderValue| expected.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get(EXPECT).is_some_and(awaited) {
        Expectation::Continue
    } else {
        Expectation::None
    }
}

/// Reads the rest of a body, so that the client gets the answer. A client that was too slow is not waited for again.
async fn is_read_to_its_end(
    unread: UnreadBody,
    expectation: Expectation,
    status: StatusCode,
) -> bool {
    status != StatusCode::REQUEST_TIMEOUT && unread.discard(expectation).await
}

/// May this request be handed on? The rate limit is for `/ingest` only: a client over it can still ask for the state of its events.
fn admit(app: &App, route: Route, peer: IpAddr, request: &Request<Body>) -> Result<(), Problem> {
    let is_probe = matches!(route, Route::Health | Route::Livez | Route::Readyz);
    if request.extensions().get::<Shed>().is_some() && !is_probe {
        return Err(Problem::Overloaded(MemoryHeld.to_string()));
    }
    let token = auth::check(&app.core.config, route, request)?;
    match &app.core.limiter {
        Some(limiter) if route == Route::Ingest && request.method() == Method::POST => limiter
            .take(RateLimitKey::new(token, peer), Instant::now())
            .map_err(Problem::TooManyRequests),
        _ => Ok(()),
    }
}

impl Arrival {
    fn log(
        &self,
        status: u16,
        took: Duration,
        request_id: &HeaderValue,
        step: &Trace,
        event_id: Option<EventId>,
    ) {
        let (method, path) = (&self.method, self.path.as_str());
        let us = took.as_micros() as u64;
        let request_id = request_id.to_str().unwrap_or("-");
        let (trace_id, span_id) = (step.trace_id(), step.span_id());
        let parent_id = self.parent_id.as_deref();
        let event_id = event_id.map(tracing::field::display);
        tracing::info!(
            target: "a7probe::access",
            %method, path, status, us, request_id, %trace_id, %span_id, parent_id, event_id
        );
    }
}
