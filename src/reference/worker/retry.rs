//! When to try again: exponential with full jitter, a bounded number of times.

use std::time::Duration;

use crate::reference::provider::{SendError, uniform};
use crate::reference::store::{EventId, Next};

/// The retry policy. The pause before attempt n + 1 is uniform in (0, min(cap, base · 2^(n−1))): full jitter, after
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Longest pause after the first attempt.
    pub base: Duration,
    /// Longest pause at all.
    pub cap: Duration,
    /// Attempts, the first one included, after which an event is dead.
    pub attempts: u32,
    /// Of the jitter.
    pub seed: u64,
}

impl Default for Retry {
    /// 8 attempts over about a minute.
    fn default() -> Self {
        Retry {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            attempts: 8,
            seed: 1,
        }
    }
}

impl Retry {
    /// What follows the failure of this attempt, the provider's or, without an error of it, the insert's. A provider that
    /// names a time is not asked earlier; what it will refuse again is not asked again.
    pub fn after(&self, event_id: EventId, attempt: u32, error: Option<&SendError>) -> Next {
        if attempt >= self.attempts || error.is_some_and(SendError::is_permanent) {
            return Next::GiveUp;
        }
        let ceiling = self
            .base
            .saturating_mul(1 << attempt.saturating_sub(1).min(20))
            .min(self.cap);
        let pause = ceiling.mul_f64(uniform(self.seed, "retry", event_id.uuid(), attempt));
        let asked_for = error.and_then(SendError::retry_after).unwrap_or_default();
        Next::Retry(pause.max(asked_for))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Retry;
    use crate::reference::provider::SendError;
    use crate::reference::store::{EventId, Next};

    const TIMEOUT: SendError = SendError::Timeout(Duration::from_secs(10));

    fn refused(status: u16, retry_after: Option<Duration>) -> SendError {
        SendError::Refused {
            status,
            reason: String::new(),
            retry_after,
        }
    }

    #[test]
    fn pauses_fill_a_window_that_doubles_up_to_the_cap() {
        let retry = Retry {
            attempts: 20,
            ..Retry::default()
        };
        for attempt in 1..20 {
            let window = (retry.base * 2u32.pow(attempt - 1)).min(retry.cap);
            let pauses: Vec<Duration> = (0..200)
                .map(
                    |i| match retry.after(EventId::from_bytes([i; 16]), attempt, Some(&TIMEOUT)) {
                        Next::Retry(pause) => pause,
                        other => panic!("{other:?}"),
                    },
                )
                .collect();
            assert!(pauses.iter().all(|pause| *pause < window));
            assert!(
                pauses.iter().any(|pause| *pause > window.mul_f64(0.9)),
                "attempt {attempt}"
            );
            assert!(
                pauses.iter().any(|pause| *pause < window.mul_f64(0.1)),
                "attempt {attempt}"
            );
        }
    }

    #[test]
    fn the_last_attempt_is_the_last() {
        let retry = Retry::default();
        assert_eq!(
            retry.after(EventId::fresh(), retry.attempts, Some(&TIMEOUT)),
            Next::GiveUp
        );
    }

    #[test]
    fn what_the_provider_refuses_for_good_is_not_tried_again() {
        let next =
            |status| Retry::default().after(EventId::fresh(), 1, Some(&refused(status, None)));
        assert_eq!(next(400), Next::GiveUp);
        assert_eq!(next(413), Next::GiveUp);
        assert_eq!(next(422), Next::GiveUp);
        for status in [301, 401, 403, 404, 405, 408, 429, 500, 503] {
            assert!(matches!(next(status), Next::Retry(_)), "{status}");
        }
    }

    #[test]
    fn a_provider_that_names_a_time_is_not_asked_earlier() {
        let hour = Duration::from_secs(3600);
        let next = Retry::default().after(EventId::fresh(), 1, Some(&refused(429, Some(hour))));
        assert_eq!(next, Next::Retry(hour));
        let never = refused(429, Some(Duration::MAX));
        let next = Retry::default().after(EventId::fresh(), 1, Some(&never));
        assert_eq!(next, Next::Retry(hour), "but not later than in an hour");
    }
}
