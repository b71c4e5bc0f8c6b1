//! What `demo` measures with.

use std::time::Duration;

use super::capacity::{Capacity, goal};
use super::gates::set_targets;
use super::unchecked_plan::UncheckedPlan;
use crate::cli::load::LoadArgs;
use crate::cli::measure::MeasureArgs;
use crate::cli::run_setup::Intent;
use crate::cli::service::ServiceArgs;
use crate::cli::settings_file::SettingsLayers;
use crate::judge::capacity::{CapacityOptions, TrialDurations};
use crate::judge::gate::{ALPHA, Gate};
use crate::report::InconclusivePolicy;
use crate::run::plan::{Guard, Plan};

/// The plan of the demo: the defaults of `measure` without a settings file, against this base URL, with the limits of
/// these gates.
///
/// # Errors
/// The URL cannot be read.
pub(crate) fn demo_plan(base: &str, duration: Duration, gates: &[Gate]) -> anyhow::Result<Plan> {
    let args = MeasureArgs {
        service: ServiceArgs {
            url: vec![base.to_owned()],
            ..ServiceArgs::default()
        },
        load: LoadArgs {
            duration: Some(duration),
            ..LoadArgs::default()
        },
        ..MeasureArgs::default()
    };
    let layers = SettingsLayers::default();
    let mut plan = UncheckedPlan::resolve(&args, &layers, &|_| None, &[])?.plan;
    set_targets(&mut plan, gates);
    Ok(plan)
}

/// The lengths and rates of the searches of the demo: coarser than those of `capacity`, so that they fit into minutes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DemoSearch {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) width: f64,
    pub(crate) confirm: Duration,
    pub(crate) budget: Duration,
}

/// A search of the demo for one gate, against this base URL.
///
/// # Errors
/// The URL or the gate cannot be read.
pub(crate) fn demo_capacity(
    base: &str,
    gate: &str,
    search: &DemoSearch,
) -> anyhow::Result<Capacity> {
    let gates = vec![Gate::parse(gate)?];
    let mut plan = demo_plan(base, search.confirm, &gates)?;
    plan.endpoints
        .retain(|endpoint| gates[0].selector.selects(&endpoint.name));
    let goal = goal(&gates, Guard::default(), search.from)?;
    Ok(Capacity {
        plan,
        gates,
        options: CapacityOptions {
            from: search.from,
            to: search.to,
            width: search.width,
            budget: search.budget,
            alpha: ALPHA,
            goal,
            durations: TrialDurations::of(&goal, search.width, search.confirm),
        },
        tested: None,
        work: None,
        inconclusive: InconclusivePolicy::default(),
        recover: Duration::from_secs(30),
        save: None,
        wait_ready: Some(Duration::from_secs(10)),
        intent: Intent::Run,
    })
}
