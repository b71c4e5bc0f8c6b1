//! `a7probe merge`: read the shards, merge their evidence, audit once, judge as one run, report.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::judge::of_merged;
use super::save_target::{self, SaveTarget, say_saved};
use super::saved::hinted;
use super::signals::SignalListener;
use super::verdict_exit::verdict_exit;
use super::writable::check_outputs;
use crate::cli::import::ImportArgs;
use crate::cli::judge::JudgeArgs;
use crate::cli::merge::MergeArgs;
use crate::cli::resolve::{MergeAudit, merge_audit};
use crate::exit::Exit;
use crate::judge::gate::{self, Gate};
use crate::printable::Shown as _;
use crate::probe::audit::{self, AuditedRun, ListingSupport, SentRequests};
use crate::probe::engine::stop_switch;
use crate::report::SavedRunLink;
use crate::run::completion::Audit;
use crate::run::merge::ShardMerge;
use crate::run::run_file::{Run, RunFileError};

/// Merges shards, judges them as one run and publishes the result.
///
/// # Errors
/// A file that is not a shard of the run, an audit that contradicts it, an output that cannot be written.
pub fn run(
    args: &MergeArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let target = args.save.save.as_deref().map(SaveTarget::of);
    if target == Some(SaveTarget::Stdout) {
        bail!(
            "--save - does not fit merge, whose report goes to stdout\nhint: give a file, or --output json for the result"
        );
    }
    check_outputs(target.iter().filter_map(SaveTarget::file), &args.output)?;
    let merge = merged(&args.shards)?;
    let gates = gates(args, &merge)?;
    let audits = match merge_audit(args, merge.plan(), merge.audit(), &gates)? {
        Some(audit) => audited(&merge, &audit, &gates)?,
        None => Vec::new(),
    };
    let title = merge.plan().origins().join(", ");
    let run = merge.finish(audits);
    if let Some(target) = &target {
        target.save(&run, stdout)?;
        if !args.output.screen.quiet {
            say_saved(target, stderr)?;
        }
    }
    let mut report = of_merged(&judging(args), run, &title)?;
    let files = target.iter().filter_map(SaveTarget::file);
    report
        .saved
        .extend(files.map(|path| SavedRunLink::new("", path)));
    args.output.publish(&report, stdout, stderr)?;
    Ok(verdict_exit(&report, stderr)?)
}

/// A merged run is judged as a saved one.
fn judging(args: &MergeArgs) -> JudgeArgs {
    JudgeArgs {
        files: Vec::new(),
        gates: args.gates.clone(),
        limit: args.limit.clone(),
        baseline: args.baseline.clone(),
        import: ImportArgs::default(),
        guard: args.guard.clone(),
        inconclusive: args.inconclusive,
        output: args.output.clone(),
    }
}

/// The typed gates, else those of the shards.
fn gates(args: &MergeArgs, merge: &ShardMerge) -> anyhow::Result<Vec<Gate>> {
    let typed = args.gates.parsed()?;
    if !typed.is_empty() || args.limit.target.is_some() {
        return Ok(typed);
    }
    let saved = merge.gates().iter().map(|text| Gate::parse(text));
    Ok(saved.collect::<Result<_, _>>()?)
}

/// All shards, one after the other: no two files are in memory together.
fn merged(shards: &[PathBuf]) -> anyhow::Result<ShardMerge> {
    let mut merge: Option<ShardMerge> = None;
    for place in shards {
        for source in sources(place)? {
            let Some(run) = source.read()? else {
                continue;
            };
            match &mut merge {
                Some(merge) => merge.add(run, &source.shown())?,
                None => merge = Some(ShardMerge::new(run, &source.shown())?),
            }
        }
    }
    merge.with_context(|| {
        let places: Vec<String> = shards.iter().map(|place| shown(place)).collect();
        format!(
            "no shard in {}\nhint: name the folder or the files that a7probe measure --shard saved",
            places.join(", ")
        )
    })
}

/// A file of a shard, and who chose it.
struct ShardSource {
    place: PathBuf,
    choice: Choice,
}

/// Whether a file was named. In a folder there may be others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Named,
    Found,
}

/// The files of a folder, or the one that is named.
fn sources(place: &Path) -> anyhow::Result<Vec<ShardSource>> {
    let named = |place: &Path| ShardSource {
        place: place.to_owned(),
        choice: Choice::Named,
    };
    if save_target::is_url(place) || !place.is_dir() {
        return Ok(vec![named(place)]);
    }
    let cannot = || format!("cannot read the folder {}", place.shown());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
    found.sort();
    let found = found.into_iter().map(|place| ShardSource {
        place,
        choice: Choice::Found,
    });
    Ok(found.collect())
}

impl ShardSource {
    fn shown(&self) -> String {
        shown(&self.place)
    }

    /// The run; `None` for a file of a folder that is not a shard.
    fn read(&self) -> anyhow::Result<Option<Run>> {
        let run = if save_target::is_url(&self.place) {
            let bytes = save_target::get(&self.place.to_string_lossy())
                .with_context(|| format!("cannot read {}", self.shown()))?;
            Run::from_json(&bytes)
        } else {
            Run::load(&self.place)
        };
        match (run, self.choice) {
            (Ok(run), Choice::Found) if run.shard.is_none() => Ok(None),
            (Err(RunFileError::Foreign(_)), Choice::Found) => Ok(None),
            (Ok(run), _) => Ok(Some(run)),
            (Err(error), _) => {
                Err(hinted(&error)).with_context(|| format!("cannot merge {}", self.shown()))
            }
        }
    }
}

fn shown(place: &Path) -> String {
    SaveTarget::of(place).shown()
}

/// Asks the service what became of the accepted events of all shards.
fn audited(
    merge: &ShardMerge,
    audit: &MergeAudit,
    gates: &[Gate],
) -> anyhow::Result<Vec<Option<Audit>>> {
    let (stopper, stop) = stop_switch();
    let _signals = SignalListener::start(stopper, None).context("cannot listen for signals")?;
    let endpoints = audit.plan.endpoints.iter();
    let targets: Vec<Vec<Duration>> = endpoints
        .map(|endpoint| gate::done_targets_for(gates, &endpoint.name))
        .collect();
    let sent = merge.endpoints().iter().zip(&targets);
    let sent: Vec<SentRequests<'_>> = sent
        .map(|(endpoint, targets)| SentRequests {
            recording: &endpoint.recording,
            answers: &endpoint.answers,
            targets,
            resent: audit.resend,
        })
        .collect();
    let run = AuditedRun {
        plan: &audit.plan,
        id: merge.id(),
        started_at: merge.started_at(),
        listing_support: ListingSupport::Seen,
        early: None,
        endpoints: &sent,
    };
    Ok(audit::audit(&audit.auditing, &run, stop.interrupted()))
}
