//! What a shard needs of a plan: a size that no answer changes, and a place for its file.

use std::path::PathBuf;

use anyhow::bail;

use super::resolved_measure::Measure;
use crate::cli::measure::MeasureArgs;
use crate::cli::settings_file::SettingsLayers;
use crate::cli::shard::{Gathering, ShardSetup};
use crate::cli::variables::LookUp;
use crate::report::ReportFormat;
use crate::run::plan::{AuditSource, Design, Model};

/// Holds a shard against its plan, and gives its file a place in the shared folder.
pub(super) fn check(
    args: &MeasureArgs,
    layers: &SettingsLayers,
    look_up: LookUp<'_>,
    measure: &mut Measure,
) -> anyhow::Result<()> {
    let seed = layers.first(args.timing.seed, |s| s.seed);
    let Some(setup) = args.shard.resolved(seed, look_up)? else {
        return refuse_stdout(measure);
    };
    check_size(measure)?;
    check_audit(measure)?;
    check_outputs(args)?;
    measure.save = Some(save(measure.save.take(), &setup)?);
    measure.shard = Some(setup);
    Ok(())
}

fn check_size(measure: &Measure) -> anyhow::Result<()> {
    if let Model::Closed { .. } = measure.plan.model {
        bail!(
            "--shard does not fit the closed model, whose next request waits for an answer\nhint: give a rate with -q, and -n or -z"
        );
    }
    if measure.design == Design::Adaptive {
        bail!(
            "--shard needs a fixed size, and this run has a budget: no shard sees the answers of the others\nhint: give the size of the whole run with -z 60s or -n 10000"
        );
    }
    Ok(())
}

/// The audit is made by `merge`, when the run has ended.
fn check_audit(measure: &Measure) -> anyhow::Result<()> {
    if let AuditSource::Polls(polls) = &measure.auditing.source
        && polls.ttl.is_some()
    {
        bail!(
            "--audit-ttl does not fit --shard: merge audits after the run, when the service has forgotten its events\nhint: leave it out, or audit with one machine"
        );
    }
    Ok(())
}

/// A shard has no verdict, so it has no report.
fn check_outputs(args: &MeasureArgs) -> anyhow::Result<()> {
    if let Some(report) = args.output.reports.first() {
        bail!(
            "-o {} does not fit --shard, which has no verdict to report\nhint: give it to a7probe merge",
            report.path.display()
        );
    }
    if args.output.format.output != ReportFormat::Human && !args.run.base.dry_run {
        bail!(
            "--output does not fit --shard, which has no verdict to print\nhint: give it to a7probe merge"
        );
    }
    Ok(())
}

/// Where the file of a shard goes: a folder gets one of its own.
fn save(typed: Option<PathBuf>, setup: &ShardSetup) -> anyhow::Result<PathBuf> {
    let name = format!("shard-{}.json", setup.shard.index());
    match (typed, &setup.gathering) {
        (Some(folder), _) if folder.is_dir() => Ok(folder.join(name)),
        (Some(path), _) => Ok(path),
        (None, Gathering::Folder { folder, .. }) => Ok(folder.join(name)),
        (None, Gathering::At(_)) => bail!(
            "--shard needs --save: merge judges the saved shards\nhint: --save DIR/ or FILE, --save - for stdout, --save https://… for a PUT"
        ),
    }
}

fn refuse_stdout(measure: &Measure) -> anyhow::Result<()> {
    if measure
        .save
        .as_ref()
        .is_some_and(|path| path.as_os_str() == "-")
    {
        bail!(
            "--save - does not fit a run with a report on stdout\nhint: give a file, or --output json for the result"
        );
    }
    Ok(())
}
