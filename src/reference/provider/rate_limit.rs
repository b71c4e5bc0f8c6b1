//! The provider's rate limit: a quota that is refilled every second.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::reference::mutex::lock;

const WINDOW: Duration = Duration::from_secs(1);

/// A rate limit as the `X-RateLimit-*` headers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests a second.
    pub limit: u32,
    /// Left in this second.
    pub remaining: u32,
    /// Until the next one.
    pub reset: Duration,
}

/// Counts requests in windows of one second.
pub(super) struct QuotaLimiter {
    limit: u32,
    window: Mutex<Window>,
}

struct Window {
    start: Instant,
    used: u32,
}

impl QuotaLimiter {
    /// `limit` requests a second.
    pub(super) fn new(limit: u32) -> QuotaLimiter {
        QuotaLimiter {
            limit,
            window: Mutex::new(Window {
                start: Instant::now(),
                used: 0,
            }),
        }
    }

    /// Takes one request from the quota; `Err` when there is none left.
    pub(super) fn take(&self, now: Instant) -> Result<Quota, Quota> {
        let mut window = lock(&self.window);
        if now.saturating_duration_since(window.start) >= WINDOW {
            *window = Window {
                start: now,
                used: 0,
            };
        }
        let reset = WINDOW.saturating_sub(now.saturating_duration_since(window.start));
        let quota = |remaining| Quota {
            limit: self.limit,
            remaining,
            reset,
        };
        if window.used == self.limit {
            return Err(quota(0));
        }
        window.used += 1;
        Ok(quota(self.limit - window.used))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::QuotaLimiter;

    #[test]
    fn a_spent_quota_refuses_until_the_window_ends() {
        let limit = QuotaLimiter::new(2);
        let start = Instant::now();
        let taken: Vec<bool> = (0..3).map(|_| limit.take(start).is_ok()).collect();
        assert_eq!(taken, [true, true, false]);
        assert_eq!(limit.take(start).expect_err("spent").remaining, 0);
        assert!(limit.take(start + Duration::from_millis(1100)).is_ok());
    }
}
