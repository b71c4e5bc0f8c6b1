//! Where a result goes and how it looks: the same flags for every subcommand with a report.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::ci::CiArgs;
use super::report_file::{ReportFile, name_of, parse_output, parse_report_file};
use super::variables::variable;
use crate::printable::Shown as _;
use crate::report::{Colour, Glyphs, Publishable, ReportFormat, Style, Verbosity, Written};

/// The form of the result.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct FormatArgs {
    /// Format of the result on stdout: human, json, markdown or csv
    #[arg(long, value_name = "FORMAT", env = "A7PROBE_OUTPUT", default_value = "human", value_parser = parse_output)]
    pub output: ReportFormat,
}

/// Colours and glyphs of a text for people.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct LookArgs {
    /// Colour verdicts: auto (on a terminal, without NO_COLOR), always or never
    #[arg(long, value_name = "WHEN", value_enum, env = "A7PROBE_COLOR", default_value_t = ColourWhen::Auto)]
    pub color: ColourWhen,

    /// Write ASCII only: <= for ≤, # for bars
    #[arg(long, env = "A7PROBE_ASCII")]
    pub ascii: bool,
}

/// How what people read looks.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct ScreenArgs {
    #[command(flatten)]
    pub look: LookArgs,

    /// No progress on stderr
    #[arg(long)]
    pub quiet: bool,
}

/// Flags about the output of a report.
#[derive(Clone, Debug, Default, Args)]
#[command(
    next_help_heading = "Output",
    mut_arg("quiet", |arg| arg.help("Print only the verdict, without warnings"))
)]
pub struct OutputArgs {
    #[command(flatten)]
    pub format: FormatArgs,

    /// Also write the result to a file: report.json, or json=FILE (repeatable); FORMAT=- is stdout in place of the screen.
    /// Formats: html, svg, markdown, json, csv; junit, github, comment, openmetrics, bmf, gab for CI; hlog, hgrm for
    /// HdrHistogram's tools
    #[arg(short = 'o', long = "report", value_name = "[FORMAT=]FILE", value_parser = parse_report_file)]
    pub reports: Vec<ReportFile>,

    #[command(flatten)]
    pub screen: ScreenArgs,

    #[command(flatten)]
    pub ci: CiArgs,

    /// Print the reason and the p-values of every gate
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,
}

/// When verdicts are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColourWhen {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    Always,
    Never,
}

impl LookArgs {
    /// How a text on stdout looks.
    pub(super) fn style(self) -> Style {
        let stdout = io::stdout();
        Style {
            colour: colour(self.color, stdout.is_terminal(), variable),
            glyphs: if self.ascii {
                Glyphs::Ascii
            } else {
                glyphs(variable)
            },
            width: terminal_size::terminal_size_of(&stdout).map(|(width, _)| width.0),
            verbosity: Verbosity::Normal,
        }
    }
}

impl ScreenArgs {
    /// How screens for people look.
    pub(crate) fn style(&self) -> Style {
        Style {
            verbosity: if self.quiet {
                Verbosity::Brief
            } else {
                Verbosity::Normal
            },
            ..self.look.style()
        }
    }
}

impl OutputArgs {
    /// How the screen of the report looks.
    pub(crate) fn style(&self) -> Style {
        let style = self.screen.style();
        Style {
            verbosity: if self.verbose {
                Verbosity::Full
            } else {
                style.verbosity
            },
            ..style
        }
    }

    /// Refuses what holds the latencies of one run, where there are several: before the first request, not after the last.
    ///
    /// # Errors
    /// If a format for the latencies of one run was asked for; the message names the command that writes it.
    pub(crate) fn check_formats(&self, command: &str) -> anyhow::Result<()> {
        let wrong = self.reports.iter().find(|file| file.format.is_of_one_run());
        match wrong {
            Some(file) => bail!(
                "--report {}={}: the format has the latencies of one run, and {command} has several\nhint: save the runs, then use it with judge",
                name_of(file.format),
                file.path.shown()
            ),
            None => Ok(()),
        }
    }

    /// Refuses pages and pictures of a command that has none, before the first request.
    ///
    /// # Errors
    /// If one was asked for; the message says what to write instead.
    pub(crate) fn refuse_drawn(&self, command: &str) -> anyhow::Result<()> {
        let drawn = self.reports.iter().find(|file| file.format.is_drawn());
        drawn.map_or(Ok(()), |file| {
            bail!(
                "--report {name}={path}: {command} has no charts\nhint: write --report markdown=FILE or json=FILE",
                name = name_of(file.format),
                path = file.path.shown()
            )
        })
    }

    /// Refuses what holds the latencies of one run, of trials at several rates: before the first request.
    ///
    /// # Errors
    /// If such a format was asked for; the message names those that there are.
    pub(crate) fn check_capacity_formats(&self) -> anyhow::Result<()> {
        let in_file = self.reports.iter().find(|file| file.format.is_of_one_run());
        let asked = match in_file {
            Some(file) => format!("--report {}={}", name_of(file.format), file.path.shown()),
            None if self.format.output.is_of_one_run() => {
                format!("--output {}", name_of(self.format.output))
            }
            None => return Ok(()),
        };
        bail!(
            "{asked}: the format has the latencies of one run, and a capacity search has trials at several rates\nhint: use html, svg, markdown, json, csv, junit, github, comment or openmetrics"
        )
    }

    /// Writes the result to stdout, its warnings to stderr, and every file that was asked for.
    ///
    /// # Errors
    /// If something cannot be written; the message names it.
    pub(crate) fn publish(
        &self,
        report: &dyn Publishable,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<()> {
        self.publish_saved(report, None, stdout, stderr)
    }

    /// The same of a result that is also saved to a file.
    ///
    /// # Errors
    /// As [`OutputArgs::publish`].
    pub(crate) fn publish_saved(
        &self,
        report: &dyn Publishable,
        saved: Option<&Path>,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<()> {
        if !self.screen.quiet {
            report.write_all_warnings(stderr)?;
        }
        // The files first: a pipe that is closed early must not cost them.
        let (for_stdout, files): (Vec<_>, Vec<_>) =
            self.reports.iter().partition(|file| file.is_for_stdout());
        for file in files {
            file.write(report)?;
        }
        let is_summarized = self
            .reports
            .iter()
            .any(|f| f.format == ReportFormat::Github);
        let html = self.reports.iter().find(|f| f.format == ReportFormat::Html);
        let written = Written {
            html: html.map(|file| file.path.as_path()),
            saved,
        };
        self.ci.publish(report, written, is_summarized, stderr)?;
        if for_stdout.is_empty() || self.format.output != ReportFormat::Human {
            report.write_as(self.format.output, &self.style(), stdout)?;
        }
        for file in for_stdout {
            report.write_as(file.format, &Style::default(), stdout)?;
        }
        stdout.flush()?;
        Ok(())
    }
}

/// The flag wins over `NO_COLOR` (no-color.org), that over `CLICOLOR_FORCE`, that over what stdout is.
pub(super) fn colour(
    when: ColourWhen,
    is_terminal: bool,
    variable: impl Fn(&str) -> Option<String>,
) -> Colour {
    let forced = variable("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    let dumb = variable("TERM").as_deref() == Some("dumb");
    let coloured = match when {
        ColourWhen::Always => true,
        ColourWhen::Never => false,
        ColourWhen::Auto if variable("NO_COLOR").is_some() => false,
        ColourWhen::Auto => forced || is_terminal && !dumb,
    };
    if coloured {
        Colour::Always
    } else {
        Colour::Never
    }
}

/// ASCII where the locale names another character set; a locale that is not set says nothing about the terminal.
pub(super) fn glyphs(variable: impl Fn(&str) -> Option<String>) -> Glyphs {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable);
    let locale = locale.map(|locale| locale.to_ascii_lowercase());
    match locale {
        Some(locale) if !locale.contains("utf-8") && !locale.contains("utf8") => Glyphs::Ascii,
        _ => Glyphs::Unicode,
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, ColourWhen, Glyphs, colour, glyphs};

    fn environment(
        variables: &'static [(&'static str, &'static str)],
    ) -> impl Fn(&str) -> Option<String> {
        |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn the_flag_wins_then_no_color_then_force_then_the_terminal() {
        use ColourWhen::{Always, Auto, Never};
        for (when, terminal, variables, expected) in [
            (Auto, true, &[][..], Colour::Always),
            (Auto, false, &[], Colour::Never),
            (Auto, true, &[("NO_COLOR", "1")], Colour::Never),
            (Auto, true, &[("TERM", "dumb")], Colour::Never),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], Colour::Always),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], Colour::Never),
            (
                Auto,
                true,
                &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
                Colour::Never,
            ),
            (Always, false, &[("NO_COLOR", "1")], Colour::Always),
            (Never, true, &[("CLICOLOR_FORCE", "1")], Colour::Never),
        ] {
            let got = colour(when, terminal, environment(variables));
            assert_eq!(got, expected, "{when:?} {terminal} {variables:?}");
        }
    }

    #[test]
    fn a_locale_that_is_not_utf_8_gets_ascii() {
        for (variables, expected) in [
            (&[][..], Glyphs::Unicode),
            (&[("LANG", "en_US.UTF-8")], Glyphs::Unicode),
            (&[("LANG", "C.utf8")], Glyphs::Unicode),
            (&[("LANG", "C")], Glyphs::Ascii),
            (&[("LANG", "de_DE.ISO-8859-1")], Glyphs::Ascii),
            (&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")], Glyphs::Ascii),
        ] {
            assert_eq!(glyphs(environment(variables)), expected, "{variables:?}");
        }
    }
}
