//! A file from the command line: a saved run or what another tool measured, told apart by its content.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{anyhow, bail};

use crate::import::{self, Format, Imported, Options, Remark};
use crate::report::{Report, Warning};
use crate::run_file::{MAX_FILE_BYTES, Run};

/// What is in the file.
pub(super) enum Saved {
    /// A run of a7probe.
    Run(Box<Run>),
    /// What another tool measured.
    Imported(Imported),
}

/// Reads a file, or stdin for `-`.
pub(super) fn read(file: &Path, options: &Options) -> anyhow::Result<Saved> {
    let bytes = match is_stdin(file) {
        true => read_all(io::stdin().lock())?,
        false => read_all(File::open(file)?)?,
    };
    Ok(match format_of(&bytes, options) {
        Format::Run => Saved::Run(Box::new(
            Run::from_json(&bytes).map_err(|e| anyhow!("{e}\nhint: {}", e.hint()))?,
        )),
        _ => Saved::Imported(import::read(&bytes, options)?),
    })
}

/// A file that never ends must not fill the memory.
fn read_all(file: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_FILE_BYTES {
        true => bail!(
            "it is larger than {} MB, which no run or list is",
            MAX_FILE_BYTES >> 20
        ),
        false => Ok(bytes),
    }
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
