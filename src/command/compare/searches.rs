//! Two capacity searches: whether they may be compared, and what their brackets show.

use std::io::Write;

use anyhow::bail;

use super::comparable::{Strictness, different_protocols};
use crate::cli::compare::CompareArgs;
use crate::cli::resolve::capacity_asked_of_saved;
use crate::command::capacity::capacity_exit;
use crate::command::saved;
use crate::exit::Exit;
use crate::judge::comparison::{Noise, Pair};
use crate::judge::warning::{ComparisonWarning, Warning};
use crate::report::text::fact_difference;
use crate::report::{CapacityChangeReport, CapacityReport};
use crate::run::run_file::FactDifference;
use crate::units::Pretty;

/// Compares two searches and publishes the result.
///
/// # Errors
/// Searches with different goals or plans, a flag or a gate that is about latencies, an output that cannot be written.
pub(super) fn compare(
    files: Pair<CapacityReport>,
    args: &CompareArgs,
    strictness: Strictness,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    check_flags(args)?;
    args.output.check_capacity_formats()?;
    let asked = capacity_asked_of_saved(&args.gates.gate, &files.after.endpoint)?;
    let warnings = warnings(&files, strictness)?;
    let report = CapacityChangeReport {
        before: files.before,
        after: CapacityReport {
            asked,
            inconclusive: args.inconclusive.policy(),
            ..files.after
        },
        warnings,
    };
    args.output.publish(&report, stdout, stderr)?;
    if report.after.asked.is_some() {
        capacity_exit(&report.after, stderr)?;
    }
    Ok(report.exit())
}

/// What differs between both searches and the machines.
fn warnings(files: &Pair<CapacityReport>, strictness: Strictness) -> anyhow::Result<Vec<Warning>> {
    let Pair { before, after } = files;
    let differences = differences(before, after).into_iter();
    let (protocols, differences): (Vec<_>, Vec<_>) =
        differences.partition(FactDifference::is_of_protocol);
    if strictness == Strictness::Refuse && !differences.is_empty() {
        bail!(
            "the searches are not comparable:\n  {}\nhint: search both with the same goal and plan, or add --allow-different-plans",
            differences
                .iter()
                .map(fact_difference)
                .collect::<Vec<_>>()
                .join("\n  ")
        );
    }
    let mut warnings: Vec<Warning> = differences
        .into_iter()
        .map(|difference| Warning::of(ComparisonWarning::DifferentPlans { difference }))
        .collect();
    warnings.extend(different_protocols(protocols));
    if before.started_at == after.started_at {
        warnings.push(Warning::of(ComparisonWarning::SameRun));
    } else if after.started_at < before.started_at {
        warnings.push(Warning::of(ComparisonWarning::AfterIsEarlier));
    }
    let machines = before.environment.differences(&after.environment);
    if !machines.is_empty() {
        warnings.push(Warning::of(ComparisonWarning::DifferentMachines {
            differences: machines,
        }));
    }
    Ok(warnings)
}

/// The goals, the lengths of the blocks, and the plans but for their rates: those are what is searched for.
fn differences(before: &CapacityReport, after: &CapacityReport) -> Vec<FactDifference> {
    let gates = |report: &CapacityReport| {
        let gates: Vec<String> = report
            .gates
            .iter()
            .map(|gate| gate.for_endpoint(&report.endpoint).to_string())
            .collect();
        gates.join(", ")
    };
    let block = |report: &CapacityReport| Pretty(report.options.durations.block).to_string();
    let spell = |report: &CapacityReport| {
        let spell = report.options.goal.spell;
        spell.map_or_else(
            || "independent requests".to_owned(),
            |s| Pretty(s).to_string(),
        )
    };
    let fact = |fact: &str, before: String, after: String| FactDifference {
        fact: fact.to_owned(),
        before,
        after,
    };
    let mut all = vec![
        fact("gates", gates(before), gates(after)),
        fact("length of a block", block(before), block(after)),
        fact("slow spell", spell(before), spell(after)),
    ];
    all.retain(|difference| difference.before != difference.after);
    let mut planned = after.plan.clone();
    planned.size = before.plan.size;
    for (own, other) in planned.endpoints.iter_mut().zip(&before.plan.endpoints) {
        own.rate_per_s = other.rate_per_s;
    }
    all.extend(before.plan.differences(&planned));
    all
}

/// A search keeps no latency.
fn check_flags(args: &CompareArgs) -> anyhow::Result<()> {
    let noise = (args.noise.noise != Noise::default()).then_some("--noise");
    match noise.or_else(|| saved::flag_about_latencies(&args.guard, &args.import)) {
        Some(flag) => bail!(
            "{flag} has no use with capacity searches, which have no latencies\nhint: leave it out; brackets that do not overlap are a change"
        ),
        None => Ok(()),
    }
}
