//! A file that a report is written to, and the format that its name means.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::ci::{append, step_summary};
use crate::printable::{Printable, Sequences, Shown as _};
use crate::report::{Publishable, ReportFormat, Style};

/// Names of the formats, as `--output` and `--report` read them.
const FORMATS: [(&str, ReportFormat); 14] = [
    ("human", ReportFormat::Human),
    ("json", ReportFormat::Json),
    ("markdown", ReportFormat::Markdown),
    ("csv", ReportFormat::Csv),
    ("html", ReportFormat::Html),
    ("svg", ReportFormat::Svg),
    ("hlog", ReportFormat::Hlog),
    ("hgrm", ReportFormat::Hgrm),
    ("junit", ReportFormat::Junit),
    ("github", ReportFormat::Github),
    ("comment", ReportFormat::Comment),
    ("openmetrics", ReportFormat::Openmetrics),
    ("bmf", ReportFormat::Bmf),
    ("gab", ReportFormat::Gab),
];

/// A file that a report is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    pub format: ReportFormat,
    pub path: PathBuf,
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
    pub(super) fn is_for_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// Writes a report to the file, without colours and as wide as needed.
    ///
    /// # Errors
    /// If the file cannot be written; the message names it.
    pub(crate) fn write(&self, report: &dyn Publishable) -> anyhow::Result<()> {
        let context = || cannot_write(&self.path);
        if self.format == ReportFormat::Github {
            return append(&self.path, |file| {
                report.write_as(self.format, &Style::default(), file)
            });
        }
        if self.format.is_of_one_run() && report.distributions().is_empty() {
            bail!(
                "{} has the latencies of one run\nhint: use it with a7probe measure or judge",
                name_of(self.format)
            );
        }
        if self.format == ReportFormat::Hgrm && report.distributions().len() > 1 {
            return self.write_tables(report);
        }
        let file = File::create(&self.path).with_context(context)?;
        if self.format.is_drawn() {
            // Its writer lets no control through, and lines of other text stay as they are.
            let mut file = BufWriter::new(file);
            let folder = self.path.parent().unwrap_or(Path::new(""));
            let written = match self.format {
                ReportFormat::Html => report.write_page_in(folder, &mut file),
                format => report.write_as(format, &Style::default(), &mut file),
            };
            return written.and_then(|()| file.flush()).with_context(context);
        }
        let mut file = printable(file);
        report
            .write_as(self.format, &Style::default(), &mut file)
            .and_then(|()| file.flush())
            .with_context(context)
    }

    /// One table a file: `run.hgrm` becomes `run.health.hgrm` and `run.ingest.hgrm`.
    fn write_tables(&self, report: &dyn Publishable) -> anyhow::Result<()> {
        for endpoint in report.distributions() {
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
pub(super) fn parse_output(text: &str) -> Result<ReportFormat, String> {
    match parse_format(text).map_err(|error| for_stdout(&error))? {
        format if format.is_of_hdrhistogram() => Err(format!(
            "{text} is for files only\nhint: write --report {text}=FILE"
        )),
        format => Ok(format),
    }
}

/// The same error with the formats that people read or other programs parse; the others are for files.
fn for_stdout(error: &str) -> String {
    let (what, hint) = error.split_once("\nhint: ").unwrap_or((error, ""));
    if hint.starts_with("use ") {
        format!(
            "{what}\nhint: use human, json, markdown or csv; others are for files: -o FORMAT=FILE"
        )
    } else {
        error.to_owned()
    }
}

pub(crate) fn parse_format(text: &str) -> Result<ReportFormat, String> {
    let found = FORMATS.iter().find(|(name, _)| *name == text);
    found.map(|&(_, format)| format).ok_or_else(|| {
        let names = FORMATS.map(|(name, _)| name);
        let near = names.into_iter().find(|name| {
            2 * strsim::damerau_levenshtein(name, text) < name.len()
                || name.starts_with(text) && !text.is_empty()
        });
        match near {
            Some(name) => format!("unknown format '{text}'\nhint: did you mean {name}?"),
            None => format!("unknown format '{text}'\nhint: use {}", names.join(", ")),
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
        if text == "github" {
            return Ok(ReportFile {
                format: ReportFormat::Github,
                path: step_summary()?,
            });
        }
        return of_ending(text);
    };
    let format = parse_format(format.trim()).map_err(anyhow::Error::msg)?;
    match path {
        "" => bail!(
            "'{text}' names no file\nhint: write for example {format_name}=report",
            format_name = name_of(format)
        ),
        path => Ok(ReportFile {
            format,
            path: path.into(),
        }),
    }
}

/// A file whose name says its format.
fn of_ending(text: &str) -> anyhow::Result<ReportFile> {
    let (_, ending) = text.rsplit_once('.').unwrap_or_default();
    let name = match ending {
        "md" => "markdown",
        "txt" => "human",
        "xml" => "junit",
        ending => ending,
    };
    match FORMATS.iter().find(|(known, _)| *known == name) {
        Some(&(_, format)) => Ok(ReportFile {
            format,
            path: text.into(),
        }),
        None => {
            bail!("'{text}' has no format\nhint: write json={text}, or a name such as report.json")
        }
    }
}

pub(super) fn name_of(format: ReportFormat) -> &'static str {
    FORMATS
        .iter()
        .find(|(_, known)| *known == format)
        .map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::{ReportFile, ReportFormat, parse_format, parse_report_file};

    #[test]
    fn a_report_file_is_a_format_and_a_path() {
        let file = ReportFile {
            format: ReportFormat::Json,
            path: "out/a=b.json".into(),
        };
        assert_eq!(parse_report_file("json=out/a=b.json"), Ok(file));
        for (path, format) in [
            ("a.json", ReportFormat::Json),
            ("out/a.md", ReportFormat::Markdown),
            ("a.csv", ReportFormat::Csv),
            ("a.hgrm", ReportFormat::Hgrm),
            ("a.txt", ReportFormat::Human),
        ] {
            let file = parse_report_file(path);
            let path = path.into();
            assert_eq!(file, Ok(ReportFile { format, path }));
        }
    }

    #[test]
    fn a_slip_is_told_with_its_hint() {
        for (text, message) in [
            ("jsn", "unknown format 'jsn'\nhint: did you mean json?"),
            (
                "mark",
                "unknown format 'mark'\nhint: did you mean markdown?",
            ),
            (
                "pdf",
                "unknown format 'pdf'\nhint: use human, json, markdown, csv, html, svg, hlog, hgrm, junit, github, comment, openmetrics, bmf, gab",
            ),
            (
                "",
                "unknown format ''\nhint: use human, json, markdown, csv, html, svg, hlog, hgrm, junit, github, comment, openmetrics, bmf, gab",
            ),
        ] {
            assert_eq!(parse_format(text), Err(message.to_owned()));
        }
        for (text, message) in [
            (
                "report",
                "'report' has no format\nhint: write json=report, or a name such as report.json",
            ),
            (
                "csv=",
                "'csv=' names no file\nhint: write for example csv=report",
            ),
            ("jsno=a", "unknown format 'jsno'\nhint: did you mean json?"),
        ] {
            assert_eq!(parse_report_file(text), Err(message.to_owned()));
        }
    }
}
