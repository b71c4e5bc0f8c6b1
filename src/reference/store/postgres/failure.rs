//! Why a transaction is not committed, and what follows.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::chain;
use super::clock::Stepped;
use super::locks::Held;
use super::session::is_of_the_event;
use crate::reference::store::StoreError;

/// The message about a row that another session has locked for too long.
const LOCKED: &str = "another session has locked it for too long";

const TABLE_LOCKED: &str =
    "another session has locked its table jobs (LOCK TABLE, or a change of its schema)";

/// How far a transaction got. Until the commit nothing of it is permanent.
#[derive(Default)]
pub(super) struct Phase(AtomicU8);

/// The steps of a transaction that determine whether it may have been committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The counts are being written.
    Counting = 1,
    /// The server was asked to commit.
    Committing,
}

impl Phase {
    pub(super) fn reach(&self, step: Step) {
        self.0.store(step as u8, Ordering::Relaxed);
    }

    pub(super) fn has_reached(&self, step: Step) -> bool {
        self.0.load(Ordering::Relaxed) >= step as u8
    }
}

/// The cause that ended a transaction.
pub(super) enum Stop {
    /// An error of the server or the connection.
    Database(Error),
    /// A part of it waits for another session.
    Held(Held),
    /// The server's clock was set.
    Stepped(Stepped),
    /// The tables are not the ones that were checked, or are not durable.
    Changed,
    /// A key that was neither new nor known.
    Neither,
    /// Another session has locked the table of events.
    TableLocked,
    /// Another program has changed a row so that it cannot be read, for this reason.
    Unreadable(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Database(error)
    }
}

/// Why a transaction is not committed.
pub(super) enum Failure {
    /// It may succeed if tried again at once.
    Deadlock,
    /// The same, after the clock is checked.
    Stepped(Stepped),
    /// The counts of this process are locked.
    CountsLocked,
    /// A key that was neither new nor known: its row may be gone by now.
    Neither,
    /// An error of these, or an unknown one.
    Locked(Option<Held>),
    /// Another session has locked the table of events: nothing can go on.
    TableLocked,
    /// A part of it is refused, and the others may be accepted.
    Refused(StoreError),
    Store(StoreError),
}

impl Failure {
    pub(super) fn of(stop: Stop, phase: &Phase) -> Failure {
        match stop {
            Stop::Database(error) => Failure::of_error(&error, phase),
            Stop::Held(held) => Failure::Locked(Some(held)),
            Stop::Stepped(stepped) => Failure::Stepped(stepped),
            Stop::Changed => {
                Failure::failed("its tables have been replaced or made UNLOGGED".to_owned())
            }
            Stop::Neither => Failure::Neither,
            Stop::TableLocked => Failure::TableLocked,
            Stop::Unreadable(reason) => {
                let said = format!("the stored event cannot be read: {reason}");
                Failure::Refused(StoreError::Failed(said.into()))
            }
        }
    }

    fn of_error(error: &Error, phase: &Phase) -> Failure {
        let reason = chain(error);
        match error.code() {
            Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE) => {
                Failure::Deadlock
            }
            Some(&SqlState::LOCK_NOT_AVAILABLE) if phase.has_reached(Step::Counting) => {
                Failure::CountsLocked
            }
            Some(&SqlState::LOCK_NOT_AVAILABLE) => Failure::Locked(None),
            Some(&SqlState::DISK_FULL) => Failure::Store(StoreError::NoRoom(reason.into())),
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                Failure::Store(StoreError::ReadOnly(reason.into()))
            }
            Some(code) if is_of_the_event(code) => {
                Failure::Refused(StoreError::Failed(reason.into()))
            }
            // The server itself refuses: then it did not commit, unless it is about to shut down.
            Some(code)
                if *code != SqlState::ADMIN_SHUTDOWN && *code != SqlState::CRASH_SHUTDOWN =>
            {
                Failure::failed(reason)
            }
            _ => Failure::cut_off(phase, reason),
        }
    }

    pub(super) fn failed(reason: String) -> Failure {
        Failure::Store(StoreError::Failed(reason.into()))
    }

    pub(super) fn cut_off(phase: &Phase, reason: String) -> Failure {
        let is_unsure = phase.has_reached(Step::Committing);
        Failure::Store(if is_unsure {
            StoreError::Unsure(reason.into())
        } else {
            StoreError::Failed(reason.into())
        })
    }

    /// Whether the error is independent of its session.
    pub(super) fn spares_the_session(&self) -> bool {
        !matches!(self, Failure::Store(_))
    }

    pub(super) fn into_error(self) -> StoreError {
        match self {
            Failure::Refused(error) | Failure::Store(error) => error,
            Failure::Deadlock => {
                StoreError::Failed("the server reported repeated deadlocks".into())
            }
            Failure::Stepped(_) => {
                StoreError::Failed("the server's clock was set repeatedly".into())
            }
            Failure::Neither => StoreError::Failed("a key is neither new nor known".into()),
            Failure::TableLocked => StoreError::Failed(TABLE_LOCKED.into()),
            Failure::CountsLocked | Failure::Locked(_) => StoreError::Failed(LOCKED.into()),
        }
    }
}
