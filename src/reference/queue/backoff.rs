//! How long to leave a broker alone that failed.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Doubles with every failure, with jitter, so that many processes do not come back at once.
#[derive(Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// Waits until the broker may be tried again.
    pub(super) async fn rest(&self) {
        if let Some(until) = self.until {
            sleep_until(until).await;
        }
    }

    pub(super) fn reset(&mut self) {
        *self = Backoff::default();
    }

    pub(super) fn grow(&mut self) {
        let ceiling = FIRST
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST);
        self.failures += 1;
        // Half of it at least: no jitter may turn into a storm.
        let pause = ceiling.mul_f64(0.5 + rand::random::<f64>() / 2.0);
        self.until = Some(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, LONGEST};
    use tokio::time::Instant;

    #[test]
    fn a_pause_doubles_up_to_a_limit_and_ends_with_success() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.until, None);
        for failure in 0..20 {
            let now = Instant::now();
            backoff.grow();
            let pause = backoff.until.unwrap() - now;
            let ceiling = (100u128 << failure.min(10)).min(LONGEST.as_millis());
            assert!(
                (ceiling / 2..=ceiling + 50).contains(&pause.as_millis()),
                "{failure}: {pause:?}"
            );
        }
        backoff.reset();
        assert_eq!(backoff.until, None);
    }
}
