//! tokio's timer: 1 ms coarse, so it is armed early and the rest is spun.

use std::io;

use crate::probe::engine::monotonic_clock::MonotonicClock;

/// Twice the timer's grain.
pub(super) const LEAD_NS: u64 = 2_000_000;

pub(super) struct TokioTimer {
    clock: MonotonicClock,
}

impl TokioTimer {
    pub(super) fn new(clock: MonotonicClock) -> io::Result<TokioTimer> {
        Ok(TokioTimer { clock })
    }

    pub(super) async fn sleep_until(&mut self, at_ns: u64) {
        tokio::time::sleep_until(self.clock.at(at_ns).into()).await;
    }
}
