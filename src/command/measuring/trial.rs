//! One trial of a capacity search: a run at one rate that may end as soon as its verdict is shown.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::audited::{AuditOptions, PreparedAudit, RunToAudit};
use super::{Calibrating, Measuring, PendingCalibration};
use crate::cli::run_setup::Precheck;
use crate::command::progress::{Progress, ProgressScope, WatchedRun};
use crate::judge::capacity::{NarrowWatch, live_rows};
use crate::judge::gate::{Condition, Gate, InstrumentLoad};
use crate::probe::audit::EarlyAudit;
use crate::probe::engine::{
    self, Live, Meter, OwnError, RunIds, RunSpec, StopSignal, Stopper, stop_switch,
};
use crate::run::completion::Audit;
use crate::run::plan::{Design, Plan};
use crate::run::run_file::FinishedRun;

/// How often it asks whether a look is due, and whether a signal has come.
const PERIOD: Duration = Duration::from_millis(50);

/// What may end a trial before its time.
pub(in crate::command) struct TrialWatch {
    pub(in crate::command) watch: NarrowWatch,
    pub(in crate::command) conditions: Vec<Condition>,
}

/// One trial.
pub(in crate::command) struct TrialRequest<'a> {
    pub(in crate::command) plan: &'a Plan,
    pub(in crate::command) own_error: OwnError,
    pub(in crate::command) label: &'a str,
    pub(in crate::command) watch: Option<TrialWatch>,
    /// What is asked about its accepted events.
    pub(in crate::command) work: Option<&'a TrialWorkAudit>,
    /// The gates, whose limits on the time to completion are counted.
    pub(in crate::command) gates: &'a [Gate],
}

/// A trial that was sent, with its audit.
pub(in crate::command) struct TrialRun {
    pub(in crate::command) finished: FinishedRun,
    /// Of the only endpoint.
    pub(in crate::command) audit: Option<Audit>,
    /// When every answer was in.
    pub(in crate::command) answered: Instant,
}

/// The audit of the accepted events of every trial of a search.
pub(in crate::command) struct TrialWorkAudit(PreparedAudit);

impl TrialWorkAudit {
    /// Asks whether the service lists its events, before any trial; `None` if it does not, and does not answer about
    /// single events either.
    pub(in crate::command) fn new(
        plan: &Plan,
        options: AuditOptions<'_>,
    ) -> Option<TrialWorkAudit> {
        let audit = PreparedAudit::new(plan, options, Uuid::now_v7());
        audit.can_be_asked().then_some(TrialWorkAudit(audit))
    }

    /// The same with another longest wait.
    pub(in crate::command) fn within(&self, patience: Duration) -> TrialWorkAudit {
        TrialWorkAudit(self.0.within(patience))
    }
}

impl Measuring {
    /// Carries out one trial. A signal ends it, and so does its watch when the verdict is shown.
    pub(in crate::command) fn trial(&self, request: TrialRequest<'_>) -> anyhow::Result<TrialRun> {
        let plan = request.plan;
        let live = Arc::new(Live::new(plan));
        let (stopper, stop) = stop_switch();
        let design = if request.watch.is_some() {
            Design::Adaptive
        } else {
            Design::Fixed
        };
        let scope = ProgressScope::of(plan, design).labelled(request.label);
        let progress = self.progress_of(WatchedRun::new(
            scope,
            Arc::clone(&live),
            None,
            stop.clone(),
        ));
        let ending = TrialEnding {
            stopper,
            interrupted: self.stop.clone(),
            live: Arc::clone(&live),
            meter: Meter::start(plan),
            watch: request.watch,
        };
        let work = request.work.map(|work| &work.0);
        let ids = RunIds::fresh();
        let early = work.and_then(|work| work.early(plan, ids.run, &live));
        let watcher = ending.start();
        let finished = engine::run(&RunSpec {
            own_error: request.own_error,
            answer_time: self.answer_time.get(),
            live: Some(Arc::clone(&live)),
            capture: work.map(PreparedAudit::capture).unwrap_or_default(),
            ..RunSpec::new(plan, ids, &stop)
        });
        let answered = Instant::now();
        watcher.finish();
        progress.finish();
        live.end_accepted();
        let early = early.map(EarlyAudit::finish);
        let finished = finished?;
        let audit = work.and_then(|work| {
            let progress = Progress::of_audit(self.console, self.signals.displays());
            let run = RunToAudit {
                plan,
                ids,
                gates: request.gates,
                finished: &finished,
                early: early.as_ref(),
            };
            let audits = work.carry_out(run, self.stop.clone());
            progress.finish();
            audits.into_iter().next().flatten()
        });
        Ok(TrialRun {
            finished,
            audit,
            answered,
        })
    }

    /// The measurement overhead at the rate of this plan; `None` if a signal came first.
    pub(in crate::command) fn calibrated_at(
        &self,
        plan: &Plan,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Option<PendingCalibration>> {
        let task = self.calibration(Precheck::Run, plan);
        Ok(match task.ready(stderr)? {
            Calibrating::Ready(calibration) => {
                // A task that is dropped before its result is there stops what is measured.
                calibration.result();
                Some(calibration)
            }
            Calibrating::Interrupted(_) => None,
        })
    }
}

/// Ends a trial: on a signal, or when its verdict is shown.
struct TrialEnding {
    stopper: Stopper,
    interrupted: StopSignal,
    live: Arc<Live>,
    meter: Meter,
    watch: Option<TrialWatch>,
}

struct TrialWatcher {
    done: Sender<()>,
    thread: JoinHandle<()>,
}

impl TrialEnding {
    fn start(mut self) -> TrialWatcher {
        let (done, finished) = channel();
        let thread = std::thread::spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(PERIOD) {
                if self.interrupted.is_stopped() {
                    self.stopper.stop();
                    return;
                }
                if self.is_shown() {
                    self.stopper.decide();
                    return;
                }
            }
        });
        TrialWatcher { done, thread }
    }

    fn is_shown(&mut self) -> bool {
        let Some(TrialWatch { watch, conditions }) = &mut self.watch else {
            return false;
        };
        let (_, Some(exceedances)) = self.live.exceedances(0, watch.next_look()) else {
            return false;
        };
        let load = InstrumentLoad {
            busy: self.meter.busy(),
            throttled: self.meter.throttled().map(|throttled| throttled.time),
        };
        live_rows(&exceedances, conditions, &load).is_some_and(|rows| watch.advance(&rows))
    }
}

impl TrialWatcher {
    fn finish(self) {
        // It has hung up if it has ended the trial.
        let _ = self.done.send(());
        let _ = self.thread.join();
    }
}
