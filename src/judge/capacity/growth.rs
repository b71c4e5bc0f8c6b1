//! Does the latency rise from stretch to stretch of a trial? Then a queue fills that the trial was too short to show.

use std::time::Duration;

use crate::stats::binomial::reaches;
use crate::stats::trend::p_rising;

/// Equal stretches of a trial whose medians are compared.
const STRETCHES: usize = 10;

/// Level of the test of Mann and Kendall.
const LEVEL: f64 = 0.01;

/// The rise is taken between the medians of this number of stretches at both ends.
const END: usize = 3;

/// The rise must exceed this part of the limit,
const PART_OF_LIMIT: f64 = 0.1;

/// and this, in seconds.
const LEAST_RISE_S: f64 = 0.001;

/// Whether latencies in seconds, in order of the intended start, keep rising by more than matters for a limit.
pub(super) fn is_growing(latencies: &[f64], limit: Duration) -> bool {
    if latencies.len() < STRETCHES {
        return false;
    }
    let bound = |stretch: usize| stretch * latencies.len() / STRETCHES;
    let medians: Vec<f64> = (0..STRETCHES)
        .map(|stretch| median(&latencies[bound(stretch)..bound(stretch + 1)]))
        .collect();
    let (first, last) = (median(&medians[..END]), median(&medians[STRETCHES - END..]));
    let least = (limit.as_secs_f64() * PART_OF_LIMIT).max(LEAST_RISE_S);
    // Two infinite medians have no difference, and no rise.
    last - first > least && reaches(p_rising(&medians), LEVEL)
}

/// The middle value, the lower one of two; 0 without values.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    let Some(middle) = sorted.len().checked_sub(1).map(|last| last / 2) else {
        return 0.0;
    };
    *sorted.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::is_growing;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_millis(150);

    #[test]
    fn a_queue_that_fills_by_more_than_a_tenth_of_the_limit_grows() {
        // 5 % more load than a server takes: after 20 s the queue is a second long, and 10 ms after 0.2 s.
        let filling = |seconds: f64| {
            let latencies: Vec<f64> = (0..1_000)
                .map(|i| 0.05 * seconds * f64::from(i) / 1_000.0)
                .collect();
            is_growing(&latencies, LIMIT)
        };
        assert!(filling(20.0));
        assert!(!filling(0.2));
    }

    #[test]
    fn noise_a_burst_and_a_dead_service_do_not_grow() {
        let noise: Vec<f64> = (0..1_000)
            .map(|i| f64::from(i * 7_919 % 1_000) / 1_000.0)
            .collect();
        assert!(!is_growing(&noise, LIMIT));
        let burst: Vec<f64> = (0..1_000)
            .map(|i| if i > 800 { 0.5 } else { 0.01 })
            .collect();
        assert!(!is_growing(&burst, LIMIT), "two of ten stretches rise once");
        assert!(!is_growing(&[f64::INFINITY; 100], LIMIT));
        assert!(!is_growing(&[1.0, 2.0, 3.0], LIMIT));
    }

    #[test]
    fn a_queue_that_ends_in_time_outs_grows() {
        let dying: Vec<f64> = (0..1_000)
            .map(|i| {
                if i < 600 {
                    f64::from(i) / 100.0
                } else {
                    f64::INFINITY
                }
            })
            .collect();
        assert!(is_growing(&dying, LIMIT));
    }
}
