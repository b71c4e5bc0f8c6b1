//! What `ab` refuses: flags that have no use, blocks that send nothing, gates that no block can decide.

use anyhow::bail;

use super::block_plans::Ab;
use crate::cli::ab::AbArgs;
use crate::cli::measure::MeasureArgs;
use crate::cli::resolve::gates::{check_length, planned_samples};
use crate::judge::comparison::order_of;
use crate::judge::gate::{self, Gate, Planned, Scope};
use crate::judge::summary::CONFIDENCE;
use crate::printable::Shown as _;
use crate::run::plan::Guard;
use crate::stats::rank::min_samples_for_interval;
use crate::units::{Pretty, grouped};

/// Refuses flags of `measure` in whose place `ab` has its own.
pub(super) fn flags(args: &AbArgs) -> anyhow::Result<()> {
    measure_flags(&args.measure)?;
    if args.measure.service.url.is_some() && args.before.is_some() && args.after.is_some() {
        bail!(
            "a URL by itself is of no side where --before and --after name both\nhint: leave out one of the three URLs"
        );
    }
    if args.pairs % 2 == 1 {
        bail!(
            "--pairs {} leaves the last pair without its mirror, so that drift would not cancel\nhint: give an even number, such as {}",
            args.pairs,
            args.pairs + 1
        );
    }
    match (&args.save_before, &args.save_after) {
        (Some(before), Some(after)) if before == after => {
            bail!(
                "--save-before and --save-after name one file, {}\nhint: give each side its own",
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
            "--block and --pairs say how much is sent",
        ),
        (
            "-z",
            measure.load.duration.is_some(),
            "--block and --pairs say how long each side is measured",
        ),
        (
            "an audit (--audit…, --resend)",
            measure.audit.is_typed(),
            "blocks are not audited; audit each side with a7probe measure",
        ),
        (
            "--budget",
            measure.load.budget.is_some(),
            "a comparison in turns has a fixed size: --block and --pairs",
        ),
        (
            "--warmup",
            measure.load.warmup.is_some(),
            "--settle says how long is sent before every block",
        ),
        (
            "--save",
            measure.run.base.save.is_some(),
            "use --save-before and --save-after",
        ),
    ];
    for (flag, given, hint) in instead {
        if given {
            bail!("{flag} is not for ab\nhint: {hint}");
        }
    }
    Ok(())
}

/// Every block sends something to every endpoint.
pub(super) fn blocks(ab: &Ab) -> anyhow::Result<()> {
    check_length(&ab.plans.after)?;
    for turn in order_of(ab.pairs) {
        let plan = ab.block_plan(turn);
        if let Some(nothing) = plan
            .endpoints
            .iter()
            .find(|e| planned_samples(&plan, e) == Some(0))
        {
            bail!(
                "a block of {} sends nothing to {}: its rate is too low for it\nhint: raise the rate or --block",
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
    gate::check_names(&ab.gates, &names)?;
    let on_one_run: Vec<Gate> = ab.on_one_run();
    let planned: Vec<Planned<'_>> = plan.endpoints.iter().map(|e| ab.planned(e)).collect();
    gate::check(&on_one_run, &planned, Some(plan.timeout))?;
    if let (Guard::Episode(episode), false) = (ab.guard, on_one_run.is_empty())
        && ab.block < episode
    {
        bail!(
            "a block of {} cannot hold a slow episode of {}, which a PASS is to exclude\nhint: raise --block, or lower --episode",
            Pretty(ab.block),
            Pretty(episode)
        );
    }
    let is_on_two = |gate: &&Gate| gate.condition.scope() == Scope::TwoRuns;
    ab.gates
        .iter()
        .filter(is_on_two)
        .try_for_each(|gate| gate_on_two_runs(gate, &planned))
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
                "gate '{}' cannot be decided with {} planned requests on each side: it takes {}\nhint: raise --block, --pairs or the rate",
                gate.for_endpoint(planned.endpoint),
                grouped(samples),
                grouped(needed)
            );
        }
    }
    Ok(())
}
