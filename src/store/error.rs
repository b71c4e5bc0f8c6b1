//! Why a store says no.

use std::path::PathBuf;
use std::sync::Arc;

/// Why the store did not do what it was asked for. Nothing was promised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Too many requests wait for a commit.
    #[error("{waiting} requests wait for a commit already")]
    Full {
        /// The limit that is reached.
        waiting: usize,
    },
    /// Too many accepted events wait to be processed.
    #[error("{waiting} accepted events wait to be processed already")]
    Backlog {
        /// How many wait.
        waiting: u64,
    },
    /// The transaction was rolled back: I/O error, or whatever else the database says.
    #[error("the store failed: {0}")]
    Failed(Arc<str>),
    /// The transaction was rolled back: the disk is full.
    #[error("the store has no room left: {0}")]
    NoRoom(Arc<str>),
    /// The transaction was rolled back: the store cannot be written.
    #[error("the store is read-only: {0}")]
    ReadOnly(Arc<str>),
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process serves from it.
    #[error(
        "{path} is in use by another process\nhint: stop it, or give this one a file of its own with `--store`"
    )]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// A database, but not one of ours, or of a later version.
    #[error(
        "{path} is not a store that this version can use: {found}\nhint: name another file with `--store`"
    )]
    Foreign {
        /// The database file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// The file cannot be created, read or written.
    #[error(
        "cannot open the store {path}: {reason}\nhint: its folder must exist and be writable; name another file with `--store`"
    )]
    Unusable {
        /// The database file.
        path: PathBuf,
        /// What the system or SQLite said.
        reason: String,
    },
}
