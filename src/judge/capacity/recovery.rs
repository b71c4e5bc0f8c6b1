//! Does the service answer again as in the reference?
//!
//! Two samples differ significantly as soon as they are large enough, so a difference also has a size: a service that
//! drifts by a fifth during a search has recovered.

use std::time::Duration;

use super::growth::median;
use super::sample::{GateRows, TrialSample};
use crate::stats::binomial::reaches;
use crate::stats::two_groups::p_first_larger;

/// Level of the test of Mann and Whitney.
const LEVEL: f64 = 0.01;

/// A median is worse from this part above that of the reference,
const PART_OF_REFERENCE: f64 = 0.25;

/// and this part of the limit,
const PART_OF_LIMIT: f64 = 0.05;

/// and this, in seconds.
const LEAST_S: f64 = 0.001;

/// A single slow request makes no difference.
const LEAST_EXCEEDANCES: u64 = 2;

/// A share is worse above this many times that of the reference,
const TIMES_REFERENCE: f64 = 3.0;

/// and this many times what is allowed.
const TIMES_ALLOWED: f64 = 5.0;

/// Ranks of at most this number of values of a sample, evenly chosen, are compared: the test counts every pair.
const MOST_VALUES: usize = 1_000;

/// Least length of a window, and least number of its requests.
const WINDOW: Duration = Duration::from_secs(2);
const WINDOW_REQUESTS: f64 = 20.0;

/// The length of a window at this many requests per second.
pub fn recovery_window(rate: f64) -> Duration {
    WINDOW.max(Duration::from_secs_f64(WINDOW_REQUESTS / rate))
}

/// Whether a window at the rate of the reference is worse than the reference, for a limit.
pub(super) fn is_worse(window: &TrialSample, reference: &TrialSample, limit: Duration) -> bool {
    is_slower(&window.latencies, &reference.latencies, limit)
        || is_slower(&window.done, &reference.done, limit)
        || (window.gates.iter().zip(&reference.gates)).any(|(now, then)| exceeds(now, then))
}

fn is_slower(window: &[f64], reference: &[f64], limit: Duration) -> bool {
    let then = median(reference);
    let allowed = (PART_OF_REFERENCE * then)
        .max(PART_OF_LIMIT * limit.as_secs_f64())
        .max(LEAST_S);
    median(window) > then + allowed
        && reaches(p_first_larger(&thinned(window), &thinned(reference)), LEVEL)
}

fn thinned(values: &[f64]) -> Vec<f64> {
    let step = values.len().div_ceil(MOST_VALUES).max(1);
    values.iter().step_by(step).copied().collect()
}

fn exceeds(window: &GateRows, reference: &GateRows) -> bool {
    let most = (TIMES_REFERENCE * reference.share()).max(TIMES_ALLOWED * window.theta0);
    window.count() >= LEAST_EXCEEDANCES && window.share() > most
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{is_worse, recovery_window};
    use crate::judge::capacity::sample::TrialSample;

    const LIMIT: Duration = Duration::from_millis(150);

    fn of(milliseconds: impl Iterator<Item = u64>) -> TrialSample {
        let latencies: Vec<_> = milliseconds
            .map(|ms| Some(Duration::from_millis(ms)))
            .collect();
        TrialSample::of_latencies(20.0, &latencies, LIMIT, 0.05)
    }

    fn reference() -> TrialSample {
        of((0..100).map(|i| 40 + i % 20))
    }

    #[test]
    fn a_service_that_drifted_by_a_fifth_has_recovered_and_one_at_twice_has_not() {
        let slower = |percent: u64| of((0..40).map(move |i| (40 + i % 20) * percent / 100));
        assert!(!is_worse(&slower(120), &reference(), LIMIT));
        assert!(is_worse(&slower(200), &reference(), LIMIT));
    }

    #[test]
    fn one_slow_request_is_recovered_and_a_third_of_them_is_not() {
        let slow = |every: u64| of((0..40).map(move |i| if i % every == 0 { 500 } else { 45 }));
        assert!(!is_worse(&slow(40), &reference(), LIMIT));
        // 5 of 40 are 12.5 %, within five times what a P95 allows; 14 are not.
        assert!(!is_worse(&slow(8), &reference(), LIMIT));
        assert!(is_worse(&slow(3), &reference(), LIMIT));
    }

    #[test]
    fn a_window_holds_twenty_requests() {
        assert_eq!(recovery_window(0.5), Duration::from_secs(40));
        assert_eq!(recovery_window(20.0), Duration::from_secs(2));
    }
}
