//! What a command hands to GitHub Actions, where it runs in it: a step summary, annotations, outputs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::variables::variable;
use crate::printable::Shown as _;
use crate::report::{Publishable, ReportFormat, Style, Written};

/// Whether a CI service is served.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct CiArgs {
    /// In GitHub Actions: no step summary, annotations and outputs
    #[arg(long, env = "A7PROBE_NO_CI")]
    pub no_ci: bool,
}

/// The files that GitHub Actions reads after a step.
#[derive(Debug, Default, PartialEq, Eq)]
struct StepFiles {
    summary: Option<PathBuf>,
    outputs: Option<PathBuf>,
}

impl StepFiles {
    /// `None` outside of GitHub Actions.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Option<StepFiles> {
        variable("GITHUB_ACTIONS").filter(|value| value == "true")?;
        Some(StepFiles {
            summary: variable("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            outputs: variable("GITHUB_OUTPUT").map(PathBuf::from),
        })
    }
}

/// The step summary that the environment names.
///
/// # Errors
/// If it names none; the message says what to give instead.
pub(super) fn step_summary() -> anyhow::Result<PathBuf> {
    let summary = variable("GITHUB_STEP_SUMMARY").map(PathBuf::from);
    summary.context("GITHUB_STEP_SUMMARY is not set\nhint: write github=FILE")
}

impl CiArgs {
    /// Serves GitHub Actions, if the command runs in it. A summary that was asked for as a report is not written again.
    ///
    /// What cannot be written is a warning: it must not change the exit code of a verdict.
    ///
    /// # Errors
    /// If stderr cannot be written to.
    pub(super) fn publish(
        self,
        report: &dyn Publishable,
        written: Written<'_>,
        is_summarized: bool,
        stderr: &mut dyn Write,
    ) -> io::Result<()> {
        let files = StepFiles::of(variable).filter(|_| !self.no_ci);
        let Some(files) = files else {
            return Ok(());
        };
        // Past the writer in front of stderr, which keeps names from becoming commands: these are escaped as commands.
        report.write_all_annotations(&mut io::stderr())?;
        let summary = files.summary.filter(|_| !is_summarized);
        let written = [
            summary.map(|path| {
                append(&path, |file| {
                    report.write_as(ReportFormat::Github, &Style::default(), file)
                })
            }),
            files
                .outputs
                .map(|path| append(&path, |file| report.write_all_outputs(written, file))),
        ];
        for error in written.into_iter().flatten().filter_map(Result::err) {
            writeln!(stderr, "warning: {error:#}\nhint: --no-ci leaves it out")?;
        }
        Ok(())
    }
}

/// Appends to a file that other steps may have begun.
///
/// # Errors
/// If it cannot be written; the message names it.
pub(super) fn append(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> anyhow::Result<()> {
    let open = || OpenOptions::new().append(true).create(true).open(path);
    let written = open().and_then(|mut file| {
        write(&mut file)?;
        file.flush()
    });
    written.with_context(|| format!("cannot append to {}", path.shown()))
}

#[cfg(test)]
mod tests {
    use super::StepFiles;

    #[test]
    fn files_are_those_of_github_actions_alone() {
        let variables = |actions: &'static str| {
            move |name: &str| match name {
                "GITHUB_ACTIONS" => Some(actions.to_owned()),
                "GITHUB_OUTPUT" => Some("out".to_owned()),
                _ => None,
            }
        };
        assert_eq!(StepFiles::of(|_| None), None);
        assert_eq!(StepFiles::of(variables("false")), None);
        let expected = StepFiles {
            summary: None,
            outputs: Some("out".into()),
        };
        assert_eq!(StepFiles::of(variables("true")), Some(expected));
    }
}
