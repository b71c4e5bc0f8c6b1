//! Puts a report where it was asked for: stdout, files, and its warnings on stderr.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write};

use anyhow::Context as _;

use crate::cli::output::{OutputArgs, ReportFile};
use crate::progress::Mode;
use crate::report::{Colour, Detail, Report, Style};

/// Writes the report in every form that was asked for.
///
/// # Errors
/// A file cannot be written; what was written before it stays.
pub(super) fn write(
    report: &Report,
    output: &OutputArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<()> {
    for file in output.reports() {
        write_file(report, file)?;
    }
    if !output.quiet() {
        report.write_warnings(stderr)?;
    }
    report.write(output.format(), &terminal_style(output.detail()), stdout)?;
    Ok(())
}

/// Progress where nobody asked for quiet.
pub(super) fn progress_mode(output: &OutputArgs) -> Mode {
    if output.quiet() {
        Mode::Silent
    } else {
        Mode::of_stderr()
    }
}

/// How tables look on this process's stdout: coloured on a terminal, unless NO_COLOR is set.
pub(super) fn terminal_style(detail: Detail) -> Style {
    let terminal = std::io::stdout().is_terminal();
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    Style {
        colour: if terminal && !no_colour && !dumb {
            Colour::Always
        } else {
            Colour::Never
        },
        width: None,
        detail,
    }
}

fn write_file(report: &Report, file: &ReportFile) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", file.path.display());
    let mut out = BufWriter::new(File::create(&file.path).with_context(context)?);
    report
        .write(file.format, &Style::default(), &mut out)
        .with_context(context)?;
    out.flush().with_context(context)
}
