//! How busy the other processes on the same file are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longer than other processes sleep between two tries to get the lock.
pub(super) const COURTESY: Duration = Duration::from_micros(400);

#[derive(Default)]
pub(super) struct OtherProcesses {
    active: AtomicBool,
}

impl OtherProcesses {
    /// Others have committed lately, or no longer do.
    pub(super) fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::Relaxed);
    }

    pub(super) fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    /// SQLite's lock has no queue: the process that asks again at once gets it again. So a writer that has committed
    /// stays away for longer than others sleep between two tries.
    pub(super) fn let_in(&self) {
        if self.is_active() {
            std::thread::sleep(COURTESY);
        }
    }
}
