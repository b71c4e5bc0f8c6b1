//! A file from the command line: a saved run or what another tool measured, told apart by its content.

use std::io;
use std::path::Path;

use anyhow::anyhow;

use crate::import::{self, Format, Imported, Options, Remark};
use crate::report::{Report, Warning};
use crate::run_file::{self, Run, RunFileError};

/// What is in the file.
pub(super) enum Saved {
    /// A run of a7probe.
    Run(Box<Run>),
    /// What another tool measured.
    Imported(Imported),
}

/// Reads a file, or stdin for `-`.
pub(super) fn read(file: &Path, options: &Options) -> anyhow::Result<Saved> {
    let bytes = bytes_of(file).map_err(|e| hinted(&e))?;
    Ok(match format_of(&bytes, options) {
        Format::Run => Saved::Run(Box::new(Run::from_json(&bytes).map_err(|e| hinted(&e))?)),
        _ => Saved::Imported(import::read(&bytes, options)?),
    })
}

fn bytes_of(file: &Path) -> Result<Vec<u8>, RunFileError> {
    match is_stdin(file) {
        true => run_file::read_bounded(io::stdin().lock()),
        false => run_file::read_file(file),
    }
}

fn hinted(error: &RunFileError) -> anyhow::Error {
    anyhow!("{error}\nhint: {}", error.hint())
}

/// As `--format` says, else as the content does.
fn format_of(bytes: &[u8], options: &Options) -> Format {
    options.format.unwrap_or_else(|| import::detect(bytes))
}

/// Whether `-` stands for the file.
pub(super) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// What messages call the file.
pub(super) fn shown(file: &Path) -> String {
    match is_stdin(file) {
        true => "stdin".to_owned(),
        false => file.display().to_string(),
    }
}

/// Adds what must be known of an imported file to a report.
pub(super) fn describe(file: &str, remarks: &[Remark], report: &mut Report) {
    for remark in remarks {
        match remark {
            Remark::Note(text) => report.notes.push(format!("{file}: {text}")),
            Remark::Warning { text, hint } => {
                report
                    .warnings
                    .push(Warning::new(format!("{file}: {text}"), hint.clone()));
            }
        }
    }
}
