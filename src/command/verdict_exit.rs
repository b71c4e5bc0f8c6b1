//! The exit code of a report, and `--inconclusive warn`.

use std::io::{self, Write};

use crate::exit::Exit;
use crate::report::Report;

/// The exit code of a report, with a warning where `--inconclusive warn` makes it 0.
///
/// # Errors
/// The warning cannot be written.
pub(super) fn verdict_exit(report: &Report, stderr: &mut dyn Write) -> io::Result<Exit> {
    if report.is_let_through() {
        warn_of_exit_0(stderr)?;
    }
    Ok(report.exit())
}

/// Says that `--inconclusive warn` made the exit code 0.
///
/// # Errors
/// The warning cannot be written.
pub(super) fn warn_of_exit_0(stderr: &mut dyn Write) -> io::Result<()> {
    writeln!(
        stderr,
        "warning: the verdict is INCONCLUSIVE, and --inconclusive warn ends with exit code 0\n\
         hint: leave it out for exit code 3"
    )
}
