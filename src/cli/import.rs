//! `--format`, `--unit` and the columns: how `judge` and `compare` read files of other tools.

use clap::Args;

use crate::run::import::{FileFormat, ImportOptions, TimeUnit};

/// How a file of another tool is read.
#[derive(Clone, Debug, Default, Args)]
pub struct ImportArgs {
    /// What the files of other tools are, where their content misleads: list, oha-json, oha-csv, hey-csv, k6-json, k6-csv,
    /// k6-summary, vegeta-json, vegeta-csv, vegeta-hdrplot, jmeter-csv, jmeter-xml, gatling-log, ghz-json, hyperfine-json,
    /// autocannon-json, bombardier-json, artillery-json, fortio-json, hgrm, hlog or locust-csv
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FileFormat>,

    /// Unit of numbers without one in a list, a percentile table or an HdrHistogram log: ns, us, ms, s or m
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<TimeUnit>,

    /// Column of a CSV file, by title or by number from 1
    #[arg(long, value_name = "COLUMN")]
    pub column: Option<String>,

    /// Column of a CSV file that tells success, by title or by number from 1; none counts every row as ok [default: by
    /// its title]
    #[arg(long, value_name = "COLUMN|none")]
    pub status_column: Option<String>,
}

impl ImportArgs {
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
