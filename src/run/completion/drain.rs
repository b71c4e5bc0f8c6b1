//! How long the work of a run lasted after its last request.

use std::time::Duration;

use super::Completion;
use super::completion_course::CompletionCourse;
use crate::run::recording::{LatencyCode, Recording};

impl Completion {
    /// From the intended start of the last request to the end of the last event that was done; `None` if accepted events
    /// are pending, and where the order of the requests or the times were not kept.
    pub fn drained_after(&self, recording: &Recording) -> Option<Duration> {
        if self.pending > 0 || self.times.is_empty() {
            return None;
        }
        let placed = CompletionCourse::placed(recording)?;
        let last_start = placed.last()?.start_s;
        let accepted = placed.iter().zip(recording.ok.iter());
        let accepted = accepted.filter(|(_, ok)| *ok).map(|(request, _)| request);
        let ends = accepted.zip(&self.times).filter_map(|(request, time)| {
            let code = time.at_most;
            let done_ns = (code != LatencyCode::NOT_OK).then(|| code.low_ns())?;
            let answered_ns = request.ns.unwrap_or(0);
            Some(request.start_s + (answered_ns + done_ns) as f64 / 1e9)
        });
        let last_end = ends.fold(last_start, f64::max);
        Some(Duration::from_secs_f64(last_end - last_start))
    }

    /// The most events that were accepted and not done at the end of any second; `None` where the order of the requests
    /// was not kept.
    pub fn most_waiting(&self) -> Option<u64> {
        let course = self.course.as_ref()?;
        let (mut waiting, mut most) = (0_u64, 0);
        for (second, accepted) in course.accepted.iter().enumerate() {
            let done = course.done.get(second).copied().unwrap_or(0);
            waiting = (waiting + accepted).saturating_sub(done);
            most = most.max(waiting);
        }
        Some(most)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::time::Duration;

    use crate::run::completion::{
        AuditOutcome, Completion, DoneClock, EventReport, EventStatus, Settled, UnknownMeans,
    };
    use crate::run::recording::{Recording, TimeBase};
    use crate::run::sample::{Outcome, Phases, Sample};

    const MS: u64 = 1_000_000;

    /// Ten requests at 10/s, each answered after 10 ms.
    fn recorded() -> Recording {
        let mut recording = Recording::new(TimeBase::IntendedStart, &[]);
        for index in 0..10 {
            let due = index * 100 * MS;
            recording.add(&Sample {
                index,
                intended_start_ns: Some(due),
                dispatched_ns: due,
                sent_ns: Some(due),
                finished_ns: due + 10 * MS,
                outcome: Outcome::Ok,
                status: Some(202),
                connection: None,
                phases: Phases::default(),
                body_bytes: 0,
                server_timing: Vec::new(),
            });
        }
        recording
    }

    fn audited(done_of: impl Fn(u64) -> EventStatus) -> Completion {
        let outcome = AuditOutcome {
            clock: DoneClock::Server,
            settled: Settled::Done,
            patience: Duration::from_secs(30),
            unknown: UnknownMeans::Lost,
        };
        let report = |index| EventReport {
            status: done_of(index),
            inserts: None,
            notifications: None,
            notify_unknown: 0,
        };
        let reports: HashMap<u64, EventReport> =
            (0..10).map(|index| (index, report(index))).collect();
        Completion::of(&recorded(), &HashSet::new(), &reports, outcome, &[])
    }

    fn done_after(time: Duration) -> EventStatus {
        EventStatus::Processed {
            at_least: time,
            at_most: time,
        }
    }

    #[test]
    fn a_queue_drains_from_the_last_request_to_the_last_event() {
        let completion = audited(|index| done_after(Duration::from_millis(300 * (index + 1))));
        // The last one is accepted 10 ms after it was due, and done 3 s later.
        let drained = completion.drained_after(&recorded()).unwrap();
        assert!((drained.as_secs_f64() - 3.01).abs() < 0.01, "{drained:?}");
        // In the first second ten are accepted and two are done.
        assert_eq!(completion.most_waiting(), Some(8));
    }

    #[test]
    fn a_queue_with_pending_events_has_not_drained() {
        let completion = audited(|index| {
            if index == 9 {
                EventStatus::Pending
            } else {
                done_after(Duration::from_millis(5))
            }
        });
        assert_eq!(completion.drained_after(&recorded()), None);
    }
}
