//! `POST /ingest`: takes an event in, and says no more about it than is true.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use axum::response::IntoResponse;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::app::{App, InFlight};
use super::config::ServerMode;
use super::problem::Problem;
use super::run_name::run_name;
use super::server_timing::IngestPhases;
use super::single_header::single;
use super::{body, idempotency};
use crate::reference::store::{
    Admission, EventId, EventState, Fingerprint, Handling, Insert, Lease, Promise, StoreError,
    Submission,
};
use crate::reference::timestamp::now_ms;
use crate::reference::worker::{OnFailure, Remembered};
use crate::trace::Trace;

const RUN: HeaderName = HeaderName::from_static("x-a7-run");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The answer to the client.
struct Acknowledgement {
    event_id: EventId,
    promise: Promise,
    origin: Origin,
}

/// Whether this request brought the event or an earlier one with its key.
#[derive(PartialEq)]
enum Origin {
    New,
    Replay,
}

/// The handler: the phases go with every answer, good or bad.
pub(super) async fn ingest(State(app): State<Arc<App>>, request: Request<Body>) -> Response<Body> {
    let mut phases = IngestPhases::default();
    let mut response = match take(&app, request, &mut phases).await {
        Ok(answer) => {
            match answer.origin {
                Origin::New => app.core.metrics.accepted.increment(),
                Origin::Replay => app.core.metrics.replayed.increment(),
            }
            answer.into_response()
        }
        Err(problem) => problem.into_response(),
    };
    response.extensions_mut().insert(phases);
    response
}

async fn take(
    app: &Arc<App>,
    request: Request<Body>,
    phases: &mut IngestPhases,
) -> Result<Acknowledgement, Problem> {
    InFlight::check(&app.core)?;
    let limits = &app.core.config.limits;
    let (head, body) = request.into_parts();
    let payload = body::read_json(&head.headers, body, limits).await?;
    // Only now: clients that are slow with their bodies take no places from the others.
    let in_flight = InFlight::enter(app.core.clone())?;
    let submission = submission(app, &head.headers, payload)?;
    let event_id = submission.event_id;
    let start = Instant::now();
    let admission = commit(app, submission, head.extensions.get::<Trace>()).await;
    phases.commit = Some(start.elapsed());
    let (promise, origin) = match admission? {
        Admission::Queued => (Promise::Later, Origin::New),
        Admission::Replayed(promise) => (promise, Origin::Replay),
        Admission::InProgress => return Err(Problem::InProgress),
        Admission::BodyDiffers => return Err(Problem::BodyDiffers),
        Admission::IdTaken => return Err(Problem::IdTaken),
        Admission::Leased(lease) => {
            let start = Instant::now();
            let limit = app.core.config.provider_timeout + limits.commit_time;
            let done = timeout(limit, call(app.clone(), lease, in_flight)).await;
            phases.provider = Some(start.elapsed());
            done.map_err(|_| Problem::RecordTooSlow(limit))??;
            (Promise::Done, Origin::New)
        }
    };
    Ok(Acknowledgement {
        event_id,
        promise,
        origin,
    })
}

/// Takes the event into the store, and remembers on whose behalf as long as an attempt may follow.
///
/// A client that hangs up, or waits too long, takes nothing back: the event is committed all the same. In sync mode its
/// lease has no owner then, and when it runs out a worker takes the event.
async fn commit(
    app: &App,
    submission: Submission,
    trace: Option<&Trace>,
) -> Result<Admission, Problem> {
    let (traces, limit) = (&app.pool.traces, app.core.config.limits.commit_time);
    let event_id = submission.event_id;
    let remembered = match trace {
        // In queue mode the attempts are made elsewhere.
        Some(trace) if app.core.config.mode == ServerMode::Sync || app.core.config.works() => {
            traces.remember(event_id, trace.clone())
        }
        _ => Remembered::No,
    };
    let answer = timeout(limit, app.pool.store.accept(submission)).await;
    if remembered == Remembered::Yes && !may_be_attempted(&answer) {
        traces.forget(event_id);
    }
    Ok(answer.map_err(|_| Problem::CommitTooSlow(limit))??)
}

/// Can an attempt follow from a request that was answered so, as far as anyone knows?
fn may_be_attempted(answer: &Result<Result<Admission, StoreError>, Elapsed>) -> bool {
    match answer {
        Ok(Ok(admission)) => matches!(admission, Admission::Queued | Admission::Leased(_)),
        Ok(Err(error)) => matches!(error, StoreError::Unsure(_) | StoreError::Lost(_)),
        Err(_) => true,
    }
}

fn submission(app: &App, headers: &HeaderMap, payload: Vec<u8>) -> Result<Submission, Problem> {
    Ok(Submission {
        event_id: idempotency::event_id(headers, &payload)?,
        fingerprint: Fingerprint::of(&payload),
        payload,
        run: run(headers)?,
        accepted_ms: now_ms(),
        handling: match app.core.config.mode {
            ServerMode::Sync => Handling::Call,
            ServerMode::Background | ServerMode::Queue => Handling::Queue,
        },
    })
}

/// The run that the request names.
fn run(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let name = single(headers, &RUN)?;
    name.map(|name| run_name(name.as_bytes(), "X-A7-Run"))
        .transpose()
}

/// The work within the request. It is a task of its own, because a client that hangs up must not cut it off between the
/// provider's yes and its record.
async fn call(app: Arc<App>, lease: Lease, in_flight: InFlight) -> Result<(), Problem> {
    let insert = lease.insert.clone();
    let attempt = async move {
        let became = app.pool.attempt(lease, OnFailure::Answer).await;
        drop(in_flight);
        became
    };
    match tokio::spawn(attempt).await {
        Ok(became) => match became? {
            Some(EventState::Processed) => Ok(()),
            other => Err(Problem::NotProcessed(left_over(other, &insert))),
        },
        Err(_) => Err(Problem::ProviderFailed(
            "the call was interrupted".to_owned(),
        )),
    }
}

/// Why an event is not processed although the provider did not fail.
fn left_over(state: Option<EventState>, insert: &Insert) -> String {
    let why = match (state, insert) {
        (None, _) => "the attempt outlived its lease; another attempt decides".to_owned(),
        (Some(_), Insert::Failed { reason }) => format!("the database refuses the event: {reason}"),
        (Some(state), Insert::Done) => format!("it is {}", state.name()),
    };
    format!("{why}; repeat the request with the same key")
}

impl IntoResponse for Acknowledgement {
    fn into_response(self) -> Response<Body> {
        let (status, text) = match self.promise {
            Promise::Later => (
                StatusCode::ACCEPTED,
                format!(r#"{{"accepted":true,"event_id":"{}"}}"#, self.event_id),
            ),
            Promise::Done => (
                StatusCode::OK,
                format!(
                    r#"{{"accepted":true,"processed":true,"event_id":"{}"}}"#,
                    self.event_id
                ),
            ),
        };
        let mut response = json(status, text, self.event_id);
        if self.origin == Origin::Replay {
            response
                .headers_mut()
                .insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// JSON that tells where the event can be looked at.
pub(super) fn json(status: StatusCode, text: String, event_id: EventId) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let location = HeaderValue::try_from(format!("/events/{event_id}"));
    headers.insert(
        LOCATION,
        location.expect("a path and a UUID are a header value"),
    );
    // For the access log.
    response.extensions_mut().insert(event_id);
    response
}
