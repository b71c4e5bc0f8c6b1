//! Why a transaction is not committed, and what follows.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::answer::chain;
use super::clock::ClockStep;
use super::sqlstate::is_of_the_event;
use crate::reference::store::StoreError;

/// The message about a row that another session has locked for too long.
const LOCKED: &str = "another session has locked it for too long";

const TABLE_LOCKED: &str =
    "another session has locked its table jobs (LOCK TABLE, or a change of its schema)";

/// How far a transaction got. Until the commit nothing of it is permanent.
#[derive(Default)]
pub(super) struct CommitProgress(AtomicU8);

/// The steps of a transaction that determine whether it may have been committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CommitStep {
    /// The counts are being written.
    Counting = 1,
    /// The server was asked to commit.
    Committing,
}

impl CommitProgress {
    pub(super) fn advance_to(&self, step: CommitStep) {
        self.0.store(step as u8, Ordering::Relaxed);
    }

    pub(super) fn has_reached(&self, step: CommitStep) -> bool {
        self.0.load(Ordering::Relaxed) >= step as u8
    }
}

/// Which submissions and pieces of work wait for another session's transaction, by their places in the batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LockedItems {
    pub(super) accepts: Vec<usize>,
    pub(super) work: Vec<usize>,
}

impl LockedItems {
    pub(super) fn is_empty(&self) -> bool {
        self.accepts.is_empty() && self.work.is_empty()
    }
}

/// The cause that ended a transaction.
pub(super) enum TransactionError {
    /// An error of the server or the connection.
    Database(Error),
    /// A part of it waits for another session.
    Held(LockedItems),
    /// The server's clock was set.
    Stepped(ClockStep),
    /// The tables are not the ones that were checked, or are not durable.
    Changed,
    /// A key that was neither new nor known.
    Neither,
    /// Another session has locked the table of events.
    TableLocked,
    /// Another program has changed a row so that it cannot be read, for this reason.
    Unreadable(String),
}

impl From<Error> for TransactionError {
    fn from(error: Error) -> TransactionError {
        TransactionError::Database(error)
    }
}

/// Why a transaction is not committed.
pub(super) enum CommitFailure {
    /// It may succeed if tried again at once.
    Deadlock,
    /// The same, after the clock is checked.
    Stepped(ClockStep),
    /// The counts of this process are locked.
    CountsLocked,
    /// A key that was neither new nor known: its row may be gone by now.
    Neither,
    /// An error of these, or an unknown one.
    Locked(Option<LockedItems>),
    /// Another session has locked the table of events: no transaction can continue.
    TableLocked,
    /// A part of it is refused, and the others may be accepted.
    Refused(StoreError),
    Store(StoreError),
}

impl CommitFailure {
    pub(super) fn of(stop: TransactionError, progress: &CommitProgress) -> CommitFailure {
        match stop {
            TransactionError::Database(error) => CommitFailure::of_error(&error, progress),
            TransactionError::Held(held) => CommitFailure::Locked(Some(held)),
            TransactionError::Stepped(stepped) => CommitFailure::Stepped(stepped),
            TransactionError::Changed => {
                CommitFailure::failed("its tables have been replaced or made UNLOGGED".to_owned())
            }
            TransactionError::Neither => CommitFailure::Neither,
            TransactionError::TableLocked => CommitFailure::TableLocked,
            TransactionError::Unreadable(reason) => {
                let said = format!("the stored event cannot be read: {reason}");
                CommitFailure::Refused(StoreError::Failed(said.into()))
            }
        }
    }

    fn of_error(error: &Error, progress: &CommitProgress) -> CommitFailure {
        let reason = chain(error);
        match error.code() {
            Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE) => {
                CommitFailure::Deadlock
            }
            Some(&SqlState::LOCK_NOT_AVAILABLE) if progress.has_reached(CommitStep::Counting) => {
                CommitFailure::CountsLocked
            }
            Some(&SqlState::LOCK_NOT_AVAILABLE) => CommitFailure::Locked(None),
            Some(&SqlState::DISK_FULL) => CommitFailure::Store(StoreError::NoRoom(reason.into())),
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                CommitFailure::Store(StoreError::ReadOnly(reason.into()))
            }
            Some(code) if is_of_the_event(code) => {
                CommitFailure::Refused(StoreError::Failed(reason.into()))
            }
            // The server itself refuses: then it did not commit, unless it is about to shut down.
            Some(code)
                if *code != SqlState::ADMIN_SHUTDOWN && *code != SqlState::CRASH_SHUTDOWN =>
            {
                CommitFailure::failed(reason)
            }
            _ => CommitFailure::cut_off(progress, reason),
        }
    }

    pub(super) fn failed(reason: String) -> CommitFailure {
        CommitFailure::Store(StoreError::Failed(reason.into()))
    }

    pub(super) fn cut_off(progress: &CommitProgress, reason: String) -> CommitFailure {
        let is_unsure = progress.has_reached(CommitStep::Committing);
        CommitFailure::Store(if is_unsure {
            StoreError::Unsure(reason.into())
        } else {
            StoreError::Failed(reason.into())
        })
    }

    /// Whether the error is independent of its session.
    pub(super) fn spares_the_session(&self) -> bool {
        !matches!(self, CommitFailure::Store(_))
    }

    pub(super) fn into_error(self) -> StoreError {
        match self {
            CommitFailure::Refused(error) | CommitFailure::Store(error) => error,
            CommitFailure::Deadlock => {
                StoreError::Failed("the server reported repeated deadlocks".into())
            }
            CommitFailure::Stepped(_) => {
                StoreError::Failed("the server's clock was set repeatedly".into())
            }
            CommitFailure::Neither => StoreError::Failed("a key is neither new nor known".into()),
            CommitFailure::TableLocked => StoreError::Failed(TABLE_LOCKED.into()),
            CommitFailure::CountsLocked | CommitFailure::Locked(_) => {
                StoreError::Failed(LOCKED.into())
            }
        }
    }
}
