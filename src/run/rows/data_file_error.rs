//! Why a data file cannot be read: the place, the reason and a hint. Values of rows are not in it.

use std::fmt;

use crate::units::plural;

/// Most columns that a message lists.
const LISTED: usize = 20;

/// A data file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFileError {
    /// Line, from 1.
    line: Option<u64>,
    /// Character of the line, from 1.
    column: Option<usize>,
    problem: DataProblem,
}

/// What is wrong with a data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataProblem {
    /// Its name ends in something else than `.csv`, `.ndjson` or `.jsonl`.
    UnknownFormat,
    /// It has no content.
    Empty,
    /// It has titles only.
    NoRows,
    /// A byte is not UTF-8.
    NotUtf8,
    /// A column has no title.
    Untitled {
        /// Its number, from 1.
        column: usize,
    },
    /// Two columns have the same title.
    SameTitle {
        /// The title.
        title: String,
        /// The numbers of both columns, from 1.
        columns: [usize; 2],
    },
    /// A row has another number of fields than there are titles.
    Fields {
        /// Fields of the row.
        found: u64,
        /// Titles.
        titles: u64,
    },
    /// A quote is opened and never closed.
    OpenQuote,
    /// It cannot be read as CSV.
    Unreadable,
    /// A line is not JSON.
    NotJson,
    /// A line is another JSON value than an object.
    NotObject {
        /// Whether it begins as an array.
        is_array: bool,
    },
    /// A line lacks a key that a template names.
    MissingKey(String),
    /// A template names a column that the file does not have.
    UnknownColumn {
        /// As the template names it.
        column: String,
        /// The titles of the file.
        known: Vec<String>,
    },
}

impl From<DataProblem> for DataFileError {
    fn from(problem: DataProblem) -> DataFileError {
        DataFileError {
            line: None,
            column: None,
            problem,
        }
    }
}

impl DataFileError {
    pub(super) fn at_line(line: u64, problem: DataProblem) -> DataFileError {
        DataFileError {
            line: Some(line),
            ..problem.into()
        }
    }

    pub(super) fn at(line: u64, column: usize, problem: DataProblem) -> DataFileError {
        DataFileError {
            column: Some(column),
            ..DataFileError::at_line(line, problem)
        }
    }

    /// At the character behind this part of the file.
    pub(super) fn at_end_of(before: &str, problem: DataProblem) -> DataFileError {
        let lines = before.matches('\n').count() as u64;
        let line = before.rsplit('\n').next().unwrap_or_default();
        DataFileError::at(lines + 1, line.chars().count() + 1, problem)
    }

    /// The message with the name of the file, and a hint.
    pub(crate) fn of_file(&self, file: &str) -> String {
        let place = match (self.line, self.column) {
            (Some(line), Some(column)) => format!(", line {line}, column {column}"),
            (Some(line), None) => format!(", line {line}"),
            _ => String::new(),
        };
        format!("{file}{place}: {self}\nhint: {}", self.problem.hint())
    }
}

impl fmt::Display for DataFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            DataProblem::UnknownFormat => {
                f.write_str("the name does not end in .csv, .ndjson or .jsonl")
            }
            DataProblem::Empty => f.write_str("the file is empty"),
            DataProblem::NoRows => f.write_str("the file has titles and no rows"),
            DataProblem::NotUtf8 => f.write_str("the text is not UTF-8"),
            DataProblem::Untitled { column } => write!(f, "column {column} has no title"),
            DataProblem::SameTitle {
                title,
                columns: [first, second],
            } => write!(
                f,
                "columns {first} and {second} have the same title '{title}'"
            ),
            DataProblem::Fields { found, titles } => {
                let (fields, words) = (plural(*found, "field"), plural(*titles, "title"));
                write!(
                    f,
                    "the row has {found} {fields}, and the file has {titles} {words}"
                )
            }
            DataProblem::OpenQuote => f.write_str("the quote that begins this field is not closed"),
            DataProblem::Unreadable => f.write_str("the row cannot be read as CSV"),
            DataProblem::NotJson => f.write_str("not valid JSON"),
            DataProblem::NotObject { .. } => f.write_str("the line is not a JSON object"),
            DataProblem::MissingKey(key) => {
                write!(
                    f,
                    "the object has no '{key}', which {{{{row.{key}}}}} needs"
                )
            }
            DataProblem::UnknownColumn { column, .. } => {
                write!(
                    f,
                    "there is no column '{column}', which {{{{row.{column}}}}} names"
                )
            }
        }
    }
}

impl std::error::Error for DataFileError {}

impl DataProblem {
    fn hint(&self) -> String {
        let hint = match self {
            DataProblem::UnknownFormat => {
                "--data reads CSV with a line of titles, or one JSON object a line; a body is -d"
            }
            DataProblem::Empty | DataProblem::NoRows => {
                "the first line of a CSV file holds the titles, and each line below is a row"
            }
            DataProblem::NotUtf8 => "save the file as UTF-8",
            DataProblem::Untitled { .. } | DataProblem::SameTitle { .. } => {
                "the first line holds the titles; give every column one of its own"
            }
            DataProblem::Fields { .. } | DataProblem::Unreadable => {
                "quote a value that holds a comma: \"a, b\""
            }
            DataProblem::OpenQuote => "close it; a quote inside of a quoted value is written twice",
            DataProblem::NotObject { is_array: true } => {
                "one object a line: jq -c '.[]' rows.json > rows.ndjson"
            }
            DataProblem::NotJson | DataProblem::NotObject { .. } => {
                "every line is one object, such as {\"id\":1,\"name\":\"Ann\"}"
            }
            DataProblem::MissingKey(_) => "give every object this key; null is a value too",
            DataProblem::UnknownColumn { column, known } => return columns_hint(column, known),
        };
        hint.to_owned()
    }
}

/// `did you mean 'name'? columns: id, name`.
fn columns_hint(column: &str, known: &[String]) -> String {
    let distance =
        |title: &String| strsim::damerau_levenshtein(&title.to_lowercase(), &column.to_lowercase());
    let near = known.iter().min_by_key(|title| distance(title));
    let is_near =
        |title: &&String| distance(title) <= 2 && distance(title) < column.chars().count();
    let meant = near.filter(is_near);
    let meant = meant.map_or_else(String::new, |title| format!("did you mean '{title}'? "));
    let listed: Vec<&str> = known.iter().take(LISTED).map(String::as_str).collect();
    let more = match known.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let separated = known.len() == 1 && known[0].contains([';', '\t']);
    let comma = if separated {
        "; fields are separated by commas"
    } else {
        ""
    };
    format!("{meant}columns: {}{more}{comma}", listed.join(", "))
}
