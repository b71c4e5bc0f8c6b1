//! What an error of SQLite is about.

use std::path::Path;

use rusqlite::{Error, ErrorCode};

use super::volume;
use crate::reference::store::error::MALFORMED;
use crate::reference::store::{OpenError, StoreError};

/// Whether a statement failed because the disk is full or cannot be written.
pub(super) fn is_of_the_disk(error: &Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
}

/// Would the database refuse this event again, and take others?
pub(super) fn is_of_the_event(error: &Error) -> bool {
    use ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    let code = error.sqlite_error_code();
    is_of_the_row(error) || matches!(code, Some(ConstraintViolation | TooBig | TypeMismatch))
}

/// Whether the row itself, and not the database, prevents reading it.
pub(super) fn is_of_the_row(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..)
    )
}

/// Whether a table, an index or a column is not the one that this program creates, or holds another type of value.
fn is_of_the_schema(error: &Error) -> bool {
    let said = error.to_string();
    let is_of_sql = matches!(
        error,
        Error::SqlInputError { .. } | Error::SqliteFailure(..)
    );
    let names_schema = ["no such", "has no column", "already exists"];
    is_of_sql && names_schema.iter().any(|words| said.contains(words)) || is_of_the_row(error)
}

/// Why the store in this file cannot be opened.
pub(super) fn unusable(path: &Path, error: Error) -> OpenError {
    use ErrorCode::{CannotOpen, DiskFull, NotADatabase, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(NotADatabase) => OpenError::Foreign {
            store: path.into(),
            found: "it is not a SQLite database".to_owned(),
        },
        Some(CannotOpen | DiskFull | SystemIoFailure) => match volume::shortage(path) {
            Some(shortage) => OpenError::unusable(path, shortage),
            None => OpenError::unusable(path, error),
        },
        _ if is_of_the_schema(&error) => {
            // The rest is the whole statement.
            let said = error.to_string();
            let said = said.split_once(" in ").map_or(&*said, |(said, _)| said);
            OpenError::unusable(path, format!("it is {MALFORMED}: {said}"))
        }
        _ => OpenError::unusable(path, error),
    }
}

/// Why SQLite did not do it, for the caller.
pub(super) fn failed(error: &Error) -> StoreError {
    let reason = error.to_string().into();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::NoRoom(reason),
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly(reason),
        _ => StoreError::Failed(reason),
    }
}
