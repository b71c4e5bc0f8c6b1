//! What a `measure` means, as values.

use std::path::PathBuf;

use crate::cli::run_setup::RunSetup;
use crate::cli::service::endpoints::UnaskedEndpoint;
use crate::cli::shard::ShardSetup;
use crate::cli::verdict_rules::InconclusiveArgs;
use crate::judge::abort_rule::AbortRule;
use crate::judge::gate::{Gate, StopRule};
use crate::judge::warning::Warning;
use crate::run::plan::{AuditCapture, Auditing, Design, Guard, Plan};
use crate::run::replay::ReplaySource;
use crate::run::run_file::{Baseline, Gating};

/// What a `measure` means.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    pub plan: Plan,
    /// What must hold; checked against the plan.
    pub gates: Vec<Gate>,
    /// What gates on two runs are judged against, and what must be known of it.
    pub baseline: Option<ResolvedBaseline>,
    /// How bursts are judged.
    pub guard: Guard,
    /// Whether the size is fixed; if not, the plan's size is the budget.
    pub design: Design,
    /// When it may stop.
    pub stop_rule: StopRule,
    /// What ends it before its time.
    pub abort_on: Vec<AbortRule>,
    /// Whether it is judged at all.
    pub gating: Gating,
    /// What INCONCLUSIVE means for the exit code.
    pub inconclusive: InconclusiveArgs,
    /// What is asked after the run.
    pub auditing: Auditing,
    /// What the engine keeps and repeats for that.
    pub capture: AuditCapture,
    /// Where the run is saved.
    pub save: Option<PathBuf>,
    /// What surrounds the run.
    pub setup: RunSetup,
    /// Endpoints of the implied pair, which may be missing.
    pub implied: Vec<String>,
    /// Endpoints of the implied pair that are not sent to.
    pub unasked: Vec<UnaskedEndpoint>,
    /// The file that is replayed.
    pub replay: Option<ReplaySource>,
    /// Which part of the run this machine sends, if several send it.
    pub shard: Option<ShardSetup>,
}

/// A saved run that fits the plan.
#[derive(Debug, Clone)]
pub(crate) struct ResolvedBaseline {
    pub baseline: Baseline,
    pub warnings: Vec<Warning>,
}
