//! What a `diagnose` means: one service, two endpoints, a budget.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use super::unchecked_plan::UncheckedPlan;
use super::{counted_rows, segments};
use crate::cli::defaults::{DEFAULT_RATE_PER_S, DEFAULT_TARGET};
use crate::cli::diagnose::DiagnoseArgs;
use crate::cli::run_setup::Intent;
use crate::cli::service::endpoints::UnaskedEndpoint;
use crate::cli::settings_file::{self, SettingsLayers};
use crate::cli::variables::LookUp;
use crate::judge::diagnosis::StepRates;
use crate::run::plan::{Endpoint, Plan};
use crate::units::Exact;

/// A shorter budget pays for no request in some steps.
const LEAST_BUDGET: Duration = Duration::from_secs(1);

/// What a `diagnose` means.
#[derive(Debug, Clone)]
pub(crate) struct Diagnose {
    /// Service and endpoints: the first is the probe, the second the load. Rates and size are the steps' own.
    pub plan: Plan,
    pub rates: StepRates,
    /// What latency should be within.
    pub target: Duration,
    pub budget: Duration,
    /// Where the steps' runs are saved.
    pub save: Option<PathBuf>,
    /// How long to wait for the service to answer.
    pub wait_ready: Option<Duration>,
    /// Whether anything is sent.
    pub intent: Intent,
}

/// Resolves the arguments of `diagnose` with the settings file and the environment.
///
/// # Errors
/// The arguments contradict each other, or there are not two endpoints; the message ends with a hint.
pub(crate) fn diagnose(args: &DiagnoseArgs) -> anyhow::Result<Diagnose> {
    let look_up = |name: &str| std::env::var(name).ok();
    let layers = settings_file::load(&args.settings, &look_up)?;
    resolve(args, &layers, &look_up).map_err(|error| layers.variables.hide(error))
}

fn resolve(
    args: &DiagnoseArgs,
    layers: &SettingsLayers,
    look_up: LookUp<'_>,
) -> anyhow::Result<Diagnose> {
    let measure = args.as_measure();
    segments::refuse_typed(&measure, layers, "diagnose")?;
    let UncheckedPlan { plan, unasked, .. } =
        UncheckedPlan::resolve(&measure, layers, look_up, &[])?;
    segments::refuse(&plan, "diagnose")?;
    if let Some(UnaskedEndpoint {
        name,
        method,
        path,
        host,
    }) = unasked.first()
    {
        bail!(
            "diagnose needs two endpoints, and {method} {path} is not sent to {host} unasked\nhint: name both: --get health=/health --post {name}={path}"
        );
    }
    let [probe, load] = plan.endpoints.as_slice() else {
        let names: Vec<&str> = plan.endpoints.iter().map(|e| e.name.as_str()).collect();
        bail!(
            "diagnose needs two endpoints; the plan has {}: {}\nhint: name a fast one and the suspect: --get health=/healthz --post ingest=/v2/events",
            names.len(),
            names.join(", ")
        );
    };
    counted_rows::refuse_once(&plan, "diagnose")?;
    let budget = args.budget();
    if budget < LEAST_BUDGET {
        bail!(
            "--budget {} is too short\nhint: use at least {}; 20s is enough for most services",
            Exact(budget),
            Exact(LEAST_BUDGET)
        );
    }
    let rate = |endpoint: &Endpoint| {
        let rate = endpoint.rate.map(|rate| rate.as_per_second());
        rate.unwrap_or(DEFAULT_RATE_PER_S)
    };
    Ok(Diagnose {
        rates: StepRates {
            probe_per_s: rate(probe),
            load_per_s: rate(load),
        },
        target: layers
            .first(args.limit.target, |s| s.target)
            .unwrap_or(DEFAULT_TARGET),
        budget,
        save: args.run.save.save.clone(),
        wait_ready: args.run.wait_ready,
        intent: args.run.intent(),
        plan,
    })
}
