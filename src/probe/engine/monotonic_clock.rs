//! The run's clock: monotonic nanoseconds since its origin.

use std::time::{Duration, Instant};

/// Counts from an origin that all threads share.
#[derive(Debug, Clone, Copy)]
pub(super) struct MonotonicClock {
    origin: Instant,
}

impl MonotonicClock {
    pub(super) fn starting_at(origin: Instant) -> MonotonicClock {
        MonotonicClock { origin }
    }

    /// Nanoseconds since the origin; 0 before it.
    pub(super) fn now_ns(self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// How long the origin is still ahead; zero once it has passed.
    pub(super) fn until_origin(self) -> Duration {
        self.origin.saturating_duration_since(Instant::now())
    }

    /// The nanoseconds of an instant; 0 before the origin.
    pub(super) fn ns_of(self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.origin).as_nanos() as u64
    }

    /// The instant this many nanoseconds after the origin.
    pub(super) fn at(self, ns: u64) -> Instant {
        self.origin + Duration::from_nanos(ns)
    }
}
