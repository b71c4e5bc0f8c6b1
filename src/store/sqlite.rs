//! SQLite behind the store: opening, schema, and the connections of writer and readers.
//!
//! WAL with `synchronous=FULL`: COMMIT returns when the log has been synced to the disk, and only then does the writer
//! send its answers, and only then is a 202 written. That order is the whole promise.

mod accept;
mod attempt;
mod checkpoint;
mod readers;
mod transaction;
mod writer;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{OpenError, Options, State, StoreError};

pub(super) use readers::Readers;
pub(super) use writer::{Signals, Writer};

/// "a7pr": marks the file as ours in its header.
const APPLICATION_ID: i32 = 0x6137_7072;
/// Raised when the schema changes.
const SCHEMA_VERSION: i32 = 1;
const SCHEMA: &str = include_str!("sqlite/schema.sql");

/// Opens the one connection that writes, creating the file if need be.
fn open_writer(options: &Options) -> Result<Connection, OpenError> {
    let path = &options.path;
    let unusable = |error: rusqlite::Error| unusable(path, error);
    let connection = Connection::open(path).map_err(unusable)?;
    check_header(&connection, path)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON; -- macOS: through the drive's cache too
             PRAGMA cache_size = 1000; -- pages; every commit walks the cache, and the system caches the rest
             PRAGMA wal_autocheckpoint = 262144; -- 1 GiB: only if the checkpointer cannot keep up
             PRAGMA busy_timeout = 5000;",
        )
        .map_err(unusable)?;
    // Otherwise every new value of `due_ms` has its statement parsed and planned again.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(unusable)?;
    if let Some(max_pages) = options.max_pages {
        connection
            .pragma_update(None, "max_page_count", max_pages)
            .map_err(unusable)?;
    }
    connection.execute_batch(SCHEMA).map_err(unusable)?;
    Ok(connection)
}

/// Opens a connection that only reads.
fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| unusable(path, error))?;
    connection
        .execute_batch("PRAGMA busy_timeout = 5000;")
        .map_err(|error| unusable(path, error))?;
    Ok(connection)
}

/// Marks an empty database as ours; refuses another program's and a later version's.
fn check_header(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let unusable = |error: rusqlite::Error| unusable(path, error);
    let header = |name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
            .map_err(unusable)
    };
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(unusable)?;
    let foreign = |found: String| {
        Err(OpenError::Foreign {
            path: path.to_owned(),
            found,
        })
    };
    match (tables, header("application_id")?, header("user_version")?) {
        (0, ..) => {
            connection
                .pragma_update(None, "application_id", APPLICATION_ID)
                .map_err(unusable)?;
            connection
                .pragma_update(None, "user_version", SCHEMA_VERSION)
                .map_err(unusable)
        }
        (_, APPLICATION_ID, SCHEMA_VERSION) => Ok(()),
        (_, APPLICATION_ID, version) => foreign(format!(
            "its schema has version {version}, not {SCHEMA_VERSION}"
        )),
        _ => foreign("a database of another program".to_owned()),
    }
}

fn unusable(path: &Path, error: rusqlite::Error) -> OpenError {
    use rusqlite::ffi::ErrorCode::NotADatabase;
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(NotADatabase) => OpenError::Foreign {
            path,
            found: "it is not a SQLite database".to_owned(),
        },
        _ => OpenError::Unusable {
            path,
            reason: error.to_string(),
        },
    }
}

/// Why SQLite did not do it, for whoever asked.
fn failed(error: &rusqlite::Error) -> StoreError {
    use rusqlite::ffi::ErrorCode::{DiskFull, ReadOnly};
    let reason = error.to_string().into();
    match error.sqlite_error_code() {
        Some(DiskFull) => StoreError::NoRoom(reason),
        Some(ReadOnly) => StoreError::ReadOnly(reason),
        _ => StoreError::Failed(reason),
    }
}

/// Holds `FILE.lock` for as long as the process serves from `FILE`. The system frees it when the process dies, so
/// whoever gets it knows that every lease in the store belongs to a dead process.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let unusable = |reason: String| OpenError::Unusable {
        path: path.to_owned(),
        reason,
    };
    let file = File::create(PathBuf::from(&name)).map_err(|error| unusable(error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(unusable(error.to_string())),
    }
}

/// Reads a state from a row.
fn state(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<State> {
    let code = row.get(column)?;
    State::from_code(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, code))
}
