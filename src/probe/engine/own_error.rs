//! The measurement overhead as a run learns it: before it begins, or during its warm-up.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Known, or set later; all clones get the same value.
#[derive(Debug, Clone, Default)]
pub struct OwnError(Arc<OnceLock<Duration>>);

impl OwnError {
    /// An overhead that is set later, by [`OwnError::tell`].
    pub fn pending() -> OwnError {
        OwnError::default()
    }

    /// One that is known before the run.
    pub fn known(own_error: Duration) -> OwnError {
        let known = OwnError::pending();
        known.tell(own_error);
        known
    }

    /// Tells it; only the first time counts.
    pub fn tell(&self, own_error: Duration) {
        let _ = self.0.set(own_error);
    }

    /// What is known of it now.
    pub fn get(&self) -> Option<Duration> {
        self.0.get().copied()
    }

    /// Blocks until it is set.
    pub fn wait(&self) -> Duration {
        *self.0.wait()
    }
}

impl From<Duration> for OwnError {
    fn from(own_error: Duration) -> OwnError {
        OwnError::known(own_error)
    }
}
