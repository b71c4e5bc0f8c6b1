//! One endpoint in one step, as the tests of the causes see it.

use std::time::Duration;

use super::bounded_share::BoundedShare;
use super::evidence::{EndpointRole, FailedRequests, LatencyShape};
use super::ladder;
use super::percentile_shift::PercentileShift;
use super::steps::DiagnosisStep;
use crate::judge::comparison::ChangeRanges;
use crate::judge::summary::CONFIDENCE;
use crate::run::histogram::RankedValues;
use crate::run::recording::{Bits, Recording};
use crate::stats::cluster::Clusters;
use crate::stats::modes::{Modes, modes};
use crate::stats::profile::{self, CUT_95, OrderStatistics};
use crate::stats::rank::{Quantile, min_samples_for_interval};

/// A step fails if more than 1 / `FAILED` of its requests failed.
const FAILED: u64 = 20;

/// One endpoint in one step.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    /// What the step recorded; its targets hold the [`ladder`](super::ladder).
    pub(crate) recording: Recording,
    /// Offered; `None` in the closed model.
    pub(crate) rate_per_s: Option<f64>,
    /// Processor time of this process during the step, over the time of its sending threads: 1 is all of it.
    pub(crate) cpu_share: Option<f64>,
}

/// Which latency: from the send, or all of it with connecting and our own lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LatencyOrigin {
    Send,
    Start,
}

/// A sample of which φ values are worth one: every φ-th order statistic.
struct Thinned {
    levels: RankedValues,
    planned: u64,
    worth: u64,
}

impl OrderStatistics for Thinned {
    fn count(&self) -> u64 {
        self.worth
    }

    fn value(&self, rank: u64) -> f64 {
        let place = (rank as f64 - 0.5) * self.planned as f64 / self.worth as f64;
        let rank = (place.ceil() as u64).clamp(1, self.planned);
        let value = self.levels.at_rank(rank);
        value.map_or(f64::INFINITY, |ns| ns as f64)
    }
}

impl Observation {
    pub(crate) fn requests(&self) -> u64 {
        self.recording.planned()
    }

    /// A percentile by nearest rank, from the send; `None` among those that did not end ok.
    pub(crate) fn service(&self, quantile: Quantile) -> Option<Duration> {
        self.at(quantile, LatencyOrigin::Send)
    }

    /// The percentile that describes a step: from the send, with connecting and the wait for a stream where the step is about
    /// those.
    pub(crate) fn in_step(&self, step: DiagnosisStep, quantile: Quantile) -> Option<Duration> {
        match step {
            DiagnosisStep::NewConnections
            | DiagnosisStep::OneConnection
            | DiagnosisStep::SeparateConnections => self.at(quantile, LatencyOrigin::Start),
            _ => self.service(quantile),
        }
    }

    pub(super) fn at(&self, quantile: Quantile, from: LatencyOrigin) -> Option<Duration> {
        let rank = quantile.rank(self.requests());
        self.ranked_values(from)
            .at_rank(rank)
            .map(Duration::from_nanos)
    }

    pub(super) fn ranked_values(&self, from: LatencyOrigin) -> RankedValues {
        match from {
            LatencyOrigin::Send if self.recording.service.count() > 0 => {
                self.recording.service.ranked_values()
            }
            _ => self.recording.latency.ranked_values(),
        }
    }

    /// Says so if too many requests did not end ok for their latencies to mean anything.
    pub(super) fn failed(&self, endpoint: EndpointRole) -> Option<FailedRequests> {
        // An unsent request says nothing about the service.
        let unsent = self.recording.counts.unsent;
        let failed = FailedRequests {
            endpoint,
            not_ok: self.recording.counts.not_ok() - unsent,
            requests: self.requests() - unsent,
        };
        (failed.not_ok * FAILED > failed.requests).then_some(failed)
    }

    /// How many modes the service time has, in ms.
    pub(crate) fn modes(&self) -> Modes {
        let levels = self.ranked_values(LatencyOrigin::Send);
        modes(levels.counts().map(|(ns, count)| (ns as f64 / 1e6, count)))
    }

    /// The share of requests above a latency, rounded up to a rung of the ladder, without our send lag.
    pub(super) fn share_above(&self, latency_ns: f64) -> (Duration, BoundedShare) {
        let rung = ladder::rung_above(latency_ns);
        (rung, BoundedShare::of(self.above(rung).iter()))
    }

    /// Which requests exceed a target that was counted.
    pub(super) fn above(&self, target: Duration) -> Bits {
        let counted = self.recording.exceedances_of(target);
        counted.map_or_else(Bits::new, |counted| counted.certain.clone())
    }

    /// How many requests are worth one, by the bursts of those that are slower than the median by what matters:
    /// smaller differences between neighbours are noise.
    pub(super) fn design_effect(&self, material_ns: f64) -> f64 {
        let usual = self
            .at(Quantile::P50, LatencyOrigin::Start)
            .unwrap_or(Duration::MAX);
        let rung = ladder::rung_above(usual.as_nanos() as f64 + material_ns);
        Clusters::of(self.above(rung).iter()).design_effect
    }

    fn thinned(&self, from: LatencyOrigin, material_ns: f64) -> Thinned {
        let planned = self.requests();
        let effect = self.design_effect(material_ns);
        Thinned {
            levels: self.ranked_values(from),
            planned,
            worth: (planned as f64 / effect).floor() as u64,
        }
    }

    /// What changed of a percentile from here to there; `None` if either has too few requests for it.
    pub(super) fn change_to(
        &self,
        other: &Observation,
        quantile: Quantile,
        from: LatencyOrigin,
        material_ns: f64,
    ) -> Option<PercentileShift> {
        let thinned = |side: &Observation| side.thinned(from, material_ns);
        let (before, after) = (thinned(self), thinned(other));
        if before.worth.min(after.worth) < min_samples_for_interval(quantile, CONFIDENCE) {
            return None;
        }
        let change = profile::change(&before, &after, quantile, CUT_95)?;
        Some(PercentileShift {
            quantile,
            ranges: ChangeRanges::of(change, change),
        })
    }

    /// P50, P95 and modes of the service time.
    pub(super) fn shape(&self) -> LatencyShape {
        LatencyShape {
            p50: self.service(Quantile::P50),
            p95: self.service(Quantile::P95),
            modes: self.modes(),
        }
    }
}
