//! The plan of a run in brief, and how the run ended.

use std::time::Duration;

use jiff::Timestamp;

use crate::run::plan::Model;
use crate::run::run_file::{
    AdaptiveRecord, Calibration, Run, RunEnd, SelftestCertificate, SizeRecord, TurnsRecord,
};

/// The plan of a run, in brief, and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunInfo {
    /// What tells it from the others: a file, `before`, `after`; empty if there is only one.
    pub label: String,
    /// Where the requests went, without credentials.
    pub target: String,
    /// Open or closed.
    pub model: Model,
    /// How much was sent to each endpoint.
    pub size: SizeRecord,
    /// Sent before the measurement and recorded apart.
    pub warmup: Duration,
    /// Longest response time that was waited for.
    pub timeout: Duration,
    /// Feeds the schedule's jitter and the templates.
    pub seed: u64,
    /// Whether the plan was carried out.
    pub ended: RunEnd,
    /// Of a run that stopped when it was decided: its budget, and why it stopped.
    pub adaptive: Option<AdaptiveRecord>,
    /// Of one side of an interleaved comparison, how it was measured.
    pub turns: Option<TurnsRecord>,
    /// When t0 was.
    pub started_at: Timestamp,
    /// What the instrument measured of itself before.
    pub calibration: Calibration,
    /// What vouches for it.
    pub certificate: Option<SelftestCertificate>,
}

impl RunInfo {
    /// The plan of a run, in brief.
    pub fn of(label: &str, run: &Run) -> RunInfo {
        RunInfo {
            label: label.to_owned(),
            target: run.plan.target.clone(),
            model: run.plan.model,
            size: run.plan.size,
            warmup: run.plan.warmup,
            timeout: run.plan.timeout,
            seed: run.plan.seed,
            ended: run.ended,
            adaptive: run.judging.adaptive,
            turns: run.turns,
            started_at: run.started_at,
            calibration: run.instrument.calibration.clone(),
            certificate: run.instrument.certificate.clone(),
        }
    }
}
