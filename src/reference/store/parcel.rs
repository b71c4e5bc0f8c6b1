//! Leases on their way to whoever asked for them: they arrive, or they are given back.

use std::sync::Arc;

use super::commit_queue::CommitQueue;
use super::{Admission, Claim, Grant, Lease};

/// An answer that may hold leases. Whoever asked may be gone by now, or go before it has looked: an answer that is dropped
/// unopened gives its leases back, so that no event waits for the end of a lease that nobody has.
pub(super) struct Parcel<T: Leases> {
    content: Option<T>,
    queue: Arc<CommitQueue>,
}

/// What may hold leases.
pub(super) trait Leases {
    fn into_leases(self) -> Vec<Lease>;
}

impl<T: Leases> Parcel<T> {
    pub(super) fn new(content: T, queue: &Arc<CommitQueue>) -> Parcel<T> {
        Parcel {
            content: Some(content),
            queue: queue.clone(),
        }
    }

    /// It has arrived.
    pub(super) fn open(mut self) -> T {
        self.content
            .take()
            .expect("a parcel is consumed by being opened")
    }
}

impl<T: Leases> Drop for Parcel<T> {
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
