//! The rows of a tool's CSV file, by the titles of their columns.

use std::time::Duration;

use csv::{ReaderBuilder, StringRecord};

use super::{Format, ImportError, Unit, ValueError, value};

/// A CSV file with a line of titles, or without any.
pub(super) struct Rows<'a> {
    format: Format,
    titles: StringRecord,
    reader: csv::Reader<&'a [u8]>,
}

/// One row.
pub(super) struct Row<'a> {
    format: Format,
    titles: &'a StringRecord,
    record: StringRecord,
}

impl<'a> Rows<'a> {
    /// Rows under a line of titles.
    pub(super) fn titled(format: Format, text: &'a str) -> Result<Rows<'a>, ImportError> {
        let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
        let titles = reader.headers().map_err(|e| csv_error(format, &e))?.clone();
        Ok(Rows {
            format,
            titles,
            reader,
        })
    }

    /// Rows alone, whose columns have these titles.
    pub(super) fn untitled(format: Format, text: &'a str, titles: &[&str]) -> Rows<'a> {
        Rows {
            format,
            titles: titles.iter().copied().collect(),
            reader: ReaderBuilder::new()
                .has_headers(false)
                .from_reader(text.as_bytes()),
        }
    }

    /// Rows with another separator, under a line of titles or under these.
    pub(super) fn separated(
        format: Format,
        text: &'a str,
        delimiter: u8,
        titles: Option<&[&str]>,
    ) -> Result<Rows<'a>, ImportError> {
        let mut reader = ReaderBuilder::new()
            .has_headers(titles.is_none())
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let titles = match titles {
            Some(titles) => titles.iter().copied().collect(),
            None => reader.headers().map_err(|e| csv_error(format, &e))?.clone(),
        };
        Ok(Rows {
            format,
            titles,
            reader,
        })
    }

    /// Whether there is such a column.
    pub(super) fn has(&self, title: &str) -> bool {
        self.titles.iter().any(|t| t == title)
    }

    /// Calls `each` with every row.
    pub(super) fn for_each(
        self,
        mut each: impl FnMut(&Row<'_>) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let Rows {
            format,
            titles,
            reader,
        } = self;
        for record in reader.into_records() {
            let record = record.map_err(|e| csv_error(format, &e))?;
            each(&Row {
                format,
                titles: &titles,
                record,
            })?;
        }
        Ok(())
    }
}

impl Row<'_> {
    /// The text of a column; empty if the row has none.
    pub(super) fn get(&self, title: &str) -> &str {
        let index = self.titles.iter().position(|t| t == title);
        index
            .and_then(|index| self.record.get(index))
            .unwrap_or("")
            .trim()
    }

    /// A number in a column.
    pub(super) fn number<T: std::str::FromStr>(&self, title: &str) -> Result<T, ImportError> {
        let text = self.get(title);
        text.parse().map_err(|_| {
            self.format.damaged(format!(
                "line {}: '{text}' is not a number for {title}",
                self.line()
            ))
        })
    }

    /// A duration in a column.
    pub(super) fn duration(&self, title: &str, unit: Unit) -> Result<Duration, ImportError> {
        let text = self.get(title);
        match value::parse(text, Some(unit)) {
            Ok(Some(duration)) => Ok(duration),
            Ok(None) => Err(self.at(&ValueError::NotALatency(text.to_owned()))),
            Err(error) => Err(self.at(&error)),
        }
    }

    fn at(&self, error: &ValueError) -> ImportError {
        self.format
            .damaged(format!("line {}: {error}", self.line()))
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }
}

fn csv_error(format: Format, error: &csv::Error) -> ImportError {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => format.damaged(format!(
            "line {} has {len} columns where the others have {expected_len}",
            pos.as_ref().map_or(0, csv::Position::line)
        )),
        _ => format.damaged(error.to_string()),
    }
}
