//! How long to leave a store alone that failed.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// The pause after a failed transaction; it doubles with every failure in a row.
pub(super) struct StorePause(Duration);

impl StorePause {
    pub(super) fn new() -> StorePause {
        StorePause(FIRST)
    }

    /// The pause after this failure.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }

    /// The store works again.
    pub(super) fn reset(&mut self) {
        self.0 = FIRST;
    }
}
