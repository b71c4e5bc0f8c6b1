//! For workers that have no access to the store, in any language: lease an event, do the work, say how it ended.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use serde::{Deserialize, Serialize};

use super::app::App;
use super::body;
use super::path_param::PathParam;
use super::problem::Problem;
use crate::reference::provider::SendError;
use crate::reference::store::{
    AttemptOutcome, EventId, EventState, Finished, Grant, Lease, Next, Notification, Notified,
};
use crate::reference::worker::{AttemptEnd, OnFailure, WorkerPool};

/// The answer to `POST /events/{id}/lease`.
#[derive(Serialize)]
pub(super) struct Leased {
    event_id: EventId,
    /// To be named with the outcome; the lease is void once a higher one was given out.
    token: u32,
    /// How long the event is the caller's alone.
    lease_ms: u64,
    /// `due`: send it; `sent`: it was sent before; `unknown`: it may have been sent, and must not be again.
    notify: &'static str,
    /// The body as it came, if it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Box<serde_json::value::RawValue>>,
}

/// The body of `POST /events/{id}/effects`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectReport {
    token: u32,
    /// What became of the notification: `sent`, `before`, `unknown`, `failed` or `unreachable`.
    notify: NotifyResult,
    /// Why, in words.
    reason: Option<String>,
    /// The provider's status, when it refused.
    status: Option<u16>,
    /// When the provider wants to be asked again, in seconds.
    retry_after: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NotifyResult {
    Sent,
    Before,
    Unknown,
    Failed,
    Unreachable,
}

/// The answer to it.
#[derive(Serialize)]
pub(super) struct Recorded {
    recorded: bool,
    /// What follows: `done`, `retry` or `dead`.
    next: &'static str,
}

/// `POST /events/{id}/lease`: the event, if it is due and no worker has it; 409 if it is not. An event whose every attempt
/// was cut off is given up instead: it may be what ends the workers.
pub(super) async fn lease(
    State(app): State<Arc<App>>,
    PathParam(id): PathParam,
) -> Result<Json<Leased>, Problem> {
    let event_id: EventId = id.parse().map_err(|_| Problem::NotFound)?;
    let lease = match app.pool.store.claim_event(event_id).await? {
        Grant::Leased(lease) => lease,
        Grant::Taken(left) => return Err(refused("another worker holds its lease", left)),
        Grant::NotDue(left) => return Err(refused("its next attempt is due later", left)),
        Grant::Settled(state) => return Err(Problem::NotLeasable(state.name(), 0)),
        Grant::Unknown => return Err(Problem::NotFound),
    };
    if app.pool.is_one_too_many(&lease) {
        // Makes no call: it records what is known.
        let became = app.pool.attempt(lease, OnFailure::Retry).await;
        return Err(Problem::NotLeasable(name_of(became.ok().flatten()), 0));
    }
    let payload = app.pool.store.payload(event_id).await?;
    let payload = payload.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(Json(Leased {
        event_id,
        token: lease.attempt,
        lease_ms: app.core.config.store.lease.as_millis() as u64,
        notify: match lease.notification {
            Notification::Due => "due",
            Notification::Sent => "sent",
            Notification::Unknown => "unknown",
        },
        payload: payload.and_then(|text| serde_json::value::RawValue::from_string(text).ok()),
    }))
}

/// As a refusal names it.
fn name_of(state: Option<EventState>) -> &'static str {
    state.map_or("another worker holds its lease", EventState::name)
}

fn refused(why: &'static str, left: Duration) -> Problem {
    Problem::NotLeasable(why, left.as_secs_f64().ceil().max(1.0) as u64)
}

/// `POST /events/{id}/effects`: how an attempt ended. What follows a failure is decided here, by the same policy as for
/// workers of this program. 409 if the lease was taken over, and the effect log is written all the same; or if there never
/// was one with this token, and nothing is. A report that is repeated gets its answer again.
pub(super) async fn effects(
    State(app): State<Arc<App>>,
    PathParam(id): PathParam,
    request: Request<Body>,
) -> Result<Json<Recorded>, Problem> {
    let event_id: EventId = id.parse().map_err(|_| Problem::NotFound)?;
    let (head, sent) = request.into_parts();
    let json = body::read_json(&head.headers, sent, &app.core.config.limits).await?;
    let report: EffectReport = serde_json::from_slice(&json)
        .map_err(|error| Problem::Malformed(format!("the body has no outcome: {error}")))?;
    let store = &app.pool.store;
    let Some(lease) = store.lease_of(event_id, report.token).await? else {
        let known = store.event(event_id).await?;
        return Err(known.map_or(Problem::NotFound, |_| Problem::NoSuchLease));
    };
    let outcome = report.outcome(&lease, &app.pool);
    let next = match outcome.next {
        Next::Done => "done",
        Next::Retry(_) => "retry",
        Next::GiveUp | Next::Answer => "dead",
    };
    let finished = store.finish(lease.clone(), outcome.clone()).await?;
    (app.pool).reported(&lease, report.end(), &outcome, finished);
    match finished {
        Finished::Recorded | Finished::RecordedAgain => Ok(Json(Recorded {
            recorded: true,
            next,
        })),
        Finished::Stale | Finished::StaleAgain => Err(Problem::StaleLease),
    }
}

impl EffectReport {
    /// How it ended, as it is counted.
    fn end(&self) -> AttemptEnd {
        match (self.notify, self.status) {
            (NotifyResult::Sent, _) => AttemptEnd::Sent,
            (NotifyResult::Before, _) => AttemptEnd::SentBefore,
            (NotifyResult::Unknown, _) => AttemptEnd::Unknown,
            (NotifyResult::Failed, Some(_)) => AttemptEnd::Refused,
            (NotifyResult::Failed, None) => AttemptEnd::Elsewhere,
            (NotifyResult::Unreachable, _) => AttemptEnd::Unreachable,
        }
    }

    fn outcome(&self, lease: &Lease, pool: &WorkerPool) -> AttemptOutcome {
        let reason = self
            .reason
            .clone()
            .unwrap_or_else(|| "no reason given".to_owned());
        let sent = match self.notify {
            NotifyResult::Failed => Err(self.error(reason.clone())),
            NotifyResult::Unreachable => Err(SendError::Unreachable(reason.clone())),
            NotifyResult::Sent | NotifyResult::Before | NotifyResult::Unknown => Ok(()),
        };
        let notified = match self.notify {
            NotifyResult::Before => Notified::Before,
            NotifyResult::Unknown => Notified::Unknown {
                reason: reason.into(),
            },
            NotifyResult::Sent | NotifyResult::Failed | NotifyResult::Unreachable => {
                pool.notified(&sent)
            }
        };
        let next = pool.next(lease, &notified, &sent, OnFailure::Retry);
        AttemptOutcome { notified, next }
    }

    fn error(&self, reason: String) -> SendError {
        match self.status {
            Some(status) => SendError::Refused {
                status,
                reason,
                retry_after: self.retry_after.map(Duration::from_secs),
            },
            None => SendError::Elsewhere(reason),
        }
    }
}
