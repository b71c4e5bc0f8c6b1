//! The backlog that each accepted event finds: the events that were accepted before it and are not done.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::run::completion::Completion;
use crate::run::recording::{LatencyCode, Recording};
use crate::run::schedule::Schedule;

/// What one accepted event finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FoundBacklog {
    /// Not fewer: each time to completion is the shortest that it may be, and an event of unknown state is done.
    pub(super) at_least: u64,
    /// Not more: each is the longest that it may be, and an event of unknown state is not done.
    pub(super) at_most: u64,
}

/// Of each accepted event of a trial, in the order of the intended start; events of the warm-up are not counted. `None` where the audit read no times, or the times of the answers were not kept.
pub(super) fn found(
    completion: &Completion,
    recording: &Recording,
    schedule: &Schedule,
) -> Option<Vec<FoundBacklog>> {
    let accepted_ns = accepted_at(recording, schedule)?;
    let is_whole = accepted_ns.len() == completion.times.len();
    is_whole.then(|| of_events(&accepted_ns, completion))
}

/// The end of each request with an ok answer, in nanoseconds after t0.
fn accepted_at(recording: &Recording, schedule: &Schedule) -> Option<Vec<u64>> {
    let sequence = recording.sequence()?;
    let answers = sequence.places().zip(recording.ok.iter());
    let accepted = schedule.iter().zip(answers);
    let accepted = accepted.filter(|(_, (_, ok))| *ok);
    let ends = accepted.map(|(due_ns, ((_, entry), _))| due_ns + entry.code.low_ns());
    (sequence.len() == recording.planned()).then(|| ends.collect())
}

fn of_events(accepted_ns: &[u64], completion: &Completion) -> Vec<FoundBacklog> {
    let done_at = |at_most: bool| -> Vec<Option<u64>> {
        let events = accepted_ns.iter().zip(&completion.times);
        let events = (0_u64..).zip(events);
        let done = events.map(|(row, (accepted_ns, time))| {
            let code = if at_most { time.at_most } else { time.at_least };
            if code != LatencyCode::NOT_OK {
                return Some(accepted_ns + code.low_ns());
            }
            // Nothing is known of it.
            (!at_most && completion.done.client.get(row)).then_some(*accepted_ns)
        });
        done.collect()
    };
    let at_least = waiting(accepted_ns, &done_at(false));
    let at_most = waiting(accepted_ns, &done_at(true));
    let both = at_least.into_iter().zip(at_most);
    both.map(|(at_least, at_most)| FoundBacklog { at_least, at_most })
        .collect()
}

/// How many events were accepted before each one and done after it; `None` is never done.
fn waiting(accepted_ns: &[u64], done_ns: &[Option<u64>]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..accepted_ns.len()).collect();
    order.sort_by_key(|&event| accepted_ns[event]);
    let mut found = vec![0; accepted_ns.len()];
    let mut open = BinaryHeap::new();
    let mut never = 0_u64;
    for event in order {
        let now = accepted_ns[event];
        while open.peek().is_some_and(|&Reverse(done)| done <= now) {
            open.pop();
        }
        found[event] = open.len() as u64 + never;
        match done_ns[event] {
            Some(done) => open.push(Reverse(done)),
            None => never += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::waiting;

    #[test]
    fn an_event_finds_those_before_it_that_are_not_done() {
        // One event a second, each worked on for 2.5 s by as many workers as there are events.
        let accepted: Vec<u64> = (0..6).map(|second| second * 1_000).collect();
        let done: Vec<Option<u64>> = accepted.iter().map(|at| Some(at + 2_500)).collect();
        assert_eq!(waiting(&accepted, &done), [0, 1, 2, 2, 2, 2]);
    }

    #[test]
    fn one_worker_that_is_too_slow_leaves_a_backlog_that_grows() {
        // One event a second, and 2 s of work on each: event k is done at 2·(k + 1) s.
        let accepted: Vec<u64> = (0..6).map(|second| second * 1_000).collect();
        let done: Vec<Option<u64>> = (0..6).map(|event| Some(2_000 * (event + 1))).collect();
        assert_eq!(waiting(&accepted, &done), [0, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn an_event_that_is_never_done_waits_to_the_end_and_the_order_is_that_of_acceptance() {
        assert_eq!(
            waiting(&[3_000, 1_000, 2_000], &[Some(3_001), None, Some(2_001)]),
            [1, 0, 1]
        );
    }
}
