//! What `ab` refuses: flags that have no use, blocks that send nothing, gates that no block can decide.

use anyhow::{anyhow, bail};

use super::block_plans::Ab;
use crate::cli::ab::AbArgs;
use crate::cli::measure::MeasureArgs;
use crate::cli::resolve::gates::planned_samples;
use crate::cli::shard::ShardArgs;
use crate::judge::comparison::order_of;
use crate::judge::gate::{self, CheckError, Gate, Planned, Scope};
use crate::judge::summary::CONFIDENCE;
use crate::printable::Shown as _;
use crate::run::plan::Guard;
use crate::stats::rank::min_samples_for_interval;
use crate::units::{Exact, Pretty, grouped};

/// Refuses flags of `measure` in whose place `ab` has its own.
pub(super) fn flags(args: &AbArgs) -> anyhow::Result<()> {
    measure_flags(&args.measure)?;
    if !args.measure.service.url.is_empty() && args.before.is_some() && args.after.is_some() {
        bail!("three URLs: --before, --after and one without a side\nhint: leave out one of them");
    }
    if args.pairs % 2 == 1 {
        bail!(
            "--pairs {} is odd, so drift would not cancel\nhint: give an even number, such as {}",
            args.pairs,
            args.pairs + 1
        );
    }
    match (&args.save_before, &args.save_after) {
        (Some(before), Some(after)) if before == after => {
            bail!(
                "--save-before and --save-after name the same file, {}\nhint: give each side its own file",
                before.shown()
            )
        }
        _ => Ok(()),
    }
}

fn measure_flags(measure: &MeasureArgs) -> anyhow::Result<()> {
    let instead = [
        (
            "-n",
            measure.load.requests.is_some(),
            "--block and --pairs set the size",
        ),
        (
            "-z",
            measure.load.duration.is_some(),
            "--block and --pairs set the size",
        ),
        (
            "--quick",
            measure.rules.quick,
            "--block and --pairs set the size",
        ),
        (
            "--no-gates",
            measure.rules.no_gates,
            "without --gate there is no verdict",
        ),
        (
            "--fail-fast",
            measure.rules.fail_fast,
            "ab judges once, after the last block",
        ),
        (
            "--abort-on",
            !measure.rules.abort_on.is_empty(),
            "ab measures both sides for the same time; use it with a7probe measure",
        ),
        (
            "an audit (--audit…, --resend)",
            measure.audit.is_typed(),
            "ab does not audit; audit each side with a7probe measure",
        ),
        (
            "--budget",
            measure.load.budget.budget.is_some(),
            "ab has a fixed size: --block and --pairs",
        ),
        (
            "--baseline",
            measure.baseline.baseline.is_some(),
            "the side before is the baseline",
        ),
        (
            "--allow-different-plans",
            measure.baseline.plans.allow_different_plans,
            "both sides have the same plan",
        ),
        (
            "--warmup",
            measure.load.warmup.is_some(),
            "--settle sets the warm-up before every block",
        ),
        (
            "--save",
            measure.run.base.save.save.is_some(),
            "use --save-before and --save-after",
        ),
    ];
    let given = instead.into_iter().chain(shard_flags(&measure.shard));
    match given.into_iter().find(|(_, is_given, _)| *is_given) {
        Some((flag, _, hint)) => bail!("{flag} has no use in ab\nhint: {hint}"),
        None => Ok(()),
    }
}

fn shard_flags(shard: &ShardArgs) -> [(&'static str, bool, &'static str); 3] {
    let elsewhere = "it is for shards of a7probe measure";
    [
        (
            "--shard",
            shard.shard.is_some(),
            "shards send one run; measure each version with a7probe measure --shard",
        ),
        ("--start-at", shard.start_at.is_some(), elsewhere),
        (
            "--rendezvous",
            shard.rendezvous.is_some() || shard.rendezvous_timeout.is_some(),
            elsewhere,
        ),
    ]
}

/// Every block sends something to every endpoint.
pub(super) fn blocks(ab: &Ab) -> anyhow::Result<()> {
    for turn in order_of(ab.pairs) {
        let plan = ab.block_plan(turn);
        if let Some(nothing) = plan
            .endpoints
            .iter()
            .find(|e| planned_samples(&plan, e) == Some(0))
        {
            bail!(
                "the rate is too low: a block of {} sends nothing to {}\nhint: raise the rate or --block",
                Pretty(ab.block),
                nothing.name
            );
        }
    }
    Ok(())
}

/// Gates on one run are about the side after; gates on two must be decidable by what is sent.
pub(super) fn gates(ab: &Ab) -> anyhow::Result<()> {
    let plan = &ab.plans.after;
    let names: Vec<&str> = plan.endpoints.iter().map(|e| e.name.as_str()).collect();
    if let Some(gate) = ab.gates.iter().find(|gate| gate.condition.needs_audit()) {
        bail!(
            "gate '{gate}' needs the completion audit, and blocks are not audited\nhint: audit each side with a7probe measure"
        );
    }
    gate::check_names(&ab.gates, &names)?;
    let on_one_run: Vec<Gate> = ab.on_one_run();
    let planned: Vec<Planned<'_>> = plan.endpoints.iter().map(|e| ab.planned(e)).collect();
    gate::check(&on_one_run, &planned, Some(plan.timeout)).map_err(of_blocks)?;
    if let (Guard::Episode(episode), false) = (ab.guard, on_one_run.is_empty())
        && ab.block < episode
    {
        bail!(
            "--block {} is shorter than --spell {}\nhint: raise --block, or lower --spell",
            Exact(ab.block),
            Exact(episode)
        );
    }
    let is_on_two = |gate: &&Gate| gate.condition.scope() == Scope::TwoRuns;
    ab.gates
        .iter()
        .filter(is_on_two)
        .try_for_each(|gate| gate_on_two_runs(gate, &planned))
}

/// The size of blocks has flags of its own.
fn of_blocks(error: CheckError) -> anyhow::Error {
    match error {
        CheckError::TooFewSamples(shortfall) => anyhow!(
            "{}\nhint: raise --block, --pairs or the rate",
            shortfall.what()
        ),
        other => other.into(),
    }
}

/// A percentile of two runs needs a finite interval on each side.
fn gate_on_two_runs(gate: &Gate, planned: &[Planned<'_>]) -> anyhow::Result<()> {
    let Some(quantile) = gate.condition.quantile() else {
        return Ok(());
    };
    let needed = min_samples_for_interval(quantile, CONFIDENCE);
    for planned in planned {
        if let Some(samples) = planned.samples
            && samples < needed
            && gate.selector.selects(planned.endpoint)
        {
            bail!(
                "gate '{}' cannot be decided with {} requests per side (needs {})\nhint: raise --block, --pairs or the rate",
                gate.for_endpoint(planned.endpoint),
                grouped(samples),
                grouped(needed)
            );
        }
    }
    Ok(())
}
