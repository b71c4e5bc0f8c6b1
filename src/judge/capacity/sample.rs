//! A trial as it is judged.

use std::time::Duration;

use crate::run::recording::Bits;
use crate::stats::cluster::Clusters;

/// What one trial recorded, without its warm-up.
#[derive(Clone, Debug)]
pub struct TrialSample {
    /// Requests per second.
    pub rate: f64,
    /// Response times in seconds, in order of the intended start; infinite where a request did not end ok. Codes of a
    /// sequence are exact enough: only medians and ranks are taken of them.
    pub latencies: Vec<f64>,
    /// Times from acceptance to completion in seconds, in the same order; infinite where a request was not accepted or
    /// its event not done. Empty where no gate is about the work.
    pub done: Vec<f64>,
    /// The exceedances of each gate, always in the same order of gates.
    pub gates: Vec<GateRows>,
    /// Whether this machine offered the rate and kept to its schedule.
    pub offer: RateOffer,
}

/// The exceedances of one gate in order of the intended start.
#[derive(Clone, Debug)]
pub struct GateRows {
    /// θ0, the share that is allowed.
    pub theta0: f64,
    /// All that may exceed the limit: for a PASS.
    pub at_most: Bits,
    /// All that exceed it for certain: for a FAIL. Where the machine was late, those beyond a margin.
    pub certain: Bits,
}

/// Whether the rate of a trial was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateOffer {
    /// At least 99 % of it, and this machine kept no FAIL from being shown.
    Kept,
    /// Less, or this machine was so late that a FAIL is not the service's for certain.
    NotKept,
}

impl GateRows {
    /// Of a gate before the first request.
    pub fn empty(theta0: f64) -> GateRows {
        GateRows {
            theta0,
            at_most: Bits::new(),
            certain: Bits::new(),
        }
    }

    /// Adds a request of which it is certain whether it exceeds the limit.
    pub fn push(&mut self, exceeds: bool) {
        self.at_most.set(self.at_most.len(), exceeds);
        self.certain.set(self.certain.len(), exceeds);
    }

    /// The clusters of one of the rows.
    pub(super) fn clusters(bits: &Bits) -> Clusters {
        Clusters::of_words(bits.words(), bits.len())
    }

    /// The clusters of two rows with a seam between them.
    pub(super) fn joined(first: &Bits, second: &Bits) -> Clusters {
        Clusters::with_seams(first.iter().chain(second.iter()), &[first.len()])
    }

    pub(super) fn count(&self) -> u64 {
        self.at_most.count_ones()
    }

    /// The observed share of exceedances; 0 without requests.
    pub(super) fn share(&self) -> f64 {
        self.count() as f64 / (self.at_most.len() as f64).max(1.0)
    }
}

impl TrialSample {
    /// A trial of one gate that was measured without any doubt: `None` is a request that failed.
    pub fn of_latencies(
        rate: f64,
        latencies: &[Option<Duration>],
        limit: Duration,
        theta0: f64,
    ) -> TrialSample {
        let mut rows = GateRows::empty(theta0);
        for latency in latencies {
            rows.push(latency.is_none_or(|latency| latency > limit));
        }
        let seconds =
            |latency: &Option<Duration>| latency.map_or(f64::INFINITY, |l| l.as_secs_f64());
        TrialSample {
            rate,
            latencies: latencies.iter().map(seconds).collect(),
            done: Vec::new(),
            gates: vec![rows],
            offer: RateOffer::Kept,
        }
    }

    /// The longest slow spell of any gate: consecutive exceedances at the trial's rate.
    pub fn longest_spell(&self) -> Duration {
        let longest = |gate: &GateRows| GateRows::clusters(&gate.at_most).slow.longest;
        let requests = self.gates.iter().map(longest).max().unwrap_or(0);
        Duration::from_secs_f64(requests as f64 / self.rate)
    }
}
