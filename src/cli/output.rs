//! How a result is shown: the flags that measure, judge and compare share.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use crate::report::{Detail, Format};

/// Names of the forms a report is written in.
const FORMATS: [&str; 4] = ["human", "json", "markdown", "csv"];

/// How a result is shown.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Form of the result on stdout.
    #[arg(short, long, env = "A7PROBE_OUTPUT", value_name = "FORMAT", default_value = "human", value_parser = format())]
    output: Format,

    /// Write the result to a file too (repeatable), such as markdown=report.md.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = parse_report)]
    report: Vec<ReportFile>,

    /// The verdict line only, and no progress.
    #[arg(long, conflicts_with = "verbose")]
    quiet: bool,

    /// Reasons and p-values of every gate too.
    #[arg(short, long)]
    verbose: bool,
}

/// A report that goes to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// In this form.
    pub format: Format,
    /// To this file.
    pub path: PathBuf,
}

impl OutputArgs {
    /// Form of the result on stdout.
    pub fn format(&self) -> Format {
        self.output
    }

    /// Files that the result is written to as well.
    pub fn reports(&self) -> &[ReportFile] {
        &self.report
    }

    /// How much is told.
    pub fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Brief,
            (_, true) => Detail::Full,
            _ => Detail::Normal,
        }
    }

    /// Whether progress and remarks are left out.
    pub fn quiet(&self) -> bool {
        self.quiet
    }
}

fn format() -> impl clap::builder::TypedValueParser<Value = Format> {
    PossibleValuesParser::new(FORMATS).map(|name| by_name(&name).unwrap_or_default())
}

fn by_name(name: &str) -> Option<Format> {
    Some(match name {
        "human" => Format::Human,
        "json" => Format::Json,
        "markdown" | "md" => Format::Markdown,
        "csv" => Format::Csv,
        _ => return None,
    })
}

fn parse_report(text: &str) -> Result<ReportFile, String> {
    let (name, path) = text
        .split_once('=')
        .filter(|(_, path)| !path.is_empty())
        .ok_or_else(|| format!("'{text}' is no FORMAT=PATH, such as markdown=report.md"))?;
    let format = by_name(name).ok_or_else(|| match closest(name) {
        Some(meant) => format!("'{name}' is no format; did you mean '{meant}'?"),
        None => format!("'{name}' is no format; there are {}", FORMATS.join(", ")),
    })?;
    Ok(ReportFile {
        format,
        path: path.into(),
    })
}

fn closest(name: &str) -> Option<&'static str> {
    let near = |known: &&str| strsim::damerau_levenshtein(name, known) <= 2;
    FORMATS
        .into_iter()
        .find(|known| near(known) || (!name.is_empty() && known.starts_with(name)))
}

#[cfg(test)]
mod tests {
    use super::{Format, ReportFile, parse_report};

    #[test]
    fn a_report_names_its_form_and_its_file() {
        let read = parse_report("markdown=out/a=b.md").unwrap();
        assert_eq!(
            read,
            ReportFile {
                format: Format::Markdown,
                path: "out/a=b.md".into()
            }
        );
    }

    #[test]
    fn a_mistyped_form_is_refused_with_the_one_that_is_meant() {
        assert_eq!(
            parse_report("jsn=x").unwrap_err(),
            "'jsn' is no format; did you mean 'json'?"
        );
        assert!(
            parse_report("pdf=x")
                .unwrap_err()
                .contains("there are human, json")
        );
        assert!(parse_report("json").unwrap_err().contains("FORMAT=PATH"));
        assert!(parse_report("json=").unwrap_err().contains("FORMAT=PATH"));
    }
}
