//! Whether two sides may be compared, and what must be said if they are.

use anyhow::bail;

use super::compared_file::ComparedFile;
use crate::judge::comparison::Pair;
use crate::judge::warning::{ComparisonWarning, Warning};
use crate::report::text::fact_difference;
use crate::report::{Note, Report};
use crate::run::run_file::{FactDifference, Run, SideRecord, TurnsRecord};

/// What happens if the plans differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// They are not compared.
    Refuse,
    /// They are compared, and every difference is a warning.
    Warn,
}

/// Holds the plans of both sides against each other and says what a reader must know.
pub(super) fn check_plans(
    files: &Pair<ComparedFile>,
    strictness: Strictness,
    report: &mut Report,
) -> anyhow::Result<()> {
    if let (Some(before), Some(after)) = (files.before.run(), files.after.run())
        && let Some((before, after)) = before.turns.zip(after.turns)
        && before.is_partner_of(&after)
    {
        // Their plans differ only in the compared property.
        report.notes.push(Note::SidesOfAb);
        report.notes.extend(protocols(files));
        report.warnings.extend(exchanged(&before));
        return Ok(());
    }
    report.notes.push(Note::DriftNotControlled);
    match (files.before.run(), files.after.run()) {
        (Some(before), Some(after)) => check_runs(before, after, strictness, &mut report.warnings),
        _ => {
            report.notes.push(Note::NoPlan);
            Ok(())
        }
    }
}

fn check_runs(
    before: &Run,
    after: &Run,
    strictness: Strictness,
    warnings: &mut Vec<Warning>,
) -> anyhow::Result<()> {
    let differences = before.plan.differences(&after.plan).into_iter();
    let (protocols, differences): (Vec<_>, Vec<_>) =
        differences.partition(FactDifference::is_of_protocol);
    warnings.extend(different_protocols(protocols));
    match strictness {
        Strictness::Refuse if !differences.is_empty() => bail!(
            "the runs have different plans:\n  {}\nhint: measure both with the same plan, or add --allow-different-plans",
            differences
                .iter()
                .map(fact_difference)
                .collect::<Vec<_>>()
                .join("\n  ")
        ),
        _ => warnings.extend(
            differences
                .into_iter()
                .map(|difference| Warning::of(ComparisonWarning::DifferentPlans { difference })),
        ),
    }
    let unknown = before.plan.unknowns(&after.plan).into_iter();
    warnings.extend(unknown.map(|field| Warning::of(ComparisonWarning::UnknownPlan { field })));
    warnings.extend(order(before, after));
    warnings.extend(machines(before, after));
    Ok(())
}

/// The protocol may be the compared property, so it is named and not refused.
pub(in crate::command) fn different_protocols(
    differences: Vec<FactDifference>,
) -> impl Iterator<Item = Warning> {
    let warning = |difference| Warning::of(ComparisonWarning::DifferentProtocols { difference });
    differences.into_iter().map(warning)
}

/// What the sides of an `ab` were measured over, where that differs.
fn protocols(files: &Pair<ComparedFile>) -> Option<Note> {
    let (before, after) = (files.before.run()?, files.after.run()?);
    Note::of_protocols(&before.plan, &after.plan)
}

fn exchanged(before: &TurnsRecord) -> Option<Warning> {
    (before.side == SideRecord::After).then(|| Warning::of(ComparisonWarning::SidesExchanged))
}

fn order(before: &Run, after: &Run) -> Option<Warning> {
    if before.id == after.id {
        return Some(Warning::of(ComparisonWarning::SameRun));
    }
    (after.started_at < before.started_at).then(|| Warning::of(ComparisonWarning::AfterIsEarlier))
}

fn machines(before: &Run, after: &Run) -> Option<Warning> {
    let differences = before.environment.differences(&after.environment);
    (!differences.is_empty())
        .then(|| Warning::of(ComparisonWarning::DifferentMachines { differences }))
}
