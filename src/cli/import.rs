//! `--format`, `--unit`, the columns and the name: how `judge` and `compare` read files of other tools.

use anyhow::bail;
use clap::Args;

use crate::run::import::{FileFormat, ImportOptions, TimeUnit};

/// How a file of another tool is read.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Files of other tools")]
pub struct ImportArgs {
    /// Format of the files of other tools, if detection fails: list, oha-json, oha-csv, hey-csv, k6-json, k6-csv,
    /// k6-summary, vegeta-json, vegeta-csv, vegeta-hdrplot, jmeter-csv, jmeter-xml, gatling-log, ghz-json,
    /// hyperfine-json, autocannon-json, bombardier-json, artillery-json, fortio-json, hgrm, hlog or locust-csv
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FileFormat>,

    /// Unit of numbers without one in a list, a percentile table or an HdrHistogram log: ns, us, ms, s or m
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<TimeUnit>,

    /// Column of a CSV file, by title or by number from 1
    #[arg(long, value_name = "COLUMN")]
    pub column: Option<String>,

    /// Status column of a CSV file, by title or by number from 1; none counts every row as ok [default: by its title]
    #[arg(long, value_name = "COLUMN|none")]
    pub status_column: Option<String>,

    /// Name of a list of latencies in gates and tables [default: the name of its file]
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub endpoint: Option<String>,
}

impl ImportArgs {
    /// The first flag that is about files of other tools alone.
    pub(crate) fn for_other_tools(&self) -> Option<&'static str> {
        let format = self.format.filter(|format| *format != FileFormat::Run);
        let given = [
            ("--column", self.column.is_some()),
            ("--status-column", self.status_column.is_some()),
            ("--unit", self.unit.is_some()),
            ("--format", format.is_some()),
        ];
        given
            .iter()
            .find(|(_, is_given)| *is_given)
            .map(|(flag, _)| *flag)
    }

    /// Refuses flags that would be ignored where every file is a saved run.
    ///
    /// # Errors
    /// One of them was given; the message names it and the file.
    pub(crate) fn refuse_for_runs(&self, file: &str) -> anyhow::Result<()> {
        match self.for_other_tools() {
            Some(flag) => bail!(
                "{flag} has no use here: {file} is a saved run\nhint: leave {flag} out; it is for files of other tools"
            ),
            None => Ok(()),
        }
    }

    /// The options that were meant.
    pub(crate) fn options(&self) -> ImportOptions {
        ImportOptions {
            unit: self.unit,
            column: self.column.clone(),
            status_column: self.status_column.clone(),
            format: self.format,
        }
    }
}

/// A name that a gate can hold: not empty, and without signs that a gate would read as its comparison.
fn parse_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.contains(['<', '>', '=', '!', '≤', '≥']) {
        Err(format!(
            "'{text}' is not a valid endpoint name; write a name such as health"
        ))
    } else {
        Ok(name.to_owned())
    }
}
