//! What `demo` measures with.

use std::time::Duration;

use super::gates::set_targets;
use super::unchecked_plan::UncheckedPlan;
use crate::cli::load::LoadArgs;
use crate::cli::measure::MeasureArgs;
use crate::cli::service::ServiceArgs;
use crate::cli::settings_file::SettingsLayers;
use crate::judge::gate::Gate;
use crate::run::plan::Plan;

/// The plan of the demo: the defaults of `measure` without a settings file, against this base URL, with the limits of
/// these gates.
///
/// # Errors
/// The URL cannot be read.
pub(crate) fn demo_plan(base: &str, duration: Duration, gates: &[Gate]) -> anyhow::Result<Plan> {
    let args = MeasureArgs {
        service: ServiceArgs {
            url: Some(base.to_owned()),
            ..ServiceArgs::default()
        },
        load: LoadArgs {
            duration: Some(duration),
            ..LoadArgs::default()
        },
        ..MeasureArgs::default()
    };
    let layers = SettingsLayers::default();
    let mut plan = UncheckedPlan::resolve(&args, &layers, &|_| None)?.plan;
    set_targets(&mut plan, gates);
    Ok(plan)
}
