//! How much the log holds, and whether the last connection moves and deletes it.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// The content of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogState {
    pub(super) frames: u64,
    /// Pages that the database also has.
    pub(super) moved: u64,
}

/// Asks SQLite, without I/O.
pub(super) fn log_state(connection: &Connection) -> rusqlite::Result<LogState> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?;
    statement.query_row([], |row| {
        let (frames, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(LogState {
            frames: frames.max(0) as u64,
            moved: moved.max(0) as u64,
        })
    })
}

/// SQLite deletes the log by its name when the last connection is closed: by then that may be another store's.
pub(super) fn keep_the_log(connection: &Connection) {
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
}

pub(super) fn allow_checkpoint(connection: &Connection) {
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
}
