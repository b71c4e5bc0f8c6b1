//! Why a file of another tool cannot be read, with the way to fix it.

use std::io;

use super::ending::{Ending, ending_of};
use super::{FileFormat, ListError};

/// The hint for a file whose content does not fit its format.
pub(super) const DAMAGED: &str = "write the file again with the tool that measured";

/// A file from which nothing can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No bytes, or nothing but comments.
    #[error(
        "the file is empty\nhint: run the tool that measured again, or save a run with a7probe measure URL --save FILE"
    )]
    Blank,
    /// Nothing but a heading.
    #[error(
        "it has no latencies\nhint: write one latency per line, such as 163.2ms, or name the tool with --format"
    )]
    Empty,
    /// Not UTF-8.
    #[error("it is not UTF-8 text{}\nhint: iconv -f WINDOWS-1252 -t UTF-8 FILE > OUT, or save it as \"CSV UTF-8\"", .0.map_or(String::new(), |line| format!(" (line {line})")))]
    NotText(Option<usize>),
    /// UTF-32, which is not read.
    #[error("it is UTF-32 text\nhint: iconv -f UTF-32 -t UTF-8 FILE > OUT")]
    Utf32,
    /// gzip.
    #[error("it is compressed\nhint: unpack it first: gunzip FILE")]
    Compressed,
    /// JSON, but not a run (that begins with a brace and is not read here).
    #[error(
        "it is JSON, but not an a7probe run\nhint: give one latency per line, such as 163.2ms, or a CSV file"
    )]
    Json,
    /// A list or a CSV file that cannot be read.
    #[error(transparent)]
    List(ListError),
    /// The file cannot be read to its end.
    #[error("cannot read the file: {0}")]
    Unreadable(String),
    /// A file of a known tool that is damaged, or that has lost what a verdict needs.
    #[error("{}: {what}\nhint: {hint}", .format.title())]
    Foreign {
        /// The tool's format.
        format: FileFormat,
        /// What is the matter.
        what: String,
        /// How to fix it.
        hint: String,
    },
    /// A file that cannot be judged, and the file to give instead.
    #[error("{file}: {what}\nhint: {hint}")]
    Refused {
        /// The kind of file.
        file: &'static str,
        /// The missing data.
        what: String,
        /// The file to give instead.
        hint: String,
    },
}

impl ImportError {
    pub(super) fn unreadable(error: &io::Error) -> ImportError {
        ImportError::Unreadable(error.to_string())
    }

    /// A damaged file that ends in the middle of a line may be cut. Of any other file nothing is reported.
    pub(super) fn of_ending(self, text: &str) -> ImportError {
        match self {
            ImportError::Foreign { format, what, hint }
                if hint == DAMAGED
                    && !format.is_document()
                    && ending_of(text) == Ending::MidLine =>
            {
                format.cut(format!("{what}; the file may be cut"))
            }
            error => error,
        }
    }
}

impl From<ListError> for ImportError {
    fn from(error: ListError) -> ImportError {
        ImportError::List(error)
    }
}

impl FileFormat {
    pub(super) fn error(self, what: impl Into<String>, hint: impl Into<String>) -> ImportError {
        ImportError::Foreign {
            format: self,
            what: short(&what.into()),
            hint: hint.into(),
        }
    }

    /// The file does not hold what it should.
    pub(super) fn damaged(self, what: impl Into<String>) -> ImportError {
        self.error(what, DAMAGED)
    }

    /// The file is cut off.
    pub(super) fn cut(self, what: impl Into<String>) -> ImportError {
        self.error(
            what,
            "copy the file again, or check that it was written to its end",
        )
    }

    /// JSON that stops in the middle, or is of another shape.
    pub(super) fn json_error(self, error: &serde_json::Error) -> ImportError {
        match error.classify() {
            serde_json::error::Category::Eof => self.cut(format!(
                "the JSON stops in the middle, at line {} column {}: the file is cut",
                error.line(),
                error.column()
            )),
            _ => self.damaged(format!("it cannot be read: {error}")),
        }
    }
}

/// A line of a file may have any length and content. A message quotes only its start, without control characters.
fn short(what: &str) -> String {
    const MOST: usize = 300;
    let mut shown = String::new();
    for c in what.chars().take(MOST) {
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            shown.extend(c.escape_default())
        } else {
            shown.push(c)
        }
    }
    if what.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
