//! The baseline of a run: read and checked before anything is sent.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};

use crate::cli::baseline::BaselineArgs;
use crate::cli::settings_file::SettingsLayers;
use crate::judge::gate::{self, Condition, Gate, Scope};
use crate::judge::summary::CONFIDENCE;
use crate::judge::warning::{ComparisonWarning, Warning};
use crate::printable::Shown as _;
use crate::report::text::fact_difference;
use crate::run::plan::Plan;
use crate::run::run_file::{
    Baseline, Environment, FactDifference, PlanRecord, RunEnd, RunFileError,
};
use crate::stats::rank::min_samples_for_interval;
use crate::units::grouped;

/// What a baseline may differ in: a run is as large as it is asked to be.
const SIZE: &str = "size";

/// Whether a gate compares two runs.
pub(crate) fn is_on_two_runs(gate: &Gate) -> bool {
    gate.condition.scope() == Scope::TwoRuns
}

/// The baseline that was typed, else the settings', where a gate compares with it.
///
/// # Errors
/// It is not a whole run that was carried out to its end, or it was typed and no gate compares with it.
pub(crate) fn for_gates(
    args: &BaselineArgs,
    layers: &SettingsLayers,
    gates: &[Gate],
) -> anyhow::Result<Option<Baseline>> {
    let compares = gates.iter().any(is_on_two_runs);
    match (&args.baseline, configured(layers)) {
        (Some(path), _) => {
            let baseline = read(path, "--baseline")?;
            if !compares {
                bail!(
                    "--baseline {}: no gate compares with it\nhint: add --gate '* p95 <= baseline + 10% or 1ms'",
                    path.shown()
                );
            }
            Ok(Some(baseline))
        }
        (None, Some(path)) if compares => read(&path, "baseline").map(Some),
        (None, _) => Ok(None),
    }
}

/// Relative to the settings file.
fn configured(layers: &SettingsLayers) -> Option<PathBuf> {
    let path = layers.first(None, |settings| settings.baseline.clone())?;
    Some(layers.folder.join(path))
}

fn read(path: &Path, source: &str) -> anyhow::Result<Baseline> {
    let file = path.shown();
    let baseline = Baseline::load(path).map_err(|error| unreadable(path, source, &error))?;
    if baseline.run.ended != RunEnd::Complete {
        bail!(
            "{source} {file}: the run was interrupted\nhint: measure the baseline again, to its end"
        );
    }
    Ok(baseline)
}

fn unreadable(path: &Path, source: &str, error: &RunFileError) -> anyhow::Error {
    anyhow!("{source} {}: {error}\nhint: {}", path.shown(), error.hint())
}

/// A gate that was typed must have what it compares with; one of the settings is not judged without it.
///
/// # Errors
/// [`gate::CheckError::NeedsTwoRuns`].
pub(crate) fn check_typed(gates: &[Gate]) -> anyhow::Result<()> {
    Ok(gates.iter().try_for_each(gate::check_scope)?)
}

/// Whether the baseline has every endpoint that gates compare, with enough requests.
///
/// # Errors
/// It lacks one.
pub(crate) fn check_endpoints(
    baseline: &Baseline,
    gates: &[Gate],
    endpoints: &[&str],
) -> anyhow::Result<()> {
    for gate in gates.iter().filter(|gate| is_on_two_runs(gate)) {
        for name in endpoints.iter().filter(|name| gate.selector.selects(name)) {
            let Some(endpoint) = baseline.run.endpoint(name) else {
                return Err(absent(baseline, gate, name));
            };
            check_size(baseline, gate, endpoint.recording.planned())?;
        }
    }
    Ok(())
}

fn absent(baseline: &Baseline, gate: &Gate, name: &str) -> anyhow::Error {
    let known = baseline.run.endpoints.iter().map(|e| e.name.as_str());
    let known = known.collect::<Vec<_>>().join(", ");
    let file = &baseline.record.file;
    anyhow!(
        "gate '{gate}': the baseline {file} has no endpoint '{name}'\n\
         hint: {file} has {known}; gate those, or measure the baseline with {name}"
    )
}

fn check_size(baseline: &Baseline, gate: &Gate, planned: u64) -> anyhow::Result<()> {
    match needed(gate) {
        Some(needed) if planned < needed => bail!(
            "gate '{gate}' cannot be judged: the baseline {} has {} requests (needs {})\n\
             hint: measure the baseline with -n {needed}, or gate a lower percentile",
            baseline.record.file,
            grouped(planned),
            grouped(needed)
        ),
        _ => Ok(()),
    }
}

/// The fewest requests of an interval with two ends.
pub(crate) fn needed(gate: &Gate) -> Option<u64> {
    let (Condition::Baseline { quantile, .. } | Condition::Reduction { quantile, .. }) =
        gate.condition
    else {
        return None;
    };
    Some(min_samples_for_interval(quantile, CONFIDENCE))
}

/// Whether a run of this plan may be compared with the baseline, as `compare` decides it; the size may differ.
///
/// # Errors
/// The plans differ, and it was not said that they may.
pub(crate) fn check_plan(
    args: &BaselineArgs,
    baseline: &Baseline,
    plan: &PlanRecord,
) -> anyhow::Result<Vec<Warning>> {
    let before = &baseline.run.plan;
    let mut differences = before.differences(plan);
    differences.retain(|difference| difference.fact != SIZE);
    // What may be the compared property is named and not refused.
    let (protocols, differences): (Vec<_>, Vec<_>) =
        { differences.into_iter() }.partition(FactDifference::is_of_protocol);
    let protocols = { protocols.into_iter() }
        .map(|difference| ComparisonWarning::DifferentProtocols { difference });
    if !args.plans.allow_different_plans && !differences.is_empty() {
        let differences: Vec<String> = differences.iter().map(fact_difference).collect();
        bail!(
            "the baseline {} has a different plan:\n  {}\nhint: measure the baseline with this plan, or add --allow-different-plans",
            baseline.record.file,
            differences.join("\n  ")
        );
    }
    let differences = differences
        .into_iter()
        .map(|difference| ComparisonWarning::DifferentPlans { difference });
    let unknown = before.unknowns(plan).into_iter();
    let unknown = unknown.map(|field| ComparisonWarning::UnknownPlan { field });
    let all = protocols.chain(differences).chain(unknown);
    Ok(all.map(Warning::of).collect())
}

/// The same before a run.
///
/// # Errors
/// As [`check_plan`].
pub(super) fn check_planned(
    args: &BaselineArgs,
    baseline: &Baseline,
    plan: &Plan,
) -> anyhow::Result<Vec<Warning>> {
    let mut warnings = check_plan(args, baseline, &PlanRecord::of(plan))?;
    warnings.extend(elsewhere(baseline, &Environment::here()));
    Ok(warnings)
}

/// The machine of a baseline, where it is not that of the run.
pub(crate) fn elsewhere(baseline: &Baseline, here: &Environment) -> Option<Warning> {
    let there = &baseline.run.environment;
    let differences: Vec<FactDifference> = there.differences(here);
    (!differences.is_empty())
        .then(|| Warning::of(ComparisonWarning::BaselineElsewhere { differences }))
}
