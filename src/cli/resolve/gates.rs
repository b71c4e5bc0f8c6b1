//! The gates of a plan, and whether the plan can decide them.

use std::time::Duration;

use anyhow::bail;

use crate::cli::defaults::MAX_PLANNED;
use crate::cli::measure::MeasureArgs;
use crate::cli::settings_file::SettingsLayers;
use crate::judge::gate::{self, Gate, Planned};
use crate::run::plan::{Design, Endpoint, Guard, Plan, Size};
use crate::run::schedule::Schedule;
use crate::stats::rank::Quantile;
use crate::units::grouped;

/// The typed gates, else the settings', else the default ones. A typed target adds the default ones to listed gates.
pub(super) fn of_one_run(
    args: &MeasureArgs,
    layers: &SettingsLayers,
    target: Duration,
) -> anyhow::Result<Vec<Gate>> {
    if args.rules.no_gates {
        return Ok(Vec::new());
    }
    if args.rules.quick {
        return Ok(gate::implied_gates(&[Quantile::P50, Quantile::P95], target));
    }
    let Some(mut gates) = listed(args, layers)? else {
        return Ok(gate::default_gates(target));
    };
    if gates.is_empty() {
        bail!("the list of gates is empty\nhint: leave it out for the default gates");
    }
    gates.extend(of_typed_target(args));
    Ok(gates)
}

/// The typed gates, else the settings'. A comparison needs none. A typed target adds the default ones.
pub(super) fn of_two_runs(
    args: &MeasureArgs,
    layers: &SettingsLayers,
) -> anyhow::Result<Vec<Gate>> {
    let mut gates = listed(args, layers)?.unwrap_or_default();
    gates.extend(of_typed_target(args));
    Ok(gates)
}

fn listed(args: &MeasureArgs, layers: &SettingsLayers) -> anyhow::Result<Option<Vec<Gate>>> {
    let typed = (!args.gates.gate.is_empty()).then(|| args.gates.gate.clone());
    let texts = layers.first(typed, |s| s.gates.clone());
    let parse = |texts: Vec<String>| texts.iter().map(|text| Gate::parse(text)).collect();
    Ok(texts.map(parse).transpose()?)
}

fn of_typed_target(args: &MeasureArgs) -> Vec<Gate> {
    args.limit
        .target
        .map(gate::default_gates)
        .unwrap_or_default()
}

/// Tells every endpoint the limits at which the gates count.
pub(super) fn set_targets(plan: &mut Plan, gates: &[Gate]) {
    for endpoint in &mut plan.endpoints {
        endpoint.targets = gate::targets_for(gates, &endpoint.name);
    }
}

/// Refuses a plan that sends nothing to an endpoint, or cannot decide a gate.
pub(super) fn check_plan(
    plan: &Plan,
    gates: &[Gate],
    guard: Guard,
    design: Design,
) -> anyhow::Result<()> {
    let endpoints = plan.endpoints.iter();
    let planned: Vec<Planned<'_>> = endpoints
        .map(|endpoint| planned(plan, endpoint, guard, design))
        .collect();
    if let Some(nothing) = planned.iter().find(|p| p.samples == Some(0)) {
        bail!(
            "the rate is too low: the plan sends nothing to {}\nhint: raise the rate or the duration, or use -n",
            nothing.endpoint
        );
    }
    Ok(gate::check(gates, &planned, Some(plan.timeout))?)
}

/// Before anything is counted: a plan of more requests than bits can be kept for is a typing error.
pub(super) fn check_length(plan: &Plan) -> anyhow::Result<()> {
    for endpoint in &plan.endpoints {
        let requests = match (plan.size, endpoint.rate) {
            // `segments` has checked the whole of them.
            _ if endpoint.segment.is_some() => 0.0,
            (Size::Requests(n), _) => n as f64,
            (Size::Duration(duration), Some(rate)) => duration.as_secs_f64() * rate.as_per_second(),
            (Size::Duration(_), None) => 0.0,
        };
        if requests > MAX_PLANNED as f64 {
            bail!(
                "the plan sends {} requests to {}, more than {}\nhint: lower -n, the rate or the duration",
                grouped(requests as u64),
                endpoint.name,
                grouped(MAX_PLANNED)
            );
        }
    }
    Ok(())
}

/// What the plan sends to an endpoint, for its gates.
pub(crate) fn planned<'a>(
    plan: &Plan,
    endpoint: &'a Endpoint,
    guard: Guard,
    design: Design,
) -> Planned<'a> {
    Planned {
        endpoint: &endpoint.name,
        samples: planned_samples(plan, endpoint),
        rate_per_s: rate_within_spell(endpoint, guard),
        shape: endpoint.shape(),
        guard,
        design,
        size: plan.size,
    }
}

/// Requests that the plan sends to an endpoint; `None` where time alone bounds it, as in a closed model.
pub(crate) fn planned_samples(plan: &Plan, endpoint: &Endpoint) -> Option<u64> {
    if let (Size::Requests(n), None) = (plan.size, &endpoint.segment) {
        return Some(n);
    }
    let mut endpoints = plan.endpoints.iter();
    let place = endpoints.position(|e| e.name == endpoint.name)?;
    Schedule::of_plan(plan, place).map(|schedule| schedule.planned())
}

/// A rate at which as many requests are due within a slow spell as there are at the most.
fn rate_within_spell(endpoint: &Endpoint, guard: Guard) -> Option<f64> {
    let rate_per_s = endpoint.rate.map(|rate| rate.as_per_second());
    match guard {
        Guard::Episode(episode) => endpoint.shape().rate_within(episode, rate_per_s),
        Guard::Iid => rate_per_s,
    }
}
