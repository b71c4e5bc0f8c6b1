//! Why a server did not start.

use super::config::{Queued, ServerConfig, ServerMode};
use crate::reference::provider::InvalidProvider;
use crate::reference::store::{Durability, OpenError};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The provider's URL cannot be used.
    #[error(transparent)]
    Provider(#[from] InvalidProvider),
    /// Two settings exclude each other.
    #[error(
        "durability none does not fit mode sync, which answers after the work\nhint: use --durability none with `--mode background`"
    )]
    NothingToAcknowledge,
    /// Accepted events would be in memory that their workers cannot see.
    #[error(
        "durability none does not fit mode queue: other workers cannot read the memory of this process\nhint: use --durability none with `--mode background`"
    )]
    NobodyElseSees,
    /// Accepted events would have no worker.
    #[error(
        "--queued keep does not fit mode background, which processes its own events\nhint: use `--mode queue` for other workers, or `--queued keep` with `--mode sync`"
    )]
    NobodyWorks,
}

/// Refuses to accept events that no worker would ever process.
pub(super) fn check(config: &ServerConfig) -> Result<(), StartError> {
    match (config.mode, config.store.durability, config.queued) {
        (ServerMode::Background, _, Queued::Keep) => Err(StartError::NobodyWorks),
        (ServerMode::Sync, Durability::None, _) => Err(StartError::NothingToAcknowledge),
        (ServerMode::Queue, Durability::None, _) => Err(StartError::NobodyElseSees),
        (ServerMode::Background, _, Queued::Finish) | (_, Durability::Full, _) => Ok(()),
    }
}

/// Why the server's `run` failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The listener cannot be used, or a thread not be started.
    #[error("cannot serve: {0}")]
    Io(#[from] std::io::Error),
}
