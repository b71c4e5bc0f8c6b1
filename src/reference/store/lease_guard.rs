//! Leases on their way to whoever asked for them: they arrive, or they are given back.

use std::sync::Arc;

use super::commit_queue::CommitQueue;
use super::{Admission, Claim, Grant, Lease};

/// An answer that may hold leases. Whoever asked may be gone by now, or go before it has looked: an answer that is dropped
/// unopened gives its leases back, so that no event waits for the end of a lease that nobody has.
pub(super) struct LeaseGuard<T: Leases> {
    content: Option<T>,
    queue: Arc<CommitQueue>,
}

/// What may hold leases.
pub(super) trait Leases {
    fn into_leases(self) -> Vec<Lease>;
}

impl<T: Leases> LeaseGuard<T> {
    pub(super) fn new(content: T, queue: &Arc<CommitQueue>) -> LeaseGuard<T> {
        LeaseGuard {
            content: Some(content),
            queue: queue.clone(),
        }
    }

    /// It has arrived.
    pub(super) fn into_inner(mut self) -> T {
        self.content.take().expect("a guard is consumed by this")
    }
}

impl<T: Leases> Drop for LeaseGuard<T> {
    fn drop(&mut self) {
        if let Some(content) = self.content.take() {
            self.queue.give_back(content.into_leases());
        }
    }
}

impl Leases for Claim {
    fn into_leases(self) -> Vec<Lease> {
        self.leases
    }
}

impl Leases for Grant {
    fn into_leases(self) -> Vec<Lease> {
        match self {
            Grant::Leased(lease) => vec![lease],
            _ => Vec::new(),
        }
    }
}

impl Leases for Admission {
    fn into_leases(self) -> Vec<Lease> {
        self.into_lease().into_iter().collect()
    }
}
