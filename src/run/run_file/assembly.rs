//! Makes a run of what the engine left behind and of what only the command knows.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    AdaptiveRecord, Calibration, EndpointRun, Environment, Gating, Instrument, Judging, PlanRecord,
    Run, RunEnd, SelftestCertificate, ShardRecord, Signal, StopReason, WallClock,
};
use crate::run::plan::{Design, Guard, Plan, Size};

/// What the engine leaves behind of a plan.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// In the order of the plan's endpoints.
    pub endpoints: Vec<EndpointRun>,
    /// Whether the run was stopped before its plan was complete.
    pub stopped: bool,
    /// When the first planned request was due: t0 on the wall clock.
    pub started_at: Timestamp,
    /// What the engine knows of itself: neither its calibration nor its certificate.
    pub instrument: Instrument,
}

/// What the engine does not know of a run.
#[derive(Clone, Debug)]
pub struct RunContext<'a> {
    /// The plan that was carried out.
    pub plan: &'a Plan,
    /// What the planned requests carried in `X-A7-Run`.
    pub id: Uuid,
    /// The gates, as they were written.
    pub gates: Vec<String>,
    /// Those of them that were not asked for.
    pub implied_gates: Vec<String>,
    /// Whether it is to be judged at all.
    pub gating: Gating,
    /// Whether the verdicts allow for bursts.
    pub guard: Guard,
    /// Whether the run could stop when it was decided.
    pub design: Design,
    /// What the instrument measured of itself before.
    pub calibration: Calibration,
    /// What `selftest` said of it.
    pub certificate: Option<SelftestCertificate>,
    /// The signal that has come, before the end of the run or after it.
    pub signal: Option<Signal>,
    /// Whether the run stopped because its gates were decided.
    pub decided: bool,
    /// The rule of `--abort-on` that ended it.
    pub aborted_by: Option<String>,
    /// Which shard it is, if it is one.
    pub shard: Option<ShardRecord>,
    /// What NTP says of the wall clock, where the run depends on it.
    pub wall_clock: Option<WallClock>,
}

impl Run {
    /// The whole of a run, before its audit.
    pub fn of(finished: FinishedRun, context: RunContext<'_>) -> Run {
        let ended = match context.signal {
            Some(signal) if finished.stopped => RunEnd::Interrupted { signal },
            None if finished.stopped && context.aborted_by.is_some() => RunEnd::Aborted,
            _ => RunEnd::Complete,
        };
        let judging = Judging {
            guard: context.guard.into(),
            adaptive: adaptive(&context, ended),
        };
        Run {
            id: context.id,
            plan: PlanRecord::of(context.plan),
            environment: Environment::here(),
            started_at: finished.started_at,
            ended,
            aborted_by: context.aborted_by.filter(|_| ended == RunEnd::Aborted),
            endpoints: finished.endpoints,
            instrument: Instrument {
                wall_clock: context.wall_clock,
                calibration: context.calibration,
                certificate: context.certificate,
                ..finished.instrument
            },
            gates: context.gates,
            implied_gates: context.implied_gates,
            gating: context.gating,
            judging,
            turns: None,
            baseline: None,
            shard: context.shard,
            merged: None,
        }
    }
}

fn adaptive(context: &RunContext<'_>, ended: RunEnd) -> Option<AdaptiveRecord> {
    let (Design::Adaptive, Size::Duration(budget)) = (context.design, context.plan.size) else {
        return None;
    };
    let stopped = match ended {
        RunEnd::Interrupted { .. } | RunEnd::Aborted => StopReason::Interrupted,
        RunEnd::Complete if context.decided => StopReason::Decided,
        RunEnd::Complete => StopReason::Budget,
    };
    Some(AdaptiveRecord { budget, stopped })
}
