//! Why a run could not be read or written, and how to fix it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::FORMAT;
use crate::printable::Shown as _;
use crate::run::histogram::DecodeError;
use crate::run::recording::{BitsError, SequenceError};

/// A run that could not be read or written. Messages do not name the file: the caller that opened it adds the name.
#[derive(Debug, thiserror::Error)]
pub enum RunFileError {
    /// The file cannot be opened or read.
    #[error("cannot read the file: {0}")]
    Read(#[source] io::Error),
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.shown())]
    Write {
        /// The file, or its directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing but white space.
    #[error("the file is empty")]
    Empty,
    /// More than any run leaves behind.
    #[error("the file is larger than {0} MB, more than any run")]
    TooLarge(u64),
    /// Larger than any run once decoded.
    #[error("the file needs more than {0} MB of memory once decoded, more than any run")]
    TooMuch(u64),
    /// The JSON stops in the middle.
    #[error("incomplete: JSON ends at line {line}, column {column}")]
    Cut {
        /// Line where it stops, from 1.
        line: usize,
        /// Column where it stops, from 1.
        column: usize,
    },
    /// Not JSON at all.
    #[error("not an a7probe run: it is not valid JSON ({0})")]
    NotJson(String),
    /// JSON of something else.
    #[error("not an a7probe run: {0}")]
    Foreign(String),
    /// Another major version.
    #[error("{found} is {age} than {FORMAT}, which this a7probe reads")]
    Version {
        /// Format of the file.
        found: String,
        /// On which side of this a7probe's.
        age: Age,
    },
    /// A field is missing or has the wrong type.
    #[error("the run is damaged: {0}")]
    Field(String),
    /// Two parts of the file contradict each other.
    #[error("the run is damaged: {0}")]
    Inconsistent(String),
    /// A histogram cannot be decoded.
    #[error("the run is damaged: {place}: {source}")]
    Histogram {
        /// Endpoint and field.
        place: String,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Exceedance bits cannot be decoded.
    #[error("the run is damaged: {place}: {source}")]
    Bits {
        /// Endpoint and field.
        place: String,
        /// What is wrong with it.
        source: BitsError,
    },
    /// A sequence of response times cannot be decoded.
    #[error("the run is damaged: {place}: {source}")]
    Sequence {
        /// Endpoint and field.
        place: String,
        /// What is wrong with it.
        source: SequenceError,
    },
}

/// On which side of this program's a version lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Above it.
    Newer,
    /// Below it.
    Older,
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Age::Newer => "newer",
            Age::Older => "older",
        })
    }
}

impl RunFileError {
    /// Two parts of the file contradict each other.
    pub(super) fn inconsistent(what: impl Into<String>) -> RunFileError {
        RunFileError::Inconsistent(what.into())
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            RunFileError::Read(error) if error.kind() == io::ErrorKind::NotFound => {
                "check the name; `a7probe measure URL --save FILE` writes a run"
            }
            RunFileError::Read(_) => "check that it is a file and readable",
            RunFileError::Write { .. } => {
                "check that the directory exists, is writable and has room"
            }
            RunFileError::Empty
            | RunFileError::TooLarge(_)
            | RunFileError::TooMuch(_)
            | RunFileError::NotJson(_)
            | RunFileError::Foreign(_) => "`a7probe measure URL --save FILE` writes a run",
            RunFileError::Version {
                age: Age::Newer, ..
            } => "update a7probe, or measure again with this one",
            RunFileError::Version {
                age: Age::Older, ..
            } => "measure again with this a7probe",
            RunFileError::Cut { .. } => "the copy was cut short; copy or measure again",
            RunFileError::Field(_)
            | RunFileError::Inconsistent(_)
            | RunFileError::Histogram { .. }
            | RunFileError::Bits { .. }
            | RunFileError::Sequence { .. } => {
                "copy the file again, or measure again; a7probe does not read edited runs"
            }
        }
    }
}
