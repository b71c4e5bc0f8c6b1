//! What other processes on the database need to know of a transaction.

/// The part of a transaction's changes for which another process may have to wake.
#[derive(Debug, Default)]
pub(super) struct WakeHints {
    /// The due times of the attempts that follow failed ones.
    pub(super) later: Vec<i64>,
    /// A claim took its maximum, and there are more.
    pub(super) leaves_more: bool,
    /// Events were released that other workers may take.
    pub(super) freed: bool,
}
