//! Counts what the HTTP/2 connections of an origin went through, over all threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::run::run_file::StreamUse;

/// The counters of one origin; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct StreamCounters(Arc<SharedCounters>);

#[derive(Debug)]
struct SharedCounters {
    connections: AtomicU64,
    goaways: AtomicU64,
    /// The fewest streams that the server allowed on a connection.
    allowed: AtomicU64,
}

impl Default for SharedCounters {
    fn default() -> SharedCounters {
        SharedCounters {
            connections: AtomicU64::new(0),
            goaways: AtomicU64::new(0),
            allowed: AtomicU64::new(u64::MAX),
        }
    }
}

impl StreamCounters {
    /// A connection is open, and the server allows this many streams on it.
    pub(super) fn opened(&self, streams: usize) {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
        self.allowed(streams);
    }

    /// The server has changed how many streams it allows.
    pub(super) fn allowed(&self, streams: usize) {
        self.0.allowed.fetch_min(streams as u64, Ordering::Relaxed);
    }

    /// The server ended a connection.
    pub(super) fn ended_by_goaway(&self) {
        self.0.goaways.fetch_add(1, Ordering::Relaxed);
    }

    /// What a run says of them. A server that does not limit its streams allows more than a connection can have.
    pub(super) fn record(&self, origin: String) -> StreamUse {
        let allowed = self.0.allowed.load(Ordering::Relaxed);
        StreamUse {
            origin,
            connections: self.0.connections.load(Ordering::Relaxed),
            goaways: self.0.goaways.load(Ordering::Relaxed),
            allowed: (allowed < u64::from(u32::MAX)).then_some(allowed),
        }
    }
}
