//! From what was typed after `ab` to two plans that differ in nothing but where they go and their headers.

mod block_plans;
mod checks;
#[cfg(test)]
mod tests;

use anyhow::{Context as _, bail};

use super::gates::{of_two_runs, set_targets};
use super::unchecked_plan::UncheckedPlan;
use crate::cli::ab::AbArgs;
use crate::cli::measure::MeasureArgs;
use crate::cli::settings_file::{self, SettingsLayers};
use crate::cli::variables::LookUp;
use crate::judge::comparison::{Pair, SideName};
use crate::run::plan::{Endpoint, Plan};

pub(crate) use block_plans::{Ab, Sameness};

/// Resolves the arguments of `ab` with the settings file and the environment.
///
/// # Errors
/// What was typed contradicts itself, or the settings cannot be read. The message ends with a hint.
pub(crate) fn ab(args: &AbArgs) -> anyhow::Result<Ab> {
    let layers = settings_file::load(&args.measure.settings)?;
    resolve(args, &layers, &|name| std::env::var(name).ok())
}

fn resolve(args: &AbArgs, layers: &SettingsLayers, look_up: LookUp<'_>) -> anyhow::Result<Ab> {
    checks::flags(args)?;
    let guard = args.measure.guard.guard(layers)?;
    let gates = of_two_runs(&args.measure, layers)?;
    if let Some(gate) = gates.iter().find(|gate| gate.condition.needs_audit()) {
        bail!(
            "gate '{gate}' needs the completion audit, and blocks are not audited\nhint: audit each side with a7probe measure"
        );
    }
    let mut plans = plans(args, layers, look_up)?;
    let sameness = Sameness::of(&plans);
    set_targets(&mut plans.before, &gates);
    set_targets(&mut plans.after, &gates);
    let ab = Ab {
        plans,
        sameness,
        pairs: u64::from(args.pairs),
        block: args.block,
        gates,
        guard,
        noise: args.noise.noise,
        save: Pair {
            before: args.save_before.clone(),
            after: args.save_after.clone(),
        },
        setup: args.measure.run.setup(&args.measure.output),
    };
    checks::blocks(&ab)?;
    checks::gates(&ab)?;
    Ok(ab)
}

/// Both sides of the same plan but for their URL and headers.
fn plans(
    args: &AbArgs,
    layers: &SettingsLayers,
    look_up: LookUp<'_>,
) -> anyhow::Result<Pair<Plan>> {
    let plan = |side: SideName, url: &Option<String>, headers: &[String]| {
        let own = side_args(args, url, headers)?;
        let plan = UncheckedPlan::resolve(&own, layers, look_up)
            .with_context(|| format!("the side {}", side.as_str()))?
            .plan;
        check_headers(&plan, headers)?;
        anyhow::Ok(plan)
    };
    check_urls(args, layers)?;
    let before = plan(SideName::Before, &args.before, &args.before_header)?;
    let mut after = plan(SideName::After, &args.after, &args.after_header)?;
    if after.endpoints.len() != before.endpoints.len() {
        bail!(
            "one URL has a path and is one endpoint, the other has none and stands for health and ingest\nhint: name the \
             endpoints of both: --get health=/health --post ingest=/ingest"
        );
    }
    after.seed = before.seed;
    // One URL is measured itself (-m, -d): the last part of its path names it, and may differ.
    for (own, other) in after.endpoints.iter_mut().zip(&before.endpoints) {
        own.name = other.name.clone();
    }
    Ok(Pair { before, after })
}

/// A missing URL of both sides is one error, with a hint for `ab`.
fn check_urls(args: &AbArgs, layers: &SettingsLayers) -> anyhow::Result<()> {
    let common = layers.first(args.measure.service.url.clone(), |s| s.url.clone());
    let missing = match (&args.before, &args.after) {
        _ if common.is_some() => return Ok(()),
        (None, _) => SideName::Before,
        (_, None) => SideName::After,
        _ => return Ok(()),
    };
    bail!(
        "no URL of the side {}\nhint: a7probe ab --before http://127.0.0.1:8080 --after http://127.0.0.1:8081, or one URL and \
         --after-header 'NAME: VALUE'",
        missing.as_str()
    )
}

/// The arguments of a `measure` of one side alone.
fn side_args(
    args: &AbArgs,
    url: &Option<String>,
    headers: &[String],
) -> anyhow::Result<MeasureArgs> {
    let mut own = args.measure.clone();
    let service = &mut own.service;
    service.url = url.clone().or(service.url.take());
    let name = |header: &str| {
        let name = header.split(':').next().unwrap_or_default();
        name.trim().to_ascii_lowercase()
    };
    service
        .header
        .retain(|common| headers.iter().all(|header| name(header) != name(common)));
    service.header.extend(headers.iter().cloned());
    own.load.warmup = Some(args.settle);
    let total = args.block.checked_mul(args.pairs);
    own.load.duration = Some(total.context(
        "the blocks together are longer than time can be counted\nhint: shorten --block",
    )?);
    Ok(own)
}

/// An endpoint of the settings may have a header of the same name, which would win.
fn check_headers(plan: &Plan, headers: &[String]) -> anyhow::Result<()> {
    for (name, value) in headers.iter().filter_map(|header| header.split_once(':')) {
        let has_it = |endpoint: &&Endpoint| {
            let mut own = endpoint.headers.iter();
            own.any(|(n, v)| n.eq_ignore_ascii_case(name.trim()) && v.source() == value.trim())
        };
        if let Some(without) = plan.endpoints.iter().find(|endpoint| !has_it(endpoint)) {
            bail!(
                "the settings give the endpoint {} another header {}, which would tell no side from the other\nhint: take it out of the settings file",
                without.name,
                name.trim()
            );
        }
    }
    Ok(())
}
