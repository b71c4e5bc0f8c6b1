//! `a7probe judge`: resolve, load, judge, report.

mod source;

use std::io::Write;

use crate::cli::judge::JudgeArgs;
use crate::exit::Exit;
use crate::gate::{self, Gate, Selector, Subject};
use crate::report::{Kind, Report, Warning};

use source::{Source, load_all};

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
    let mut report = Report::new(Kind::Judge, title(&sources));
    sources
        .iter()
        .for_each(|source| source.describe(&mut report));
    let gates = resolve_gates(args, &sources, &mut report.warnings);
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

fn title(sources: &[Source]) -> String {
    let files: Vec<&str> = sources.iter().map(|source| source.file.as_str()).collect();
    files.join(", ")
}

/// An episode is a time, and without a rate no number of samples.
fn idle_episode(args: &JudgeArgs, sources: &[Source]) -> Option<Warning> {
    let without_rate: Vec<&str> = sources
        .iter()
        .filter(|source| !source.has_rate())
        .map(|source| source.file.as_str())
        .collect();
    args.guard.episode.filter(|_| !without_rate.is_empty())?;
    Some(Warning::new(
        format!(
            "--episode has no effect on {}: no rate is known, so a slow episode is taken as 1 sample",
            without_rate.join(", ")
        ),
        "leave it out, or judge a run that a7probe measured, whose rate is in its file",
    ))
}

/// The gates that were typed; else those that each run was measured with; else the default ones.
fn resolve_gates(args: &JudgeArgs, sources: &[Source], warnings: &mut Vec<Warning>) -> Vec<Gate> {
    let mut gates = args.gates.clone();
    gates.extend(args.target.map(gate::default_gates).into_iter().flatten());
    if !gates.is_empty() {
        return gates;
    }
    for source in sources {
        let saved = source.saved_gates(warnings);
        match saved.is_empty() {
            true => gates.extend(source.for_its_endpoints(&gate::default_gates(DEFAULT_TARGET))),
            false => gates.extend(source.for_its_endpoints(&saved)),
        }
    }
    gates
}

impl Source {
    /// The gates that a run was measured with, as far as one run can be judged by them.
    fn saved_gates(&self, warnings: &mut Vec<Warning>) -> Vec<Gate> {
        let mut gates = Vec::new();
        for text in self.gate_texts() {
            match Gate::parse(text)
                .map_err(anyhow::Error::from)
                .and_then(|gate| {
                    gate::check_scope(&gate)?;
                    Ok(gate)
                }) {
                Ok(gate) => gates.push(gate),
                Err(error) => warnings.push(Warning::new(
                    format!("{}: a gate of the run is left out: {error}", self.file),
                    "name the gates with --gate",
                )),
            }
        }
        gates
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
