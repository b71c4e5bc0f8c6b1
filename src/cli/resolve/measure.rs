//! What a `measure` means: a plan, gates that it can decide, and the audit after it.

use anyhow::bail;

use super::draft::Draft;
use super::gates::{check_length, check_plan, planned_samples, set_targets};
use super::resolved_measure::{Measure, ResolvedBaseline};
use super::unchecked_plan::UncheckedPlan;
use super::{baseline, counted_rows, sharding};
use crate::cli::audit;
use crate::cli::measure::MeasureArgs;
use crate::cli::service::endpoints::UnaskedEndpoint;
use crate::cli::settings_file::{self, SettingsLayers};
use crate::cli::variables::LookUp;
use crate::judge::abort_rule::AbortRule;
use crate::judge::gate::{self, Gate, Selector, StopRule};
use crate::judge::warning::Warning;
use crate::run::plan::{AuditCapture, Design, Endpoint, Plan};
use crate::units::{Pretty, grouped};

/// Resolves the arguments of `measure` with the settings file and the environment. Of the implied endpoints,
/// those that are `absent` are left out.
///
/// # Errors
/// The arguments contradict each other, or the settings cannot be read. The message ends with a hint.
pub(crate) fn measure(args: &MeasureArgs, absent: &[String]) -> anyhow::Result<Measure> {
    let look_up = |name: &str| std::env::var(name).ok();
    let layers = settings_file::load(&args.settings, &look_up)?;
    resolve(args, &layers, &look_up, absent).map_err(|error| layers.variables.hide(error))
}

/// The same for a plan that is only shown: it is there, whether it can be carried out or not.
///
/// # Errors
/// There is no plan: a flag or the settings cannot be read.
pub(crate) fn measure_draft(args: &MeasureArgs) -> anyhow::Result<Draft<Measure>> {
    let look_up = |name: &str| std::env::var(name).ok();
    let layers = settings_file::load(&args.settings, &look_up)?;
    let hide = |error| layers.variables.hide(error);
    let draft = draft(args, &layers, &look_up, &[]).map_err(hide)?;
    Ok(draft.hiding(hide))
}

fn resolve(
    args: &MeasureArgs,
    layers: &SettingsLayers,
    look_up: LookUp<'_>,
    absent: &[String],
) -> anyhow::Result<Measure> {
    draft(args, layers, look_up, absent)?.checked()
}

fn draft(
    args: &MeasureArgs,
    layers: &SettingsLayers,
    look_up: LookUp<'_>,
    absent: &[String],
) -> anyhow::Result<Draft<Measure>> {
    let UncheckedPlan {
        mut plan,
        gates,
        design,
        implied,
        unasked,
        replay,
    } = UncheckedPlan::resolve(args, layers, look_up, absent)?;
    check_length(&plan)?;
    set_targets(&mut plan, &gates);
    let audited = audit::resolve(&args.audit, layers, &plan, &gates);
    let ((auditing, capture), audit_fault) = match audited {
        Ok(audited) => (audited, None),
        Err(fault) => ((audit::none(), AuditCapture::default()), Some(fault)),
    };
    let setup = args.run.setup(&args.output);
    let mut measure = Measure {
        auditing,
        capture,
        plan,
        gates,
        baseline: None,
        guard: args.guard.guard(layers)?,
        design,
        stop_rule: StopRule::Decided,
        gating: args.rules.gating(),
        abort_on: args.rules.abort_on.clone(),
        inconclusive: args.rules.inconclusive,
        save: args.run.base.save.save.clone(),
        setup,
        implied,
        unasked,
        replay,
        shard: None,
    };
    let fault = check(args, layers, &mut measure)
        .and_then(|()| sharding::check(args, layers, look_up, &mut measure))
        .err()
        .or(audit_fault);
    Ok(Draft {
        meant: measure,
        fault,
    })
}

/// Holds the plan against its gates, and against the baseline that decides its size.
fn check(args: &MeasureArgs, layers: &SettingsLayers, measure: &mut Measure) -> anyhow::Result<()> {
    check_unasked(&measure.gates, &measure.plan, &measure.unasked)?;
    check_abort_rules(&measure.abort_on, &measure.plan)?;
    let baseline = baseline::for_gates(&args.baseline, layers, &measure.gates)?;
    if let Some(baseline) = &baseline {
        refuse_budget(args)?;
        let is_profiled = measure.plan.endpoints.iter().any(|e| e.segment.is_some());
        if measure.design == Design::Adaptive
            || !(is_profiled || args.load.gives_fixed_size(layers))
        {
            (measure.plan.size, measure.design) = (baseline.size(), Design::Fixed);
        }
    }
    // A plan that is only shown has its baseline, also where something is wrong with the plan.
    measure.baseline = baseline.map(|baseline| ResolvedBaseline {
        baseline,
        warnings: Vec::new(),
    });
    let Measure { plan, gates, .. } = &*measure;
    check_plan(plan, &on_one_run(gates), measure.guard, measure.design)?;
    let warnings = check_baseline(args, measure.baseline.as_ref(), plan, gates)?;
    let planned = counted_rows::most(plan, |endpoint| planned_samples(plan, endpoint));
    if let Some(resolved) = &mut measure.baseline {
        resolved.warnings = warnings;
    }
    counted_rows::count(&mut measure.plan, planned, measure.setup.preflight)?;
    measure.stop_rule = args.rules.stop_rule(measure.design)?;
    Ok(())
}

/// Two intervals at fixed sizes do not allow for looking at the answers.
fn refuse_budget(args: &MeasureArgs) -> anyhow::Result<()> {
    if args.load.budget.budget.is_some() {
        bail!(
            "--budget does not fit a gate over a baseline, which needs a fixed size\nhint: leave it out for the size of the baseline, or use -n or -z"
        );
    }
    Ok(())
}

/// A gate asks for an answer, not for the request that it is about.
fn check_unasked(gates: &[Gate], plan: &Plan, unasked: &[UnaskedEndpoint]) -> anyhow::Result<()> {
    for endpoint in unasked {
        let UnaskedEndpoint {
            name,
            method,
            path,
            host,
        } = endpoint;
        if gates
            .iter()
            .any(|gate| gate.selector == Selector::Named(name.clone()))
        {
            let others: Vec<&str> = plan.endpoints.iter().map(|e| e.name.as_str()).collect();
            bail!(
                "gate on '{name}': {method} {path} is not sent to {host} unasked\nhint: name it with --post {name}={path}, or gate {} alone",
                others.join(" and ")
            );
        }
    }
    Ok(())
}

/// Each names an endpoint of the plan, and a limit below the timeout: latencies beyond it are not measured.
fn check_abort_rules(rules: &[AbortRule], plan: &Plan) -> anyhow::Result<()> {
    for rule in rules {
        let names =
            |endpoint: &'_ Endpoint| [endpoint.name.clone(), endpoint.base_name().to_owned()];
        let known = || plan.endpoints.iter().flat_map(names);
        if let Some(name) = rule.endpoint().filter(|name| !known().any(|k| k == *name)) {
            let mut known: Vec<String> = known().collect();
            known.dedup();
            bail!(
                "--abort-on '{rule}': unknown endpoint '{name}'\nhint: endpoints: {}",
                known.join(", ")
            );
        }
        if rule.limit().is_some_and(|limit| limit > plan.timeout) {
            bail!(
                "--abort-on '{rule}': the limit is above the timeout of {}\nhint: raise -t or lower the limit",
                Pretty(plan.timeout)
            );
        }
    }
    Ok(())
}

/// Holds the baseline against the plan and the gates; returns what must be known of it.
fn check_baseline(
    args: &MeasureArgs,
    resolved: Option<&ResolvedBaseline>,
    plan: &Plan,
    gates: &[Gate],
) -> anyhow::Result<Vec<Warning>> {
    let names: Vec<&str> = plan.endpoints.iter().map(|e| e.name.as_str()).collect();
    gate::check_names(gates, &names)?;
    let Some(ResolvedBaseline { baseline, .. }) = resolved else {
        if !args.gates.gate.is_empty() {
            baseline::check_typed(gates)?;
        }
        return Ok(Vec::new());
    };
    baseline::check_endpoints(baseline, gates, &names)?;
    for gate in gates {
        check_requests(plan, gate)?;
    }
    baseline::check_planned(&args.baseline, baseline, plan)
}

/// A percentile that is compared needs an interval with two ends.
fn check_requests(plan: &Plan, gate: &Gate) -> anyhow::Result<()> {
    let selected = plan.endpoints.iter();
    let selected = selected.filter(|endpoint| {
        gate.selector.selects(&endpoint.name) && endpoint.shape().has_percentiles()
    });
    let fewest = selected.filter_map(|e| planned_samples(plan, e)).min();
    match (fewest, baseline::needed(gate)) {
        (Some(planned), Some(needed)) if planned < needed => bail!(
            "gate '{gate}' cannot be judged with {} requests (needs {})\n\
             hint: use -n {needed}, or gate a lower percentile",
            grouped(planned),
            grouped(needed)
        ),
        _ => Ok(()),
    }
}

fn on_one_run(gates: &[Gate]) -> Vec<Gate> {
    let gates = gates.iter().filter(|gate| !baseline::is_on_two_runs(gate));
    gates.cloned().collect()
}

#[cfg(test)]
mod line_tests;
#[cfg(test)]
mod tests;
