//! What a `measure` means: a plan, gates that it can decide, and the audit after it.

use std::path::PathBuf;

use super::gates::{check_plan, set_targets};
use super::unchecked_plan::UncheckedPlan;
use crate::cli::audit;
use crate::cli::measure::MeasureArgs;
use crate::cli::run_setup::RunSetup;
use crate::cli::settings_file::{self, SettingsLayers};
use crate::cli::variables::LookUp;
use crate::judge::gate::Gate;
use crate::run::plan::{AuditCapture, Auditing, Design, Guard, Plan};

/// What a `measure` means.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    pub plan: Plan,
    /// What must hold; checked against the plan.
    pub gates: Vec<Gate>,
    /// How bursts are judged.
    pub guard: Guard,
    /// Whether the size is fixed; if not, the plan's size is the budget.
    pub design: Design,
    /// What is asked after the run.
    pub auditing: Auditing,
    /// What the engine keeps and repeats for that.
    pub capture: AuditCapture,
    /// Where the run is saved.
    pub save: Option<PathBuf>,
    /// What surrounds the run.
    pub setup: RunSetup,
}

/// Resolves the arguments of `measure` with the settings file and the environment.
///
/// # Errors
/// What was typed contradicts itself, or the settings cannot be read. The message ends with a hint.
pub(crate) fn measure(args: &MeasureArgs) -> anyhow::Result<Measure> {
    let layers = settings_file::load(&args.settings)?;
    resolve(args, &layers, &|name| std::env::var(name).ok())
}

fn resolve(
    args: &MeasureArgs,
    layers: &SettingsLayers,
    look_up: LookUp<'_>,
) -> anyhow::Result<Measure> {
    let UncheckedPlan {
        mut plan,
        gates,
        design,
    } = UncheckedPlan::resolve(args, layers, look_up)?;
    let guard = args.guard.guard(layers)?;
    check_plan(&plan, &gates, guard, design)?;
    set_targets(&mut plan, &gates);
    let (auditing, capture) = audit::resolve(&args.audit, layers, &plan, &gates)?;
    Ok(Measure {
        auditing,
        capture,
        plan,
        gates,
        guard,
        design,
        save: args.run.base.save.clone(),
        setup: args.run.setup(&args.output),
    })
}

#[cfg(test)]
mod tests;
