//! One percentile before and after: what changed, how surely, and what it amounts to.

use super::change_evidence::{ChangeEvidence, ChangeRange};
use super::dependence::Dependence;
use super::effect::{Effect, EffectReason, NoiseBand};
use super::noise::Noise;
use super::pair::Pair;
use super::paired::CandidateIntervals;
use crate::judge::summary::Observed;
use crate::stats::rank::Quantile;

/// One percentile before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Of which percentile.
    pub quantile: Quantile,
    /// Planned requests.
    pub planned: Pair<u64>,
    /// What is known of bursts.
    pub dependence: Pair<Dependence>,
    /// By nearest rank.
    pub observed: Pair<Observed>,
    /// The interval of the change; the wider of the two for interleaved runs.
    pub evidence: ChangeEvidence,
    /// Both intervals of interleaved runs.
    pub candidates: Option<CandidateIntervals>,
    /// What follows, given a noise band.
    pub effect: Effect,
    /// Why.
    pub reason: EffectReason,
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
    pub fn ratio_interval(&self) -> Option<ChangeRange> {
        match self.evidence {
            ChangeEvidence::Interval { measured, .. } => Some(measured.ratio),
            ChangeEvidence::Unresolved(_) => None,
        }
    }

    /// The interval of after − before in ns, where the data resolve it.
    pub fn difference_interval_ns(&self) -> Option<ChangeRange> {
        match self.evidence {
            ChangeEvidence::Interval { measured, .. } => Some(measured.difference_ns),
            ChangeEvidence::Unresolved(_) => None,
        }
    }

    /// The part of a noise band that holds every change that fits the data.
    pub(crate) fn band(&self, noise: &Noise) -> Option<NoiseBand> {
        match self.evidence {
            ChangeEvidence::Interval { measured, .. } => NoiseBand::around(measured, noise),
            ChangeEvidence::Unresolved(_) => None,
        }
    }

    /// How many requests an interval takes on each side, where there are too few.
    pub fn samples_needed(&self) -> Option<u64> {
        match self.evidence {
            ChangeEvidence::Interval { .. } => None,
            ChangeEvidence::Unresolved(lack) => Some(lack.samples_needed),
        }
    }

    fn latencies_ns(&self) -> Option<(f64, f64)> {
        let ns = |observed: Observed| observed.value().map(|latency| latency.as_nanos() as f64);
        Some((ns(self.observed.before)?, ns(self.observed.after)?))
    }
}
