//! Carries out a plan: preflight, signals, live line, engine; the result is a [`Run`].

mod abort_watcher;
mod audit_warnings;
mod audited;
mod calibration;
mod calibration_task;
mod decider;
mod pending_calibration;
mod preflight;
mod run_options;
mod trial;

use std::cell::Cell;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use uuid::Uuid;

use super::signals::SignalListener;
use crate::cli::progress::{Console, ProgressMode};
use crate::command::progress::{Progress, ProgressScope, WatchedRun};
use crate::judge::gate::{Gate, GateOrigin};
use crate::judge::warning::Warning;
use crate::judge::warnings::of_failures as failure_warnings;
use crate::probe::audit::EarlyAudit;
use crate::probe::engine::{
    self, Live, OwnError, RunIds, RunSpec, StartTime, StopSignal, Stopper, stop_switch,
};
use crate::run::completion::{Answers, Audit};
use crate::run::plan::{Design, Plan};
use crate::run::run_file::{FinishedRun, Run, RunContext, ShardRecord};
use crate::run::shard::Shard;
use abort_watcher::AbortWatcher;
use audit_warnings::audit_warnings;
use audited::{PreparedAudit, RunToAudit};
use decider::Decider;

pub(super) use audited::AuditOptions;
pub(super) use calibration::calibrated;
pub(super) use calibration_task::{Calibrating, CalibrationTask};
pub(super) use pending_calibration::PendingCalibration;
pub(super) use preflight::Preflight;
pub use preflight::Unreachable;
pub(super) use run_options::{RunOptions, ShardStart};
pub(super) use trial::{TrialRequest, TrialRun, TrialWatch, TrialWorkAudit};

/// Runs plans; listens for signals as long as it lives.
pub(super) struct Measuring {
    stopper: Stopper,
    stop: StopSignal,
    pub(super) signals: SignalListener,
    console: Console,
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
    pub(super) fn new(console: Console, temp_dir: Option<PathBuf>) -> anyhow::Result<Measuring> {
        let (stopper, stop): (Stopper, StopSignal) = stop_switch();
        let signals = SignalListener::start(stopper.clone(), temp_dir)
            .context("cannot listen for signals")?;
        Ok(Measuring {
            stopper,
            stop,
            signals,
            console,
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
        let mut spec = self.spec(plan, options);
        let live = Arc::new(Live::new(plan));
        let decider = (options.design == Design::Adaptive)
            .then(|| Decider::start(plan, options, Arc::clone(&live), self.stopper.clone()));
        let scope = ProgressScope::of(&plan.share_of(spec.shard), options.design);
        let gates = decider.as_ref().map(Decider::gates);
        let progress = self.progress_of(WatchedRun::new(
            scope,
            Arc::clone(&live),
            gates,
            self.stop.clone(),
        ));
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
        let abort = AbortWatcher::start(
            plan,
            options.abort_on,
            Arc::clone(&live),
            self.stopper.clone(),
        );
        let needed =
            self.shows_progress() || decider.is_some() || abort.is_some() || early.is_some();
        spec.live = needed.then(|| Arc::clone(&live));
        let finished = engine::run(&spec);
        progress.finish();
        let decided = decider.is_some_and(Decider::finish);
        let aborted_by = abort.and_then(AbortWatcher::finish);
        live.end_accepted();
        let early = early.map(EarlyAudit::finish);
        let finished = finished?;
        let mut warnings = failure_warnings(plan, &finished.endpoints);
        let shard = recorded_shard(options, audit.as_ref());
        let audits = audit.filter(|_| shard.is_none()).map(|audit| {
            let run = RunToAudit {
                plan,
                ids: spec.ids,
                gates: options.gates,
                finished: &finished,
                early: early.as_ref(),
            };
            self.audited(&audit, run)
        });
        let context = RunContext {
            aborted_by: aborted_by.map(|rule| rule.to_string()),
            decided,
            shard,
            ..self.context(plan, options, spec.ids.run)
        };
        let mut run = Run::of(finished, context);
        if shard.is_some() {
            return Ok(Measurement { run, warnings });
        }
        for (endpoint, audit) in run.endpoints.iter_mut().zip(audits.unwrap_or_default()) {
            endpoint.audit = audit;
            // The audit was their only reader, and a long run has many.
            endpoint.answers = Answers::default();
        }
        warnings.extend(audit_warnings(&run));
        Ok(Measurement { run, warnings })
    }

    /// What is sent, and when.
    fn spec<'a>(&self, plan: &'a Plan, options: &RunOptions<'_>) -> RunSpec<'a> {
        let mut spec = RunSpec::new(plan, RunIds::fresh(), &self.stop);
        if let Some(start) = options.shard {
            spec.ids.run = start.run;
            spec.shard = start.shard;
            spec.start = StartTime::At(start.start);
        }
        spec.own_error = options.calibration.own_error();
        spec.answer_time = self.answer_time.get();
        spec
    }

    fn audited(&self, audit: &PreparedAudit, run: RunToAudit<'_>) -> Vec<Option<Audit>> {
        let progress = Progress::of_audit(self.console, self.signals.displays());
        let audits = audit.carry_out(run, self.stop.clone());
        progress.finish();
        audits
    }

    /// Carries out one block of a run. A signal ends it at its current point.
    pub(super) fn block(
        &self,
        plan: &Plan,
        ids: RunIds,
        own_error: OwnError,
        label: &str,
    ) -> anyhow::Result<FinishedRun> {
        let live = Arc::new(Live::new(plan));
        let scope = ProgressScope::of(plan, Design::Fixed).labelled(label);
        let stop = self.stop.clone();
        let progress = self.progress_of(WatchedRun::new(scope, Arc::clone(&live), None, stop));
        let finished = engine::run(&RunSpec {
            own_error,
            answer_time: self.answer_time.get(),
            live: self.shows_progress().then_some(live),
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
            run: Run::of(finished, self.context(plan, options, ids.run)),
            warnings,
        }
    }

    fn progress_of(&self, run: WatchedRun) -> Progress {
        Progress::of_run(self.console, self.signals.displays(), run)
    }

    fn shows_progress(&self) -> bool {
        self.console.mode != ProgressMode::Silent
    }

    fn context<'a>(&self, plan: &'a Plan, options: &RunOptions<'_>, id: Uuid) -> RunContext<'a> {
        let gates = options.gates.iter();
        let implied = gates.filter(|gate| gate.origin == GateOrigin::Implied);
        RunContext {
            plan,
            id,
            gates: options.gates.iter().map(Gate::to_string).collect(),
            implied_gates: implied.map(Gate::to_string).collect(),
            gating: options.gating,
            guard: options.guard,
            design: options.design,
            calibration: options.calibration.result(),
            certificate: options.certificate.cloned(),
            signal: self.signals.received(),
            decided: false,
            aborted_by: None,
            shard: None,
            wall_clock: options.shard.map(|start| start.wall_clock.clone()),
        }
    }
}

/// Shards are audited together, by `merge`.
fn recorded_shard(options: &RunOptions<'_>, audit: Option<&PreparedAudit>) -> Option<ShardRecord> {
    let shard: Shard = options.shard?.shard;
    Some(ShardRecord {
        index: shard.index(),
        of: shard.count(),
        audit: audit.and_then(PreparedAudit::of_shards),
    })
}

fn say_interrupted(stderr: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        stderr,
        "interrupted before the run began; nothing was measured"
    )
}
