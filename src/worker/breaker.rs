//! Stops asking a provider that fails anyway, and finds out with one call at a time whether it is back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::provider::SendError;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Failures in a row that open it; 0 never does.
    pub failures: u32,
    /// How long it stays open the first time, unless the provider named a time; then twice as long each time.
    pub open_for: Duration,
    /// The longest it stays open, unless the provider named a time.
    pub open_cap: Duration,
}

impl Default for BreakerOptions {
    /// 10 failures in a row; 1 s, doubling up to 30 s.
    fn default() -> Self {
        BreakerOptions {
            failures: 10,
            open_for: Duration::from_secs(1),
            open_cap: Duration::from_secs(30),
        }
    }
}

/// The breaker of one process: all its workers share it.
pub struct Breaker {
    options: BreakerOptions,
    state: Mutex<State>,
    changed: Notify,
}

/// What a breaker lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Everything; so many calls in a row have failed.
    Closed { failures: u32 },
    /// Nothing until then.
    Open {
        until: Instant,
        times: u32,
        reason: String,
    },
    /// The one call that finds out.
    HalfOpen { times: u32, reason: String },
}

/// How many attempts may begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// As many as there are workers.
    Free,
    /// One, whose outcome decides.
    Probe,
}

impl Breaker {
    /// A closed one.
    pub fn new(options: BreakerOptions) -> Breaker {
        Breaker {
            options,
            state: Mutex::new(State::Closed { failures: 0 }),
            changed: Notify::new(),
        }
    }

    /// Waits until an attempt may begin. Whoever gets a [`Passage::Probe`] and begins none gives it
    /// [`back`](Breaker::unused).
    pub async fn pass(&self) -> Passage {
        loop {
            let changed = self.changed.notified();
            let until = match self.try_pass(Instant::now()) {
                Ok(passage) => return passage,
                Err(until) => until,
            };
            match until {
                Some(until) => {
                    tokio::select! { () = sleep_until(until) => {}, () = changed => {} }
                }
                None => changed.await,
            }
        }
    }

    fn try_pass(&self, now: Instant) -> Result<Passage, Option<Instant>> {
        let mut state = self.lock();
        match &*state {
            State::Closed { .. } => Ok(Passage::Free),
            State::HalfOpen { .. } => Err(None),
            State::Open { until, .. } if now < *until => Err(Some(*until)),
            State::Open { times, reason, .. } => {
                let (times, reason) = (*times, reason.clone());
                *state = State::HalfOpen { times, reason };
                Ok(Passage::Probe)
            }
        }
    }

    /// There was nothing to probe with.
    pub fn unused(&self) {
        let mut state = self.lock();
        if let State::HalfOpen { times, reason } = &*state {
            *state = State::Open {
                until: Instant::now(),
                times: *times,
                reason: reason.clone(),
            };
            drop(state);
            self.changed.notify_waiters();
        }
    }

    /// Takes note of a call. A provider that refuses one mail for good is well.
    pub fn record(&self, sent: &Result<(), SendError>) {
        match sent {
            Err(error) if !error.is_permanent() => self.failed(error),
            _ => self.succeeded(),
        }
    }

    fn succeeded(&self) {
        let mut state = self.lock();
        let was_closed = matches!(*state, State::Closed { .. });
        *state = State::Closed { failures: 0 };
        drop(state);
        if !was_closed {
            tracing::info!("the provider answers again: the circuit breaker is closed");
            self.changed.notify_waiters();
        }
    }

    fn failed(&self, error: &SendError) {
        let mut state = self.lock();
        let times = match &mut *state {
            State::Closed { failures } => {
                *failures += 1;
                if self.options.failures == 0 || *failures < self.options.failures {
                    return;
                }
                0
            }
            // The calls that were under way when it opened say nothing new.
            State::Open { .. } => return,
            State::HalfOpen { times, .. } => *times + 1,
        };
        let pause = self.pause(times, error);
        *state = State::Open {
            until: Instant::now() + pause,
            times,
            reason: error.to_string(),
        };
        drop(state);
        tracing::warn!(
            pause_ms = pause.as_millis() as u64,
            %error,
            "the circuit breaker is open: the provider is not asked for a while\nhint: accepted events are kept; look at the provider, or raise --breaker-failures"
        );
        self.changed.notify_waiters();
    }

    fn pause(&self, times: u32, error: &SendError) -> Duration {
        let asked_for = match error {
            SendError::Refused { retry_after, .. } => *retry_after,
            _ => None,
        };
        let doubled = self.options.open_for.saturating_mul(1 << times.min(16));
        asked_for.unwrap_or(doubled.min(self.options.open_cap))
    }

    /// `closed`, `open` or `half-open`, and why it is not closed.
    pub fn status(&self) -> (&'static str, Option<String>) {
        match &*self.lock() {
            State::Closed { .. } => ("closed", None),
            State::Open { reason, .. } => ("open", Some(reason.clone())),
            State::HalfOpen { reason, .. } => ("half-open", Some(reason.clone())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::{Breaker, BreakerOptions, Passage};
    use crate::provider::SendError;

    fn breaker() -> Breaker {
        Breaker::new(BreakerOptions {
            failures: 3,
            open_for: Duration::from_millis(20),
            open_cap: Duration::from_millis(30),
        })
    }

    fn refused(status: u16, retry_after: Option<Duration>) -> Result<(), SendError> {
        Err(SendError::Refused {
            status,
            reason: "no".to_owned(),
            retry_after,
        })
    }

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.record(&refused(500, None));
        }
    }

    #[tokio::test]
    async fn failures_in_a_row_open_it_and_one_success_starts_the_row_over() {
        let breaker = breaker();
        fail(&breaker, 2);
        breaker.record(&Ok(()));
        fail(&breaker, 2);
        assert_eq!(breaker.status().0, "closed");
        fail(&breaker, 1);
        let (state, reason) = breaker.status();
        assert_eq!(state, "open");
        assert_eq!(reason.as_deref(), Some("the provider answered 500: no"));
    }

    #[tokio::test]
    async fn once_its_time_is_over_one_call_decides() {
        let breaker = breaker();
        let start = Instant::now();
        fail(&breaker, 3);
        assert_eq!(breaker.pass().await, Passage::Probe);
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert_eq!(breaker.status().0, "half-open");
        let second = timeout(Duration::from_millis(50), breaker.pass()).await;
        assert!(second.is_err(), "only one may find out");
        fail(&breaker, 1);
        assert_eq!(breaker.status().0, "open");
        assert_eq!(breaker.pass().await, Passage::Probe);
        assert!(
            start.elapsed() >= Duration::from_millis(50),
            "30 ms, the cap of twice 20"
        );
        breaker.record(&Ok(()));
        assert_eq!(breaker.pass().await, Passage::Free);
    }

    #[tokio::test]
    async fn a_probe_that_finds_nothing_to_do_is_given_back() {
        let breaker = breaker();
        fail(&breaker, 3);
        assert_eq!(breaker.pass().await, Passage::Probe);
        breaker.unused();
        assert_eq!(breaker.pass().await, Passage::Probe);
    }

    #[tokio::test]
    async fn a_time_that_the_provider_names_is_kept() {
        let breaker = breaker();
        fail(&breaker, 2);
        breaker.record(&refused(429, Some(Duration::from_secs(3600))));
        let early = timeout(Duration::from_millis(60), breaker.pass()).await;
        assert!(early.is_err());
    }

    #[test]
    fn a_key_or_a_path_that_the_provider_does_not_know_opens_it() {
        for status in [302, 401, 403, 404, 405] {
            let breaker = breaker();
            for _ in 0..3 {
                breaker.record(&refused(status, None));
            }
            assert_eq!(breaker.status().0, "open", "{status}");
        }
    }

    #[test]
    fn a_mail_refused_for_good_is_no_failure_of_the_provider_and_zero_never_opens() {
        let breaker = breaker();
        for _ in 0..10 {
            breaker.record(&refused(400, None));
        }
        assert_eq!(breaker.status().0, "closed");
        let never = Breaker::new(BreakerOptions {
            failures: 0,
            ..BreakerOptions::default()
        });
        fail(&never, 1000);
        assert_eq!(never.status().0, "closed");
    }
}
