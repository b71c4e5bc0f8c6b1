//! The markdown report for a comment on a pull request that is replaced at every push.

use std::io::{self, Write};

use super::summary;
use crate::report::model::Report;

/// The first line, which is not shown: by it a job finds its earlier comment.
pub(in crate::report) const MARK: &str = "<!-- a7probe -->\n";

/// Writes the mark and the report as a step summary has it; a comment has at most 65,536 characters.
pub(in crate::report) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(MARK.as_bytes())?;
    summary::write(report, out)
}
