//! A file from the command line: a saved run or another tool's results, detected by its content.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{anyhow, bail};

use crate::cli::guard::GuardArgs;
use crate::cli::import::ImportArgs;
use crate::judge::warning::Warning;
use crate::printable::{Shown as _, one_line};
use crate::report::{CapacityFileError, CapacityReport, Note, Report, is_capacity_file};
use crate::run::import::{self, FileFormat, ImportError, ImportOptions, ImportRemark, Imported};
use crate::run::run_file::{self, Run, RunFileError};

/// What is in the file.
pub(super) enum Saved {
    /// A run of a7probe.
    Run(Box<Run>),
    /// What another tool measured.
    Imported(Imported),
    /// A capacity search of a7probe.
    Capacity(Box<CapacityReport>),
}

/// How many bytes distinguish a list of latencies, which is read as a stream, from other files.
const HEAD: u64 = 64 << 10;

/// Reads a file, or stdin for `-`.
pub(super) fn read(file: &Path, options: &ImportOptions) -> anyhow::Result<Saved> {
    if is_stdin(file) {
        read_from(io::stdin().lock(), 0, options)
    } else {
        let file = File::open(file).map_err(|e| hinted(&RunFileError::Read(e)))?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        read_from(file, length, options)
    }
}

/// `length` is the length of the file where it is known, so that the buffer is no larger than needed.
fn read_from(mut input: impl Read, length: u64, options: &ImportOptions) -> anyhow::Result<Saved> {
    let mut head = Vec::new();
    let read = input.by_ref().take(HEAD).read_to_end(&mut head);
    read.map_err(|e| hinted(&RunFileError::Read(e)))?;
    if import::is_list(&head, options) {
        let list = import::read_list(head.chain(input), options)?;
        return Ok(Saved::Imported(with_printable_names(list)));
    }
    let bytes = run_file::read_bounded(head.chain(input), length).map_err(|e| hinted(&e))?;
    let bytes = import::to_utf8(&bytes);
    if options.format.is_none() && is_capacity_file(&bytes) {
        let search = CapacityReport::from_json(&bytes).map_err(|e| capacity_hinted(&e))?;
        return Ok(Saved::Capacity(Box::new(search)));
    }
    Ok(match format_of(&bytes, options) {
        FileFormat::Run => Saved::Run(Box::new(whole_run(&bytes)?)),
        _ => Saved::Imported(with_printable_names(import::read(&bytes, options)?)),
    })
}

/// A run with a verdict. A shard has none.
fn whole_run(bytes: &[u8]) -> anyhow::Result<Run> {
    let run = Run::from_json(bytes).map_err(|e| hinted(&e))?;
    match run.shard {
        Some(shard) => bail!(
            "it is shard {} of {}, a part of a run\nhint: a7probe merge judges all shards together, and saves the whole run",
            shard.index,
            shard.of
        ),
        None => Ok(run),
    }
}

/// A name from a file stands on one line.
fn with_printable_names(mut imported: Imported) -> Imported {
    for name in imported
        .endpoints
        .iter_mut()
        .filter_map(|e| e.name.as_mut())
    {
        *name = one_line(name).into_owned();
    }
    imported
}

/// An error with the name of its file; `verb` names the operation.
pub(super) fn named(error: anyhow::Error, verb: &str, file: &str) -> anyhow::Error {
    match error.downcast_ref::<ImportError>() {
        Some(ImportError::List(error)) => anyhow!("{}", error.of_file(file)),
        _ => match error.downcast_ref::<IncompleteFile>() {
            Some(incomplete) => anyhow!("{file} is {incomplete}"),
            None => error.context(format!("cannot {verb} {file}")),
        },
    }
}

/// A run file that could not be read or written, with a hint.
pub(super) fn hinted(error: &RunFileError) -> anyhow::Error {
    let text = format!("{error}\nhint: {}", error.hint());
    match error {
        RunFileError::Cut { .. } => IncompleteFile(text).into(),
        _ => anyhow!("{text}"),
    }
}

/// A capacity search that could not be read, with a hint.
fn capacity_hinted(error: &CapacityFileError) -> anyhow::Error {
    let text = format!("{error}\nhint: {}", error.hint());
    match error {
        CapacityFileError::Cut { .. } => IncompleteFile(text).into(),
        _ => anyhow!("{text}"),
    }
}

/// A run or a search whose JSON stops in the middle; the message begins with `incomplete:`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct IncompleteFile(String);

/// As `--format` says, else as the content does.
fn format_of(bytes: &[u8], options: &ImportOptions) -> FileFormat {
    options.format.unwrap_or_else(|| import::detect(bytes))
}

/// The first flag that is about latencies, which a saved capacity search does not have.
pub(super) fn flag_about_latencies(guard: &GuardArgs, import: &ImportArgs) -> Option<&'static str> {
    let spell = guard.spell.is_some().then_some("--spell");
    let iid = guard.iid.then_some("--iid");
    let endpoint = import.endpoint.is_some().then_some("--endpoint");
    let own = spell.or(iid).or(endpoint);
    own.or_else(|| import.for_other_tools())
}

/// Whether `-` stands for the file.
pub(super) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// What messages call the file.
pub(super) fn shown(file: &Path) -> String {
    if is_stdin(file) {
        "stdin".to_owned()
    } else {
        file.shown().to_string()
    }
}

/// Adds what must be known of an imported file to a report.
pub(super) fn describe(file: &str, remarks: &[ImportRemark], report: &mut Report) {
    for remark in remarks {
        if remark.may_mislead() {
            report
                .warnings
                .push(Warning::of(remark.clone()).labelled(file));
        }
        report.notes.push(Note::Import {
            file: file.to_owned(),
            remark: remark.clone(),
        });
    }
}
