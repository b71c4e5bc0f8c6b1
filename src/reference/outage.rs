//! Log lines about a component that is unavailable: one when it fails, one a minute with counts, one when it works
//! again.
//!
//! Every operation that fails because of the outage reports here instead of logging, however often. A component that
//! alternates between failure and success is not back until it has worked for a settling time, which doubles with every
//! relapse.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Between two lines about a continuing outage.
const REMIND_EVERY: Duration = Duration::from_secs(60);
/// The first settling time: how long the component must work before it is reported as back.
const SETTLE: Duration = Duration::from_secs(1);
/// How often the thread checks whether a line is due.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OutageLine {
    /// The component has just failed, for this reason.
    Away { reason: String },
    /// The component has been failing for this long; the reason is that of the last failure.
    Still {
        elapsed: Duration,
        failures: u64,
        reason: String,
    },
    /// The component works again.
    Back { elapsed: Duration, failures: u64 },
}

/// Follows consecutive outages, without a clock of its own.
#[derive(Debug)]
pub(crate) struct OutageTracker {
    outage: Option<CurrentOutage>,
    settle: Duration,
    last_failure: Option<Instant>,
}

#[derive(Debug)]
struct CurrentOutage {
    since: Instant,
    reported_at: Instant,
    reported_failures: u64,
    failures: u64,
    reason: String,
    works_since: Option<Instant>,
}

impl Default for OutageTracker {
    fn default() -> OutageTracker {
        OutageTracker {
            outage: None,
            settle: SETTLE,
            last_failure: None,
        }
    }
}

impl OutageTracker {
    pub(crate) fn failed(&mut self, now: Instant, reason: &str) -> Option<OutageLine> {
        let before = self.last_failure.replace(now);
        if let Some(current) = &mut self.outage {
            current.failures += 1;
            current.works_since = None;
            reason.clone_into(&mut current.reason);
            return current.remind(now);
        }
        let is_relapse = before.is_some_and(|before| now - before < REMIND_EVERY);
        self.settle = if is_relapse {
            (self.settle * 2).min(REMIND_EVERY)
        } else {
            SETTLE
        };
        self.outage = Some(CurrentOutage {
            since: now,
            reported_at: now,
            reported_failures: 1,
            failures: 1,
            reason: reason.to_owned(),
            works_since: None,
        });
        let reason = reason.to_owned();
        Some(OutageLine::Away { reason })
    }

    pub(crate) fn succeeded(&mut self, now: Instant) -> Option<OutageLine> {
        self.outage.as_mut()?.works_since.get_or_insert(now);
        self.look(now)
    }

    pub(crate) fn look(&mut self, now: Instant) -> Option<OutageLine> {
        let current = self.outage.as_mut()?;
        let works_since = current.works_since;
        if works_since.is_none_or(|since| now - since < self.settle) {
            return current.remind(now);
        }
        let over = self.outage.take()?;
        Some(OutageLine::Back {
            elapsed: self.last_failure.unwrap_or(over.since) - over.since,
            failures: over.failures,
        })
    }

    fn is_over(&self) -> bool {
        self.outage.is_none()
    }
}

impl CurrentOutage {
    fn remind(&mut self, now: Instant) -> Option<OutageLine> {
        // Without a new attempt there is no news.
        if now - self.reported_at < REMIND_EVERY || self.failures == self.reported_failures {
            return None;
        }
        (self.reported_at, self.reported_failures) = (now, self.failures);
        Some(OutageLine::Still {
            elapsed: now - self.since,
            failures: self.failures,
            reason: self.reason.clone(),
        })
    }
}

/// Logs the outages of a component; clones share it.
#[derive(Clone)]
pub(crate) struct OutageLog {
    shared: Arc<LoggedOutages>,
}

struct LoggedOutages {
    /// The name of the component: `the store`.
    thing: String,
    /// The consequence of its first failure.
    meaning: &'static str,
    tracker: Mutex<OutageTracker>,
}

impl OutageLog {
    /// For a component that works as far as is known.
    pub(crate) fn of(thing: impl Into<String>, meaning: &'static str) -> OutageLog {
        OutageLog {
            shared: Arc::new(LoggedOutages {
                thing: thing.into(),
                meaning,
                tracker: Mutex::default(),
            }),
        }
    }

    /// Records a failure. Cheap, and called for every failure.
    pub(crate) fn failed(&self, reason: &dyn Display) {
        let line = self
            .shared
            .lock()
            .failed(Instant::now(), &reason.to_string());
        let Some(line) = line else { return };
        let has_begun = matches!(line, OutageLine::Away { .. });
        self.shared.log(&line);
        if has_begun {
            self.watch();
        }
    }

    /// Records a success. Cheap, and called for every success.
    pub(crate) fn succeeded(&self) {
        let line = {
            let mut tracker = self.shared.lock();
            if tracker.is_over() {
                return;
            }
            tracker.succeeded(Instant::now())
        };
        line.inspect(|line| self.shared.log(line));
    }

    /// Records the result of an operation.
    pub(crate) fn note<T, E: Display>(&self, result: &Result<T, E>) {
        match result {
            Ok(_) => self.succeeded(),
            Err(error) => self.failed(error),
        }
    }

    /// Writes the lines that are due while nothing else happens. Without the thread they follow with the next report.
    fn watch(&self) {
        let shared = Arc::downgrade(&self.shared);
        let thread = std::thread::Builder::new().name("outage".to_owned());
        let _ = thread.spawn(move || watch(&shared));
    }
}

/// Checks until the outage has ended, or until every handle that could report its end is dropped.
fn watch(shared: &Weak<LoggedOutages>) {
    loop {
        std::thread::sleep(LOOK_EVERY);
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let (line, is_over) = {
            let mut tracker = shared.lock();
            (tracker.look(Instant::now()), tracker.is_over())
        };
        line.inspect(|line| shared.log(line));
        if is_over {
            return;
        }
    }
}

impl LoggedOutages {
    fn lock(&self) -> MutexGuard<'_, OutageTracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, line: &OutageLine) {
        let (thing, meaning) = (&self.thing, self.meaning);
        match line {
            OutageLine::Away { reason } => tracing::warn!(error = %reason, "{thing}: {meaning}"),
            OutageLine::Still {
                elapsed,
                failures,
                reason,
            } => {
                let seconds = elapsed.as_secs();
                tracing::warn!(error = %reason, "{thing}: still failing after {seconds} s, {failures} failures");
            }
            OutageLine::Back { elapsed, failures } => {
                let seconds = elapsed.as_secs();
                tracing::warn!("{thing}: works again after {failures} failures in {seconds} s");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{OutageLine, OutageTracker};

    /// A clock whose time the test sets.
    struct Clock(Instant);

    impl Clock {
        fn at(&self, ms: u64) -> Instant {
            self.0 + Duration::from_millis(ms)
        }
    }

    fn away(reason: &str) -> Option<OutageLine> {
        let reason = reason.to_owned();
        Some(OutageLine::Away { reason })
    }

    #[test]
    fn an_outage_is_a_line_when_it_begins_one_a_minute_and_one_when_it_ends() {
        let (clock, mut tracker) = (Clock(Instant::now()), OutageTracker::default());
        let mut lines = Vec::new();
        // A thousand failures a second for 150 seconds, then success.
        for ms in 0..150_000 {
            lines.extend(tracker.failed(clock.at(ms), "refused"));
        }
        for ms in (150_000..200_000).step_by(250) {
            lines.extend(tracker.succeeded(clock.at(ms)));
        }
        let still = |seconds: u64| OutageLine::Still {
            elapsed: Duration::from_secs(seconds),
            failures: seconds * 1_000 + 1,
            reason: "refused".to_owned(),
        };
        let back = OutageLine::Back {
            elapsed: Duration::from_millis(149_999),
            failures: 150_000,
        };
        let expected = [away("refused").unwrap(), still(60), still(120), back];
        assert_eq!(lines, expected);
    }

    #[test]
    fn it_is_reminded_of_although_nothing_is_reported() {
        let (clock, mut tracker) = (Clock(Instant::now()), OutageTracker::default());
        assert_eq!(tracker.failed(clock.at(0), "refused"), away("refused"));
        assert_eq!(tracker.failed(clock.at(59_998), "refused"), None);
        assert_eq!(tracker.look(clock.at(59_999)), None);
        assert!(matches!(
            tracker.look(clock.at(60_000)),
            Some(OutageLine::Still { failures: 2, .. })
        ));
        assert_eq!(tracker.look(clock.at(60_001)), None);
        // A minute without an attempt.
        assert_eq!(tracker.look(clock.at(180_000)), None);
    }

    #[test]
    fn what_is_well_says_nothing() {
        let (clock, mut tracker) = (Clock(Instant::now()), OutageTracker::default());
        for ms in 0..100_000 {
            assert_eq!(tracker.succeeded(clock.at(ms)), None);
            assert_eq!(tracker.look(clock.at(ms)), None);
        }
    }

    #[test]
    fn what_works_and_fails_by_turns_is_one_outage() {
        let (clock, mut tracker) = (Clock(Instant::now()), OutageTracker::default());
        let mut lines = Vec::new();
        for ms in 0..59_000 {
            lines.extend(if ms % 2 == 0 {
                tracker.failed(clock.at(ms), "no such table")
            } else {
                tracker.succeeded(clock.at(ms))
            });
        }
        assert_eq!(lines, [away("no such table").unwrap()]);
    }

    #[test]
    fn a_relapse_is_told_and_takes_longer_to_be_over() {
        let (clock, mut tracker) = (Clock(Instant::now()), OutageTracker::default());
        let mut lines = 0;
        // Ten seconds of alternating failure and success.
        for second in 0..600u64 {
            let at = second * 1_000;
            lines += usize::from(second % 10 == 0 && tracker.failed(clock.at(at), "x").is_some());
            lines += usize::from(tracker.succeeded(clock.at(at + 1)).is_some());
            lines += usize::from(tracker.look(clock.at(at + 999)).is_some());
        }
        assert!((4..=20).contains(&lines), "{lines}");
    }

    #[test]
    fn an_outage_long_after_another_is_told_like_the_first() {
        let (clock, mut tracker) = (Clock(Instant::now()), OutageTracker::default());
        for at in [0, 100_000] {
            assert_eq!(tracker.failed(clock.at(at), "x"), away("x"));
            assert_eq!(tracker.succeeded(clock.at(at + 10)), None);
            let back = tracker.look(clock.at(at + 1_010));
            assert!(
                matches!(back, Some(OutageLine::Back { failures: 1, .. })),
                "{back:?}"
            );
        }
    }
}
