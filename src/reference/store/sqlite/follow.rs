//! Sees what other processes commit to the same file: SQLite tells nobody, so a thread looks.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::damage::Damage;
use super::transaction::COMMITS;
use super::unreadable::integer_or;
use super::writer::OtherProcesses;
use crate::reference::outage::OutageLog;
use crate::reference::store::OpenError;
use crate::reference::store::signals::CommitSignals;
use crate::reference::store::totals::Delta;

/// Between two looks while others are busy, and the longest pause while they are not. A look takes about 10 µs.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(40));

/// The thread that looks.
pub(super) struct Follower {
    stop: Mutex<Option<SyncSender<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Follower {
    /// Looks once, then starts the thread.
    pub(super) fn start(
        path: &Path,
        owner: i64,
        signals: CommitSignals,
        (others, damage): (Arc<OtherProcesses>, Damage),
    ) -> Result<Follower, OpenError> {
        let connection = super::open_reader(path)?;
        let first = look(&connection, owner).map_err(|error| OpenError::unusable(path, error))?;
        signals.publish_elsewhere(&first.1);
        let (stop, stopped) = sync_channel::<()>(1);
        let follow = move || {
            let (mut commits, mut pause) = (first.0, PAUSES.1);
            let outage = OutageLog::of("the store", "cannot see what other processes did");
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let looked = look(&connection, owner);
                if looked.is_ok() {
                    outage.succeeded();
                }
                match looked {
                    Ok((now, counts)) if now != commits => {
                        commits = now;
                        pause = PAUSES.0;
                        others.set_active(true);
                        signals.publish_elsewhere(&counts);
                    }
                    Ok(_) => {
                        pause = (pause * 2).min(PAUSES.1);
                        others.set_active(pause < PAUSES.1);
                    }
                    Err(error) => {
                        if !damage.record(&error) {
                            outage.failed(&error);
                        }
                    }
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("store-follow".to_owned())
            .spawn(follow)
            .map_err(|error| OpenError::unusable(path, error))?;
        Ok(Follower {
            stop: Mutex::new(Some(stop)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.stop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's following thread panicked");
        }
    }
}

/// How often others have committed, and what they have changed together.
fn look(connection: &Connection, owner: i64) -> rusqlite::Result<(i64, Delta)> {
    counts(
        connection,
        "SELECT state, sum(n) FROM counts WHERE owner <> ?1 GROUP BY state",
        owner,
    )
}

/// What this process has changed together.
pub(super) fn own(connection: &Connection, owner: i64) -> rusqlite::Result<Delta> {
    let sql = "SELECT state, n FROM counts WHERE owner = ?1";
    counts(connection, sql, owner).map(|(_, counts)| counts)
}

fn counts(connection: &Connection, sql: &str, owner: i64) -> rusqlite::Result<(i64, Delta)> {
    let mut statement = connection.prepare_cached(sql)?;
    let (mut commits, mut counts) = (0, Delta::default());
    let mut rows = statement.query([owner])?;
    while let Some(row) = rows.next()? {
        let (state, n): (i64, i64) = (row.get(0)?, integer_or(row, 1, 0));
        if state == COMMITS {
            commits = n;
        } else if let Some(count) = usize::try_from(state)
            .ok()
            .and_then(|state| counts.get_mut(state))
        {
            *count = n;
        }
    }
    Ok((commits, counts))
}
