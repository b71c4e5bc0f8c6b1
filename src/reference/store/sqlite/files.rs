//! Checks that the files that this process writes are the ones that a restart would find. SQLite keeps writing to a
//! deleted file.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::log_state::LogState;
use crate::reference::store::OpenError;

/// The first bytes of every SQLite database.
const DATABASE_MAGIC: &[u8] = b"SQLite format 3\0";
/// The first bytes of every log, except for the lowest bit.
pub(super) const LOG_MAGIC: u32 = 0x377f_0682;
/// Header bytes before the first page of a log, and before each page in it.
pub(super) const LOG_HEAD_BYTES: u64 = 32;
pub(super) const FRAME_HEAD_BYTES: u64 = 24;

/// The database, its log and its index, as they were when the store was opened.
pub(super) struct StoreFiles {
    database: WatchedFile,
    log: WatchedFile,
    index: WatchedFile,
    database_file: Arc<File>,
    log_file: File,
    page_bytes: u64,
    /// A database never shrinks.
    least_bytes: u64,
    /// Frames in the log at the last check.
    frames: u64,
    /// When the log was last written, at the last check.
    log_written: Option<SystemTime>,
    /// Bytes are missing: only a restart finds out which data remain.
    damage: Option<String>,
}

/// A name, and the file that it stood for.
struct WatchedFile {
    path: PathBuf,
    id: (u64, u64),
}

impl StoreFiles {
    /// Remembers the identity of the files. The database must be open, so that its log exists. Closing `database_file`
    /// frees every lock that the process has on the database, so it must stay open as long as the connections.
    pub(super) fn remember(
        path: &Path,
        database_file: Arc<File>,
        page_bytes: u64,
    ) -> Result<StoreFiles, OpenError> {
        let unusable = |error: io::Error| OpenError::unusable(path, error);
        // Log and index lie where a symbolic link leads to.
        let real = fs::canonicalize(path).map_err(unusable)?;
        let log = sibling_file(&real, "-wal");
        Ok(StoreFiles {
            database: WatchedFile::remember(path.to_owned()).map_err(unusable)?,
            log_file: File::open(&log).map_err(unusable)?,
            log: WatchedFile::remember(log).map_err(unusable)?,
            index: WatchedFile::remember(sibling_file(&real, "-shm")).map_err(unusable)?,
            database_file,
            page_bytes,
            least_bytes: 0,
            frames: 0,
            log_written: None,
            damage: None,
        })
    }

    /// The bytes that the database has now.
    pub(super) fn database_bytes(&self) -> u64 {
        self.least_bytes
    }

    /// Checks the names and their files; `log` describes the current log. An error names the fault.
    pub(super) fn check(
        &mut self,
        log: impl Fn() -> rusqlite::Result<LogState>,
    ) -> Result<(), String> {
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        let database = self.database.look()?;
        let in_log = self.log.look()?;
        self.log_written = in_log.modified().ok();
        self.index.look()?;
        let checked = self
            .check_database(database.len())
            .and_then(|()| self.check_log(in_log.len(), log));
        self.damage = checked.as_ref().err().cloned();
        checked
    }

    /// When the log was last written, at the last check.
    pub(super) fn log_written(&self) -> Option<SystemTime> {
        self.log_written
    }

    /// The number of the database's file.
    pub(super) fn number(&self) -> u64 {
        self.database.id.1
    }

    /// Whether only a restart can recover.
    pub(super) fn is_damaged(&self) -> bool {
        self.damage.is_some()
    }

    fn check_database(&mut self, bytes: u64) -> Result<(), String> {
        let name = self.database.path.display();
        if bytes < self.least_bytes {
            let before = self.least_bytes;
            return Err(format!("{name} was cut from {before} to {bytes} bytes"));
        }
        let mut magic = [0; 16];
        if bytes > 0
            && (read_at(&self.database_file, &mut magic).is_err() || magic != DATABASE_MAGIC)
        {
            return Err(format!("{name} was overwritten"));
        }
        self.least_bytes = bytes;
        Ok(())
    }

    /// Another process may restart or truncate the log at any time, so a log that is too short is checked again.
    fn check_log(
        &mut self,
        mut bytes: u64,
        log: impl Fn() -> rusqlite::Result<LogState>,
    ) -> Result<(), String> {
        for _ in 0..LOOKS {
            if bytes >= self.bytes_of(self.frames) {
                break;
            }
            if let Ok(now) = log() {
                self.frames = now.frames;
            }
            bytes = self.log.look()?.len();
        }
        let (name, least) = (self.log.path.display(), self.bytes_of(self.frames));
        if bytes < least {
            return Err(format!("{name} was cut from {least} to {bytes} bytes"));
        }
        let mut magic = [0; 4];
        if self.frames > 0
            && bytes > 0
            && (read_at(&self.log_file, &mut magic).is_err()
                || u32::from_be_bytes(magic) & !1 != LOG_MAGIC)
        {
            return Err(format!("{name} was overwritten"));
        }
        Ok(())
    }

    /// Records the number of frames in the log.
    pub(super) fn set_frames(&mut self, frames: u64) {
        self.frames = frames;
    }

    fn bytes_of(&self, frames: u64) -> u64 {
        if frames == 0 {
            return 0;
        }
        LOG_HEAD_BYTES + frames * (FRAME_HEAD_BYTES + self.page_bytes)
    }
}

/// Symbolic links that are followed, as many as Linux does.
const MOST_LINKS: usize = 40;
/// How often a log is checked that seems to be too short.
const LOOKS: usize = 3;

impl WatchedFile {
    fn remember(path: PathBuf) -> io::Result<WatchedFile> {
        let id = id(&fs::metadata(&path)?);
        Ok(WatchedFile { path, id })
    }

    /// The file, if it still is the same one.
    fn look(&self) -> Result<Metadata, String> {
        let name = self.path.display();
        match fs::metadata(&self.path) {
            Ok(now) if id(&now) == self.id => Ok(now),
            Ok(_) => Err(format!("{name} was replaced by another file")),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Err(format!("{name} was deleted or renamed"))
            }
            Err(error) => Err(format!("cannot look at {name}: {error}")),
        }
    }
}

/// A file that SQLite keeps next to the database.
pub(super) fn sibling_file(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The file that a symbolic link leads to, which need not exist. SQLite keeps its files next to that one.
pub(super) fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        // An absolute target replaces the folder.
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// How many names a file has.
pub(super) fn names(file: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(file)
}

/// Device and number of a file.
pub(super) fn id(file: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino())
}

/// Reads the beginning of a file.
fn read_at(file: &File, bytes: &mut [u8]) -> io::Result<()> {
    read_exact_at(file, bytes, 0)
}

/// Reads a part of a file.
pub(super) fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;
    use std::sync::Arc;

    use rusqlite::Connection;

    use super::{StoreFiles, sibling_file};
    use crate::reference::store::StoreOptions;
    use crate::reference::store::sqlite::connection::open_writer;
    use crate::reference::store::sqlite::log_state::log_state;

    /// A store with something in its log, and its files.
    fn watched(path: &Path) -> (Connection, StoreFiles) {
        let connection = open_writer(&StoreOptions::at(path), path).expect("the store opens");
        let file = Arc::new(File::open(path).expect("a file"));
        let files = StoreFiles::remember(path, file, 4096).expect("all are there");
        (connection, files)
    }

    /// The error about files after this change.
    fn after(harm: impl FnOnce(&Path)) -> Result<(), String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let (connection, mut files) = watched(&path);
        let log = || log_state(&connection);
        files.set_frames(log().expect("a log").frames);
        assert_eq!(files.check(log), Ok(()));
        harm(&path);
        files.check(log)
    }

    #[test]
    fn files_that_are_left_alone_are_the_same() {
        assert_eq!(after(|_| ()), Ok(()));
    }

    #[test]
    fn a_file_that_is_gone_or_another_one_is_noticed() {
        for suffix in ["", "-wal", "-shm"] {
            let gone = after(|path| fs::remove_file(sibling_file(path, suffix)).expect("removed"));
            assert!(gone.is_err_and(|said| said.contains("deleted")), "{suffix}");
            let replaced = after(|path| {
                let (file, copy) = (sibling_file(path, suffix), sibling_file(path, "-copy"));
                fs::copy(&file, &copy).expect("copied");
                fs::rename(&copy, &file).expect("renamed over");
            });
            assert!(
                replaced.is_err_and(|said| said.contains("replaced")),
                "{suffix}"
            );
        }
        let moved = after(|path| {
            let folder = path.parent().expect("a folder");
            fs::rename(folder, folder.with_extension("moved")).expect("renamed");
            fs::remove_dir_all(folder.with_extension("moved")).expect("removed");
        });
        assert!(moved.is_err());
    }

    #[test]
    fn a_file_that_was_cut_or_overwritten_is_noticed() {
        let cut = |suffix: &'static str, bytes: u64| {
            after(move |path| {
                let file = File::options().write(true).open(sibling_file(path, suffix));
                file.and_then(|file| file.set_len(bytes)).expect("cut");
            })
        };
        for (suffix, bytes) in [
            ("", 0),
            ("", 100),
            ("-wal", 0),
            ("-wal", 40),
            ("-wal", 5000),
        ] {
            assert!(
                cut(suffix, bytes).is_err_and(|said| said.contains("cut")),
                "{suffix}"
            );
        }
        for suffix in ["", "-wal"] {
            let overwritten = after(|path| {
                use std::io::Write as _;
                let file = File::options().write(true).open(sibling_file(path, suffix));
                file.and_then(|mut file| file.write_all(&[0; 64]))
                    .expect("written");
            });
            assert!(
                overwritten.is_err_and(|said| said.contains("overwritten")),
                "{suffix}"
            );
        }
    }
}
