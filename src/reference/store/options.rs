//! The options of a store.

use std::time::Duration;

use super::{Location, RepeatPolicy};

/// Where the store lives and every limit it keeps.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The file or the database.
    pub location: Location,
    /// What an acknowledgement is worth.
    pub durability: Durability,
    /// Whether a notification of unknown outcome is sent again.
    pub repeat: RepeatPolicy,
    /// Requests that may wait for a commit; one more is refused with [`StoreError::Full`](super::StoreError::Full).
    pub commit_queue: usize,
    /// Accepted events that may wait to be processed; one more is refused with [`StoreError::Backlog`](super::StoreError::Backlog).
    pub backlog: u64,
    /// How long a key and the body it came with are compared. Its event id does not expire.
    pub key_lifetime: Duration,
    /// How long an attempt is its owner's alone.
    pub lease: Duration,
    /// Connections for reading.
    pub readers: usize,
    /// Largest size of the file in pages of 4 KiB; writing beyond it fails as a full disk does. SQLite only.
    pub max_pages: Option<u32>,
    /// How often a process looks what others did although no notification came. PostgreSQL only.
    pub look_every: Duration,
}

impl StoreOptions {
    /// The defaults of `a7probe serve`.
    pub fn at(location: impl Into<Location>) -> StoreOptions {
        StoreOptions {
            location: location.into(),
            durability: Durability::Full,
            repeat: RepeatPolicy::AtLeastOnce,
            commit_queue: 4096,
            backlog: 1_000_000,
            key_lifetime: Duration::from_secs(24 * 3600),
            lease: Duration::from_secs(60),
            readers: 2,
            max_pages: None,
            look_every: Duration::from_secs(1),
        }
    }
}

/// What an acknowledgement is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is on disk (the log is synced) before the answer is written.
    Full,
    /// It is in memory until a worker takes it: a kill loses it. The negative control.
    None,
}

/// What every transaction of a process follows.
#[derive(Clone, Copy)]
pub(super) struct WriteRules {
    /// This process, as the owner of leases.
    pub(super) owner: i64,
    pub(super) lease_ms: i64,
    pub(super) key_lifetime_ms: i64,
    pub(super) repeat: RepeatPolicy,
}

impl WriteRules {
    /// The rules for a process with a new name.
    pub(super) fn new(options: &StoreOptions) -> WriteRules {
        // Fits a signed integer, and is never that of the counts without an owner.
        let owner = i64::from(rand::random::<u32>()) << 31 | i64::from(rand::random::<u32>() >> 1);
        WriteRules {
            owner: owner.max(1),
            lease_ms: options.lease.as_millis() as i64,
            key_lifetime_ms: options.key_lifetime.as_millis() as i64,
            repeat: options.repeat,
        }
    }
}
