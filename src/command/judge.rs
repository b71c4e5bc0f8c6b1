//! `a7probe judge`: resolve, load, judge, report.

mod source;

use std::io::Write;

use anyhow::{anyhow, bail};

use crate::cli::judge::JudgeArgs;
use crate::exit::Exit;
use crate::judge::gate::{self, Gate, Selector, Subject};
use crate::judge::warning::{RunWarning, Warning};
use crate::report::{Report, ReportKind};

use source::{JudgedFile, load_all};

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
    let sources = load_all(args)?;
    let mut report = Report::new(ReportKind::Judge, title(&sources));
    sources
        .iter()
        .for_each(|source| source.describe(&mut report));
    let gates = resolve_gates(args, &sources)?;
    report.warnings.extend(idle_episode(args, &sources));
    let subjects: Vec<Subject<'_>> = sources
        .iter()
        .flat_map(|source| source.subjects(args.guard.typed()))
        .collect();
    gate::check_recorded(&gates, &subjects)?;
    report.findings = gate::judge(&gates, &subjects);
    args.output.publish(&report, stdout, stderr)?;
    Ok(report.exit())
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
    args.guard.episode.filter(|_| !without_rate.is_empty())?;
    Some(Warning::of(RunWarning::EpisodeWithoutRate {
        files: without_rate,
    }))
}

/// The typed gates, else those that each run was measured with. The default gates apply only to files without gates: a
/// list of latencies, or a side of `ab`, which is measured without.
fn resolve_gates(args: &JudgeArgs, sources: &[JudgedFile]) -> anyhow::Result<Vec<Gate>> {
    let mut gates = args.gates.clone();
    gates.extend(args.target.map(gate::default_gates).into_iter().flatten());
    if !gates.is_empty() {
        return Ok(gates);
    }
    for source in sources {
        let own = match source.gate_texts() {
            [] if source.must_have_gates() => bail!(
                "{} has no gates, and a measured run has some\nhint: judge it with --gate or --target",
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
        if gate::check_scope(&gate).is_err() {
            bail!(
                "{file} gate '{text}' needs a run before and a run after\nhint: use it with compare, or judge the file with --gate"
            );
        }
        let mut endpoints = self.endpoints.iter();
        if !endpoints.any(|endpoint| gate.selector.selects(&endpoint.original_name)) {
            bail!(
                "{file} gate '{text}' is about an endpoint that the file does not have\nhint: correct the file, or judge it with --gate"
            );
        }
        Ok(gate)
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
