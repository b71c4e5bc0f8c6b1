//! The rows of a tool's CSV file, by the titles of their columns.

use std::borrow::Cow;
use std::time::Duration;

use csv::{ReaderBuilder, StringRecord};

use super::{FileFormat, ImportError, TimeUnit, ValueError, value};

/// A CSV file with a line of titles, or without any.
pub(super) struct TitledRows<'a> {
    format: FileFormat,
    delimiter: u8,
    titles: StringRecord,
    reader: csv::Reader<&'a [u8]>,
}

/// The first line with content as commas separate it, without quotes, and the separator that it has.
pub(super) fn titles(text: &str) -> (String, u8) {
    let first = text.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap_or("").trim();
    let read = |delimiter: u8| {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .delimiter(delimiter)
            .from_reader(first.as_bytes());
        let mut record = StringRecord::new();
        let _ = reader.read_record(&mut record);
        record
    };
    let delimiters = [b',', b';', b'\t'];
    let records = delimiters.map(|delimiter| (read(delimiter), delimiter));
    let widest = records
        .into_iter()
        .rev()
        .max_by_key(|(record, _)| record.len());
    let (record, delimiter) = widest.unwrap_or_default();
    let cells: Vec<&str> = record.iter().map(str::trim).collect();
    (cells.join(","), delimiter)
}

pub(super) struct TitledRow<'a> {
    format: FileFormat,
    delimiter: u8,
    titles: &'a StringRecord,
    record: StringRecord,
}

impl<'a> TitledRows<'a> {
    /// Rows under a line of titles.
    pub(super) fn titled(format: FileFormat, text: &'a str) -> Result<TitledRows<'a>, ImportError> {
        TitledRows::separated(format, text, titles(text).1, None)
    }

    /// Rows alone, whose columns have these titles.
    pub(super) fn untitled(format: FileFormat, text: &'a str, titles: &[&str]) -> TitledRows<'a> {
        TitledRows {
            format,
            delimiter: b',',
            titles: titles.iter().copied().collect(),
            reader: ReaderBuilder::new()
                .has_headers(false)
                .from_reader(text.as_bytes()),
        }
    }

    /// Rows with another separator, under a line of titles or under these.
    pub(super) fn separated(
        format: FileFormat,
        text: &'a str,
        delimiter: u8,
        titles: Option<&[&str]>,
    ) -> Result<TitledRows<'a>, ImportError> {
        let mut reader = ReaderBuilder::new()
            .has_headers(titles.is_none())
            .delimiter(delimiter)
            .from_reader(text.as_bytes());
        let titles = match titles {
            Some(titles) => titles.iter().copied().collect(),
            None => {
                let titles = reader.headers().map_err(|e| csv_error(format, &e))?;
                titles.iter().map(str::trim).collect()
            }
        };
        Ok(TitledRows {
            format,
            delimiter,
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
        mut each: impl FnMut(&TitledRow<'_>) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let TitledRows {
            format,
            delimiter,
            titles,
            reader,
        } = self;
        for record in reader.into_records() {
            let record = record.map_err(|e| csv_error(format, &e))?;
            each(&TitledRow {
                format,
                delimiter,
                titles: &titles,
                record,
            })?;
        }
        Ok(())
    }
}

impl TitledRow<'_> {
    /// The text of a column; empty if the row has none.
    pub(super) fn get(&self, title: &str) -> &str {
        let index = self.titles.iter().position(|t| t == title);
        index
            .and_then(|index| self.record.get(index))
            .unwrap_or("")
            .trim()
    }

    /// The text of a number. A spreadsheet that separates by semicolons may write decimal commas.
    fn figure(&self, title: &str) -> Cow<'_, str> {
        let text = self.get(title);
        let mut signs = text.chars().filter(|c| matches!(c, ',' | '.'));
        if self.delimiter == b';' && signs.next() == Some(',') && signs.next().is_none() {
            text.replace(',', ".").into()
        } else {
            text.into()
        }
    }

    /// A number in a column.
    pub(super) fn number<T: std::str::FromStr>(&self, title: &str) -> Result<T, ImportError> {
        let text = self.figure(title);
        text.parse().map_err(|_| {
            self.format.damaged(format!(
                "line {}: '{text}' is not a number for {title}",
                self.line()
            ))
        })
    }

    /// A duration in a column.
    pub(super) fn duration(&self, title: &str, unit: TimeUnit) -> Result<Duration, ImportError> {
        let text = self.figure(title);
        match value::parse(&text, Some(unit)) {
            Ok(Some(duration)) => Ok(duration),
            Ok(None) => Err(self.at(&ValueError::NotALatency(text.into_owned()))),
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

fn csv_error(format: FileFormat, error: &csv::Error) -> ImportError {
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
