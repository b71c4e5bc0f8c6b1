//! Stops asking a provider that fails anyway, and finds out with one call at a time whether it is back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::reference::outage::OutageLog;
use crate::reference::provider::SendError;

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

/// The states as [`Breaker::status`] names them.
pub(crate) const BREAKER_STATES: [&str; 3] = ["closed", "open", "half-open"];

/// The breaker of one process: all its workers share it.
pub struct Breaker {
    options: BreakerOptions,
    state: Mutex<BreakerState>,
    changed: Notify,
    probes: AtomicU64,
    outage: OutageLog,
}

/// What a breaker lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
enum BreakerState {
    /// Calls pass; this many consecutive calls have failed.
    Closed { failures: u32 },
    /// Nothing until then.
    Open {
        until: Instant,
        times: u32,
        reason: String,
    },
    /// The one call that finds out, and its number among such calls.
    HalfOpen {
        times: u32,
        reason: String,
        probe: u64,
    },
}

/// Leave to begin attempts, kept until they have ended. However a probe ends without a call, be it by a panic or because
/// there was nothing to send: when the last clone is dropped another one may find out.
#[derive(Clone)]
pub(super) struct BreakerPermit {
    probe: Option<Arc<ProbePermit>>,
}

/// The leave for the one call that finds out.
struct ProbePermit {
    breaker: Arc<Breaker>,
    number: u64,
}

impl BreakerPermit {
    /// May only one attempt begin, whose outcome decides? Else as many as there are workers.
    pub(super) fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

impl Drop for ProbePermit {
    fn drop(&mut self) {
        self.breaker.unused(self.number);
    }
}

impl Breaker {
    /// A closed one.
    pub fn new(options: BreakerOptions) -> Breaker {
        Breaker {
            options,
            state: Mutex::new(BreakerState::Closed { failures: 0 }),
            changed: Notify::new(),
            probes: AtomicU64::new(0),
            outage: OutageLog::of(
                "the provider",
                "the circuit breaker is open: no calls for a while; hint: accepted events are kept; check the provider, or raise --breaker-failures",
            ),
        }
    }

    /// Waits until an attempt may begin.
    pub(super) async fn pass(self: &Arc<Self>) -> BreakerPermit {
        loop {
            let changed = self.changed.notified();
            let until = match self.try_pass(Instant::now()) {
                Ok(permit) => return permit,
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

    fn try_pass(self: &Arc<Self>, now: Instant) -> Result<BreakerPermit, Option<Instant>> {
        let mut state = self.lock();
        match &*state {
            BreakerState::Closed { .. } => Ok(BreakerPermit { probe: None }),
            BreakerState::HalfOpen { .. } => Err(None),
            BreakerState::Open { until, .. } if now < *until => Err(Some(*until)),
            BreakerState::Open { times, reason, .. } => {
                let number = self.probes.fetch_add(1, Ordering::Relaxed);
                *state = BreakerState::HalfOpen {
                    times: *times,
                    reason: reason.clone(),
                    probe: number,
                };
                let breaker = self.clone();
                let probe = Some(Arc::new(ProbePermit { breaker, number }));
                Ok(BreakerPermit { probe })
            }
        }
    }

    /// This probe made no call, or its result is recorded already.
    fn unused(&self, number: u64) {
        let mut state = self.lock();
        if let BreakerState::HalfOpen {
            times,
            reason,
            probe,
        } = &*state
            && *probe == number
        {
            *state = BreakerState::Open {
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
        let was_closed = matches!(*state, BreakerState::Closed { .. });
        *state = BreakerState::Closed { failures: 0 };
        drop(state);
        if !was_closed {
            self.changed.notify_waiters();
        }
        self.outage.succeeded();
    }

    fn failed(&self, error: &SendError) {
        let mut state = self.lock();
        let times = match &mut *state {
            BreakerState::Closed { failures } => {
                *failures += 1;
                if self.options.failures == 0 || *failures < self.options.failures {
                    return;
                }
                0
            }
            // The calls that were under way when it opened say nothing new.
            BreakerState::Open { .. } => return,
            BreakerState::HalfOpen { times, .. } => *times + 1,
        };
        let pause = self.pause(times, error);
        *state = BreakerState::Open {
            until: Instant::now() + pause,
            times,
            reason: error.to_string(),
        };
        drop(state);
        self.outage.failed(error);
        self.changed.notify_waiters();
    }

    fn pause(&self, times: u32, error: &SendError) -> Duration {
        let doubled = self.options.open_for.saturating_mul(1 << times.min(16));
        error
            .retry_after()
            .unwrap_or(doubled.min(self.options.open_cap))
    }

    /// `closed`, `open` or `half-open`, and why it is not closed.
    pub(crate) fn status(&self) -> (&'static str, Option<String>) {
        match &*self.lock() {
            BreakerState::Closed { .. } => ("closed", None),
            BreakerState::Open { reason, .. } => ("open", Some(reason.clone())),
            BreakerState::HalfOpen { reason, .. } => ("half-open", Some(reason.clone())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BreakerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::{Breaker, BreakerOptions, BreakerState};
    use crate::reference::provider::SendError;

    fn breaker() -> Arc<Breaker> {
        Arc::new(Breaker::new(BreakerOptions {
            failures: 3,
            open_for: Duration::from_millis(20),
            open_cap: Duration::from_millis(30),
        }))
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
        let probe = breaker.pass().await;
        assert!(probe.is_probe() && start.elapsed() >= Duration::from_millis(20));
        assert_eq!(breaker.status().0, "half-open");
        let second = timeout(Duration::from_millis(50), breaker.pass()).await;
        assert!(second.is_err(), "only one may find out");
        fail(&breaker, 1);
        drop(probe);
        assert_eq!(breaker.status().0, "open");
        assert!(breaker.pass().await.is_probe());
        assert!(
            start.elapsed() >= Duration::from_millis(50),
            "30 ms, the cap of twice 20"
        );
        breaker.record(&Ok(()));
        assert!(!breaker.pass().await.is_probe());
    }

    #[tokio::test]
    async fn a_probe_that_calls_nobody_makes_room_for_the_next_however_it_ends() {
        let breaker = breaker();
        fail(&breaker, 3);
        drop(breaker.pass().await);
        let probe = breaker.pass().await;
        let panicked = tokio::spawn(async move {
            let _probe = probe;
            panic!("in the middle of an attempt");
        });
        assert!(panicked.await.is_err());
        let aborted = tokio::spawn({
            let probe = breaker.pass().await;
            async move {
                let _probe = probe;
                std::future::pending::<()>().await;
            }
        });
        aborted.abort();
        assert!(breaker.pass().await.is_probe());
    }

    #[tokio::test]
    async fn a_probe_that_ends_late_lets_no_second_one_beside_the_next() {
        let breaker = breaker();
        fail(&breaker, 3);
        let late = breaker.pass().await;
        fail(&breaker, 1);
        let _next = breaker.pass().await;
        drop(late);
        assert_eq!(breaker.status().0, "half-open");
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
    fn a_time_beyond_all_reason_is_kept_for_an_hour() {
        let breaker = breaker();
        fail(&breaker, 2);
        breaker.record(&refused(429, Some(Duration::MAX)));
        let state = breaker.lock().clone();
        let BreakerState::Open { until, .. } = state else {
            panic!("{state:?}")
        };
        assert!(until <= Instant::now() + Duration::from_secs(3600));
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
