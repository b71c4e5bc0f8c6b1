//! The rows of a data file (`--data`): CSV under a line of titles, or one JSON object a line.

mod csv_rows;
mod data_file_error;
mod ndjson_rows;

use std::fmt;
use std::path::Path;

use crate::redact;
use crate::run::import::to_utf8;

pub use data_file_error::{DataFileError, DataProblem};

/// Values of the columns that templates name. They may be secrets: only requests have them.
#[derive(Clone, PartialEq, Eq)]
pub struct DataRows {
    /// Name of the file, without its folder.
    file: String,
    /// The first 16 bits of the SHA-256 of the file, in hexadecimal.
    sha256: String,
    columns: Vec<String>,
    /// All values in one text, row by row.
    text: String,
    /// Where each value ends in the text.
    ends: Vec<usize>,
}

impl fmt::Debug for DataRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataRows")
            .field("file", &self.file)
            .field("rows", &self.len())
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl DataRows {
    /// Reads the bytes of a file. Its name says whether it is CSV (`.csv`) or JSON lines (`.ndjson`, `.jsonl`). Of the
    /// columns, those that are `used` are kept; there is at least one.
    ///
    /// ```
    /// use a7probe::run::rows::DataRows;
    /// let used = ["id".to_owned()];
    /// let rows = DataRows::read("rows.csv".as_ref(), b"name,id\nAnn,7\nBob,9\n", &used).unwrap();
    /// assert_eq!((rows.len(), rows.value(1, 0)), (2, "9"));
    /// ```
    ///
    /// # Errors
    /// [`DataFileError`] if the file has no rows, is damaged, or lacks a column.
    pub fn read(path: &Path, bytes: &[u8], used: &[String]) -> Result<DataRows, DataFileError> {
        let format = DataFormat::of(path).ok_or(DataProblem::UnknownFormat)?;
        let decoded = to_utf8(bytes);
        let text = std::str::from_utf8(&decoded).map_err(|error| {
            let valid = String::from_utf8_lossy(&decoded[..error.valid_up_to()]);
            DataFileError::at_end_of(&valid, DataProblem::NotUtf8)
        })?;
        if text.trim().is_empty() {
            return Err(DataProblem::Empty.into());
        }
        let mut rows = DataRows {
            file: path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            sha256: redact::fingerprint(bytes),
            columns: used.to_vec(),
            text: String::new(),
            ends: Vec::new(),
        };
        match format {
            DataFormat::Csv => csv_rows::read(text, &mut rows)?,
            DataFormat::Ndjson => ndjson_rows::read(text, &mut rows)?,
        }
        if rows.ends.is_empty() {
            return Err(DataProblem::NoRows.into());
        }
        rows.text.shrink_to_fit();
        rows.ends.shrink_to_fit();
        Ok(rows)
    }

    /// Whether the name of a file says how it is read.
    pub fn is_readable(path: &Path) -> bool {
        DataFormat::of(path).is_some()
    }

    /// Name of the file, without its folder.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The first 16 bits of the SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// How many rows there are; at least one.
    pub fn len(&self) -> usize {
        self.ends.len() / self.columns.len().max(1)
    }

    /// Never: a file without rows is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of a column, from 0; `None` if it is not kept.
    pub fn column(&self, title: &str) -> Option<usize> {
        self.columns.iter().position(|own| own == title)
    }

    /// The value of a row and a column, both from 0.
    pub fn value(&self, row: usize, column: usize) -> &str {
        let at = row * self.columns.len() + column;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[at]]
    }

    /// Adds the next value of a row; every row adds one for each column, in order.
    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len());
    }

    /// Where the kept columns are among the titles of the file.
    fn places_in(&self, titles: &[String]) -> Result<Vec<usize>, DataProblem> {
        check_titles(titles)?;
        let place = |column: &String| {
            let found = titles.iter().position(|title| title == column);
            found.ok_or_else(|| DataProblem::UnknownColumn {
                column: column.clone(),
                known: titles.to_vec(),
            })
        };
        self.columns.iter().map(place).collect()
    }
}

/// How a data file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DataFormat {
    Csv,
    Ndjson,
}

impl DataFormat {
    fn of(path: &Path) -> Option<DataFormat> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(DataFormat::Csv),
            "ndjson" | "jsonl" => Some(DataFormat::Ndjson),
            _ => None,
        }
    }
}

/// Every column has a title of its own.
fn check_titles(titles: &[String]) -> Result<(), DataProblem> {
    for (number, title) in titles.iter().enumerate() {
        if title.is_empty() {
            return Err(DataProblem::Untitled { column: number + 1 });
        }
        if let Some(first) = titles[..number].iter().position(|other| other == title) {
            return Err(DataProblem::SameTitle {
                title: title.clone(),
                columns: [first + 1, number + 1],
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
