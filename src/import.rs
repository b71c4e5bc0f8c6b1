//! Reads latencies that another tool measured: a list, one a line, or a column of a CSV file.

mod list;
mod table;
mod unit;
mod value;

use std::time::Duration;

pub use unit::{Unit, UnknownUnit};
pub use value::ValueError;

/// How a file is to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Unit of numbers that have none; a unit on the value goes first.
    pub unit: Option<Unit>,
    /// The column of a CSV file, by name or by number from 1.
    pub column: Option<String>,
}

/// Latencies in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// `None` is a failed request.
    pub values: Vec<Option<Duration>>,
    /// The line or column title that was taken as a heading.
    pub heading: Option<String>,
    /// Whether the file ends as a whole file does.
    pub ending: Ending,
}

/// How a file ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// With the end of a line.
    #[default]
    Whole,
    /// In the middle of a line: by hand, or because the file was cut.
    MidLine,
}

/// A file that cannot be read as latencies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No bytes, or nothing but comments and a heading.
    #[error("there is no latency in it; write one a line, such as 163.2ms, or 'failed'")]
    Empty,
    /// Not UTF-8.
    #[error("it is not UTF-8 text{}", .0.map_or(String::new(), |line| format!(" (line {line})")))]
    NotText(Option<usize>),
    /// JSON, but not a run (that begins with a brace and is not read here).
    #[error(
        "it is JSON, but not an a7probe run; give one latency a line, such as 163.2ms, or a CSV file"
    )]
    Json,
    /// One value that cannot be read.
    #[error("line {line}: {error}")]
    Value {
        /// From 1.
        line: u64,
        /// What is wrong with it.
        error: ValueError,
    },
    /// The last line lacks its end, and part of its value with it.
    #[error(
        "line {line}: '{text}' has another unit than the lines before, and the line has no end; the file is cut"
    )]
    Cut {
        /// From 1.
        line: u64,
        /// What is left of it.
        text: String,
    },
    /// Several columns, and none was named.
    #[error("line {line} has {} columns; name one with --column: {}", .columns.len(), .columns.join(", "))]
    WhichColumn {
        /// From 1.
        line: u64,
        /// Titles, or numbers where there are no titles.
        columns: Vec<String>,
    },
    /// No such column.
    #[error("there is no column '{column}'; {mend}")]
    UnknownColumn {
        /// What was asked for.
        column: String,
        /// What there is.
        mend: String,
    },
    /// A row of another length.
    #[error(
        "line {line} has {found} columns where line {first} has {expected}; the file may be cut"
    )]
    RaggedRow {
        /// From 1.
        line: u64,
        /// Its columns.
        found: usize,
        /// The line that it is compared with.
        first: u64,
        /// Columns of that line.
        expected: usize,
    },
    /// The title of the column and the option contradict each other.
    #[error(
        "the column is called '{heading}', but --unit says {unit}; leave --unit out, or name the right column"
    )]
    UnitConflict {
        /// Title of the column.
        heading: String,
        /// What was asked for.
        unit: Unit,
    },
    /// The CSV itself is broken.
    #[error("it is no CSV file: {0}")]
    Csv(String),
}

/// Reads the bytes of a file.
///
/// Lines that are blank or begin with `#` are skipped, and so is the rest of a line after a `#` that follows
/// a value. A value is a number with a unit (`163.2ms`, `0.16 s`), a number alone where the heading
/// (`latency_ms`) or [`Options::unit`] gives the unit, or `failed`, `error`, `timeout` for a request
/// that did not end ok.
pub fn read(bytes: &[u8], options: &Options) -> Result<Latencies, ImportError> {
    let text = decode(bytes)?;
    let Some((_, first)) = content_lines(text).next() else {
        return Err(ImportError::Empty);
    };
    if first.starts_with(['{', '[']) {
        return Err(ImportError::Json);
    }
    let latencies = match options.column.is_some() || table::delimiter_of(first).is_some() {
        true => table::read(text, options)?,
        false => list::read(text, options)?,
    };
    match latencies.values.is_empty() {
        true => Err(ImportError::Empty),
        false => Ok(latencies),
    }
}

/// UTF-8 without a byte order mark.
fn decode(bytes: &[u8]) -> Result<&str, ImportError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        // Two-byte encodings have no line that means anything to a reader.
        let two_bytes = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        ImportError::NotText((!two_bytes).then_some(line))
    })?;
    match text.contains('\0') {
        true => Err(ImportError::NotText(None)),
        false => Ok(text),
    }
}

/// Lines that say something, trimmed, with their numbers from 1.
fn content_lines(text: &str) -> impl Iterator<Item = (u64, &str)> {
    (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.split('#').next().unwrap_or("").trim()))
        .filter(|(_, line)| !line.is_empty())
}

fn ending_of(text: &str) -> Ending {
    match text.ends_with(['\n', '\r']) {
        true => Ending::Whole,
        false => Ending::MidLine,
    }
}
