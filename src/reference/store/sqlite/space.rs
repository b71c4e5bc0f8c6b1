//! The free space on the volume of the store, and when the log must be moved into the database to keep some free.
//!
//! The content of the log needs the same space in the database again. While that much is free, the log can be started
//! over and the store needs no help. New events are therefore refused before that space is used.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::checkpoint;
use super::log_check::VerifiedLog;
use super::volume::{RESERVE_BYTES, free_bytes};
use crate::reference::store::StoreError;

/// With this much more than needed, the volume is checked only occasionally.
const PLENTY_BYTES: u64 = 64 * 1024 * 1024;
/// Between two checks of a volume with plenty of room.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two tries to move the log when the first one failed.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// The volume that the store is on.
pub(super) struct Space {
    path: PathBuf,
    page_bytes: u64,
    log: VerifiedLog,
    free: Option<u64>,
    looked: Instant,
    /// About how many bytes were written since then.
    written: u64,
    /// When moving the log may be tried again, and how many bytes were free when it failed.
    failed: Option<(Instant, Option<u64>)>,
}

impl Space {
    pub(super) fn on(path: &Path, page_bytes: u64, log: VerifiedLog) -> Space {
        Space {
            path: path.to_owned(),
            page_bytes,
            log,
            free: free_bytes(path),
            looked: Instant::now(),
            written: 0,
            failed: None,
        }
    }

    /// The free bytes at the last check, if the system reports them.
    pub(super) fn free(&self) -> Option<u64> {
        self.free
    }

    /// Checks that `bytes` of events fit into the log and then into the database, which has `database_bytes`. Frees
    /// space if they do not.
    pub(super) fn admit(
        &mut self,
        connection: &Connection,
        bytes: u64,
        database_bytes: u64,
    ) -> Result<(), StoreError> {
        self.written += 2 * bytes;
        let has_plenty = (self.free).is_some_and(|free| free > PLENTY_BYTES + 2 * self.written);
        if has_plenty && self.looked.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        let least = RESERVE_BYTES + 2 * bytes;
        let Some(free) = self.look() else {
            return Ok(());
        };
        let needed = least + self.growth(connection, database_bytes);
        if free >= needed {
            return Ok(());
        }
        if !self.relieve(connection) {
            return Err(self.refusal(free, needed));
        }
        // No page is only in the log now.
        match self.free {
            Some(free) if free < least => Err(self.refusal(free, least)),
            _ => Ok(()),
        }
    }

    /// Moves the whole log into the database and frees its space; returns whether that was done. A failed move is tried
    /// again after a while, or at once when more space is free.
    pub(super) fn relieve(&mut self, connection: &Connection) -> bool {
        let free = self.look();
        let is_too_soon =
            (self.failed).is_some_and(|(until, before)| Instant::now() < until && free <= before);
        if is_too_soon {
            return false;
        }
        let is_sound = self.log.is_sound(connection);
        if is_sound && let Err(error) = self.log.check.cut_uncommitted(connection) {
            tracing::debug!(%error, "the end of the log could not be cut");
        }
        let is_moved = is_sound && checkpoint::empty_log(connection).is_ok_and(|is_moved| is_moved);
        let free = self.look();
        self.failed = (!is_moved).then(|| (Instant::now() + TRY_EVERY, free));
        is_moved
    }

    fn look(&mut self) -> Option<u64> {
        self.free = free_bytes(&self.path);
        (self.looked, self.written) = (Instant::now(), 0);
        self.free
    }

    /// The growth of the database when the log is moved into it.
    fn growth(&self, connection: &Connection, database_bytes: u64) -> u64 {
        let pages = connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0));
        let bytes = pages.map_or(0, |pages| pages.max(0) as u64 * self.page_bytes);
        bytes.saturating_sub(database_bytes)
    }

    fn refusal(&self, free: u64, needed: u64) -> StoreError {
        let (free, needed) = (free / 1024, needed / 1024);
        let path = self.path.display();
        StoreError::NoRoom(
            format!("{free} KiB are free on the volume of {path}, and {needed} KiB are needed")
                .into(),
        )
    }
}
