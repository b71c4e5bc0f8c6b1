//! Whether files can be written, tried before anything is measured.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::output::OutputArgs;
use crate::printable::Shown as _;

/// Tries the folders of all files before anything is measured: a typing error there would cost the run.
pub(super) fn check_outputs<'a>(
    saved: impl Iterator<Item = &'a PathBuf>,
    output: &'a OutputArgs,
) -> anyhow::Result<()> {
    let reports = output.reports.iter().map(|report| &report.path);
    saved
        .chain(reports)
        .try_for_each(|path| check_writable(path))
}

/// Tries the folder of a file before anything is measured.
///
/// # Errors
/// A file cannot be made there; the message names it and the reason.
pub(super) fn check_writable(path: &Path) -> anyhow::Result<()> {
    // What is there already, a device perhaps, is opened when it is written.
    if path.exists() && !path.is_dir() {
        return Ok(());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let tried = if path.is_dir() {
        Err(ErrorKind::IsADirectory.into())
    } else {
        tempfile::tempfile_in(folder).map(drop)
    };
    tried.map_err(|error| reason(&error)).with_context(|| {
        let hint = if path.is_dir() {
            "name a file in that folder"
        } else {
            "choose a writable folder"
        };
        format!(
            "cannot write {}\nhint: {hint}; nothing was sent",
            path.shown()
        )
    })
}

/// The operating system's reason, without the name of a temporary file.
fn reason(error: &io::Error) -> io::Error {
    match error.raw_os_error().or_else(|| os_error_below(error)) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

fn os_error_below(error: &io::Error) -> Option<i32> {
    let mut below = error
        .get_ref()
        .map(|e| e as &(dyn std::error::Error + 'static));
    while let Some(cause) = below {
        let found = cause.downcast_ref::<io::Error>();
        if let Some(code) = found.and_then(io::Error::raw_os_error) {
            return Some(code);
        }
        below = cause.source();
    }
    None
}
