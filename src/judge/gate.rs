//! Gates: what a run must satisfy, said in one line, checked before it and judged after it.
//!
//! [`Gate`] is what was asked, [`check`] holds it against the plan, [`judge`] holds it against a
//! recording and gives a [`Finding`] with its `FindingReason`.

mod advice;
mod audit_reason;
mod audited;
mod case;
mod change_reason;
mod check;
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
mod next_step;
mod parse_error;
mod prospect;
mod reason;
mod spec;
mod subject;

pub(crate) use audit_reason::{AuditEnd, AuditReason, IncompleteCount, MissingEffects};
pub use change_reason::UnresolvedChange;
pub(crate) use change_reason::{ChangeReason, CutRuns};
pub use check::{
    CheckError, Planned, check, check_names, check_recorded, check_scope, done_targets_for,
    targets_for,
};
pub use condition::{AuditCount, Condition, LimitOperator, Percentage, Scope};
pub use episodes::{Episodes, ObservedEpisodes};
pub use finding::{ExceedanceRange, Finding, ObservedMetric, run_verdict};
pub use gate_watch::{GateProgress, GateWatch};
pub(crate) use instrument_state::{BUSY, Limitation};
pub use instrument_state::{InstrumentLoad, InstrumentState};
pub use judge::judge;
pub(crate) use next_step::{AuditStep, NextStep, Remedy, RunPurpose, SampleEstimate};
pub use parse_error::ParseError;
pub use prospect::Prospect;
#[cfg(test)]
pub(crate) use reason::TestReason;
pub(crate) use reason::{
    BurstWorth, Counting, DecisionReason, Exclusion, FindingReason, HalfResult, PassMargin,
    SampleUnit, SlowEpisodes, TestedSample, Uncertainty, UndecidedMargin,
};
pub use spec::{ALPHA, Gate, Selector, Severity, default_gates};
pub use subject::Subject;
