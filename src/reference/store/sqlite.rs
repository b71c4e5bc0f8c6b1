//! SQLite behind the store: opening, schema, and the connections of writer and readers.
//!
//! WAL with `synchronous=FULL`: COMMIT returns when the log has been synced to the disk, and only then does the writer
//! send its answers, and only then is a 202 written. That order is the whole promise.

mod accept;
mod attempt;
mod checkpoint;
mod clock;
mod counts;
mod damage;
mod dispatch;
mod file_guard;
mod files;
mod follow;
mod log_check;
mod note;
mod presence;
mod readers;
mod space;
mod transaction;
mod unreadable;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::commit_queue::CommitQueue;
use super::error::MALFORMED;
use super::signals::CommitSignals;
use super::{EventState, OpenError, StoreError, StoreOptions};

use clock::StoreClock;
use damage::Damage;
use follow::Follower;
pub(super) use readers::Readers;
use writer::{OtherProcesses, Writer};

/// "a7pr": marks the file as ours in its header.
const APPLICATION_ID: i32 = 0x6137_7072;
/// What turns each version of the schema into the next; the first one starts from nothing.
const MIGRATIONS: [&str; 4] = [
    include_str!("sqlite/schema_1.sql"),
    include_str!("sqlite/schema_2.sql"),
    include_str!("sqlite/schema_3.sql"),
    include_str!("sqlite/schema_4.sql"),
];
/// The version of the schema, in the header of the file.
const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;
/// Between two tries to get the lock that another process holds, and how many of them: about ten seconds.
const BUSY_PAUSE: Duration = Duration::from_micros(250);
const BUSY_TRIES: i32 = 40_000;

/// Whether a statement failed because the disk is full or cannot be written.
fn is_of_the_disk(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
}

/// A store in a file, open.
pub(super) struct Sqlite {
    readers: Arc<Readers>,
    writer: Writer,
    follower: Follower,
}

impl Sqlite {
    /// Opens or creates the file and starts the threads.
    pub(super) fn open(
        options: &StoreOptions,
        path: &Path,
        owner: i64,
        queue: &Arc<CommitQueue>,
        signals: &CommitSignals,
    ) -> Result<Sqlite, OpenError> {
        let others = Arc::new(OtherProcesses::default());
        let clock = Arc::new(StoreClock::default());
        let damage = Damage::default();
        let writer = Writer::start(
            options,
            path,
            (owner, clock.clone()),
            queue.clone(),
            signals.clone(),
            (others.clone(), damage.clone()),
        )?;
        let readers = Readers::open(path, options.readers, (clock, damage.clone()))?;
        let readers = Arc::new(readers);
        let follower = Follower::start(path, owner, signals.clone(), (others, damage))?;
        Ok(Sqlite {
            readers,
            writer,
            follower,
        })
    }

    /// Runs a query beside the event loop.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Readers) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = self.readers.clone();
        tokio::task::spawn_blocking(move || read(&readers))
            .await
            .unwrap_or(Err(StoreError::Closed))
    }

    /// Waits for the threads to end, the queue being closed.
    pub(super) fn join(&self) {
        self.follower.stop();
        self.writer.join();
    }
}

/// Opens the one connection of this process that writes, creating the file if need be.
fn open_writer(options: &StoreOptions, path: &Path) -> Result<Connection, OpenError> {
    let unusable = |error: rusqlite::Error| unusable(path, error);
    let mut connection = Connection::open(path).map_err(unusable)?;
    connection
        .busy_handler(Some(wait_for_the_lock))
        .map_err(unusable)?;
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

/// Moves the log into the database without the index that processes share, for which a full disk may have no room.
/// Returns whether that was possible. The store must belong to this process alone.
fn move_log_alone(path: &Path) -> bool {
    let moved = Connection::open(path).and_then(|connection| {
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        check_header(&connection, path).map_err(|_| rusqlite::Error::InvalidQuery)?;
        checkpoint::empty_log(&connection)
    });
    moved.is_ok_and(|moved| moved)
}

/// SQLite's own handler sleeps up to 100 ms, in which a busy writer comes and goes many times.
fn wait_for_the_lock(tries: i32) -> bool {
    std::thread::sleep(BUSY_PAUSE);
    tries < BUSY_TRIES
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

fn page_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let bytes: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(bytes.max(512) as u64)
}

fn table_count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
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

/// Takes an empty database or one of ours; refuses another program's and a later version's.
fn check_header(connection: &Connection, path: &Path) -> Result<(), OpenError> {
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

fn unusable(path: &Path, error: rusqlite::Error) -> OpenError {
    use rusqlite::ffi::ErrorCode::{CannotOpen, DiskFull, NotADatabase, SystemIoFailure};
    match error.sqlite_error_code() {
        Some(NotADatabase) => OpenError::Foreign {
            store: path.into(),
            found: "it is not a SQLite database".to_owned(),
        },
        Some(CannotOpen | DiskFull | SystemIoFailure) => match space::shortage(path) {
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

/// Whether a table, an index or a column is not the one that this program creates, or holds another type of value.
fn is_of_the_schema(error: &rusqlite::Error) -> bool {
    let said = error.to_string();
    let is_of_sql = matches!(
        error,
        rusqlite::Error::SqlInputError { .. } | rusqlite::Error::SqliteFailure(..)
    ) && ["no such", "has no column", "already exists"]
        .iter()
        .any(|words| said.contains(words));
    is_of_sql || unreadable::is_of_the_row(error)
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

/// Reads a state from a row.
fn state(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<EventState> {
    let code = row.get(column)?;
    EventState::from_code(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, code))
}
