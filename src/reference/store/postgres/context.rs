//! What a transaction follows, and what it leaves for the next one.

use super::clock::ClockAnchor;
use super::counts::CountsPage;
use crate::reference::store::options::WriteRules;

/// The context of every transaction.
#[derive(Clone, Copy)]
pub(super) struct PostgresContext {
    pub(super) rules: WriteRules,
    /// Whether it may wait for a lock of another session.
    pub(super) waits: bool,
}

/// The state that a transaction leaves for the next one.
#[derive(Clone, Copy)]
pub(super) struct CommitState {
    pub(super) page: CountsPage,
    /// The last accepted time.
    pub(super) anchor: Option<ClockAnchor>,
}

impl CommitState {
    pub(super) fn new(page: CountsPage) -> CommitState {
        CommitState { page, anchor: None }
    }
}
