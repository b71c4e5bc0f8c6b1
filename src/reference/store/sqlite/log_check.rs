//! Verifies the checksums of the log, so that an overwritten log is never moved into the database.
//!
//! SQLite verifies them only when it opens a log. Each frame's checksum covers all frames before it; the algorithm is
//! documented in "WAL-mode File Format".

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::damage::Damage;
use super::files::{FRAME_HEAD_BYTES, LOG_HEAD_BYTES, LOG_MAGIC, read_exact_at, sibling_file};
use super::log_state::{LogState, log_state};

/// Frames that are read at a time.
const CHUNK_FRAMES: u64 = 32;
/// Another process may restart the log while it is read, so a wrong checksum is checked again.
const TRIES: usize = 3;
/// The newest frames, which every partial check includes.
const NEWEST_FRAMES: u64 = 64;

/// The log, and where its damage is recorded.
pub(super) struct VerifiedLog {
    pub(super) check: LogCheck,
    pub(super) damage: Damage,
}

impl VerifiedLog {
    /// Whether the log may be moved: garbage in it would destroy the database.
    pub(super) fn is_sound(&self, connection: &Connection) -> bool {
        if self.damage.reason().is_none()
            && let Err(reason) = self.check.unmoved(connection)
        {
            self.damage.found(reason);
        }
        self.damage.reason().is_none()
    }
}

/// The log of an open store.
pub(super) struct LogCheck {
    path: PathBuf,
    file: File,
    page_bytes: u64,
    /// Where the next partial check begins.
    next: u64,
}

impl LogCheck {
    /// Opens the log, which must exist.
    pub(super) fn open(store: &Path, page_bytes: u64) -> io::Result<LogCheck> {
        let path = sibling_file(&std::fs::canonicalize(store)?, "-wal");
        Ok(LogCheck {
            file: File::options().read(true).write(true).open(&path)?,
            path,
            page_bytes,
            next: 0,
        })
    }

    /// Verifies every frame.
    pub(super) fn all(&self, connection: &Connection) -> Result<(), String> {
        self.verify(connection, |log| (0, log.frames))
    }

    /// Verifies the frames that a checkpoint would move.
    pub(super) fn unmoved(&self, connection: &Connection) -> Result<(), String> {
        self.verify(connection, |log| (log.moved, log.frames))
    }

    /// Verifies the newest frames and `most` others, which are the next ones at each call.
    pub(super) fn some(&mut self, connection: &Connection, most: u64) -> Result<(), String> {
        let Ok(log) = log_state(connection) else {
            return Ok(());
        };
        if log.frames <= most {
            return self.all(connection);
        }
        let from = if self.next < log.frames { self.next } else { 0 };
        self.next = from + most;
        self.verify(connection, |log| (from, log.frames.min(from + most)))?;
        self.verify(connection, |log| {
            (log.frames.saturating_sub(NEWEST_FRAMES), log.frames)
        })
    }

    /// Frees the space behind the committed frames, which a failed transaction has filled. The transaction that is open
    /// keeps other processes from writing.
    pub(super) fn cut_uncommitted(&self, connection: &Connection) -> rusqlite::Result<()> {
        let version =
            || connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0));
        let before = version()?;
        let frames = log_state(connection)?.frames;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        // Otherwise another process has committed after the frames were counted.
        if frames > 0 && version().is_ok_and(|now| now == before) {
            let bytes = LOG_HEAD_BYTES + frames * (FRAME_HEAD_BYTES + self.page_bytes);
            let is_longer = self.file.metadata().is_ok_and(|file| file.len() > bytes);
            if is_longer && let Err(error) = self.file.set_len(bytes) {
                tracing::debug!(%error, "the end of the log could not be cut");
            }
        }
        connection.execute_batch("ROLLBACK")
    }

    fn verify(
        &self,
        connection: &Connection,
        range: impl Fn(LogState) -> (u64, u64),
    ) -> Result<(), String> {
        for _ in 0..TRIES {
            // Without an answer there is no checkpoint either.
            let Ok(log) = log_state(connection) else {
                return Ok(());
            };
            let (from, to) = range(log);
            if from >= to || self.is_chain(from, to).is_ok_and(|is_chain| is_chain) {
                return Ok(());
            }
        }
        Err(format!("{} was overwritten", self.path.display()))
    }

    /// Whether the frames after `from` up to `to` are as SQLite wrote them.
    fn is_chain(&self, from: u64, to: u64) -> io::Result<bool> {
        let mut head = [0; LOG_HEAD_BYTES as usize];
        read_exact_at(&self.file, &mut head, 0)?;
        let magic = big_endian(&head, 0);
        if magic & !1 != LOG_MAGIC {
            return Ok(false);
        }
        let word = if magic & 1 == 1 {
            u32::from_be_bytes
        } else {
            u32::from_le_bytes
        };
        let mut sum = (big_endian(&head, 24), big_endian(&head, 28));
        if checksum(word, (0, 0), &head[..24]) != sum {
            return Ok(false);
        }
        let frame_bytes = FRAME_HEAD_BYTES + self.page_bytes;
        let offset = |frame: u64| LOG_HEAD_BYTES + frame * frame_bytes;
        if from > 0 {
            let mut last = [0; 8];
            read_exact_at(&self.file, &mut last, offset(from - 1) + 16)?;
            sum = (big_endian(&last, 0), big_endian(&last, 4));
        }
        let mut bytes = Vec::new();
        let mut frame = from;
        while frame < to {
            let count = CHUNK_FRAMES.min(to - frame);
            bytes.resize((count * frame_bytes) as usize, 0);
            read_exact_at(&self.file, &mut bytes, offset(frame))?;
            for frame in bytes.chunks_exact(frame_bytes as usize) {
                let (frame_head, page) = frame.split_at(FRAME_HEAD_BYTES as usize);
                sum = checksum(word, sum, &frame_head[..8]);
                sum = checksum(word, sum, page);
                let has_salt = frame_head[8..16] == head[16..24];
                if !has_salt || sum != (big_endian(frame_head, 16), big_endian(frame_head, 20)) {
                    return Ok(false);
                }
            }
            frame += count;
        }
        Ok(true)
    }
}

fn big_endian(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Continues a checksum. The byte order of the words is the one of the machine that started the log.
fn checksum(word: fn([u8; 4]) -> u32, sum: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let (mut first, mut second) = sum;
    for pair in bytes.chunks_exact(8) {
        let left = word([pair[0], pair[1], pair[2], pair[3]]);
        let right = word([pair[4], pair[5], pair[6], pair[7]]);
        first = first.wrapping_add(left).wrapping_add(second);
        second = second.wrapping_add(right).wrapping_add(first);
    }
    (first, second)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;

    use rusqlite::Connection;

    use super::LogCheck;
    use crate::reference::store::StoreOptions;
    use crate::reference::store::sqlite::connection::open_writer;
    use crate::reference::store::sqlite::files::sibling_file;
    use crate::reference::store::sqlite::log_state::log_state;

    const FRAME: u64 = 24 + 4096;

    /// A store with a log of at least a hundred frames.
    fn store(folder: &std::path::Path) -> (Connection, LogCheck, File) {
        let path = folder.join("store.db");
        let connection = open_writer(&StoreOptions::at(path.as_path()), &path).expect("it opens");
        for _ in 0..4 {
            let insert = "INSERT INTO events SELECT randomblob(16), randomblob(100000), 0";
            connection.execute_batch(insert).expect("inserted");
        }
        let log = File::options()
            .write(true)
            .open(sibling_file(&path, "-wal"));
        let check = LogCheck::open(&path, 4096).expect("a log");
        (connection, check, log.expect("a log"))
    }

    #[test]
    fn a_log_as_it_was_written_is_sound() {
        let folder = tempfile::tempdir().expect("a folder");
        let (connection, mut check, _) = store(folder.path());
        assert!(log_state(&connection).expect("a state").frames > 100);
        for _ in 0..2 {
            assert_eq!(check.all(&connection), Ok(()));
            assert_eq!(check.unmoved(&connection), Ok(()));
            for _ in 0..20 {
                assert_eq!(check.some(&connection, 10), Ok(()));
            }
            // The log continues after a part of it was moved, and starts over after all of it was.
            connection
                .query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))
                .expect("moved");
            let insert = "INSERT INTO events VALUES (randomblob(16), randomblob(9000), 0)";
            connection.execute_batch(insert).expect("inserted");
        }
    }

    #[test]
    fn one_overwritten_byte_anywhere_is_found() {
        // In the header, in the heads of the first and of a later frame, in pages.
        for at in [
            9,
            25,
            32,
            45,
            32 + 24,
            4032,
            32 + 50 * FRAME + 1,
            32 + 50 * FRAME + 999,
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let (connection, mut check, log) = store(folder.path());
            let mut byte = [0];
            let path = folder.path().join("store.db-wal");
            let read = File::open(path).expect("a log");
            read.read_exact_at(&mut byte, at).expect("read");
            log.write_all_at(&[!byte[0]], at).expect("written");
            assert!(check.all(&connection).is_err(), "{at}");
            assert!(check.unmoved(&connection).is_err(), "{at}");
            let is_found = (0..20).any(|_| check.some(&connection, 10).is_err());
            assert!(is_found, "{at}");
        }
    }
}
