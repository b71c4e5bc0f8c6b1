//! Conditions for making and answering a commit: the files are in place, sound, and have room.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};

use super::checkpoint::log_state;
use super::files::StoreFiles;
use super::space::Space;
use super::transaction::COMMITS;
use super::unreadable::integer_or;
use crate::store::commit_queue::Batch;
use crate::store::{OpenError, StoreError};

/// Between two checks while nothing is committed.
pub(super) const IDLE: Duration = Duration::from_secs(1);
/// Between two notes of the number of commits.
const NOTE_EVERY: Duration = Duration::from_millis(100);

/// The writer's guard over its files.
pub(super) struct Guard {
    files: StoreFiles,
    space: Space,
    /// The last fault of the files.
    lost: Option<Arc<str>>,
    /// The files were found in their place again.
    is_back: bool,
    /// SQLite has found pages that it cannot read.
    malformed: Option<Arc<str>>,
    /// When the commits were last counted for the note, and whether there were more since.
    noted: Option<Instant>,
    has_more: bool,
}

impl Guard {
    /// Guards the files of an open store.
    pub(super) fn start(
        connection: &Connection,
        path: &Path,
        database: Arc<File>,
    ) -> Result<Guard, OpenError> {
        let page_bytes = connection
            .pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))
            .map_err(|error| super::unusable(path, error))?
            .max(512) as u64;
        Ok(Guard {
            files: StoreFiles::remember(path, database, page_bytes)?,
            space: Space::on(path, page_bytes),
            lost: None,
            is_back: false,
            malformed: None,
            noted: None,
            has_more: false,
        })
    }

    /// The free bytes on the volume at the last check.
    pub(super) fn free(&self) -> Option<u64> {
        self.space.free()
    }

    /// Whether this may be committed. With [`StoreError::NoRoom`] only new events are refused.
    pub(super) fn before(
        &mut self,
        connection: &Connection,
        batch: &Batch,
    ) -> Result<(), StoreError> {
        self.look(connection)?;
        if !batch.shows_room() {
            return Ok(());
        }
        let database_bytes = self.files.database_bytes();
        self.space.admit(connection, batch.bytes(), database_bytes)
    }

    /// Whether the commit went to files that a restart would find. Otherwise it must not be answered as successful.
    pub(super) fn after(&mut self, connection: &Connection) -> Result<(), StoreError> {
        if let Ok(log) = log_state(connection) {
            self.files.set_frames(log.frames);
        }
        self.has_more = true;
        self.look(connection)
    }

    /// Whether a failed transaction is worth another try.
    pub(super) fn may_try_again(
        &mut self,
        connection: &Connection,
        error: &rusqlite::Error,
    ) -> bool {
        match error.sqlite_error_code() {
            // SQLite does not report a quota or a limit of the process as a full disk.
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
                self.space.relieve(connection)
            }
            Some(code @ (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) => {
                if self.malformed.is_none() {
                    tracing::error!(%error, ?code, "the store is malformed; it accepts nothing more until it is restored and the server restarted");
                    self.malformed = Some(error.to_string().into());
                    keep_the_log(connection);
                }
                false
            }
            _ => false,
        }
    }

    /// Checks the files although nothing is committed; returns whether they are in order.
    pub(super) fn idle(&mut self, connection: &Connection) -> bool {
        self.look(connection).is_ok()
    }

    /// Whether the store has been away since the last call. Commits made during that time were not answered.
    pub(super) fn is_back(&mut self) -> bool {
        std::mem::take(&mut self.is_back)
    }

    /// Whether the files may be written at the end.
    pub(super) fn is_sound(&self) -> bool {
        self.lost.is_none() && self.malformed.is_none()
    }

    /// How many commits the store has seen, if they are to be noted now, so that a log that is lost later is missed.
    pub(super) fn commits_to_note(&mut self, connection: &Connection) -> Option<u64> {
        let is_early = self.noted.is_some_and(|noted| noted.elapsed() < NOTE_EVERY);
        if !self.has_more || is_early || !self.is_sound() {
            return None;
        }
        (self.has_more, self.noted) = (false, Some(Instant::now()));
        commits(connection).ok()
    }

    fn look(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let found = self.files.check(|| log_state(connection));
        match (&found, &self.lost) {
            (Ok(()), Some(_)) => {
                tracing::warn!("the store is back in its place");
                allow_checkpoint(connection);
                (self.lost, self.is_back) = (None, true);
            }
            (Err(reason), None) => {
                let until = if self.files.is_damaged() {
                    "the server is restarted"
                } else {
                    "it is back in its place"
                };
                tracing::error!("{reason}; nothing is accepted until {until}");
                keep_the_log(connection);
            }
            _ => {}
        }
        if let Err(reason) = found {
            let reason: Arc<str> = reason.into();
            self.lost = Some(reason.clone());
            return Err(StoreError::Lost(reason));
        }
        match &self.malformed {
            Some(reason) => Err(StoreError::Failed(reason.clone())),
            None => Ok(()),
        }
    }
}

/// How many commits a store has seen; they are counted for its processes to see each other, and never become fewer.
pub(super) fn commits(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(sum(n), 0) FROM counts WHERE state = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([COMMITS], |row| Ok(integer_or(row, 0, 0).max(0) as u64))
}

/// SQLite deletes the log by its name when the last connection is closed: by then that may be another store's.
pub(super) fn keep_the_log(connection: &Connection) {
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
}

pub(super) fn allow_checkpoint(connection: &Connection) {
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
}
