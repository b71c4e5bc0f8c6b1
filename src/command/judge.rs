//! `a7probe judge`: resolve, load, judge, report.

mod search;
mod source;

use std::io::Write;

use anyhow::{anyhow, bail};

use super::baseline::{self, ComparedSubject};
use super::compare::{on_one_run, withhold_from_cut_runs};
use super::verdict_exit::verdict_exit;
use crate::cli::judge::JudgeArgs;
use crate::cli::resolve;
use crate::cli::resolve::baseline::is_on_two_runs;
use crate::cli::settings_file::SettingsLayers;
use crate::exit::Exit;
use crate::judge::gate::{self, Finding, Gate, NamedSegment, Selector, Subject};
use crate::judge::warning::{ComparisonWarning, RunWarning, Warning};
use crate::report::{Report, ReportKind, SavedRunLink};
use crate::run::run_file::{Baseline, Run, RunEnd};

use super::saved::Saved;
use source::{JudgedFile, SegmentName, load_all, read_only_file};

/// The target of the default gates.
const DEFAULT_TARGET: std::time::Duration = std::time::Duration::from_millis(150);

/// Judges files by gates and publishes the result.
///
/// # Errors
/// A file that cannot be read, a gate that does not fit the files, an output that cannot be written.
pub fn run(
    args: &JudgeArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let only = match read_only_file(args) {
        Some(Ok(Saved::Capacity(search))) => return search::judge(*search, args, stdout, stderr),
        // A gate on the capacity is not one of a run: the file is what is wrong.
        Some(Err(error)) if args.gates.gate.iter().any(|gate| gate.contains("capacity")) => {
            return Err(error);
        }
        only => only,
    };
    let typed = typed_gates(args)?;
    let sources = load_all(args, only)?;
    let several = args.files.len() > 1;
    let mut report = judged(args, typed, &sources, ReportKind::Judge)?;
    let files = args
        .files
        .iter()
        .filter(|file| !super::saved::is_stdin(file));
    report.saved.extend(files.map(|file| {
        let label = if several {
            super::saved::shown(file)
        } else {
            String::new()
        };
        SavedRunLink::new(&label, file)
    }));
    args.output.publish(&report, stdout, stderr)?;
    Ok(verdict_exit(&report, stderr)?)
}

/// Judges a merged run as a saved one.
pub(super) fn of_merged(args: &JudgeArgs, run: Run, title: &str) -> anyhow::Result<Report> {
    let sources = [JudgedFile::of_run(run, "")];
    let mut report = judged(args, typed_gates(args)?, &sources, ReportKind::Merge)?;
    title.clone_into(&mut report.title);
    Ok(report)
}

/// What the gates say of all files.
fn judged(
    args: &JudgeArgs,
    typed: Vec<Gate>,
    sources: &[JudgedFile],
    kind: ReportKind,
) -> anyhow::Result<Report> {
    let mut report = Report::new(kind, title(sources));
    sources
        .iter()
        .for_each(|source| source.describe(&mut report));
    let segments: Vec<SegmentName<'_>> = sources.iter().flat_map(JudgedFile::segments).collect();
    let segments: Vec<NamedSegment<'_>> = segments.iter().map(SegmentName::named).collect();
    let gates = gate::of_segments(resolve_gates(typed, sources)?, &segments);
    report.warnings.extend(idle_episode(args, sources));
    let subjects: Vec<Subject<'_>> = sources
        .iter()
        .flat_map(|source| source.subjects(args.guard.typed()))
        .collect();
    check_gates(args, &gates, &subjects)?;
    let layers = SettingsLayers::default();
    let baseline = resolve::baseline::for_gates(&args.baseline, &layers, &gates)?;
    let mut findings = gate::judge(&gates, &subjects);
    for source in sources {
        findings.extend(against_baseline(
            args,
            source,
            &gates,
            baseline.as_ref(),
            &mut report,
        )?);
    }
    findings.extend(gate::two_runs_across_ramps(&gates, &subjects));
    baseline::sort_by_endpoint(&mut findings, &subjects);
    for source in sources {
        let own = findings.iter_mut();
        let own = own.filter(|finding| source.has_endpoint(&finding.endpoint));
        if let Some(missing) = source.run().and_then(Run::missing_share) {
            gate::withhold_passes(own, &missing);
        }
    }
    report.findings = findings;
    report.inconclusive = args.inconclusive.policy();
    Ok(report)
}

/// Typed gates must be answerable; those that a run was measured with are not judged where their baseline is missing.
fn check_gates(args: &JudgeArgs, gates: &[Gate], subjects: &[Subject<'_>]) -> anyhow::Result<()> {
    let names: Vec<&str> = subjects.iter().map(|subject| subject.endpoint).collect();
    gate::check_names(gates, &names)?;
    if args.baseline.baseline.is_none() {
        resolve::baseline::check_typed(&args.gates.parsed()?)?;
    }
    Ok(gate::check_recorded(&on_one_run(gates), subjects)?)
}

/// What the gates on two runs say of one file.
fn against_baseline(
    args: &JudgeArgs,
    source: &JudgedFile,
    gates: &[Gate],
    baseline: Option<&Baseline>,
    report: &mut Report,
) -> anyhow::Result<Vec<Finding>> {
    let compared: Vec<ComparedSubject<'_>> = source.compared(args.guard.typed()).collect();
    let recorded = source.run().and_then(|run| run.baseline.as_ref());
    let Some(baseline) = baseline else {
        let subjects: Vec<Subject<'_>> = compared.iter().map(|c| c.subject).collect();
        let recorded = recorded.map(|recorded| recorded.file.as_str());
        return Ok(gate::without_baseline(gates, &subjects, recorded));
    };
    let own = source.in_its_own_names(gates);
    let names: Vec<&str> = compared.iter().map(|c| c.name_in_baseline).collect();
    resolve::baseline::check_endpoints(baseline, &own, &names)?;
    if let Some(run) = source.run().filter(|_| !own.is_empty()) {
        let warnings = resolve::baseline::check_plan(&args.baseline, baseline, &run.plan)?;
        let elsewhere = resolve::baseline::elsewhere(baseline, &run.environment);
        let other = recorded.filter(|recorded| recorded.sha256 != baseline.record.sha256);
        let other = other.map(|recorded| {
            Warning::of(ComparisonWarning::OtherBaseline {
                recorded: recorded.file.clone(),
                given: baseline.record.file.clone(),
            })
        });
        let warnings = warnings.into_iter().chain(elsewhere).chain(other);
        report.warnings.extend(warnings);
    }
    let (mut findings, changes) = baseline::compared(gates, &compared, baseline);
    let ended = source.run().map_or(RunEnd::Complete, |run| run.ended);
    withhold_from_cut_runs(&mut findings, baseline.run.ended, ended);
    match &mut report.baseline {
        None => report.baseline = Some(changes),
        Some(all) => all.comparisons.extend(changes.comparisons),
    }
    Ok(findings)
}

fn title(sources: &[JudgedFile]) -> String {
    let files: Vec<&str> = sources.iter().map(|source| source.file.as_str()).collect();
    files.join(", ")
}

/// An episode is a time, and without a rate no number of samples.
fn idle_episode(args: &JudgeArgs, sources: &[JudgedFile]) -> Option<Warning> {
    let without_rate: Vec<String> = sources
        .iter()
        .filter(|source| !source.has_rate())
        .map(|source| source.file.clone())
        .collect();
    args.guard.spell.filter(|_| !without_rate.is_empty())?;
    Some(Warning::of(RunWarning::EpisodeWithoutRate {
        files: without_rate,
    }))
}

/// The gates as typed; a typed target adds the default ones.
fn typed_gates(args: &JudgeArgs) -> anyhow::Result<Vec<Gate>> {
    let mut gates = args.gates.parsed()?;
    gates.extend(
        args.limit
            .target
            .map(gate::default_gates)
            .into_iter()
            .flatten(),
    );
    Ok(gates)
}

/// The typed gates, else those that each run was measured with. The default gates apply only to files without gates: a
/// list of latencies, or a side of `ab`, which is measured without.
fn resolve_gates(mut gates: Vec<Gate>, sources: &[JudgedFile]) -> anyhow::Result<Vec<Gate>> {
    if !gates.is_empty() {
        return Ok(gates);
    }
    for source in sources {
        let own = match source.gate_texts() {
            [] if source.must_have_gates() => bail!(
                "{} has no gates\nhint: judge it with --gate or --target",
                source.file
            ),
            [] => gate::default_gates(DEFAULT_TARGET),
            texts => source.saved_gates(texts)?,
        };
        gates.extend(source.for_its_endpoints(&own));
    }
    Ok(gates)
}

impl JudgedFile {
    /// The gates that a run was measured with. Each must be readable and concern something in the file. A gate that
    /// cannot be judged is an error.
    fn saved_gates(&self, texts: &[String]) -> anyhow::Result<Vec<Gate>> {
        texts.iter().map(|text| self.saved_gate(text)).collect()
    }

    fn saved_gate(&self, text: &str) -> anyhow::Result<Gate> {
        let file = &self.file;
        let gate = Gate::parse(text).map_err(|_| {
            anyhow!(
                "{file} gate '{text}' cannot be read\nhint: correct the file, or judge it with --gate"
            )
        })?;
        let mut endpoints = self.endpoints.iter();
        if !endpoints.any(|endpoint| gate.selector.selects(&endpoint.original_name)) {
            bail!(
                "{file} gate '{text}' names an endpoint that the file does not have\nhint: correct the file, or judge it with --gate"
            );
        }
        if !self.is_implied(text) {
            return Ok(gate);
        }
        let implied = gate.implied();
        implied.ok_or_else(|| {
            anyhow!(
                "{file} marks gate '{text}' as implied, but it is not a default gate\nhint: correct the file, or judge it with --gate"
            )
        })
    }

    /// Gates on two runs that are about this source, under the names that its endpoints have in it.
    fn in_its_own_names(&self, gates: &[Gate]) -> Vec<Gate> {
        let gates = gates.iter().filter(|gate| is_on_two_runs(gate));
        gates
            .flat_map(|gate| {
                let own = self.endpoints.iter();
                let own = own.filter(|endpoint| gate.selector.selects(&endpoint.name));
                own.map(|endpoint| gate.for_endpoint(&endpoint.original_name))
            })
            .collect()
    }

    /// Gates of this source alone, under the names that its endpoints have here.
    fn for_its_endpoints(&self, gates: &[Gate]) -> Vec<Gate> {
        self.endpoints
            .iter()
            .flat_map(|endpoint| {
                gates
                    .iter()
                    .filter(|gate| gate.selector.selects(&endpoint.original_name))
                    .map(|gate| Gate {
                        selector: Selector::Named(endpoint.name.clone()),
                        ..gate.clone()
                    })
            })
            .collect()
    }
}
