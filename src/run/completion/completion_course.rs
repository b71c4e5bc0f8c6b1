//! When events were accepted and done: counts by second of the run.

use std::time::Duration;

use crate::run::recording::{PlacedRequest, Recording};

/// A day: what lies behind counts in its last second.
const MOST_SECONDS: usize = 86_400;

/// How many events were accepted and done in each second from t0 on; the lists end with the last event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompletionCourse {
    /// Accepted events.
    pub accepted: Vec<u64>,
    /// Of these, the done ones, by the second in which they were done.
    pub done: Vec<u64>,
}

impl CompletionCourse {
    /// When each request of a recording was due and how long it took; `None` where its order was not kept.
    pub(super) fn placed(recording: &Recording) -> Option<Vec<PlacedRequest>> {
        let sequence = recording.sequence()?;
        let whole = sequence.len() == recording.planned();
        let last = recording.intervals.last_s()? as f64;
        let sent_s = recording.last_sent_ns.unwrap_or(0) as f64 / 1e9;
        let length_s = sent_s.clamp(last + 0.1, last + recording.intervals.width_s() as f64);
        whole.then(|| PlacedRequest::all(sequence, &recording.intervals, length_s))
    }

    /// An event that was accepted at the end of a request, and done this much later.
    pub(super) fn add(&mut self, request: &PlacedRequest, done_after: Option<Duration>) {
        let accepted_s = request.start_s + request.ns.unwrap_or(0) as f64 / 1e9;
        count(&mut self.accepted, accepted_s);
        if let Some(after) = done_after {
            count(&mut self.done, accepted_s + after.as_secs_f64());
        }
    }
}

fn count(seconds: &mut Vec<u64>, time_s: f64) {
    let second = (time_s as usize).min(MOST_SECONDS);
    if second >= seconds.len() {
        seconds.resize(second + 1, 0);
    }
    seconds[second] += 1;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::CompletionCourse;
    use crate::run::recording::PlacedRequest;

    #[test]
    fn events_count_in_the_second_of_their_answer_and_of_their_completion() {
        let mut course = CompletionCourse::default();
        let at = |start_s, ms: u64| PlacedRequest {
            start_s,
            ns: Some(ms * 1_000_000),
        };
        course.add(&at(0.5, 100), Some(Duration::from_secs(2)));
        course.add(&at(0.95, 100), Some(Duration::from_millis(10)));
        course.add(&at(1.2, 0), None);
        assert_eq!(course.accepted, [1, 2]);
        assert_eq!(course.done, [0, 1, 1]);
    }
}
