//! An absolute timerfd, awaited on the thread that sends.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::probe::engine::monotonic_clock::MonotonicClock;

/// A timer wakes 20 to 50 µs late on a quiet machine; what is left is spun.
pub(super) const LEAD_NS: u64 = 80_000;

pub(super) struct TimerFd {
    fd: AsyncFd<OwnedFd>,
    /// The clock's origin on CLOCK_MONOTONIC, in ns.
    origin_ns: i128,
}

impl TimerFd {
    pub(super) fn new(clock: MonotonicClock) -> io::Result<TimerFd> {
        let fd = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        let (monotonic, elapsed_ns) = (clock_gettime(ClockId::Monotonic), clock.now_ns());
        // The origin of a run that begins at an agreed time is ahead.
        let ahead_ns = clock.until_origin().as_nanos() as i128;
        let monotonic_ns =
            i128::from(monotonic.tv_sec) * 1_000_000_000 + i128::from(monotonic.tv_nsec);
        Ok(TimerFd {
            fd: async_fd(fd)?,
            origin_ns: monotonic_ns - i128::from(elapsed_ns) + ahead_ns,
        })
    }

    pub(super) async fn sleep_until(&mut self, at_ns: u64) {
        // An armed timer that cannot be read would hang the run; the caller corrects an early return.
        if self.arm(at_ns).is_err() {
            return tokio::task::yield_now().await;
        }
        // It need not be read: arming it again forgets the expiry, and the next one is a new event.
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
