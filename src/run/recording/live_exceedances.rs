//! The exceedances of a run in progress, and how far they are complete.

use std::borrow::Cow;
use std::time::Duration;

use super::bits::Bits;
use super::exceedances::{Exceedances, Rows};
use crate::run::histogram::{Histogram, Precision};
use crate::run::sample::{FailureKind, Outcome, Sample};

/// One bit a request and question, in order of the intended start, of an open-model run that is not over.
#[derive(Clone, Debug)]
pub struct LiveExceedances {
    ended: Bits,
    complete: u64,
    not_ok: Bits,
    failed: Bits,
    exceedances: Vec<Exceedances>,
    own_error: Duration,
    send_lag: Histogram,
    client_failures: u64,
}

impl LiveExceedances {
    /// Nothing ended yet; counts exceedances of these targets.
    pub fn new(targets: &[Duration]) -> LiveExceedances {
        LiveExceedances {
            ended: Bits::new(),
            complete: 0,
            not_ok: Bits::new(),
            failed: Bits::new(),
            exceedances: targets.iter().map(|&t| Exceedances::of(t)).collect(),
            own_error: Duration::ZERO,
            send_lag: Histogram::new(Precision::Three),
            client_failures: 0,
        }
    }

    /// The measurement overhead, set before the first request.
    pub fn learn_own_error(&mut self, own_error: Duration) {
        self.own_error = own_error;
    }

    /// Marks a request that ended.
    pub fn add(&mut self, sample: &Sample) {
        let (index, outcome) = (sample.index, sample.outcome);
        let lag_ns = sample.send_lag_ns().unwrap_or(0);
        self.send_lag.record(lag_ns);
        self.client_failures += u64::from(outcome == Outcome::Failed(FailureKind::Client));
        self.ended.set(index, true);
        self.not_ok.set(index, outcome != Outcome::Ok);
        self.failed
            .set(index, outcome != Outcome::Ok && !outcome.is_ours());
        for exceedances in &mut self.exceedances {
            let response_ns = sample.response_ns();
            exceedances.count(index, outcome, response_ns, lag_ns, self.own_error);
        }
        while self.ended.get(self.complete) {
            self.complete += 1;
        }
    }

    /// How many requests have ended without one before them that has not.
    pub fn complete(&self) -> u64 {
        self.complete
    }

    /// Our own delays until now.
    pub fn send_lag(&self) -> &Histogram {
        &self.send_lag
    }

    /// Requests that failed for a cause on this side until now.
    pub fn client_failures(&self) -> u64 {
        self.client_failures
    }

    /// Which requests exceeded a target, or did not end ok where there is none; `None` for a target that is not
    /// counted.
    pub fn rows_of(&self, target: Option<Duration>) -> Option<Rows<'_>> {
        let Some(target) = target else {
            let (not_ok, failed) = (Cow::Borrowed(&self.not_ok), Cow::Borrowed(&self.failed));
            return Some(Rows::of_failures(not_ok, failed));
        };
        let counted = self.exceedances.iter().find(|e| e.target == target)?;
        Some(Rows::from(counted))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::LiveExceedances;
    use crate::run::sample::{FailureKind, Outcome, Phases, Sample};

    fn ended(index: u64, latency_ms: u64, outcome: Outcome) -> Sample {
        let start_ns = index * 10_000_000;
        Sample {
            index,
            intended_start_ns: Some(start_ns),
            dispatched_ns: start_ns,
            sent_ns: Some(start_ns),
            finished_ns: start_ns + latency_ms * 1_000_000,
            outcome,
            status: None,
            connection: None,
            phases: Phases::default(),
            body_bytes: 0,
            server_timing: Vec::new(),
        }
    }

    #[test]
    fn a_request_that_has_not_ended_holds_back_those_after_it() {
        let target = Duration::from_millis(150);
        let mut exceedances = LiveExceedances::new(&[target]);
        exceedances.add(&ended(0, 5, Outcome::Ok));
        // The second one is slow and still out: quick ones after it must not be seen without it.
        exceedances.add(&ended(2, 5, Outcome::Ok));
        exceedances.add(&ended(3, 5, Outcome::Failed(FailureKind::Client)));
        assert_eq!(exceedances.complete(), 1);
        exceedances.add(&ended(1, 400, Outcome::Ok));
        assert_eq!(exceedances.complete(), 4);
        let rows = exceedances.rows_of(Some(target)).unwrap();
        assert_eq!(
            rows.at_most.iter().collect::<Vec<_>>(),
            [false, true, false, true]
        );
        assert_eq!(
            rows.certain.iter().collect::<Vec<_>>(),
            [false, true, false, false]
        );
        let failures = exceedances.rows_of(None).unwrap();
        assert_eq!(
            (failures.at_most.count_ones(), failures.certain.count_ones()),
            (1, 0)
        );
        assert!(exceedances.rows_of(Some(target * 2)).is_none());
    }
}
