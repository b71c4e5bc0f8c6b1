//! Connections to the file: its header, its schema, and the wait for the lock.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::errors::unusable;
use crate::reference::store::{OpenError, StoreOptions};

/// "a7pr": marks the file as ours in its header.
const APPLICATION_ID: i32 = 0x6137_7072;
/// What turns each version of the schema into the next; the first one starts from nothing.
const MIGRATIONS: [&str; 4] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];
/// The version of the schema, in the header of the file.
pub(super) const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;
/// Between two tries to get the lock that another process holds.
const BUSY_PAUSE: Duration = Duration::from_micros(250);
/// About ten seconds of them.
const BUSY_TRIES: i32 = 40_000;
/// About a twentieth of a second, for what may be left for the next time.
const LITTLE_TRIES: i32 = 200;

/// Opens the one connection of this process that writes, creating the file if need be.
pub(super) fn open_writer(options: &StoreOptions, path: &Path) -> Result<Connection, OpenError> {
    let unusable = |error: rusqlite::Error| unusable(path, error);
    let mut connection = Connection::open(path).map_err(unusable)?;
    wait_long(&connection).map_err(unusable)?;
    check_header(&connection, path)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON; -- macOS: through the drive's cache too
             PRAGMA cache_size = 1000; -- pages; every commit walks the cache, and the system caches the rest
             PRAGMA wal_autocheckpoint = 262144; -- 1 GiB: only if the checkpointer cannot keep up",
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
    migrate(&mut connection).map_err(unusable)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.execute_batch("PRAGMA busy_timeout = 5000;")?;
        Ok(connection)
    });
    opened.map_err(|error| unusable(path, error))
}

/// Waits for the lock of another process from now on. SQLite's own handler sleeps up to 100 ms, in which a busy writer
/// comes and goes many times.
pub(super) fn wait_long(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(|tries| pause(tries, BUSY_TRIES)))
}

/// The same, but not for long.
pub(super) fn wait_a_little(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(|tries| pause(tries, LITTLE_TRIES)))
}

fn pause(tries: i32, most: i32) -> bool {
    std::thread::sleep(BUSY_PAUSE);
    tries < most
}

/// Takes an empty database or one of ours; refuses another program's and a later version's.
pub(super) fn check_header(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let unusable = |error: rusqlite::Error| unusable(path, error);
    let header = |name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
            .map_err(unusable)
    };
    let foreign = |found: String| {
        Err(OpenError::Foreign {
            store: path.into(),
            found,
        })
    };
    let tables = table_count(connection).map_err(unusable)?;
    match (tables, header("application_id")?, header("user_version")?) {
        (0, ..) | (_, APPLICATION_ID, 1..=SCHEMA_VERSION) => Ok(()),
        (_, APPLICATION_ID, version) => foreign(format!(
            "its schema has version {version}, not {SCHEMA_VERSION}"
        )),
        _ => foreign("a database of another program".to_owned()),
    }
}

/// Brings the schema to this version, in one transaction.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // What a version before migrations existed left empty is as good as nothing.
    let from = if table_count(&transaction)? == 0 {
        0
    } else {
        version
    };
    for sql in MIGRATIONS.iter().skip(from.max(0) as usize) {
        transaction.execute_batch(sql)?;
    }
    if from != SCHEMA_VERSION {
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()
}

pub(super) fn page_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(bytes.max(512) as u64)
}

pub(super) fn table_count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}
