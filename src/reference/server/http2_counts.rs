//! What all HTTP/2 connections share: memory, places, counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::config::Limits;
use super::held_memory::HeldMemory;
use crate::reference::counters::Counter;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Http2Counts {
    pub(super) memory: Arc<HeldMemory>,
    connections: AtomicUsize,
    /// Connections that were ended for a flood of frames.
    pub(super) floods: Counter,
    /// Connections that were ended for what their client did against the protocol, or too often, such as resets.
    pub(super) faults: Counter,
    /// Connections that were refused because there were too many.
    pub(super) refused: Counter,
}

/// A place among the connections that are allowed.
pub(super) struct ConnectionPlace<'a>(&'a AtomicUsize);

impl Http2Counts {
    pub(super) fn new(limits: &Limits) -> Http2Counts {
        Http2Counts {
            memory: HeldMemory::new(limits.http2_memory_bytes),
            connections: AtomicUsize::new(0),
            floods: Counter::default(),
            faults: Counter::default(),
            refused: Counter::default(),
        }
    }

    /// Connections that are open now.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// A place for one more connection, if there is one.
    pub(super) fn enter(&self, limit: usize) -> Option<ConnectionPlace<'_>> {
        let one_more = |now: usize| (now < limit).then_some(now + 1);
        let entered =
            (self.connections).fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        entered.ok().map(|_| ConnectionPlace(&self.connections))
    }
}

impl Drop for ConnectionPlace<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
