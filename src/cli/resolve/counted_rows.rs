//! How many rows a plan needs: which rows its warm-up takes, and whether a file has enough of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;

use crate::cli::run_setup::Precheck;
use crate::run::plan::{Endpoint, Plan, RowUse};
use crate::run::schedule::Schedule;
use crate::units::{grouped, plural};

/// Puts the rows of the warm-up behind those of the plan. `planned` is the most requests that the run proper sends to an
/// endpoint, where it is known.
///
/// # Errors
/// Every row is for one request, and there are fewer rows than requests, or the number of requests is not known.
pub(super) fn count(
    plan: &mut Plan,
    planned: Option<u64>,
    preflight: Precheck,
) -> anyhow::Result<()> {
    let warmup = warmup(plan);
    let Some(rows) = &mut plan.rows else {
        return Ok(());
    };
    rows.planned = planned;
    rows.warmup = warmup.unwrap_or(0);
    if rows.usage == RowUse::Cycle {
        return Ok(());
    }
    let Some(planned) = planned else {
        bail!(
            "--data-once: the number of requests is not known before a closed-model run of a fixed time\nhint: give it with -n, or a rate with -q"
        );
    };
    let Some(warmup) = warmup else {
        bail!(
            "--data-once: the number of requests is not known before a closed-model warm-up\nhint: --warmup 0s, or give a rate with -q"
        );
    };
    let before = match preflight {
        Precheck::Run => 1,
        Precheck::Skip => 0,
    };
    let needed = planned.saturating_add(warmup).saturating_add(before);
    let there = rows.rows.len() as u64;
    if there < needed {
        let saves = match preflight {
            Precheck::Run => ", or --no-preflight",
            Precheck::Skip => "",
        };
        bail!(
            "--data-once: {} has {} {}, and the plan needs {}: {} of the run, {} of the warm-up, {before} before the run\nhint: add rows; fewer are needed with a lower -n, a shorter --warmup{saves}",
            rows.rows.file(),
            grouped(there),
            plural(there, "row"),
            grouped(needed),
            grouped(planned),
            grouped(warmup)
        );
    }
    Ok(())
}

/// A command of many runs, whose number of requests follows from the answers, cannot give each request a row of its own.
///
/// # Errors
/// Every row is for one request.
pub(super) fn refuse_once(plan: &Plan, command: &str) -> anyhow::Result<()> {
    match &plan.rows {
        Some(rows) if rows.usage == RowUse::Once => bail!(
            "data_once: {command} sends several runs, and how many requests they need is not known before\nhint: set data_once = false in the settings, so that the rows of {} are used again",
            rows.rows.file()
        ),
        _ => Ok(()),
    }
}

/// The most of one number per endpoint, of those that are filled from rows; `None` if one is not known.
pub(super) fn most(plan: &Plan, of: impl Fn(&Endpoint) -> Option<u64>) -> Option<u64> {
    let filled = plan.endpoints.iter();
    let filled = filled.filter(|endpoint| endpoint.columns().next().is_some());
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for endpoint in filled {
        // The rows of an endpoint continue from segment to segment.
        *sums.entry(endpoint.base_name()).or_default() += of(endpoint)?;
    }
    Some(sums.into_values().max().unwrap_or(0))
}

/// The most requests of the warm-up to an endpoint; `None` where time alone bounds them.
fn warmup(plan: &Plan) -> Option<u64> {
    if plan.warmup == Duration::ZERO {
        return Some(0);
    }
    let sent = |endpoint: &Endpoint| {
        let mut endpoints = plan.endpoints.iter();
        let place = endpoints.position(|e| e.name == endpoint.name)?;
        Schedule::of_warmup(plan, place).map(|schedule| schedule.planned())
    };
    most(plan, sent)
}
