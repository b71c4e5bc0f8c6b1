//! The time by which retries and leases are due: this machine's, except that it never goes back.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::store::now_ms;

/// A clock that goes on by itself from where the machine's was set back: what is due in a second is due in a second, and
/// not when the machine's clock gets there again. Set forward it follows.
pub(super) struct Clock {
    /// A moment, and what the clock showed then in milliseconds since the Unix epoch.
    since: Mutex<(Instant, i64)>,
}

impl Clock {
    pub(super) fn start() -> Clock {
        Clock {
            since: Mutex::new((Instant::now(), now_ms())),
        }
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn now_ms(&self) -> i64 {
        self.read(Instant::now(), now_ms())
    }

    fn read(&self, now: Instant, wall_ms: i64) -> i64 {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let gone_on = now.saturating_duration_since(since.0).as_millis() as i64;
        let shown = since.1.saturating_add(gone_on);
        if wall_ms > shown {
            *since = (now, wall_ms);
        }
        shown.max(wall_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use super::Clock;

    #[test]
    fn a_clock_set_back_goes_on_and_one_set_forward_is_followed() {
        let start = Instant::now();
        let clock = Clock {
            since: Mutex::new((start, 1_000_000)),
        };
        let read = |after_ms, wall_ms| clock.read(start + Duration::from_millis(after_ms), wall_ms);
        assert_eq!(read(10, 1_000_010), 1_000_010);
        assert_eq!(read(20, 400_020), 1_000_020, "set back by ten minutes");
        assert_eq!(read(1_020, 401_020), 1_001_020);
        assert_eq!(read(1_030, 2_000_000), 2_000_000, "set forward");
        assert_eq!(read(1_040, 2_000_010), 2_000_010);
    }

    #[test]
    fn it_loses_nothing_however_often_it_is_read() {
        let start = Instant::now();
        let clock = Clock {
            since: Mutex::new((start, 1_000)),
        };
        let at = |us| clock.read(start + Duration::from_micros(us), 0);
        let times: Vec<i64> = (0..10_000).map(|n| at(n * 300)).collect();
        assert_eq!(times.last(), Some(&(1_000 + 2_999)));
    }
}
