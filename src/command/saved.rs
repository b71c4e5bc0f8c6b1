//! A file from the command line: a saved run or a list of latencies, told apart by its content.

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::anyhow;

use crate::import::{self, Ending, Latencies, Options};
use crate::report::Warning;
use crate::run_file::{self, Run, RunFileError};

/// What is in the file.
pub(super) enum Saved {
    /// A run of a7probe.
    Run(Box<Run>),
    /// Latencies of another tool.
    List(Latencies),
}

/// Reads a file, or stdin for `-`.
pub(super) fn read(file: &Path, options: &Options) -> anyhow::Result<Saved> {
    let bytes = bytes_of(file).map_err(|e| hinted(&e))?;
    Ok(match is_run(&bytes) {
        true => Saved::Run(Box::new(Run::from_json(&bytes).map_err(|e| hinted(&e))?)),
        false => Saved::List(import::read(&bytes, options)?),
    })
}

fn bytes_of(file: &Path) -> Result<Vec<u8>, RunFileError> {
    match is_stdin(file) {
        true => run_file::read_bounded(io::stdin().lock()),
        false => run_file::read_bounded(File::open(file).map_err(RunFileError::Read)?),
    }
}

fn hinted(error: &RunFileError) -> anyhow::Error {
    anyhow!("{error}\nhint: {}", error.hint())
}

/// A run is a JSON object; a list of latencies never begins with a brace.
fn is_run(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().first() == Some(&b'{')
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

/// What must be known of a list's heading.
pub(super) fn heading_note(file: &str, heading: &str) -> String {
    format!("{file}: '{heading}' is taken as the heading")
}

/// What warns of a list that may be cut.
pub(super) fn ending_warning(file: &str, ending: Ending) -> Option<Warning> {
    (ending == Ending::MidLine).then(|| {
        Warning::new(
            format!("{file}: the last line has no end, so the file may be cut"),
            "check the last value; end the file with a newline",
        )
    })
}
