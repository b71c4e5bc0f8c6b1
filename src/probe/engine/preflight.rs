//! One request to every endpoint before the run: is this a server, and does it know these paths?

use std::time::{Duration, Instant};

use tokio::task::LocalSet;
use uuid::Uuid;

use super::connection::{Keep, ResponseOptions};
use super::failure::RequestFailure;
use super::monotonic_clock::MonotonicClock;
use super::origin_route::{OriginRoute, ThreadRoutes};
use super::origins::Origins;
use super::redirect_target::is_redirect;
use super::redirects::{Redirects, SentRequest};
use super::request::{Encoder, TemplateValues};
use super::stop::StopSignal;
use super::timeline::{RequestPhase, Timeline};
use crate::run::plan::{BodyFault, ConnectionPolicy, Endpoint, Keepalive, Plan, PlannedRows};
use crate::run::preflight_failure::{FailureCause, PendingPhase, PreflightFailure};
use crate::run::sample::FailureKind;

/// Why the run should not begin.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// Certificates or names in the plan cannot be used.
    #[error("{0:#}")]
    Setup(anyhow::Error),
    /// An endpoint did not answer.
    #[error("{endpoint}: {failure}")]
    Endpoint {
        /// The endpoint's name.
        endpoint: String,
        /// What came instead of an answer.
        failure: PreflightFailure,
    },
}

/// What an endpoint answered before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreflightAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// From the request's first byte to the answer's last; the handshakes before it are not counted.
    pub took: Duration,
    /// What is wrong with its body, if the plan expects one.
    pub body_fault: Option<BodyFault>,
}

/// Sends one request to every endpoint, each over a connection of its own, and returns the answers.
///
/// The requests carry ids of their own, so they are not part of the run. A stop ends the questions with a client
/// failure.
///
/// # Errors
/// [`PreflightError`] of the first endpoint that gave no answer.
pub fn preflight(plan: &Plan, stop: &StopSignal) -> Result<Vec<PreflightAnswer>, PreflightError> {
    let mut origins = Origins::of(plan).map_err(PreflightError::Setup)?;
    let tried = origins.try_addresses(plan.timeout);
    tried.map_err(|e| PreflightError::Setup(e.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| PreflightError::Setup(e.into()))?;
    let values = TemplateValues {
        run: Uuid::now_v7(),
        rows: plan.rows.as_ref().map(PlannedRows::of_preflight),
    };
    let routes = ThreadRoutes::of_preflight(plan, &origins);
    let redirects = Redirects::of(plan, &routes);
    // HTTP/2 connections are tasks.
    let tasks = LocalSet::new();
    let policy = ConnectionPolicy {
        keepalive: Keepalive::PerRequest,
        ..plan.connections.clone()
    };
    let ask = |(stream, endpoint): (u64, &Endpoint)| {
        let asked = tasks.block_on(&runtime, async {
            // A timeout is made inside of the runtime whose timer it uses.
            let clock = MonotonicClock::starting_at(Instant::now());
            let mut timeline = Timeline::starting_at(clock.now_ns());
            let target = plan.target_of(endpoint);
            let route = routes.of_endpoint(stream as usize);
            let request = Encoder::new(target, endpoint, &policy, values.clone(), stream);
            let options = ResponseOptions {
                expect: request.expect(),
                keep: redirects.as_ref().map_or(Keep::Nothing, |_| Keep::Location),
                search: endpoint.expect_body.as_ref(),
            };
            let sent = SentRequest {
                endpoint: stream as usize,
                values: &values,
                number: 0,
                request: &request.encode(0),
                options,
            };
            let answer = ask(route, redirects.as_ref(), &sent, clock, &mut timeline);
            let answered = tokio::select! {
                answered = tokio::time::timeout(plan.timeout, answer) => answered,
                () = stop.clone().stopped() => Ok(Err(PreflightFailure::Failed(
                    FailureKind::Client,
                    "interrupted".to_owned(),
                    FailureCause::Interrupted,
                ))),
            };
            answered.unwrap_or_else(|_elapsed| {
                Err(PreflightFailure::Timeout(plan.timeout, pending(&timeline)))
            })
        });
        asked.map_err(|failure| PreflightError::Endpoint {
            endpoint: endpoint.name.clone(),
            failure,
        })
    };
    let answers = (0..).zip(&plan.endpoints).map(ask).collect();
    // A name that is still being resolved would be waited for.
    runtime.shutdown_background();
    answers
}

async fn ask(
    route: &OriginRoute,
    redirects: Option<&Redirects>,
    sent: &SentRequest<'_>,
    clock: MonotonicClock,
    timeline: &mut Timeline,
) -> Result<PreflightAnswer, PreflightFailure> {
    let opened = route.connection(clock, timeline).await;
    let connection = opened.map_err(failed)?;
    let sent_ns = clock.now_ns();
    let exchanged = route.exchange(
        Some(connection),
        sent.request,
        sent.options,
        clock,
        timeline,
    );
    let mut answered = exchanged.await.map_err(failed)?;
    if let Some(redirects) = redirects.filter(|_| is_redirect(answered.response.status)) {
        answered.connection = None;
        let followed = redirects.follow(sent, answered, clock, timeline).await;
        answered = followed.map_err(failed)?;
    }
    let response = answered.response;
    Ok(PreflightAnswer {
        status: response.status,
        took: Duration::from_nanos(clock.now_ns() - sent_ns),
        body_fault: response.body_fault,
    })
}

fn pending(timeline: &Timeline) -> PendingPhase {
    match timeline.phase() {
        Some(RequestPhase::Dns) => PendingPhase::Name,
        None | Some(RequestPhase::Wait | RequestPhase::Connect) => PendingPhase::Connection,
        Some(RequestPhase::Tls) => PendingPhase::Handshake,
        Some(RequestPhase::Settings) => PendingPhase::Settings,
        Some(RequestPhase::Slot) => PendingPhase::Stream,
        Some(RequestPhase::Redirect | RequestPhase::FirstByte) => PendingPhase::Answer,
        Some(RequestPhase::Body) => PendingPhase::Rest,
    }
}

fn failed(failure: RequestFailure) -> PreflightFailure {
    PreflightFailure::Failed(failure.kind, failure.message, failure.cause)
}
