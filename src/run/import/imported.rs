//! What a file of another tool gives: recordings by endpoint, and what must be known of them.

use super::FileFormat;
use super::ending::Ending;
use crate::run::recording::Recording;

/// A file of another tool, as far as it tells.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What it is.
    pub format: FileFormat,
    /// At least one; names unique.
    pub endpoints: Vec<ImportedEndpoint>,
    /// What must be known to read the numbers.
    pub remarks: Vec<ImportRemark>,
}

/// One endpoint of a file.
#[derive(Clone, Debug)]
pub struct ImportedEndpoint {
    /// As the file calls it, if it does: a path without its leading slash, or a name that the tool was given.
    pub name: Option<String>,
    /// What was measured.
    pub recording: Recording,
}

/// What must be known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportRemark {
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

impl ImportRemark {
    pub(super) fn note(text: impl Into<String>) -> ImportRemark {
        ImportRemark::Note(text.into())
    }

    pub(super) fn warning(text: impl Into<String>, hint: impl Into<String>) -> ImportRemark {
        ImportRemark::Warning {
            text: text.into(),
            hint: hint.into(),
        }
    }

    /// What warns of a text file that may be cut.
    pub(super) fn of_ending(ending: Ending) -> Option<ImportRemark> {
        (ending == Ending::MidLine).then(|| {
            ImportRemark::warning(
                "the last line has no end, so the file may be cut",
                "check the last value; end the file with a newline",
            )
        })
    }
}

impl Imported {
    /// One endpoint that the file does not name.
    pub(super) fn unnamed(
        format: FileFormat,
        recording: Recording,
        remarks: Vec<ImportRemark>,
    ) -> Imported {
        Imported {
            format,
            endpoints: vec![ImportedEndpoint {
                name: None,
                recording,
            }],
            remarks,
        }
    }
}
