//! One recording after another: the blocks of one side of an interleaved comparison.

use std::sync::Arc;
use std::time::Duration;

use super::Recording;

impl Recording {
    /// Adds a later block of the same endpoint and plan: its requests follow those that are here, its time begins at
    /// `at`, from t0. Lossless, but for the intervals where `at` is not a whole number of them. The seam between the
    /// two is kept.
    pub fn append(&mut self, later: &Recording, at: Duration) {
        let first = self.planned();
        if first > 0 && later.planned() > 0 {
            self.seams.push(first);
        }
        self.merge(&later.moved(first, at));
    }

    /// The same recording with its requests numbered from `first` and its time counted from `at` earlier.
    fn moved(&self, first: u64, at: Duration) -> Recording {
        let at_ns = at.as_nanos() as u64;
        let mut moved = self.clone();
        moved.ok = self.ok.shifted(first);
        moved.client = self.client.shifted(first);
        moved.sequence = moved.sequence.map(|sequence| sequence.shifted(first));
        moved
            .exceedances
            .iter_mut()
            .for_each(|counted| *counted = counted.shifted(first));
        moved.seams = self.seams.iter().map(|seam| seam + first).collect();
        moved.intervals = Arc::new(self.intervals.later(at.as_secs()));
        for exemplar in moved.slowest.iter_mut().chain(&mut moved.first_failed) {
            exemplar.index += first;
            exemplar.at += at;
        }
        let later = |ns: Option<u64>| ns.map(|ns| ns + at_ns);
        moved.first_sent_ns = later(self.first_sent_ns);
        moved.last_sent_ns = later(self.last_sent_ns);
        moved.last_finished_ns += at_ns;
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Recording, TimeBase};
    use crate::run::sample::{ConnectionUse, Outcome, Phases, Sample};

    const TARGET: Duration = Duration::from_millis(5);

    /// Request number `index`, due at `at_s`, with this latency.
    fn sample(index: u64, at_s: u64, latency_ms: u64) -> Sample {
        let start_ns = at_s * 1_000_000_000;
        Sample {
            index,
            intended_start_ns: Some(start_ns),
            dispatched_ns: start_ns,
            sent_ns: Some(start_ns),
            finished_ns: start_ns + latency_ms * 1_000_000,
            outcome: Outcome::Ok,
            status: Some(200),
            connection: Some(ConnectionUse::Reused),
            phases: Phases::default(),
            body_bytes: 0,
            server_timing: Vec::new(),
        }
    }

    fn recording(samples: &[Sample]) -> Recording {
        let mut recording = Recording::new(TimeBase::IntendedStart, &[TARGET]);
        samples.iter().for_each(|sample| recording.add(sample));
        recording
    }

    #[test]
    fn blocks_one_behind_the_other_are_the_recording_of_all_and_its_seam() {
        let first = recording(&[sample(0, 0, 1), sample(1, 1, 9)]);
        let second = recording(&[sample(0, 0, 8), sample(1, 1, 2)]);
        let whole = recording(&[
            sample(0, 0, 1),
            sample(1, 1, 9),
            sample(2, 2, 8),
            sample(3, 3, 2),
        ]);
        let mut joined = first;
        joined.append(&second, Duration::from_secs(2));
        assert_eq!(joined.exceedances, whole.exceedances);
        assert_eq!((&joined.ok, &joined.client), (&whole.ok, &whole.client));
        assert_eq!(joined.sequence(), whole.sequence());
        assert_eq!(joined.intervals, whole.intervals);
        assert_eq!(joined.slowest, whole.slowest);
        assert_eq!(joined.achieved_per_s(), whole.achieved_per_s());
        assert_eq!(joined.last_finished_ns, whole.last_finished_ns);
        assert_eq!(
            joined.latency.ranked_values(),
            whole.latency.ranked_values()
        );
        assert_eq!(joined.seams, [2]);
    }

    #[test]
    fn nothing_leaves_no_seam() {
        let mut joined = recording(&[]);
        joined.append(&recording(&[sample(0, 0, 1)]), Duration::ZERO);
        joined.append(&recording(&[]), Duration::from_secs(1));
        assert!(joined.seams.is_empty());
    }
}
