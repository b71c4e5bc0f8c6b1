//! A note next to the store of how many commits it has seen, so that a lost log is detected at the next start.
//!
//! A database whose log is deleted is a sound database of an earlier time, and nothing in it shows the loss. The note
//! lies in the lock file. It is written after the commits that it counts, and emptied when the store is closed with an
//! empty log, so it never claims more commits than there were. A copy of the database alone has no note and is
//! accepted.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::Connection;

use super::connection::table_count;
use super::counts::commits;
use super::files::{id, sibling_file};
use super::log_state::keep_the_log;
use crate::reference::store::OpenError;

/// Longest note, in bytes.
const BYTES: u64 = 64;

/// The content of the note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Note {
    commits: u64,
    /// The number of the database's file: the note does not apply to another file in its place.
    file: u64,
}

impl Note {
    fn parse(text: &str) -> Option<Note> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let mut number =
            |name| (words.next() == Some(name)).then(|| words.next()?.parse::<u64>().ok())?;
        Some(Note {
            commits: number("commits")?,
            file: number("file")?,
        })
    }
}

/// Notes how many commits the database in this file has seen. The length is constant, so that the note is never half old and half new.
pub(super) fn write(lock: &mut File, commits: u64, file: u64) -> std::io::Result<()> {
    lock.seek(SeekFrom::Start(0))?;
    lock.write_all(format!("commits {commits:020} file {file:020}\n").as_bytes())
}

/// Checks that the store has all commits that the note counts. To be called by a process that has the store alone and
/// has not opened it yet.
pub(super) fn check(lock: &mut File, store: &Path) -> Result<(), OpenError> {
    let log = sibling_file(store, "-wal");
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    if bytes(store) == 0 && bytes(&log) > 0 {
        // SQLite would delete the log and begin a new store.
        let (name, bytes) = (store.display(), bytes(&log));
        return Err(OpenError::Incomplete {
            store: store.into(),
            missing: format!(
                "{name} is missing or empty, but its log {} has {bytes} bytes",
                log.display()
            ),
            hint: format!(
                "put {name} back; to begin a new store, delete {} and {}",
                log.display(),
                sibling_file(store, ".lock").display()
            ),
        });
    }
    let mut text = String::new();
    let read = lock
        .seek(SeekFrom::Start(0))
        .and_then(|_| lock.take(BYTES).read_to_string(&mut text));
    let Some(note) = read.ok().and_then(|_| Note::parse(&text)) else {
        return Ok(());
    };
    let file = fs::metadata(store).ok().map(|file| id(&file).1);
    if file != Some(note.file) {
        return Ok(());
    }
    let found = found(store);
    if found.is_none_or(|found| found >= note.commits) {
        return Ok(());
    }
    let (found, noted) = (found.unwrap_or_default(), note.commits);
    let (log, lock) = (log.display(), sibling_file(store, ".lock"));
    Err(OpenError::Incomplete {
        store: store.into(),
        missing: format!(
            "its log {log} is missing or older: it had {noted} commits, and {found} are there"
        ),
        hint: format!(
            "put {log} back; to continue without the lost events, delete {}",
            lock.display()
        ),
    })
}

/// The commits in the store. `None` if the number cannot be read; opening the store then reports the reason.
fn found(store: &Path) -> Option<u64> {
    let connection = Connection::open(store).ok()?;
    keep_the_log(&connection);
    let tables = table_count(&connection).ok()?;
    if tables == 0 {
        return Some(0);
    }
    commits(&connection).ok()
}

#[cfg(test)]
mod tests {
    use super::Note;

    #[test]
    fn a_note_reads_as_it_is_written_and_anything_else_is_none() {
        let written = format!("commits {:020} file {:020}\n", 17, 4711);
        let note = Note {
            commits: 17,
            file: 4711,
        };
        assert_eq!(Note::parse(&written), Some(note));
        for text in [
            "",
            "commits 17",
            "commits x file 1\n",
            "commits 1 file 2",
            "a\n",
        ] {
            assert_eq!(Note::parse(text), None, "{text}");
        }
    }
}
