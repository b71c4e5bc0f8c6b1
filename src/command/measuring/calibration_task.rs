//! A calibration alongside the preflight and the warm-up if a processor is free, else before the run.

use std::cell::Cell;
use std::io::Write;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::calibration::calibrated;
use super::pending_calibration::PendingCalibration;
use super::{Measuring, say_interrupted};
use crate::cli::run_setup::Precheck;
use crate::command::progress::Progress;
use crate::probe::engine::{self, CALIBRATION_LENGTH};
use crate::run::plan::{HttpVersion, Plan};
use crate::run::run_file::{Calibration, Signal};

/// How often the end of a calibration and signals are looked for.
const PERIOD: Duration = Duration::from_millis(10);

/// Tells that there is no calibration if its thread ends without one.
struct Teller(PendingCalibration);

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.tell(Calibration::default());
    }
}

/// Whether the run may begin.
#[derive(Debug)]
pub(in crate::command) enum Calibrating {
    /// It may: the calibration has ended, or ends before the warm-up does.
    Ready(PendingCalibration),
    /// A signal came first.
    Interrupted(Signal),
}

/// The calibration of one run. Dropped before the run may begin, it is given up.
pub(in crate::command) struct CalibrationTask<'a> {
    measuring: &'a Measuring,
    plan: &'a Plan,
    pending: PendingCalibration,
    /// The thread, if it runs alongside.
    thread: Option<CalibrationThread>,
    /// The run has begun, or may: it waits for the result itself.
    is_begun: Cell<bool>,
}

struct CalibrationThread {
    began: Instant,
    handle: JoinHandle<()>,
}

impl Measuring {
    /// Begins to measure a server that takes no time as the plan's service will be measured, if a processor is free;
    /// else [`CalibrationTask::ready`] does it.
    pub(in crate::command) fn calibration<'a>(
        &'a self,
        asked: Precheck,
        plan: &'a Plan,
    ) -> CalibrationTask<'a> {
        let mut task = CalibrationTask {
            measuring: self,
            plan,
            pending: PendingCalibration::default(),
            thread: None,
            is_begun: Cell::new(false),
        };
        match asked {
            Precheck::Skip => task.pending.tell(Calibration::Skipped),
            Precheck::Run if engine::has_core_to_spare(plan) => task.thread = task.beside(),
            Precheck::Run => {}
        }
        task
    }
}

impl<'a> CalibrationTask<'a> {
    /// Whether it measures this version of HTTP.
    pub(in crate::command) fn is_over(&self, version: HttpVersion) -> bool {
        self.plan.connections.version == version
    }

    /// The calibration of another plan in its place: what has begun is waited for, which takes about 2 s at the most, and
    /// not used.
    pub(in crate::command) fn replaced(mut self, asked: Precheck, plan: &'a Plan) -> Self {
        if let Some(CalibrationThread { handle, .. }) = self.thread.take() {
            // A panic there has left no result, which is not needed.
            let _ = handle.join();
        }
        self.measuring.calibration(asked, plan)
    }
}

impl CalibrationTask<'_> {
    /// `None` if there is no thread for it.
    fn beside(&self) -> Option<CalibrationThread> {
        let (plan, stop) = (self.plan.clone(), self.measuring.stop.clone());
        let teller = Teller(self.pending.clone());
        let calibrate = move || {
            if let Some(calibration) = calibrated(&plan, &stop) {
                teller.0.tell(calibration);
            }
        };
        let thread = std::thread::Builder::new().name("calibration".into());
        let handle = thread.spawn(calibrate).ok()?;
        Some(CalibrationThread {
            began: Instant::now(),
            handle,
        })
    }

    /// Returns when the run may begin: its warm-up covers what is left of the calibration.
    pub(in crate::command) fn ready(&self, stderr: &mut dyn Write) -> anyhow::Result<Calibrating> {
        match &self.thread {
            Some(thread) => {
                let begin = thread.began + CALIBRATION_LENGTH.saturating_sub(self.plan.warmup);
                // Without a warm-up, whose length could be estimated, for its end.
                let waits = || self.plan.warmup.is_zero() || Instant::now() < begin;
                while !self.pending.is_known() && waits() && !self.measuring.stop.is_stopped() {
                    std::thread::sleep(PERIOD);
                }
            }
            None if self.pending.is_known() => {}
            None => {
                let displays = self.measuring.signals.displays();
                let progress = Progress::of_calibration(self.measuring.console, displays);
                let calibration = calibrated(self.plan, &self.measuring.stop);
                progress.finish();
                self.pending.tell(calibration.unwrap_or_default());
            }
        }
        match self.measuring.signals.received() {
            None => {
                self.is_begun.set(true);
                Ok(Calibrating::Ready(self.pending.clone()))
            }
            Some(signal) => {
                say_interrupted(stderr)?;
                Ok(Calibrating::Interrupted(signal))
            }
        }
    }
}

impl Drop for CalibrationTask<'_> {
    fn drop(&mut self) {
        if let Some(CalibrationThread { handle, .. }) = self.thread.take()
            && !self.is_begun.get()
        {
            if !handle.is_finished() && !self.pending.is_known() {
                // What it was for has failed, and nothing else is measured any more.
                self.measuring.stopper.stop();
            }
            let _ = handle.join();
        }
    }
}
