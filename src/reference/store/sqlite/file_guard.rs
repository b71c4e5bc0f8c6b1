//! Conditions for making and answering a commit: the files are in place, sound, and have room.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, ErrorCode};

use super::connection::page_bytes;
use super::counts::commits;
use super::damage::Damage;
use super::errors::unusable;
use super::files::StoreFiles;
use super::log_check::{LogCheck, VerifiedLog};
use super::log_state::{allow_checkpoint, keep_the_log, log_state};
use super::space::Space;
use crate::reference::store::commit_batch::CommitBatch;
use crate::reference::store::{OpenError, StoreError};

/// Between two checks while nothing is committed.
const IDLE: Duration = Duration::from_secs(1);
/// Between two notes of the number of commits.
const NOTE_EVERY: Duration = Duration::from_millis(100);

/// Between two checks of the log's content.
const VERIFY_EVERY: Duration = Duration::from_millis(900);
/// The same if something else than this writer has written the log.
const FOREIGN_EVERY: Duration = Duration::from_millis(100);
/// Frames that are verified each time, besides the newest.
const SOME_FRAMES: u64 = 1024;

/// The writer's guard over its files.
pub(super) struct FileGuard {
    files: StoreFiles,
    space: Space,
    /// The last fault of the files.
    lost: Option<Arc<str>>,
    /// The files were found in their place again.
    is_back: bool,
    /// What any connection has found.
    damage: Damage,
    log: LogCheck,
    /// When the log was last verified, and when this process had last written it.
    verified: Instant,
    written: Option<SystemTime>,
    /// The commits after the last one of this process.
    commits: u64,
    /// When the commits were last noted, and whether there were more since.
    noted: Option<Instant>,
    has_more: bool,
}

impl FileGuard {
    /// Guards the files of an open store.
    pub(super) fn start(
        connection: &Connection,
        path: &Path,
        database: Arc<File>,
        damage: Damage,
    ) -> Result<FileGuard, OpenError> {
        let page_bytes = page_bytes(connection).map_err(|error| unusable(path, error))?;
        let log =
            || LogCheck::open(path, page_bytes).map_err(|error| OpenError::unusable(path, error));
        Ok(FileGuard {
            files: StoreFiles::remember(path, database, page_bytes)?,
            space: Space::on(
                path,
                page_bytes,
                VerifiedLog {
                    check: log()?,
                    damage: damage.clone(),
                },
            ),
            lost: None,
            is_back: false,
            damage,
            log: log()?,
            verified: Instant::now(),
            written: None,
            commits: commits(connection).unwrap_or_default(),
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
        batch: &CommitBatch,
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
        // Counted now: once the store is damaged, the number can no longer be read.
        if let Ok(commits) = commits(connection) {
            self.commits = self.commits.max(commits);
        }
        self.has_more = true;
        let looked = self.look_at_files(connection);
        self.written = self.files.log_written();
        looked
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
            _ => {
                self.damage.record(error);
                false
            }
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

    /// How long to wait for a batch: until the next check, or until the last commits are noted.
    pub(super) fn patience(&self) -> Duration {
        if self.has_more { NOTE_EVERY } else { IDLE }
    }

    /// Whether the files may be written at the end.
    pub(super) fn may_close(&mut self, connection: &Connection) -> bool {
        if self.look(connection).is_ok()
            && let Err(reason) = self.log.all(connection)
        {
            self.damage.found(reason);
        }
        self.look(connection).is_ok()
    }

    fn is_sound(&self) -> bool {
        self.lost.is_none() && self.damage.reason().is_none()
    }

    /// How many commits the store has seen and the number of its file, if they are to be noted now. A log that is lost
    /// later is then missed. A damaged store is noted at once.
    pub(super) fn commits_to_note(&mut self, connection: &Connection) -> Option<(u64, u64)> {
        let is_early = self.noted.is_some_and(|noted| noted.elapsed() < NOTE_EVERY);
        if !self.has_more || is_early && self.is_sound() {
            return None;
        }
        if self.is_sound()
            && let Ok(commits) = commits(connection)
        {
            self.commits = self.commits.max(commits);
        }
        (self.has_more, self.noted) = (false, Some(Instant::now()));
        Some((self.commits, self.files.number()))
    }

    /// Checks the files, and the log's content if that is due.
    fn look(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.look_at_files(connection)?;
        let since = self.verified.elapsed();
        let is_foreign = self.files.log_written() != self.written;
        if since < VERIFY_EVERY && !(is_foreign && since >= FOREIGN_EVERY) {
            return Ok(());
        }
        let verified = self.log.some(connection, SOME_FRAMES);
        (self.verified, self.written) = (Instant::now(), self.files.log_written());
        match verified {
            Ok(()) => Ok(()),
            Err(reason) => {
                self.damage.found(reason);
                self.look_at_files(connection)
            }
        }
    }

    fn look_at_files(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let found = self.files.check(|| log_state(connection));
        match (&found, &self.lost) {
            (Ok(()), Some(_)) => {
                tracing::warn!("the store's file is back");
                allow_checkpoint(connection);
                (self.lost, self.is_back) = (None, true);
            }
            (Err(reason), None) => {
                if self.files.is_damaged() {
                    // The readers may report the same in SQLite's words.
                    self.damage.found(reason.clone());
                } else {
                    tracing::error!("{reason}; no event is accepted until the file is back");
                }
                keep_the_log(connection);
            }
            _ => {}
        }
        if let Err(reason) = found {
            let reason: Arc<str> = reason.into();
            self.lost = Some(reason.clone());
            return Err(StoreError::Lost(reason));
        }
        match self.damage.reason() {
            Some(reason) => {
                keep_the_log(connection);
                Err(StoreError::Failed(reason.clone()))
            }
            None => Ok(()),
        }
    }
}
