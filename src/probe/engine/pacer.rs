//! Waits until an intended start: an absolute timer on the sending thread, then a short spin.
//!
//! tokio's own timer is 1 ms coarse and late by design. On Linux the pacer waits for a timerfd on the very
//! thread that sends (wake-up typically 20 to 50 µs late), and at moderate rates it arms the timer 80 µs
//! early and spins the rest, polling the sockets as it does, so that answers are not kept waiting. At high
//! rates starts are gathered into ticks of 50 µs, because one wake-up a request would cost more than the
//! request. Elsewhere tokio's timer is armed 2 ms early and the rest is spun.

#[cfg(target_os = "linux")]
mod timer_fd;
#[cfg(not(target_os = "linux"))]
mod tokio_timer;

use super::monotonic_clock::MonotonicClock;
#[cfg(target_os = "linux")]
use timer_fd::{LEAD_NS, TimerFd as PlatformTimer};
#[cfg(not(target_os = "linux"))]
use tokio_timer::{LEAD_NS, TokioTimer as PlatformTimer};

/// How a thread waits, by the rate it has to send at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// Timer, then spin: below 2 000 starts a second.
    Precise,
    /// Timer alone: below 10 000 starts a second.
    Timer,
    /// Timer on a 50 µs grid: several starts may share a wake-up.
    Ticks,
}

impl Pacing {
    /// The way that suits a thread's rate, in starts per second.
    pub fn for_rate(per_s: f64) -> Pacing {
        match per_s {
            r if r < 2_000.0 => Pacing::Precise,
            r if r < 10_000.0 => Pacing::Timer,
            _ => Pacing::Ticks,
        }
    }

    /// As outputs name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Pacing::Precise => "timer and spin",
            Pacing::Timer => "timer",
            Pacing::Ticks => "50 µs ticks",
        }
    }

    /// When the timer is to wake us for a start; what is left after it is spun.
    fn wake_ns(self, at_ns: u64) -> u64 {
        match self {
            Pacing::Precise => at_ns.saturating_sub(LEAD_NS),
            Pacing::Timer => at_ns,
            Pacing::Ticks => at_ns.next_multiple_of(TICK_NS),
        }
    }
}

const TICK_NS: u64 = 50_000;

/// Waits on behalf of one sending thread.
pub(super) struct Pacer {
    clock: MonotonicClock,
    pacing: Pacing,
    timer: PlatformTimer,
}

impl Pacer {
    pub(super) fn new(clock: MonotonicClock, pacing: Pacing) -> std::io::Result<Pacer> {
        Ok(Pacer {
            clock,
            pacing,
            timer: PlatformTimer::new(clock)?,
        })
    }

    /// Returns at or after the instant, in ns of the clock; at once if it has passed, so that starts that
    /// are overdue are all sent and none is skipped.
    pub(super) async fn wait_until(&mut self, at_ns: u64) {
        if self.clock.now_ns() >= at_ns {
            return;
        }
        let wake_ns = self.pacing.wake_ns(at_ns);
        if self.clock.now_ns() < wake_ns {
            self.timer.sleep_until(wake_ns).await;
        }
        while self.clock.now_ns() < at_ns {
            // Yielding polls the sockets, so answers are stamped while we spin.
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Pacer, Pacing};
    use crate::probe::engine::monotonic_clock::MonotonicClock;

    #[test]
    fn the_way_of_waiting_follows_the_rate() {
        for (per_s, pacing) in [
            (0.1, Pacing::Precise),
            (1_999.0, Pacing::Precise),
            (2_000.0, Pacing::Timer),
            (9_999.0, Pacing::Timer),
            (10_000.0, Pacing::Ticks),
        ] {
            assert_eq!(Pacing::for_rate(per_s), pacing);
        }
    }

    #[test]
    fn ticks_gather_what_is_due_within_50_us() {
        for (at_ns, wake_ns) in [(0, 0), (1, 50_000), (50_000, 50_000), (50_001, 100_000)] {
            assert_eq!(Pacing::Ticks.wake_ns(at_ns), wake_ns);
        }
    }

    #[test]
    fn no_way_of_waiting_ends_before_the_start_and_what_is_overdue_does_not_wait() {
        let clock = MonotonicClock::starting_at(Instant::now());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            for pacing in [Pacing::Precise, Pacing::Timer, Pacing::Ticks] {
                let mut pacer = Pacer::new(clock, pacing).unwrap();
                let begin_ns = clock.now_ns();
                for i in 0..200 {
                    let at_ns = begin_ns + i * 137_000;
                    pacer.wait_until(at_ns).await;
                    assert!(clock.now_ns() >= at_ns, "{pacing:?}");
                }
                pacer.wait_until(begin_ns).await;
            }
        });
    }
}
