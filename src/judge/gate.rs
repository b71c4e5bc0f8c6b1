//! Gates: what a run must satisfy, said in one line, checked before it and judged after it.
//!
//! [`Gate`] is the condition, [`check`] compares it with the plan, [`judge`] compares it with a recording and gives a
//! [`Finding`] with its `FindingReason`.

mod advice;
mod allowance;
mod audit_reason;
mod audited;
mod baseline_reason;
mod case;
mod change_reason;
mod check;
mod check_error;
mod condition;
mod decision;
mod display;
mod episodes;
mod evidence;
mod exceedance_count;
mod family;
mod finding;
mod gate_watch;
mod grammar;
mod halves;
mod instrument_state;
mod judge;
mod missing_shards;
mod next_step;
mod no_baseline;
mod parse_error;
mod percentage;
mod planned;
mod prospect;
mod reason;
mod segments;
mod shortfall;
mod spec;
mod subject;

pub use allowance::{Allowance, AllowancePart};
pub(crate) use audit_reason::{AuditEnd, AuditReason, IncompleteCount, MissingEffects};
pub(crate) use baseline_reason::{BaselineDecision, BaselineNeed, BaselineReason, ChangeSpan};
pub use change_reason::UnresolvedChange;
pub(in crate::judge) use change_reason::open_low_end;
pub(crate) use change_reason::{ChangeReason, CutRuns};
pub use check::{check, check_names, check_recorded, check_scope, done_targets_for, targets_for};
pub use check_error::CheckError;
pub use condition::{AuditCount, Condition, LimitOperator, Scope};
pub use episodes::{Episodes, ObservedEpisodes};
pub use finding::{ExceedanceRange, Finding, ObservedMetric, run_verdict};
pub use gate_watch::{GateProgress, GateWatch, StopRule, WatchedEndpoint};
pub(crate) use instrument_state::{BUSY, Limitation, overhead_matters};
pub use instrument_state::{InstrumentLoad, InstrumentState};
pub use judge::judge;
pub(crate) use missing_shards::withhold_passes;
pub(crate) use next_step::{AuditStep, NextStep, Remedy, RunPurpose, SampleEstimate};
pub use no_baseline::without_baseline;
pub use parse_error::ParseError;
pub use percentage::Percentage;
pub use planned::Planned;
pub use prospect::Prospect;
#[cfg(test)]
pub(crate) use reason::TestReason;
pub(crate) use reason::{
    BurstWorth, Counting, DecisionReason, Exclusion, FindingReason, HalfResult, PassMargin,
    SampleUnit, SlowEpisodes, TestedSample, Uncertainty, UndecidedMargin,
};
pub use segments::{NamedSegment, of_segments, two_runs_across_ramps};
pub use shortfall::Shortfall;
pub use spec::{ALPHA, Gate, GateOrigin, Selector, Severity, default_gates, implied_gates};
pub use subject::{PlannedSample, Subject};
