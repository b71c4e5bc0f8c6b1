//! What a file of another tool gives: recordings by endpoint, and what must be known of them.

use super::{FileFormat, ImportError, ImportRemark};
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
    /// The measurements.
    pub recording: Recording,
}

impl Imported {
    /// The file, unless it has no request.
    pub(super) fn unless_empty(self) -> Result<Imported, ImportError> {
        let has_requests = self.endpoints.iter().any(|e| e.recording.planned() > 0);
        has_requests.then_some(self).ok_or(ImportError::Empty)
    }

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
