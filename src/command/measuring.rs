//! Carries out a plan: preflight, signals, live line, engine; the result is a [`Run`].

mod audit_warnings;
mod audited;
mod calibration;
mod decider;
mod preflight;
mod run_options;

use std::cell::Cell;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use uuid::Uuid;

use super::signals::SignalListener;
use crate::command::progress::{Progress, ProgressMode, ProgressScope};
use crate::judge::gate::Gate;
use crate::judge::warning::Warning;
use crate::judge::warnings::of_failures as failure_warnings;
use crate::probe::audit::EarlyAudit;
use crate::probe::engine::{self, Live, RunIds, RunSpec, StopSignal, Stopper, stop_switch};
use crate::run::completion::Answers;
use crate::run::plan::{Design, Plan};
use crate::run::run_file::{FinishedRun, Run, RunContext};
use audit_warnings::audit_warnings;
use audited::{PreparedAudit, RunToAudit};
use decider::Decider;

pub(super) use audited::AuditOptions;
pub(super) use calibration::{Calibrating, calibrated};
pub(super) use preflight::Preflight;
pub use preflight::Unreachable;
pub(super) use run_options::RunOptions;

/// Runs plans; listens for signals as long as it lives.
pub(super) struct Measuring {
    stopper: Stopper,
    stop: StopSignal,
    pub(super) signals: SignalListener,
    mode: ProgressMode,
    /// The flag that leaves the preflight out, if the command has one.
    no_preflight: Option<&'static str>,
    /// Of the slowest answer to a preflight request.
    answer_time: Cell<Option<Duration>>,
}

/// A run and what its reader should know about it.
pub(super) struct Measurement {
    pub(super) run: Run,
    pub(super) warnings: Vec<Warning>,
}

impl Measuring {
    /// From now on a signal stops what is measured, in good order.
    ///
    /// A second one ends the process after the temporary folder is removed.
    pub(super) fn new(mode: ProgressMode, temp_dir: Option<PathBuf>) -> anyhow::Result<Measuring> {
        let (stopper, stop): (Stopper, StopSignal) = stop_switch();
        let signals = SignalListener::start(stopper.clone(), temp_dir)
            .context("cannot listen for signals")?;
        Ok(Measuring {
            stopper,
            stop,
            signals,
            mode,
            no_preflight: Some("--no-preflight"),
            answer_time: Cell::new(None),
        })
    }

    /// The same for a command that always makes a preflight request.
    pub(super) fn always_asking(self) -> Measuring {
        Measuring {
            no_preflight: None,
            ..self
        }
    }

    /// Carries out the plan; blocks until it has ended, was decided or was stopped.
    pub(super) fn run(&self, plan: &Plan, options: &RunOptions<'_>) -> anyhow::Result<Measurement> {
        let mut spec = RunSpec::new(plan, RunIds::fresh(), &self.stop);
        spec.own_error = options.calibration.own_error();
        spec.answer_time = self.answer_time.get();
        let live = Arc::new(Live::new(plan).with_own_error(spec.own_error));
        let decider = (options.design == Design::Adaptive)
            .then(|| Decider::start(plan, options, Arc::clone(&live), self.stopper.clone()));
        let progress = Progress::start(
            self.mode,
            ProgressScope::of(plan),
            Arc::clone(&live),
            decider.as_ref().map(Decider::state),
        );
        let audit = options
            .audit
            .map(|audit| PreparedAudit::new(plan, audit, spec.ids.run));
        spec.capture = audit
            .as_ref()
            .map(PreparedAudit::capture)
            .unwrap_or_default();
        let early = audit
            .as_ref()
            .and_then(|audit| audit.early(plan, spec.ids.run, &live));
        let needed = self.mode != ProgressMode::Silent || decider.is_some() || early.is_some();
        spec.live = needed.then(|| Arc::clone(&live));
        let finished = engine::run(&spec);
        progress.finish();
        let decided = decider.is_some_and(Decider::finish);
        live.end_accepted();
        let early = early.map(EarlyAudit::finish);
        let finished = finished?;
        let mut warnings = failure_warnings(plan, &finished.endpoints);
        let audits = audit.map(|audit| {
            let progress = Progress::auditing(self.mode);
            let run = RunToAudit {
                plan,
                ids: spec.ids,
                gates: options.gates,
                finished: &finished,
                early: early.as_ref(),
            };
            let audits = audit.carry_out(run, self.stop.clone());
            progress.finish();
            audits
        });
        let mut run = Run::of(finished, self.context(plan, options, spec.ids.run, decided));
        for (endpoint, audit) in run.endpoints.iter_mut().zip(audits.unwrap_or_default()) {
            endpoint.audit = audit;
            // The audit was their only reader, and a long run has many.
            endpoint.answers = Answers::default();
        }
        warnings.extend(audit_warnings(&run));
        Ok(Measurement { run, warnings })
    }

    /// Carries out one block of a run. A signal ends it at its current point.
    pub(super) fn block(
        &self,
        plan: &Plan,
        ids: RunIds,
        own_error: Duration,
        label: &str,
    ) -> anyhow::Result<FinishedRun> {
        let live = Arc::new(Live::new(plan).with_own_error(own_error));
        let scope = ProgressScope {
            label: label.to_owned(),
            ..ProgressScope::of(plan)
        };
        let progress = Progress::start(self.mode, scope, Arc::clone(&live), None);
        let finished = engine::run(&RunSpec {
            own_error,
            answer_time: self.answer_time.get(),
            live: (self.mode != ProgressMode::Silent).then_some(live),
            ..RunSpec::new(plan, ids, &self.stop)
        });
        progress.finish();
        finished
    }

    /// The sum of a fixed number of blocks, as a run of this plan.
    pub(super) fn of_blocks(
        &self,
        plan: &Plan,
        options: &RunOptions<'_>,
        ids: RunIds,
        finished: FinishedRun,
    ) -> Measurement {
        let warnings = failure_warnings(plan, &finished.endpoints);
        Measurement {
            run: Run::of(finished, self.context(plan, options, ids.run, false)),
            warnings,
        }
    }

    fn context<'a>(
        &self,
        plan: &'a Plan,
        options: &RunOptions<'_>,
        id: Uuid,
        decided: bool,
    ) -> RunContext<'a> {
        RunContext {
            plan,
            id,
            gates: options.gates.iter().map(Gate::to_string).collect(),
            guard: options.guard,
            design: options.design,
            calibration: options.calibration.clone(),
            certificate: options.certificate.cloned(),
            signal: self.signals.received(),
            decided,
        }
    }
}

fn say_interrupted(stderr: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        stderr,
        "interrupted before the run began; nothing was measured"
    )
}
