//! Waits until an intended start: an absolute timer on the sending thread, then a short spin.
//!
//! tokio's own timer is 1 ms coarse and late by design. On Linux the pacer waits for a timerfd on the very
//! thread that sends (wake-up typically 20 to 50 µs late), and at moderate rates it arms the timer early, by
//! what 99 of 100 wake-ups are late on this machine and at most 80 µs, and spins the rest, polling the sockets
//! as it does, so that answers are not kept waiting. At high rates starts are gathered into ticks of 50 µs,
//! because one wake-up a request would cost more than the request. Elsewhere tokio's timer is armed at most
//! 2 ms early and the rest is spun.

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
    fn wake_ns(self, at_ns: u64, lead: Lead) -> u64 {
        match self {
            Pacing::Precise => at_ns.saturating_sub(lead.ns),
            Pacing::Timer => at_ns,
            Pacing::Ticks => at_ns.next_multiple_of(TICK_NS),
        }
    }
}

const TICK_NS: u64 = 50_000;

/// How early the timer is armed: an estimate of the 99th percentile of its lateness, which moves by 99 steps up for a
/// wake-up that was later and by one step down for every other, so that it rests where one in a hundred is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lead {
    ns: u64,
}

impl Lead {
    const STEP_NS: u64 = LEAD_NS / 800;

    fn longest() -> Lead {
        Lead { ns: LEAD_NS }
    }

    fn learn(&mut self, late_ns: u64) {
        self.ns = if late_ns > self.ns {
            LEAD_NS.min(self.ns + 99 * Lead::STEP_NS)
        } else {
            self.ns.saturating_sub(Lead::STEP_NS)
        };
    }
}

/// Waits on behalf of one sending thread.
pub(super) struct Pacer {
    clock: MonotonicClock,
    pacing: Pacing,
    lead: Lead,
    timer: PlatformTimer,
}

impl Pacer {
    pub(super) fn new(clock: MonotonicClock, pacing: Pacing) -> std::io::Result<Pacer> {
        Ok(Pacer {
            clock,
            pacing,
            lead: Lead::longest(),
            timer: PlatformTimer::new(clock)?,
        })
    }

    /// Returns at or after the instant, in ns of the clock; at once if it has passed, so that starts that
    /// are overdue are all sent and none is skipped.
    pub(super) async fn wait_until(&mut self, at_ns: u64) {
        if self.clock.now_ns() >= at_ns {
            return;
        }
        let wake_ns = self.pacing.wake_ns(at_ns, self.lead);
        if self.clock.now_ns() < wake_ns {
            self.timer.sleep_until(wake_ns).await;
            self.lead.learn(self.clock.now_ns().saturating_sub(wake_ns));
        }
        while self.clock.now_ns() < at_ns {
            // Yielding polls the sockets, so answers are stamped while we spin.
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{LEAD_NS, Lead, Pacer, Pacing, PlatformTimer};
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
            assert_eq!(Pacing::Ticks.wake_ns(at_ns, Lead::longest()), wake_ns);
        }
    }

    #[test]
    fn the_lead_settles_where_one_wake_up_in_a_hundred_is_later() {
        let mut lead = Lead::longest();
        // Lateness spread evenly over half of the longest lead, in an order without runs.
        let late_ns = |i: u64| i * 7_919 % 10_000 * (LEAD_NS / 2) / 10_000;
        let (mut sum_ns, mut later) = (0, 0);
        for i in 0..200_000 {
            lead.learn(late_ns(i));
            if i >= 100_000 {
                sum_ns += lead.ns;
                later += u64::from(late_ns(i + 1) > lead.ns);
            }
        }
        let mean_ns = sum_ns / 100_000;
        assert!(
            (LEAD_NS * 45 / 100..LEAD_NS * 55 / 100).contains(&mean_ns),
            "{mean_ns}"
        );
        assert!((500..2_000).contains(&later), "{later} of 100,000");
        for _ in 0..10_000 {
            lead.learn(10 * LEAD_NS);
        }
        assert_eq!(lead, Lead::longest());
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

    #[test]
    fn a_timer_sleeps_until_an_origin_that_is_ahead() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let clock = MonotonicClock::starting_at(Instant::now() + Duration::from_millis(50));
            let mut timer = PlatformTimer::new(clock).expect("a timer");
            timer.sleep_until(1_000_000).await;
            // It never wakes up early; before the origin, the clock shows 0.
            assert!(clock.now_ns() >= 1_000_000, "{} ns", clock.now_ns());
        });
    }
}
