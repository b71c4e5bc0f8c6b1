//! Where a result goes and how it looks: the same flags for every subcommand with a report.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::printable::{Printable, Sequences, Shown as _};
use crate::report::{Colour, Glyphs, Report, ReportFormat, Style, Verbosity};

/// Names of the formats, as `--output` and `--report` read them.
const FORMATS: [(&str, ReportFormat); 6] = [
    ("human", ReportFormat::Human),
    ("json", ReportFormat::Json),
    ("markdown", ReportFormat::Markdown),
    ("csv", ReportFormat::Csv),
    ("hlog", ReportFormat::Hlog),
    ("hgrm", ReportFormat::Hgrm),
];

/// Flags about the output.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Form of the result on stdout: human, json, markdown or csv
    #[arg(long, value_name = "FORMAT", env = "A7PROBE_OUTPUT", default_value = "human", value_parser = parse_output)]
    pub output: ReportFormat,

    /// Also write the result to a file, such as json=report.json (repeatable); hlog= and hgrm= hold the latencies for
    /// HdrHistogram's own tools
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = parse_report_file)]
    pub reports: Vec<ReportFile>,

    /// Colour verdicts: auto (on a terminal, without NO_COLOR), always or never
    #[arg(long, value_name = "WHEN", value_enum, env = "A7PROBE_COLOR", default_value_t = ColourWhen::Auto)]
    pub color: ColourWhen,

    /// Write ASCII alone: <= for ≤, # for bars
    #[arg(long, env = "A7PROBE_ASCII")]
    pub ascii: bool,

    /// Print the verdict alone, and no warnings
    #[arg(long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print the reason and the p-values of every gate
    #[arg(short, long)]
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

/// A file that a report is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    pub format: ReportFormat,
    pub path: PathBuf,
}

impl OutputArgs {
    /// How screens for people look.
    pub(crate) fn style(&self) -> Style {
        let stdout = io::stdout();
        Style {
            colour: colour(self.color, stdout.is_terminal(), variable),
            glyphs: if self.ascii {
                Glyphs::Ascii
            } else {
                glyphs(variable)
            },
            width: terminal_size::terminal_size_of(&stdout).map(|(width, _)| width.0),
            verbosity: if self.quiet {
                Verbosity::Brief
            } else if self.verbose {
                Verbosity::Full
            } else {
                Verbosity::Normal
            },
        }
    }

    /// Refuses what holds the latencies of one run, where there are several: before the first request, not after the last.
    ///
    /// # Errors
    /// If a report of HdrHistogram's formats was asked for; the message says where it can be had.
    pub(crate) fn check_formats(&self, command: &str) -> anyhow::Result<()> {
        let wrong = self
            .reports
            .iter()
            .find(|file| file.format.is_of_hdrhistogram());
        match wrong {
            Some(file) => bail!(
                "--report {}={}: it holds the latencies of one run, and {command} is about several\nhint: save the runs and \
                 use it with judge",
                name_of(file.format),
                file.path.shown()
            ),
            None => Ok(()),
        }
    }

    /// Writes the result to stdout, its warnings to stderr, and every file that was asked for.
    ///
    /// # Errors
    /// If something cannot be written; the message names it.
    pub(crate) fn publish(
        &self,
        report: &Report,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<()> {
        if !self.quiet {
            report.write_warnings(stderr)?;
        }
        // The files first: a pipe that is closed early must not cost them.
        for file in &self.reports {
            file.write(report)?;
        }
        report.write(self.output, &self.style(), stdout)?;
        stdout.flush()?;
        Ok(())
    }
}

/// A variable of the environment that is not empty.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    Some(value.to_string_lossy().into_owned())
}

/// The flag wins over `NO_COLOR` (no-color.org), that over `CLICOLOR_FORCE`, that over what stdout is.
fn colour(
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
fn glyphs(variable: impl Fn(&str) -> Option<String>) -> Glyphs {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(variable);
    let locale = locale.map(|locale| locale.to_ascii_lowercase());
    match locale {
        Some(locale) if !locale.contains("utf-8") && !locale.contains("utf8") => Glyphs::Ascii,
        _ => Glyphs::Unicode,
    }
}

/// An operating-system error about a file is put between these.
fn cannot_write(path: &Path) -> String {
    format!(
        "cannot write {}\nhint: choose a folder that exists, is writable and has room",
        path.shown()
    )
}

/// A report contains names from files and servers.
fn printable(file: File) -> BufWriter<Printable<BufWriter<File>>> {
    BufWriter::new(Printable::new(BufWriter::new(file), Sequences::None))
}

impl ReportFile {
    /// Writes a report to the file, without colours and as wide as needed.
    ///
    /// # Errors
    /// If the file cannot be written; the message names it.
    pub(crate) fn write(&self, report: &Report) -> anyhow::Result<()> {
        let context = || cannot_write(&self.path);
        if self.format.is_of_hdrhistogram() && report.endpoints.is_empty() {
            bail!(
                "{} holds the latencies of one run; use it with measure or judge",
                name_of(self.format)
            );
        }
        if self.format == ReportFormat::Hgrm && report.endpoints.len() > 1 {
            return self.write_tables(report);
        }
        let mut file = printable(File::create(&self.path).with_context(context)?);
        report
            .write(self.format, &Style::default(), &mut file)
            .and_then(|()| file.flush())
            .with_context(context)
    }

    /// One table a file: `run.hgrm` becomes `run.health.hgrm` and `run.ingest.hgrm`.
    fn write_tables(&self, report: &Report) -> anyhow::Result<()> {
        for endpoint in &report.endpoints {
            let path = self.path_of(&endpoint.name);
            let context = || cannot_write(&path);
            let mut file = printable(File::create(&path).with_context(context)?);
            let written = endpoint.write_hgrm(&mut file).and_then(|()| file.flush());
            written.with_context(context)?;
        }
        Ok(())
    }

    fn path_of(&self, endpoint: &str) -> PathBuf {
        let name = endpoint.replace(|c: char| !c.is_alphanumeric() && !"._-".contains(c), "_");
        let extension = self
            .path
            .extension()
            .map(|e| e.to_string_lossy().into_owned());
        let stem = self.path.with_extension("");
        let stem = stem
            .file_name()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        self.path.with_file_name(match extension {
            Some(extension) => format!("{stem}.{name}.{extension}"),
            None => format!("{stem}.{name}"),
        })
    }
}

/// Reads `json`; what is for HdrHistogram's tools goes to files only.
fn parse_output(text: &str) -> Result<ReportFormat, String> {
    match parse_format(text)? {
        format if format.is_of_hdrhistogram() => {
            Err(format!("{text} is for files; write --report {text}=FILE"))
        }
        format => Ok(format),
    }
}

pub(crate) fn parse_format(text: &str) -> Result<ReportFormat, String> {
    let found = FORMATS.iter().find(|(name, _)| *name == text);
    found.map(|&(_, format)| format).ok_or_else(|| {
        let names = FORMATS.map(|(name, _)| name);
        let near = names.into_iter().find(|name| {
            strsim::damerau_levenshtein(name, text) <= 2
                || name.starts_with(text) && !text.is_empty()
        });
        match near {
            Some(name) => format!("'{text}' is no format; did you mean '{name}'?"),
            None => format!("'{text}' is no format; there are {}", names.join(", ")),
        }
    })
}

pub(crate) fn parse_report_file(text: &str) -> Result<ReportFile, String> {
    match parse(text) {
        Ok(file) => Ok(file),
        Err(error) => Err(format!("{error:#}")),
    }
}

fn parse(text: &str) -> anyhow::Result<ReportFile> {
    let Some((format, path)) = text.split_once('=') else {
        match text.rsplit_once('.') {
            Some((_, "json")) => bail!("'{text}' has no format; write json={text}"),
            Some((_, "md")) => bail!("'{text}' has no format; write markdown={text}"),
            Some((_, extension @ ("hlog" | "hgrm"))) => {
                bail!("'{text}' has no format; write {extension}={text}")
            }
            Some((_, "csv")) => bail!("'{text}' has no format; write csv={text}"),
            _ => bail!("'{text}' has no format or no file; write for example json=report.json"),
        }
    };
    let format = parse_format(format.trim()).map_err(anyhow::Error::msg)?;
    match path {
        "" => bail!(
            "'{text}' names no file; write for example {format_name}=report",
            format_name = name_of(format)
        ),
        "-" => bail!(
            "'-' is no file; use --output {} for stdout",
            name_of(format)
        ),
        path => Ok(ReportFile {
            format,
            path: path.into(),
        }),
    }
}

fn name_of(format: ReportFormat) -> &'static str {
    FORMATS
        .iter()
        .find(|(_, known)| *known == format)
        .map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::{
        Colour, ColourWhen, Glyphs, ReportFile, ReportFormat, colour, glyphs, parse_format,
        parse_report_file,
    };

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

    #[test]
    fn a_report_file_is_a_format_and_a_path() {
        let file = ReportFile {
            format: ReportFormat::Json,
            path: "out/a=b.json".into(),
        };
        assert_eq!(parse_report_file("json=out/a=b.json"), Ok(file));
    }

    #[test]
    fn a_slip_is_told_with_its_hint() {
        for (text, message) in [
            ("jsn", "'jsn' is no format; did you mean 'json'?"),
            ("mark", "'mark' is no format; did you mean 'markdown'?"),
            (
                "pdf",
                "'pdf' is no format; there are human, json, markdown, csv, hlog, hgrm",
            ),
            (
                "",
                "'' is no format; there are human, json, markdown, csv, hlog, hgrm",
            ),
        ] {
            assert_eq!(parse_format(text), Err(message.to_owned()));
        }
        for (text, message) in [
            (
                "report.json",
                "'report.json' has no format; write json=report.json",
            ),
            (
                "report",
                "'report' has no format or no file; write for example json=report.json",
            ),
            ("csv=", "'csv=' names no file; write for example csv=report"),
            (
                "markdown=-",
                "'-' is no file; use --output markdown for stdout",
            ),
            ("jsno=a", "'jsno' is no format; did you mean 'json'?"),
        ] {
            assert_eq!(parse_report_file(text), Err(message.to_owned()));
        }
    }
}
