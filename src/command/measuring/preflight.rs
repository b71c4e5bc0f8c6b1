//! The questions before the run: does the service answer, and as the plan expects?

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::no_answer::explain;
use super::status_hints::status_hint;
use super::{Measuring, say_interrupted};
use crate::command::progress::ProgressMode;
use crate::probe::engine;
use crate::redact;
use crate::run::plan::{Endpoint, Plan};
use crate::run::run_file::Signal;

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
    /// [`Unreachable`] if there is no answer; if an answer shows that the plan is wrong (404, 401, …), what to mend.
    pub(in crate::command) fn preflight(
        &self,
        plan: &Plan,
        patience: Option<Duration>,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Preflight> {
        let began = Instant::now();
        loop {
            let asked = engine::preflight(plan, &self.stop);
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
                let statuses = asked.map_err(|e| explain(plan, e, patience))?;
                return self.accept(plan, &statuses, stderr);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Decides about answers of which at least one was not expected.
    fn accept(
        &self,
        plan: &Plan,
        statuses: &[u16],
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Preflight> {
        for (endpoint, status) in unexpected(plan, statuses) {
            let text = format!(
                "{} {}{} answers {status} where {} is expected",
                endpoint.method,
                redact::url(&plan.target.to_string()),
                redact::url(&endpoint.path.source()),
                endpoint.expect
            );
            let hint = status_hint(endpoint, status);
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

/// Redirects and most 4xx say that the request is wrong; 5xx, 408 and 429 that the service is unwell.
fn shows_a_wrong_plan(status: u16) -> bool {
    matches!(status, 300..=499) && !matches!(status, 408 | 425 | 429)
}
