//! Damage to the store that any connection of this process has found. It is reported once, and nothing is written after
//! it until a restart.

use std::sync::{Arc, OnceLock};

use rusqlite::ErrorCode;

/// Shared by the writer, the readers, and the threads that follow and checkpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage(Arc<OnceLock<Arc<str>>>);

impl Damage {
    /// Records an error of SQLite if it reports malformed files; returns whether it does.
    pub(super) fn record(&self, error: &rusqlite::Error) -> bool {
        let code = error.sqlite_error_code();
        if !matches!(
            code,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ) {
            return false;
        }
        if self.0.set(error.to_string().into()).is_ok() {
            tracing::error!(%error, ?code, "the store is malformed; it accepts no events until it is restored and the server restarted");
        }
        true
    }

    /// Records damage that this program has found.
    pub(super) fn found(&self, reason: String) {
        if self.0.set(reason.as_str().into()).is_ok() {
            tracing::error!("{reason}; no event is accepted until the server is restarted");
        }
    }

    pub(super) fn reason(&self) -> Option<&Arc<str>> {
        self.0.get()
    }
}
