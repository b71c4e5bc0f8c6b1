//! Why a file of `--rate-file` cannot be replayed.

use std::fmt;

use super::ReplayFormat;
use crate::units::{grouped, plural};

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayFileError {
    /// The number of the line, from 1.
    line: Option<u64>,
    problem: ReplayFileProblem,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayFileProblem {
    /// It has no lines.
    Empty,
    /// Its gzip stream ends early, or is damaged.
    CutGzip,
    /// It is longer than can be read.
    TooLong,
    /// Most of its lines have no time.
    Unreadable {
        /// The form in which it was read.
        format: ReplayFormat,
        /// Lines without a time.
        unreadable: u64,
        /// All lines.
        lines: u64,
    },
    /// Some of its times have a zone, and others have none.
    MixedZones,
    /// Its titles have no name of a time.
    NoTimeColumn,
    /// A line of a list of offsets is not an offset.
    NotAnOffset,
    /// An offset is longer than any run: it is a time.
    NoOffsetButATime,
}

impl ReplayFileError {
    pub(super) fn at(line: u64, problem: ReplayFileProblem) -> ReplayFileError {
        ReplayFileError {
            line: Some(line),
            problem,
        }
    }
}

impl From<ReplayFileProblem> for ReplayFileError {
    fn from(problem: ReplayFileProblem) -> ReplayFileError {
        ReplayFileError {
            line: None,
            problem,
        }
    }
}

/// Behind the name of the file: `, line 3: it is not …`. Lines may hold secrets and are not shown.
impl fmt::Display for ReplayFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        f.write_str(": ")?;
        match &self.problem {
            ReplayFileProblem::Empty => f.write_str(
                "the file has no requests\nhint: give an access log, or one offset a line, such as 1.5",
            ),
            ReplayFileProblem::CutGzip => {
                f.write_str("the gzip data end early or are damaged\nhint: copy the file again")
            }
            ReplayFileProblem::TooLong => {
                f.write_str("the file is longer than 4 GiB\nhint: replay a part of it")
            }
            ReplayFileProblem::Unreadable {
                format,
                unreadable,
                lines,
            } => write!(
                f,
                "{} of {} {} have no time that can be read (read as {})\nhint: name the format: --format combined, ndjson, csv or offsets",
                grouped(*unreadable),
                grouped(*lines),
                plural(*lines, "line"),
                format.as_str()
            ),
            ReplayFileProblem::MixedZones => f.write_str(
                "some times have a zone and others do not\nhint: write all of them with a zone, such as 2026-01-31T12:00:00Z",
            ),
            ReplayFileProblem::NoTimeColumn => f.write_str(
                "no column has a time\nhint: name it time or timestamp in the first line",
            ),
            ReplayFileProblem::NotAnOffset => f.write_str(
                "the line is not an offset from the start\nhint: write seconds or a duration, such as 1.5 or 1500ms; name the format of a log: --format combined, ndjson or csv",
            ),
            ReplayFileProblem::NoOffsetButATime => f.write_str(
                "the offset is longer than 7 days\nhint: for times since 1970, use --format csv with the line 'time' above them",
            ),
        }
    }
}

impl std::error::Error for ReplayFileError {}
