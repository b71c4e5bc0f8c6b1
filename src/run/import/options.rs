//! What the user says of another tool's file.

use super::{FileFormat, TimeUnit};

/// How a file is to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Unit of numbers that have none; a unit on the value goes first.
    pub unit: Option<TimeUnit>,
    /// The column of a CSV file, by name or by number from 1.
    pub column: Option<String>,
    /// The column that tells success, by name or by number from 1; `none` counts every row as ok. By default the titles
    /// decide.
    pub status_column: Option<String>,
    /// What the file is; its content tells unless it is said.
    pub format: Option<FileFormat>,
}
