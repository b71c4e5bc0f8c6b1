//! Moves the log into the database alongside the writer, so that commits do not wait for it.
//!
//! A checkpoint of 64 MiB takes tens of milliseconds, most of it in syncing pages that lie at random in the index.
//! SQLite would make the writer do it. Here a thread of its own does nearly all of it during commits, and the writer
//! only the few pages that were added since: once everything is moved, the next commit starts the log over. Where other
//! processes commit too, it keeps them off for these few pages; else there would always be some left, and the log would
//! only grow.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connection::{check_header, page_bytes, wait_a_little, wait_long};
use super::damage::Damage;
use super::errors::unusable;
use super::log_check::{LogCheck, VerifiedLog};
use super::log_state::{keep_the_log, log_state};
use crate::reference::outage::OutageLog;
use crate::reference::store::OpenError;
use crate::reference::store::thread::StoreThread;

/// Pages in the log that are worth a checkpoint: 64 MiB.
const WORTH_FRAMES: i64 = 16_384;
/// Commits between two looks at the log.
const LOOK_EVERY: u32 = 64;
/// Passes alongside the writer. The second moves what came during the first, which is much less.
const PASSES: usize = 2;

/// The checkpointing thread as the writer sees it.
pub(super) struct Checkpointer {
    start: Option<SyncSender<()>>,
    passed: Arc<AtomicBool>,
    thread: StoreThread,
    commits: u32,
    /// When the writer's last try failed.
    failed: Option<Instant>,
    log: VerifiedLog,
    /// Closing it frees every lock that the process has on the database, so it is kept until the writer is done.
    database: Arc<File>,
}

impl Checkpointer {
    /// Opens a connection and starts the thread. The log must exist.
    pub(super) fn start(path: &Path, damage: Damage) -> Result<Checkpointer, OpenError> {
        let refused = |error: io::Error| OpenError::unusable(path, error);
        let connection = Connection::open(path).map_err(|error| unusable(path, error))?;
        keep_the_log(&connection);
        let page_bytes = page_bytes(&connection).map_err(|error| unusable(path, error))?;
        let open_log = || {
            let check = LogCheck::open(path, page_bytes).map_err(refused)?;
            let damage = damage.clone();
            Ok::<_, OpenError>(VerifiedLog { check, damage })
        };
        let (own_log, log) = (open_log()?, open_log()?);
        let database = Arc::new(File::open(path).map_err(refused)?);
        let (start, started) = sync_channel(1);
        let passed = Arc::new(AtomicBool::new(false));
        let (done, file) = (passed.clone(), database.clone());
        let run = move || {
            while started.recv().is_ok() {
                pass_over(&connection, &file, &log);
                done.store(true, Ordering::Release);
            }
        };
        let thread = StoreThread::start("store-checkpoint", "checkpointing", run);
        Ok(Checkpointer {
            start: Some(start),
            passed,
            thread: thread.map_err(refused)?,
            commits: 0,
            failed: None,
            log: own_log,
            database,
        })
    }

    /// Ends the thread after the pass that it is in.
    pub(super) fn stop(&mut self) {
        self.start = None;
        self.thread.join();
    }

    /// The database, open for as long as the writer has it.
    pub(super) fn database(&self) -> Arc<File> {
        self.database.clone()
    }

    /// To be called by the writer between two transactions, when no client waits for an answer. The arguments say
    /// whether other processes commit too, and how many bytes are free on the volume. If little is free, the log is
    /// kept short and moved here: it must not take the space that the database needs.
    pub(super) fn after_commit(
        &mut self,
        writer: &Connection,
        has_others: bool,
        free: Option<u64>,
    ) {
        let worth = worth_frames(free);
        if worth < WORTH_FRAMES {
            let is_due = self
                .failed
                .is_none_or(|failed| failed.elapsed() >= TRY_EVERY);
            if is_due && unmoved_frames(writer).is_ok_and(|frames| frames >= worth) {
                self.failed = (!move_here(writer, has_others, &self.log)).then(Instant::now);
            }
            return;
        }
        if self.passed.swap(false, Ordering::Acquire) {
            move_here(writer, has_others, &self.log);
            return;
        }
        self.commits += 1;
        if self.commits.is_multiple_of(LOOK_EVERY)
            && unmoved_frames(writer).is_ok_and(|frames| frames >= WORTH_FRAMES)
            && let Some(start) = &self.start
        {
            // Full when it is at work already.
            let _ = start.try_send(());
        }
    }
}

/// Pages in the log that are worth a checkpoint: at most a quarter of the free space.
fn worth_frames(free: Option<u64>) -> i64 {
    let quarter = free.map_or(i64::MAX, |free| (free / 4 / FRAME_BYTES) as i64);
    quarter.clamp(LEAST_FRAMES, WORTH_FRAMES)
}

/// A page in the log, in bytes.
const FRAME_BYTES: u64 = 4096 + 24;
/// Pages that are worth a checkpoint on the smallest volume.
const LEAST_FRAMES: i64 = 16;

/// Between two tries of the writer when there is little room.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Moves the log during idle time of the writer; returns whether that was possible.
fn move_here(writer: &Connection, has_others: bool, log: &VerifiedLog) -> bool {
    if has_others {
        finish(writer, log)
    } else {
        pass(writer, log)
    }
}

/// Moves the log during commits.
fn pass_over(connection: &Connection, database: &File, log: &VerifiedLog) {
    for _ in 0..PASSES {
        pass(connection, log);
        // SQLite syncs the database only when a pass reaches the end of the log, which moves on as long as there are
        // commits. So the last pass, the writer's, would have to sync everything. Nothing depends on this one.
        if let Err(error) = database.sync_data() {
            CHECKPOINTS.failed(&error);
        }
    }
}

/// Moves the rest and lets the next commit start the log over. It waits for readers and writers, but not for long: the
/// next pass can finish the work.
fn finish(writer: &Connection, log: &VerifiedLog) -> bool {
    if !log.is_sound(writer) {
        return false;
    }
    let finished = wait_a_little(writer)
        .and_then(|()| checkpoint(writer, "RESTART"))
        .and(wait_long(writer));
    if let Err(error) = &finished {
        CHECKPOINTS.failed(error);
    }
    finished.is_ok()
}

/// Moves the committed pages that no reader needs; does not wait.
fn pass(connection: &Connection, log: &VerifiedLog) -> bool {
    if !log.is_sound(connection) {
        return false;
    }
    let passed = checkpoint(connection, "PASSIVE");
    if let Err(error) = &passed {
        // Nothing is lost: the log still has everything, and the next pass tries again.
        CHECKPOINTS.failed(error);
    }
    passed.is_ok()
}

fn checkpoint(connection: &Connection, how: &str) -> rusqlite::Result<()> {
    let sql = format!("PRAGMA wal_checkpoint({how})");
    connection.query_row(&sql, [], |_| Ok(()))?;
    CHECKPOINTS.succeeded();
    Ok(())
}

/// Moves the log into the database without the index that processes share, for which a full disk may have no room.
/// Returns whether that was possible. The store must belong to this process alone.
pub(super) fn move_log_alone(path: &Path) -> bool {
    let moved = Connection::open(path).and_then(|connection| {
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        check_header(&connection, path).map_err(|_| rusqlite::Error::InvalidQuery)?;
        empty_log(&connection)
    });
    moved.is_ok_and(|moved| moved)
}

/// Moves everything and truncates the log, which frees its space; returns whether that was possible. Other processes
/// are waited for, but not for long.
pub(super) fn empty_log(writer: &Connection) -> rusqlite::Result<bool> {
    wait_a_little(writer)?;
    let moved = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        row.get(0).map(|busy: i64| busy == 0)
    });
    wait_long(writer)?;
    moved
}

/// Logs checkpoints that fail, of every thread.
static CHECKPOINTS: LazyLock<OutageLog> =
    LazyLock::new(|| OutageLog::of("the store's log", "it could not be checkpointed"));

/// Pages that are in the log only.
fn unmoved_frames(connection: &Connection) -> rusqlite::Result<i64> {
    log_state(connection).map(|log| log.frames as i64 - log.moved as i64)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicI64, Ordering};

    use rusqlite::Connection;

    use super::{Checkpointer, Damage, LOOK_EVERY, WORTH_FRAMES};
    use crate::reference::store::StoreOptions;
    use crate::reference::store::sqlite::connection::open_writer;
    use crate::reference::store::sqlite::other_processes::COURTESY;

    /// Pages of events that are written together; with those of the index there are twice as many.
    const WRITTEN: i64 = 8 * WORTH_FRAMES;
    /// A log that is never started over grows to twice `WRITTEN`; on a busy machine the writers are ahead of the checkpoints.
    const STARTED_OVER: std::ops::Range<i64> = WORTH_FRAMES..8 * WORTH_FRAMES;
    /// A page and its head, in bytes.
    const FRAME: u64 = 4096 + 24;

    /// Commits pages until that many are written by all, as a process does that has the store open.
    fn write(path: &Path, has_others: bool, written: &AtomicI64) {
        let connection = open_writer(&StoreOptions::at(path), path).expect("the store opens");
        // The log's length is what matters here, not that it is safe.
        connection
            .execute_batch("PRAGMA synchronous = OFF")
            .expect("a setting");
        let mut checkpointer = Checkpointer::start(path, Damage::default()).expect("it starts");
        while written.fetch_add(commit(&connection), Ordering::Relaxed) < WRITTEN {
            for _ in 0..LOOK_EVERY {
                checkpointer.after_commit(&connection, has_others, None);
            }
            std::thread::sleep(COURTESY);
        }
        checkpointer.stop();
    }

    /// Commits a few hundred pages of events; how many.
    fn commit(connection: &Connection) -> i64 {
        let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
            INSERT INTO events SELECT randomblob(16), zeroblob(8000), 0 FROM n";
        connection
            .execute_batch(insert)
            .expect("events are inserted");
        400
    }

    /// The longest log, with this many processes writing at the same time: the file is never cut.
    fn longest_log(processes: usize) -> i64 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        drop(open_writer(&StoreOptions::at(path.as_path()), &path).expect("the store opens"));
        // Keeps the log when the last of the others closes.
        let watching = Connection::open(&path).expect("it opens");
        let look = "SELECT count(*) FROM events";
        (watching.query_row(look, [], |_| Ok(()))).expect("it is looked at");
        let written = AtomicI64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..processes {
                scope.spawn(|| write(&path, processes > 1, &written));
            }
        });
        let log = folder.path().join("store.db-wal");
        let bytes = std::fs::metadata(log).expect("a log").len();
        (bytes / FRAME) as i64
    }

    #[test]
    fn a_long_log_is_moved_and_started_over() {
        let longest = longest_log(1);
        assert!(STARTED_OVER.contains(&longest), "{longest}");
    }

    #[test]
    fn the_log_of_two_busy_processes_is_started_over_too() {
        let longest = longest_log(2);
        assert!(STARTED_OVER.contains(&longest), "{longest}");
    }
}
