//! The two plans of `ab`, which differ only in URL, headers and version of HTTP.

mod block_plans;
mod checks;
#[cfg(test)]
mod tests;

use anyhow::{Context as _, bail};

use super::draft::Draft;
use super::gates::{check_length, of_two_runs, set_targets};
use super::segments;
use super::unchecked_plan::UncheckedPlan;
use crate::cli::ab::AbArgs;
use crate::cli::measure::MeasureArgs;
use crate::cli::settings_file::{self, SettingsLayers};
use crate::cli::variables::LookUp;
use crate::judge::comparison::{Pair, SideName};
use crate::redact;
use crate::run::plan::{Endpoint, Plan};

pub(crate) use block_plans::{Ab, Sameness};

/// Resolves the arguments of `ab` with the settings file and the environment.
///
/// # Errors
/// The arguments contradict each other, or the settings cannot be read. The message ends with a hint.
pub(crate) fn ab(args: &AbArgs) -> anyhow::Result<Ab> {
    ab_draft(args)?.checked()
}

/// The same for plans that are only shown: they are there, whether they can be carried out or not.
///
/// # Errors
/// There are no plans: a flag or the settings cannot be read.
pub(crate) fn ab_draft(args: &AbArgs) -> anyhow::Result<Draft<Ab>> {
    let look_up = |name: &str| std::env::var(name).ok();
    let layers = settings_file::load(&args.measure.settings, &look_up)?;
    let hide = |error| layers.variables.hide(error);
    Ok(draft(args, &layers, &look_up).map_err(hide)?.hiding(hide))
}

fn draft(args: &AbArgs, layers: &SettingsLayers, look_up: LookUp<'_>) -> anyhow::Result<Draft<Ab>> {
    checks::flags(args)?;
    let guard = args.measure.guard.guard(layers)?;
    let gates = of_two_runs(&args.measure, layers)?;
    let mut plans = plans(args, layers, look_up)?;
    check_length(&plans.after)?;
    let sameness = Sameness::of(&plans);
    set_targets(&mut plans.before, &gates);
    set_targets(&mut plans.after, &gates);
    let mut ab = Ab {
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
    let fault = checks::blocks(&ab)
        .and_then(|()| checks::gates(&ab))
        .and_then(|()| ab.count_rows())
        .err();
    Ok(Draft { meant: ab, fault })
}

/// Both sides of the same plan but for their URL, headers and version of HTTP.
fn plans(
    args: &AbArgs,
    layers: &SettingsLayers,
    look_up: LookUp<'_>,
) -> anyhow::Result<Pair<Plan>> {
    let plan = |side: SideName| {
        let (own, headers) = side_args(args, side)?;
        let plan = UncheckedPlan::resolve(&own, layers, look_up, &[])
            .with_context(|| format!("the side {}", side.as_str()))?
            .plan;
        segments::refuse(&plan, "ab")?;
        check_headers(&plan, headers)?;
        anyhow::Ok(plan)
    };
    segments::refuse_typed(&args.measure, layers, "ab")?;
    check_urls(args, layers)?;
    let before = plan(SideName::Before)?;
    check_origins(args, &before)?;
    let mut after = plan(SideName::After)?;
    if after.endpoints.len() != before.endpoints.len() {
        bail!(
            "one URL has a path (one endpoint), the other has none (health and ingest)\nhint: name the endpoints of both: --get health=/health --post ingest=/ingest"
        );
    }
    after.seed = before.seed;
    // One URL is measured itself (-m, -d): the last part of its path names it, and may differ.
    for (own, other) in after.endpoints.iter_mut().zip(&before.endpoints) {
        own.name = other.name.clone();
    }
    Ok(Pair { before, after })
}

/// Two services without a side are the two versions: measured alike on both sides, they would show no change.
fn check_origins(args: &AbArgs, plan: &Plan) -> anyhow::Result<()> {
    let has_side = args.before.is_some() || args.after.is_some();
    let has_header = !args.before_header.is_empty() || !args.after_header.is_empty();
    match args.measure.service.url.as_slice() {
        [first, .., last] if !has_side && !has_header && plan.origins().len() > 1 => bail!(
            "the URLs name several services, and none is a side\nhint: say which one is which: --before {} --after {}",
            redact::typed_url(first),
            redact::typed_url(last)
        ),
        _ => Ok(()),
    }
}

/// A missing URL of both sides is one error, with a hint for `ab`.
fn check_urls(args: &AbArgs, layers: &SettingsLayers) -> anyhow::Result<()> {
    let typed = args.measure.service.url.first().cloned();
    let common = layers.first(typed, |s| s.url.clone());
    let missing = match (&args.before, &args.after) {
        _ if common.is_some() => return Ok(()),
        (None, _) => SideName::Before,
        (_, None) => SideName::After,
        _ => return Ok(()),
    };
    bail!(
        "no URL for the side {}\nhint: a7probe ab --before http://127.0.0.1:8080 --after http://127.0.0.1:8081, or one URL and --after-header 'NAME: VALUE'",
        missing.as_str()
    )
}

/// The arguments of a `measure` of one side alone, and the headers that it has for itself.
fn side_args(args: &AbArgs, side: SideName) -> anyhow::Result<(MeasureArgs, &[String])> {
    let (url, headers, is_http2) = match side {
        SideName::Before => (&args.before, &args.before_header, args.before_http2),
        SideName::After => (&args.after, &args.after_header, args.after_http2),
    };
    let mut own = args.measure.clone();
    own.connection.http2 |= is_http2;
    if !own.connection.http2 && (args.before_http2 || args.after_http2) {
        // It is for the other side.
        own.connection.streams = None;
    }
    let service = &mut own.service;
    if let Some(url) = url {
        service.url = vec![url.clone()];
    }
    let name = |header: &str| {
        let name = header.split(':').next().unwrap_or_default();
        name.trim().to_ascii_lowercase()
    };
    service
        .headers
        .header
        .retain(|common| headers.iter().all(|header| name(header) != name(common)));
    service.headers.header.extend(headers.iter().cloned());
    let has = |own: &str| headers.iter().any(|header| name(header) == own);
    if has("authorization") {
        service.auth = None;
    }
    if has("cookie") {
        service.cookie.clear();
    }
    own.load.warmup = Some(args.settle);
    let total = args.block.checked_mul(args.pairs);
    own.load.duration =
        Some(total.context("--block times --pairs is too long\nhint: shorten --block")?);
    Ok((own, headers))
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
                "the settings file sets the header {} of endpoint {} on both sides\nhint: remove it from the settings file",
                name.trim(),
                without.name
            );
        }
    }
    Ok(())
}
