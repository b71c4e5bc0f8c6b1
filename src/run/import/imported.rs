//! What a file of another tool gives: recordings by endpoint, and what must be known of them.

use super::{Ending, Format};
use crate::run::recording::Recording;

/// A file of another tool, as far as it tells.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What it is.
    pub format: Format,
    /// At least one; names unique.
    pub endpoints: Vec<Endpoint>,
    /// What must be known to read the numbers.
    pub remarks: Vec<Remark>,
}

/// One endpoint of a file.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// As the file calls it, if it does: a path without its leading slash, or a name that the tool was given.
    pub name: Option<String>,
    /// What was measured.
    pub recording: Recording,
}

/// What must be known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// How its numbers are to be read.
    Note(String),
    /// What may mislead, and how to mend it.
    Warning {
        /// What is the matter.
        text: String,
        /// What to do about it.
        hint: String,
    },
}

impl Remark {
    pub(super) fn note(text: impl Into<String>) -> Remark {
        Remark::Note(text.into())
    }

    pub(super) fn warning(text: impl Into<String>, hint: impl Into<String>) -> Remark {
        Remark::Warning {
            text: text.into(),
            hint: hint.into(),
        }
    }

    /// What warns of a text file that may be cut.
    pub(super) fn of_ending(ending: Ending) -> Option<Remark> {
        (ending == Ending::MidLine).then(|| {
            Remark::warning(
                "the last line has no end, so the file may be cut",
                "check the last value; end the file with a newline",
            )
        })
    }
}

impl Imported {
    /// One endpoint that the file does not name.
    pub(super) fn unnamed(format: Format, recording: Recording, remarks: Vec<Remark>) -> Imported {
        Imported {
            format,
            endpoints: vec![Endpoint {
                name: None,
                recording,
            }],
            remarks,
        }
    }
}
