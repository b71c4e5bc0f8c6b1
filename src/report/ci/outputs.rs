//! Outputs of a step of GitHub Actions, for the steps after it.

use std::io::{self, Write};
use std::path::Path;

use crate::report::model::Report;
use crate::report::text;

/// Files that a command wrote.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    /// The HTML report.
    pub html: Option<&'a Path>,
    /// The saved search, of a command that searched.
    pub saved: Option<&'a Path>,
}

/// Writes `verdict`, `exit-code`, `run-file`, `html` and `worst-gate`, one a line; an output that does not exist is empty.
///
/// # Errors
/// `out` cannot be written to.
pub(in crate::report) fn write(
    report: &Report,
    written: Written<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let path =
        |path: Option<&Path>| path.map_or(String::new(), |p| p.to_string_lossy().into_owned());
    let worst = text::not_passed(report).first().map(|f| f.gate.to_string());
    let outputs = [
        (
            "verdict",
            report.verdict().map_or(String::new(), |v| v.to_string()),
        ),
        ("exit-code", report.exit().code().to_string()),
        (
            "run-file",
            path(report.saved.last().map(|saved| saved.path.as_path())),
        ),
        ("html", path(written.html)),
        ("worst-gate", worst.unwrap_or_default()),
    ];
    outputs
        .iter()
        .try_for_each(|(name, value)| writeln!(out, "{name}={}", one_line(value)))
}

/// A line end would begin another output.
pub(super) fn one_line(value: &str) -> String {
    value.replace(['\r', '\n'], " ")
}
