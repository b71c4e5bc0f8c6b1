//! The questions before the run: does the service answer, and as the plan expects?

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

use super::{Measuring, say_interrupted};
use crate::cli::defaults::DEFAULT_STREAMS;
use crate::cli::progress::Talk;
use crate::judge::comparison::SideName;
use crate::judge::failure_hints::shows_a_wrong_plan;
use crate::probe::engine::{self, PreflightAnswer, PreflightError};
use crate::report::text::failure_hints::{
    Explained, no_answer, unexpected_answer, unexpected_body,
};
use crate::run::plan::{BodyFault, Endpoint, HttpVersion, Piece, Plan, Scheme};
use crate::run::preflight_failure::{FailureCause, PreflightFailure};
use crate::run::run_file::Signal;
use crate::units::Pretty;

/// The service cannot be measured: no byte of an answer arrives.
#[derive(Debug, thiserror::Error)]
#[error("{text}\nhint: {hint}")]
pub struct Unreachable {
    text: String,
    hint: String,
}

/// How the questions before the run were answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::command) enum Preflight {
    /// The run may begin.
    Ready,
    /// Endpoints that may be missing are, with the status that says so.
    Absent(Vec<(String, u16)>),
    /// The service offers HTTP/2 and nothing else: the plan is to be carried out over it.
    Http2Only,
    /// A signal came first.
    Interrupted(Signal),
}

impl Measuring {
    /// Sends one request to every endpoint; with patience, again until all answer as expected.
    ///
    /// A service that fails is measured all the same; a plan that does not fit the service is not. Endpoints that are
    /// `implied` may be missing.
    ///
    /// # Errors
    /// [`Unreachable`] if there is no answer; if an answer shows that the plan is wrong (404, 401, …), what to fix.
    pub(in crate::command) fn preflight(
        &self,
        plan: &Plan,
        implied: &[String],
        patience: Option<Duration>,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Preflight> {
        let began = Instant::now();
        loop {
            let asked = engine::preflight(plan, &self.stop).map(|answers| self.noted(answers));
            if let Some(signal) = self.signals.received() {
                say_interrupted(stderr)?;
                return Ok(Preflight::Interrupted(signal));
            }
            let ready = asked
                .as_ref()
                .is_ok_and(|answers| is_as_expected(plan, answers));
            if ready {
                return Ok(Preflight::Ready);
            }
            if let Ok(answers) = &asked
                && let absent = absent(plan, implied, answers)
                && !absent.is_empty()
            {
                return Ok(Preflight::Absent(absent));
            }
            if let Err(error) = &asked
                && (calls_for_http2(plan, error) || self.answers_over_http2(plan, error))
            {
                return Ok(Preflight::Http2Only);
            }
            if patience.is_none_or(|patience| began.elapsed() >= patience) {
                let answers = asked.map_err(|e| explained(plan, e, patience))?;
                return self.accept(plan, &answers, stderr);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The same for a plan that is carried out over HTTP/2 if the service offers nothing else. Of two services, `side` says
    /// which one it is.
    ///
    /// # Errors
    /// Those of [`Measuring::preflight`].
    pub(in crate::command) fn preflight_of_any_version(
        &self,
        plan: &mut Plan,
        side: Option<SideName>,
        patience: Option<Duration>,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Preflight> {
        let asked = self.preflight(plan, &[], patience, stderr)?;
        if asked != Preflight::Http2Only {
            return Ok(asked);
        }
        self.use_http2(plan, side, stderr)?;
        self.preflight(plan, &[], patience, stderr)
    }

    /// Changes a plan for a service that offers HTTP/2 alone, and says so.
    pub(in crate::command) fn use_http2(
        &self,
        plan: &mut Plan,
        side: Option<SideName>,
        stderr: &mut dyn Write,
    ) -> std::io::Result<()> {
        plan.connections.version = HttpVersion::Http2 {
            streams: DEFAULT_STREAMS,
        };
        if self.console.talk == Talk::Normal {
            let who = match side {
                None => "the service".to_owned(),
                Some(side) => format!("the side {}", side.as_str()),
            };
            writeln!(stderr, "{who} offers HTTP/2 only: measuring it over HTTP/2")?;
        }
        Ok(())
    }

    /// Whether a service that agreed on no protocol by TLS and gave no answer of HTTP/1.1 answers over HTTP/2. Such a service
    /// does not say so in the handshake.
    fn answers_over_http2(&self, plan: &Plan, error: &PreflightError) -> bool {
        let PreflightError::Endpoint { endpoint, failure } = error else {
            return false;
        };
        let is_tls = |e: &Endpoint| plan.target_of(e).scheme == Scheme::Https;
        let mut asked = plan.endpoints.iter().filter(|e| e.name == *endpoint);
        let may_be = plan.connections.version == HttpVersion::Http1
            && matches!(
                failure,
                PreflightFailure::Failed(_, _, FailureCause::Closed | FailureCause::Http2Only)
            )
            && asked.any(is_tls);
        may_be && {
            let mut plan = plan.clone();
            plan.connections.version = HttpVersion::Http2 {
                streams: DEFAULT_STREAMS,
            };
            engine::preflight(&plan, &self.stop).is_ok()
        }
    }

    /// The answers; keeps the time of the slowest for the runs that follow.
    fn noted(&self, answers: Vec<PreflightAnswer>) -> Vec<PreflightAnswer> {
        let slowest = answers.iter().map(|answer| answer.took).max();
        self.answer_time.set(self.answer_time.get().max(slowest));
        answers
    }

    /// Decides about answers of which at least one was not expected.
    fn accept(
        &self,
        plan: &Plan,
        answers: &[PreflightAnswer],
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Preflight> {
        for (endpoint, unexpected) in unexpected(plan, answers) {
            let Explained { text, hint } = unexpected.explained(plan, endpoint);
            if unexpected.shows_a_wrong_plan() {
                match self.no_preflight {
                    Some(flag) => bail!("{text}\nhint: {hint}; {flag} measures it as it is"),
                    None => bail!("{text}\nhint: {hint}"),
                }
            }
            if self.console.talk == Talk::Normal {
                writeln!(stderr, "warning: {text}; measuring it anyway\nhint: {hint}")?;
            }
        }
        Ok(Preflight::Ready)
    }
}

/// Endpoints that may be missing and answer 404 or 405.
fn absent(plan: &Plan, implied: &[String], answers: &[PreflightAnswer]) -> Vec<(String, u16)> {
    let pairs = plan.endpoints.iter().zip(answers);
    let absent = pairs.filter(|(endpoint, answer)| {
        implied.contains(&endpoint.name) && matches!(answer.status, 404 | 405)
    });
    absent
        .map(|(endpoint, answer)| (endpoint.name.clone(), answer.status))
        .collect()
}

/// Whether a service refuses HTTP/1.1 in the TLS handshake, which does not cost it a request.
fn calls_for_http2(plan: &Plan, error: &PreflightError) -> bool {
    let PreflightError::Endpoint { failure, .. } = error else {
        return false;
    };
    let refused = matches!(failure, PreflightFailure::Failed(_, _, FailureCause::Tls(tls)) if tls.is_http2_only());
    refused && plan.connections.version == HttpVersion::Http1
}

fn is_as_expected(plan: &Plan, answers: &[PreflightAnswer]) -> bool {
    unexpected(plan, answers).next().is_none()
}

/// How an answer differs from the plan.
enum Unexpected<'a> {
    Status(u16),
    /// The status is expected, and the body is not.
    Body(&'a BodyFault),
}

/// Endpoints that answer, but not as planned.
fn unexpected<'a>(
    plan: &'a Plan,
    answers: &'a [PreflightAnswer],
) -> impl Iterator<Item = (&'a Endpoint, Unexpected<'a>)> {
    let pairs = plan.endpoints.iter().zip(answers);
    pairs.filter_map(|(endpoint, answer)| {
        // The paths of a log are what clients asked for, whether there was an answer or not.
        let is_logged = endpoint.path.pieces().contains(&Piece::LoggedPath);
        let unexpected = if is_logged {
            return None;
        } else if endpoint.expect.contains(answer.status) {
            Unexpected::Body(answer.body_fault.as_ref()?)
        } else {
            Unexpected::Status(answer.status)
        };
        Some((endpoint, unexpected))
    })
}

impl Unexpected<'_> {
    fn explained(&self, plan: &Plan, endpoint: &Endpoint) -> Explained {
        match self {
            Unexpected::Status(status) => unexpected_answer(plan, endpoint, *status),
            Unexpected::Body(fault) => unexpected_body(plan, endpoint, fault),
        }
    }

    /// A body that cannot be searched never passes; another one may be as expected when the service is well.
    fn shows_a_wrong_plan(&self) -> bool {
        match self {
            Unexpected::Status(status) => shows_a_wrong_plan(*status),
            Unexpected::Body(fault) => matches!(fault, BodyFault::Encoded(_)),
        }
    }
}

/// An error with a hint. It is [`Unreachable`] only if no byte came from the server. A server that has answered is
/// reachable, and the plan does not fit it.
fn explained(plan: &Plan, error: PreflightError, patience: Option<Duration>) -> anyhow::Error {
    let (endpoint, failure) = match error {
        PreflightError::Setup(e) => return e,
        PreflightError::Endpoint { endpoint, failure } => (endpoint, failure),
    };
    let Explained { mut text, hint } = no_answer(plan, &endpoint, &failure);
    if plan.endpoints.len() > 1 && failure.is_of_one_endpoint() {
        text += &format!(" (endpoint {endpoint})");
    }
    if let Some(patience) = patience {
        text += &format!(" (waited {})", Pretty(patience));
    }
    if failure.is_answered() {
        anyhow!("{text}\nhint: {hint}")
    } else {
        Unreachable { text, hint }.into()
    }
}
