//! Sees what other processes commit to the same file: SQLite sends no notice of commits, so a thread polls.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::open_reader;
use super::counts::elsewhere;
use super::damage::Damage;
use super::other_processes::OtherProcesses;
use crate::reference::mutex::lock;
use crate::reference::outage::OutageLog;
use crate::reference::store::OpenError;
use crate::reference::store::signals::CommitSignals;
use crate::reference::store::thread::StoreThread;

/// Between two looks while others are busy. A look takes about 10 µs.
const SHORT_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause while they are not.
const LONG_PAUSE: Duration = Duration::from_millis(40);

/// The thread that looks.
pub(super) struct Follower {
    stop: Mutex<Option<SyncSender<()>>>,
    thread: StoreThread,
}

/// What the thread owns.
pub(super) struct Following {
    pub(super) owner: i64,
    pub(super) signals: CommitSignals,
    pub(super) others: Arc<OtherProcesses>,
    pub(super) damage: Damage,
}

impl Follower {
    /// Looks once, then starts the thread.
    pub(super) fn start(path: &Path, following: Following) -> Result<Follower, OpenError> {
        let connection = open_reader(path)?;
        let first = elsewhere(&connection, following.owner)
            .map_err(|error| OpenError::unusable(path, error))?;
        following.signals.publish_elsewhere(&first.counts);
        let (stop, stopped) = sync_channel::<()>(1);
        let follow = move || following.run(&connection, first.commits, &stopped);
        let thread = StoreThread::start("store-follow", "following", follow)
            .map_err(|error| OpenError::unusable(path, error))?;
        Ok(Follower {
            stop: Mutex::new(Some(stop)),
            thread,
        })
    }

    pub(super) fn stop(&self) {
        lock(&self.stop).take();
        self.thread.join();
    }
}

impl Following {
    fn run(&self, connection: &Connection, mut commits: i64, stopped: &Receiver<()>) {
        let mut pause = LONG_PAUSE;
        let outage = OutageLog::of("the store", "cannot read the changes of other processes");
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            match elsewhere(connection, self.owner) {
                Ok(now) if now.commits != commits => {
                    outage.succeeded();
                    (commits, pause) = (now.commits, SHORT_PAUSE);
                    self.others.set_active(true);
                    self.signals.publish_elsewhere(&now.counts);
                }
                Ok(_) => {
                    outage.succeeded();
                    pause = (pause * 2).min(LONG_PAUSE);
                    self.others.set_active(pause < LONG_PAUSE);
                }
                Err(error) if self.damage.record(&error) => {}
                Err(error) => outage.failed(&error),
            }
        }
    }
}
