//! Before and after: what changed, how surely, and whether it is more than noise.
//!
//! Percentiles are compared by profile likelihood ([`crate::stats::profile`]): deterministic, and true for any
//! distribution of the latencies. Failures, timeouts and unsent requests stand above every latency on both sides.

mod effect;
mod errors;
mod judgement;
mod noise;
mod order;

use std::time::Duration;

use crate::gate::Gate;
use crate::recording::Recording;
use crate::stats::profile;
use crate::stats::rank::{Quantile, min_samples_for_interval};
use crate::summary::{CONFIDENCE, Observed, PERCENTILES, Summary};

pub use effect::{Effect, speed};
pub use errors::{ErrorRate, ErrorRateChange};
pub use judgement::judge;
pub use noise::{Noise, NoiseError};

/// A value of the run before and the same of the run after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<T> {
    /// Of the run before.
    pub before: T,
    /// Of the run after.
    pub after: T,
}

/// What one endpoint's run left behind, on one side.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Latencies and counts.
    pub recording: &'a Recording,
    /// How long its run waited for an answer, where that is known.
    pub timeout: Option<Duration>,
}

/// One endpoint before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What gates and tables call it.
    pub endpoint: String,
    /// Planned requests.
    pub planned: Pair<u64>,
    /// One a percentile, in the order that was asked for.
    pub changes: Vec<Change>,
    /// The share of requests that did not end ok.
    pub error_rate: ErrorRateChange,
    /// Requests sent per second; `None` where that is not known.
    pub achieved_per_s: Pair<Option<f64>>,
}

/// One percentile before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which one.
    pub quantile: Quantile,
    /// Planned requests.
    pub planned: Pair<u64>,
    /// By nearest rank.
    pub observed: Pair<Observed>,
    /// What the data say about the change.
    pub evidence: Evidence,
    /// What follows, given a noise band.
    pub effect: Effect,
    /// Why, in one sentence.
    pub reason: String,
}

/// What the data say about the change of a percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// Every change in these ranges is compatible with the data, at [`CONFIDENCE`].
    Interval {
        /// After divided by before: 0.3 is a reduction of 70 %. Ends may be 0 and ∞.
        ratio: Range,
        /// After minus before, in ns. Ends may be ±∞.
        difference_ns: Range,
    },
    /// One side has too few requests for an interval of this percentile with two ends.
    Unresolved {
        /// So many are needed on each side.
        samples_needed: u64,
    },
}

/// From `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

/// The percentiles that are compared: those that every output lists, and those that a gate is about; ascending.
pub fn quantiles(gates: &[Gate]) -> Vec<Quantile> {
    let mut quantiles = PERCENTILES.to_vec();
    quantiles.extend(gates.iter().filter_map(|gate| gate.condition.quantile()));
    quantiles.sort_unstable();
    quantiles.dedup();
    quantiles
}

/// Compares one endpoint's two runs at these percentiles.
pub fn compare(
    endpoint: impl Into<String>,
    sides: Pair<Side<'_>>,
    quantiles: &[Quantile],
    noise: &Noise,
) -> Comparison {
    let recordings = sides.map(|side| side.recording);
    Comparison {
        endpoint: endpoint.into(),
        planned: recordings.map(Recording::planned),
        changes: changes(sides, quantiles, noise),
        error_rate: ErrorRateChange::between(recordings.map(|recording| ErrorRate {
            not_ok: recording.counts.not_ok(),
            planned: recording.planned(),
        })),
        achieved_per_s: recordings.map(Recording::achieved_per_s),
    }
}

fn changes(sides: Pair<Side<'_>>, quantiles: &[Quantile], noise: &Noise) -> Vec<Change> {
    let summaries = sides.map(|side| Summary::of(side.recording, side.timeout));
    let orders = sides.map(|side| order::Orders::of(side.recording));
    let planned = sides.map(|side| side.recording.planned());
    quantiles
        .iter()
        .map(|&quantile| {
            let observed = Pair {
                before: summaries.before.percentile(quantile).value,
                after: summaries.after.percentile(quantile).value,
            };
            let evidence = evidence(&orders, planned, quantile);
            let (effect, reason) = effect::of(&evidence, quantile, planned, noise);
            Change {
                quantile,
                planned,
                observed,
                evidence,
                effect,
                reason,
            }
        })
        .collect()
}

/// The interval is taken at the far edges of the histograms' buckets, so that it holds whatever stands inside them.
fn evidence(orders: &Pair<order::Orders>, planned: Pair<u64>, quantile: Quantile) -> Evidence {
    let samples_needed = min_samples_for_interval(quantile, CONFIDENCE);
    let between = |before: &order::Edge<'_>, after: &order::Edge<'_>| {
        profile::change(before, after, quantile, profile::CUT_95)
    };
    let lowest = between(&orders.before.highest(), &orders.after.lowest());
    let highest = between(&orders.before.lowest(), &orders.after.highest());
    match (lowest, highest) {
        (Some(lowest), Some(highest)) if planned.least() >= samples_needed => Evidence::Interval {
            ratio: Range {
                low: lowest.ratio.low.value,
                high: highest.ratio.high.value,
            },
            difference_ns: Range {
                low: lowest.difference.low.value,
                high: highest.difference.high.value,
            },
        },
        _ => Evidence::Unresolved { samples_needed },
    }
}

impl<T> Pair<T> {
    /// The same function of both sides.
    pub fn map<U>(self, of: impl Fn(T) -> U) -> Pair<U> {
        Pair {
            before: of(self.before),
            after: of(self.after),
        }
    }
}

impl Pair<u64> {
    fn least(self) -> u64 {
        self.before.min(self.after)
    }
}

impl Change {
    /// After divided by before; `None` unless both are latencies and the one before is above zero.
    pub fn ratio(&self) -> Option<f64> {
        let (before, after) = self.latencies_ns()?;
        (before > 0.0).then(|| after / before)
    }

    /// After minus before, in ns; `None` unless both are latencies.
    pub fn difference_ns(&self) -> Option<f64> {
        let (before, after) = self.latencies_ns()?;
        Some(after - before)
    }

    /// `1 − after/before`: 0.7 means that 70 % of the latency is gone.
    pub fn reduction(&self) -> Option<f64> {
        self.ratio().map(|ratio| 1.0 - ratio)
    }

    /// The interval of after/before, where the data resolve it.
    pub fn ratio_interval(&self) -> Option<Range> {
        match self.evidence {
            Evidence::Interval { ratio, .. } => Some(ratio),
            Evidence::Unresolved { .. } => None,
        }
    }

    /// The interval of after − before in ns, where the data resolve it.
    pub fn difference_interval_ns(&self) -> Option<Range> {
        match self.evidence {
            Evidence::Interval { difference_ns, .. } => Some(difference_ns),
            Evidence::Unresolved { .. } => None,
        }
    }

    /// How many requests an interval takes on each side, where there are too few.
    pub fn samples_needed(&self) -> Option<u64> {
        match self.evidence {
            Evidence::Interval { .. } => None,
            Evidence::Unresolved { samples_needed } => Some(samples_needed),
        }
    }

    fn latencies_ns(&self) -> Option<(f64, f64)> {
        let ns = |observed: Observed| observed.value().map(|latency| latency.as_nanos() as f64);
        Some((ns(self.observed.before)?, ns(self.observed.after)?))
    }
}
