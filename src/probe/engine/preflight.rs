//! One request to every endpoint before the run: is this a server, and does it know these paths?

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::connection::{Keep, ResponseOptions};
use super::connector::Connector;
use super::failure::RequestFailure;
use super::monotonic_clock::MonotonicClock;
use super::request::Encoder;
use super::stop::StopSignal;
use super::timeline::{RequestPhase, Timeline};
use crate::run::plan::{Endpoint, Keepalive, Plan};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreflightAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// From the request's first byte to the answer's last; the handshakes before it are not counted.
    pub took: Duration,
}

/// Sends one request to every endpoint, each over a connection of its own, and returns the answers.
///
/// The requests carry ids of their own, so they are no part of the run. A stop ends the questions with a client
/// failure.
///
/// # Errors
/// [`PreflightError`] of the first endpoint that gave no answer.
pub fn preflight(plan: &Plan, stop: &StopSignal) -> Result<Vec<PreflightAnswer>, PreflightError> {
    let connector =
        Connector::new(&plan.target, &plan.connections).map_err(PreflightError::Setup)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| PreflightError::Setup(e.into()))?;
    let run = Uuid::now_v7();
    let ask = |(stream, endpoint): (u64, &Endpoint)| {
        let asked = runtime.block_on(async {
            // A timeout is made inside of the runtime whose timer it uses.
            let clock = MonotonicClock::starting_at(Instant::now());
            let mut timeline = Timeline::starting_at(clock.now_ns());
            let request = Encoder::new(&plan.target, endpoint, Keepalive::PerRequest, run, stream);
            let answer = ask(&connector, &request, clock, &mut timeline);
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
    connector: &Connector,
    encoder: &Encoder,
    clock: MonotonicClock,
    timeline: &mut Timeline,
) -> Result<PreflightAnswer, PreflightFailure> {
    let opened = connector.open(clock, timeline).await;
    let mut connection = opened.map_err(failed)?;
    let sent_ns = clock.now_ns();
    timeline.enter(RequestPhase::FirstByte, sent_ns);
    let request = encoder.encode(0);
    let options = ResponseOptions {
        expect: encoder.expect(),
        keep: Keep::Nothing,
    };
    let exchanged = connection.exchange(&request, options, clock, timeline);
    match exchanged.await {
        Ok(answer) => Ok(PreflightAnswer {
            status: answer.status,
            took: Duration::from_nanos(clock.now_ns() - sent_ns),
        }),
        Err(e) => Err(failed(e.into())),
    }
}

fn pending(timeline: &Timeline) -> PendingPhase {
    match timeline.phase() {
        Some(RequestPhase::Dns) => PendingPhase::Name,
        None | Some(RequestPhase::Wait | RequestPhase::Connect) => PendingPhase::Connection,
        Some(RequestPhase::Tls) => PendingPhase::Handshake,
        Some(RequestPhase::FirstByte) => PendingPhase::Answer,
        Some(RequestPhase::Body) => PendingPhase::Rest,
    }
}

fn failed(failure: RequestFailure) -> PreflightFailure {
    PreflightFailure::Failed(failure.kind, failure.message, failure.cause)
}
