//! The questions before the run: does the service answer, and as the plan expects?

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

use super::{Measuring, say_interrupted};
use crate::command::progress::ProgressMode;
use crate::judge::failure_hints::shows_a_wrong_plan;
use crate::probe::engine::{self, PreflightAnswer, PreflightError};
use crate::report::text::failure_hints::{Explained, no_answer, unexpected_answer};
use crate::run::plan::{Endpoint, Plan};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::command) enum Preflight {
    /// The run may begin.
    Ready,
    /// A signal came first.
    Interrupted(Signal),
}

impl Measuring {
    /// Sends one request to every endpoint; with patience, again until all answer as expected.
    ///
    /// A service that fails is measured all the same; a plan that does not fit the service is not.
    ///
    /// # Errors
    /// [`Unreachable`] if there is no answer; if an answer shows that the plan is wrong (404, 401, …), what to fix.
    pub(in crate::command) fn preflight(
        &self,
        plan: &Plan,
        patience: Option<Duration>,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Preflight> {
        let began = Instant::now();
        loop {
            let asked = engine::preflight(plan, &self.stop).map(|answers| self.noted(&answers));
            if let Some(signal) = self.signals.received() {
                say_interrupted(stderr)?;
                return Ok(Preflight::Interrupted(signal));
            }
            let ready = asked
                .as_ref()
                .is_ok_and(|statuses| unexpected(plan, statuses).next().is_none());
            if ready {
                return Ok(Preflight::Ready);
            }
            if patience.is_none_or(|patience| began.elapsed() >= patience) {
                let statuses = asked.map_err(|e| explained(plan, e, patience))?;
                return self.accept(plan, &statuses, stderr);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The statuses; keeps the time of the slowest answer for the runs that follow.
    fn noted(&self, answers: &[PreflightAnswer]) -> Vec<u16> {
        let slowest = answers.iter().map(|answer| answer.took).max();
        self.answer_time.set(self.answer_time.get().max(slowest));
        answers.iter().map(|answer| answer.status).collect()
    }

    /// Decides about answers of which at least one was not expected.
    fn accept(
        &self,
        plan: &Plan,
        statuses: &[u16],
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Preflight> {
        for (endpoint, status) in unexpected(plan, statuses) {
            let Explained { text, hint } = unexpected_answer(plan, endpoint, status);
            if shows_a_wrong_plan(status) {
                match self.no_preflight {
                    Some(flag) => bail!("{text}\nhint: {hint}; {flag} measures it as it is"),
                    None => bail!("{text}\nhint: {hint}"),
                }
            }
            if self.mode != ProgressMode::Silent {
                writeln!(
                    stderr,
                    "warning: {text}; it is measured all the same\nhint: {hint}"
                )?;
            }
        }
        Ok(Preflight::Ready)
    }
}

/// Endpoints that answer, but not as planned.
fn unexpected<'a>(
    plan: &'a Plan,
    statuses: &'a [u16],
) -> impl Iterator<Item = (&'a Endpoint, u16)> {
    let pairs = plan.endpoints.iter().zip(statuses.iter().copied());
    pairs.filter(|(endpoint, status)| !endpoint.expect.contains(*status))
}

/// An error with a hint. It is [`Unreachable`] only if no byte came from the server. A server that has answered is
/// reachable, and the plan does not fit it.
fn explained(plan: &Plan, error: PreflightError, patience: Option<Duration>) -> anyhow::Error {
    let (endpoint, failure) = match error {
        PreflightError::Setup(e) => return e,
        PreflightError::Endpoint { endpoint, failure } => (endpoint, failure),
    };
    let Explained { mut text, hint } = no_answer(plan, &failure);
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
