//! Leases on their way to their new owner: they arrive, or they are given back.

use std::sync::Arc;

use super::{Admission, Lease};

/// Takes back leases that did not reach their owner.
pub(super) trait LeaseReturn: Send + Sync {
    /// Makes the events due again.
    fn give_back(&self, leases: Vec<Lease>);
}

/// An answer that may hold leases. The caller may be gone by now, or go before it has looked: an answer that is dropped
/// unread gives its leases back, so that no event waits for the end of a lease without an owner.
pub(super) struct LeaseGuard<T: Leases> {
    content: Option<T>,
    origin: Arc<dyn LeaseReturn>,
}

/// What may hold leases.
pub(super) trait Leases {
    fn into_leases(self) -> Vec<Lease>;
}

impl<T: Leases> LeaseGuard<T> {
    pub(super) fn new(content: T, origin: &Arc<dyn LeaseReturn>) -> LeaseGuard<T> {
        LeaseGuard {
            content: Some(content),
            origin: origin.clone(),
        }
    }

    /// The answer has arrived.
    pub(super) fn into_inner(mut self) -> T {
        self.content.take().expect("only this takes the content")
    }
}

impl<T: Leases> Drop for LeaseGuard<T> {
    fn drop(&mut self) {
        if let Some(content) = self.content.take() {
            self.origin.give_back(content.into_leases());
        }
    }
}

impl Leases for Admission {
    fn into_leases(self) -> Vec<Lease> {
        self.into_lease().into_iter().collect()
    }
}
