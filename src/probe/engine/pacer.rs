//! Waits until an intended start: an absolute timer on the sending thread, then a short spin.
//!
//! tokio's own timer is 1 ms coarse and late by design. On Linux the pacer waits for a timerfd on the very
//! thread that sends (wake-up typically 20 to 50 µs late), and at moderate rates it arms the timer 80 µs
//! early and spins the rest, polling the sockets as it does, so that answers are not kept waiting. At high
//! rates starts are gathered into ticks of 50 µs, because one wake-up a request would cost more than the
//! request. Elsewhere tokio's timer is armed 2 ms early and the rest is spun.

use super::clock::Clock;

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
            Pacing::Precise => at_ns.saturating_sub(platform::LEAD_NS),
            Pacing::Timer => at_ns,
            Pacing::Ticks => at_ns.next_multiple_of(TICK_NS),
        }
    }
}

const TICK_NS: u64 = 50_000;

/// Waits on behalf of one sending thread.
pub(super) struct Pacer {
    clock: Clock,
    pacing: Pacing,
    timer: platform::Timer,
}

impl Pacer {
    pub(super) fn new(clock: Clock, pacing: Pacing) -> std::io::Result<Pacer> {
        Ok(Pacer {
            clock,
            pacing,
            timer: platform::Timer::new(clock)?,
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

#[cfg(target_os = "linux")]
mod platform {
    //! An absolute timerfd, awaited on the thread that sends.

    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec,
        clock_gettime, timerfd_create, timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    use crate::probe::engine::clock::Clock;

    /// A timer wakes 20 to 50 µs late on a quiet machine; what is left is spun.
    pub(super) const LEAD_NS: u64 = 80_000;

    pub(super) struct Timer {
        fd: AsyncFd<OwnedFd>,
        /// The clock's origin on CLOCK_MONOTONIC, in ns.
        origin_ns: i128,
    }

    impl Timer {
        pub(super) fn new(clock: Clock) -> io::Result<Timer> {
            let fd = timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
            )?;
            let (monotonic, elapsed_ns) = (clock_gettime(ClockId::Monotonic), clock.now_ns());
            let monotonic_ns =
                i128::from(monotonic.tv_sec) * 1_000_000_000 + i128::from(monotonic.tv_nsec);
            Ok(Timer {
                fd: async_fd(fd)?,
                origin_ns: monotonic_ns - i128::from(elapsed_ns),
            })
        }

        pub(super) async fn sleep_until(&mut self, at_ns: u64) {
            // An armed timer that cannot be read would hang the run; being early is mended by the caller.
            if self.arm(at_ns).is_err() {
                return tokio::task::yield_now().await;
            }
            // It need not be read: arming it anew forgets the expiry, and the next one is a new event.
            if let Ok(mut ready) = self.fd.readable().await {
                ready.clear_ready();
            }
        }

        fn arm(&self, at_ns: u64) -> io::Result<()> {
            let absolute_ns = (self.origin_ns + i128::from(at_ns)).max(1);
            let value = Timespec {
                tv_sec: (absolute_ns / 1_000_000_000) as i64,
                tv_nsec: (absolute_ns % 1_000_000_000) as _,
            };
            let once = Itimerspec {
                it_interval: Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                },
                it_value: value,
            };
            timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &once)?;
            Ok(())
        }
    }

    #[expect(
        deprecated,
        reason = "its successor is unsafe for descriptors that may be closed elsewhere; this one is owned"
    )]
    fn async_fd(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
        AsyncFd::new(fd)
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    //! tokio's timer: 1 ms coarse, so it is armed early and the rest is spun.

    use std::io;

    use crate::probe::engine::clock::Clock;

    /// Twice the timer's grain.
    pub(super) const LEAD_NS: u64 = 2_000_000;

    pub(super) struct Timer {
        clock: Clock,
    }

    impl Timer {
        pub(super) fn new(clock: Clock) -> io::Result<Timer> {
            Ok(Timer { clock })
        }

        pub(super) async fn sleep_until(&mut self, at_ns: u64) {
            tokio::time::sleep_until(self.clock.at(at_ns).into()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Pacer, Pacing};
    use crate::probe::engine::clock::Clock;

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
        let clock = Clock::starting_at(Instant::now());
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
