//! `--data`: the file whose rows fill templates, and whether it fits them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{anyhow, bail};
use clap::Args;

use super::settings_file::SettingsLayers;
use crate::printable::Shown as _;
use crate::run::plan::{Endpoint, PlannedRows, RowUse, Template};
use crate::run::rows::DataRows;

/// Rows that fill templates.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Endpoints")]
pub struct DataArgs {
    /// Fill {{row.COLUMN}} from a CSV or NDJSON file: the n-th request of an endpoint from the n-th row.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,

    /// Use every row at most once, and refuse a plan that needs more rows [default: begin again after the last row].
    #[arg(long)]
    pub data_once: bool,
}

impl DataArgs {
    /// The rows that the templates of these endpoints need; `None` if they need none.
    ///
    /// # Errors
    /// There is no file for them or no use for a typed one; the file cannot be read, or a value does not fit its place.
    pub(super) fn rows(
        &self,
        layers: &SettingsLayers,
        endpoints: &[Endpoint],
    ) -> anyhow::Result<Option<PlannedRows>> {
        let used = used_columns(endpoints);
        let below = layers.first(None, |s| s.data.clone());
        let below = below.map(|file| layers.folder.join(file));
        let Some(first) = used.first() else {
            self.check_unused()?;
            // A file of the settings is for their endpoints, which flags may have replaced.
            return Ok(None);
        };
        let Some(path) = self.data.clone().or(below) else {
            bail!(
                "{{{{row.{first}}}}} names a column, and there is no data file\nhint: give it with --data rows.csv, or write {{{{{{{{ for two braces"
            );
        };
        if !DataRows::is_readable(&path) {
            // The text may be a body, as it is with curl's --data, and may hold a secret.
            bail!(
                "the data file must end in .csv, .ndjson or .jsonl\nhint: --data reads CSV with a line of titles, or one JSON object a line; a body is -d"
            );
        }
        let bytes = std::fs::read(&path).map_err(|error| {
            anyhow!(
                "cannot read --data {}: {error}\nhint: name a CSV or NDJSON file",
                path.shown()
            )
        })?;
        let rows = DataRows::read(&path, &bytes, &used);
        let rows = rows.map_err(|error| anyhow!(error.of_file(&path.shown().to_string())))?;
        check_lines(&rows, endpoints)?;
        let once = self.data_once || layers.first(None, |s| s.data_once).unwrap_or(false);
        let usage = if once { RowUse::Once } else { RowUse::Cycle };
        Ok(Some(PlannedRows::uncounted(Arc::new(rows), usage)))
    }
}

impl DataArgs {
    /// Refuses flags about rows where no template names a column.
    fn check_unused(&self) -> anyhow::Result<()> {
        let flag = match (&self.data, self.data_once) {
            (Some(_), _) => "--data",
            (None, true) => "--data-once",
            (None, false) => return Ok(()),
        };
        bail!(
            "{flag} has no use here: no path, header or body names a column\nhint: write {{{{row.COLUMN}}}} where its value goes; a body is -d"
        )
    }
}

/// The columns that templates name, each once.
fn used_columns(endpoints: &[Endpoint]) -> Vec<String> {
    let mut used: Vec<String> = Vec::new();
    for column in endpoints.iter().flat_map(Endpoint::columns) {
        if !used.iter().any(|known| known == column) {
            used.push(column.to_owned());
        }
    }
    used
}

/// A header and a path are one line. Of a value that is not, the row is named.
fn check_lines(rows: &DataRows, endpoints: &[Endpoint]) -> anyhow::Result<()> {
    for endpoint in endpoints {
        let headers = endpoint.headers.iter();
        let headers = headers.map(|(name, value)| (format!("the header {name}"), value));
        let places = std::iter::once(("the path".to_owned(), &endpoint.path)).chain(headers);
        for (place, template) in places {
            if let Some(broken) = BrokenLine::find(rows, template) {
                bail!(
                    "{}, row {}: the value of '{}' has a line break or a zero byte, and {place} of {} must be one line\nhint: take it out of the value, or put the value into a body",
                    rows.file(),
                    broken.row,
                    broken.column,
                    endpoint.name
                );
            }
        }
    }
    Ok(())
}

/// A value that is not one line.
struct BrokenLine<'a> {
    /// The number of its row below the titles, from 1.
    row: usize,
    column: &'a str,
}

impl BrokenLine<'_> {
    fn find<'a>(rows: &DataRows, template: &'a Template) -> Option<BrokenLine<'a>> {
        template.columns().find_map(|title| {
            let column = rows.column(title)?;
            let is_broken = |&row: &usize| rows.value(row, column).contains(['\r', '\n', '\0']);
            let row = (0..rows.len()).find(is_broken)?;
            Some(BrokenLine {
                row: row + 1,
                column: title,
            })
        })
    }
}
