//! One endpoint in one step, as the tests of the causes see it.

use std::time::Duration;

use super::{ALPHA, DiagnosisStep, ladder};
use crate::judge::summary::CONFIDENCE;
use crate::run::histogram::RankedValues;
use crate::run::recording::{Bits, Recording};
use crate::stats::cluster::Clusters;
use crate::stats::modes::{Modes, modes};
use crate::stats::profile::{self, CUT_95, OrderStatistics};
use crate::stats::rank::{Quantile, min_samples_for_interval};
use crate::units::{Pretty, grouped, percent, trimmed};

/// A step fails if more than one in so many requests did.
const FAILED: u64 = 20;

/// One endpoint in one step.
#[derive(Clone, Debug)]
pub struct Observation {
    /// What the step recorded; its targets hold the [`ladder`](super::ladder).
    pub recording: Recording,
    /// Offered; `None` in the closed model.
    pub rate_per_s: Option<f64>,
    /// Processor time of this process during the step, over the time of its sending threads: 1 is all of it.
    pub cpu_share: Option<f64>,
}

/// Requests to an endpoint that did not end ok.
#[derive(Clone, Debug)]
pub(super) struct FailedRequests {
    pub(super) bad: u64,
    pub(super) of: u64,
    endpoint: String,
}

impl std::fmt::Display for FailedRequests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} requests to {} did not end ok",
            grouped(self.bad),
            grouped(self.of),
            self.endpoint
        )
    }
}

/// A share of requests with its one-sided 95 % bounds, in the sense of the cluster guard.
#[derive(Clone, Copy, Debug)]
pub(super) struct BoundedShare {
    pub(super) n: u64,
    pub(super) k: u64,
    /// Runs of consecutive requests.
    pub(super) episodes: u64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl BoundedShare {
    pub(super) fn of(bits: impl Iterator<Item = bool>) -> BoundedShare {
        let clusters = Clusters::of(bits);
        let (n, k) = (clusters.samples(), clusters.slow.total);
        let bounds = match n {
            0 => (0.0, 1.0),
            _ => (
                if k == 0 {
                    0.0
                } else {
                    clusters.lower_bound(ALPHA)
                },
                if k == n {
                    1.0
                } else {
                    clusters.upper_bound(ALPHA)
                },
            ),
        };
        BoundedShare {
            n,
            k,
            episodes: clusters.slow.count,
            low: bounds.0,
            high: bounds.1,
        }
    }

    /// `30 of 75 (40 %, with bursts 21 % – 61 %)`.
    pub(super) fn in_words(&self) -> String {
        let share = self.k as f64 / (self.n as f64).max(1.0);
        let rounded = |share: f64| trimmed(share * 100.0, 1);
        format!(
            "{} of {} ({}, bounds with bursts {} – {} %)",
            grouped(self.k),
            grouped(self.n),
            percent((share * 1e4).round() / 1e4),
            rounded(self.low),
            rounded(self.high)
        )
    }
}

/// The change of a percentile from one sample to another: 95 % profile intervals.
#[derive(Clone, Copy, Debug)]
pub(super) struct PercentileShift {
    pub(super) quantile: Quantile,
    pub(super) ratio: (f64, f64),
    pub(super) difference_ns: (f64, f64),
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
    /// Planned requests.
    pub fn requests(&self) -> u64 {
        self.recording.planned()
    }

    /// A percentile by nearest rank, from the send; `None` among those that did not end ok.
    pub fn service(&self, quantile: Quantile) -> Option<Duration> {
        self.at(quantile, LatencyOrigin::Send)
    }

    /// The percentile by which a step is told: from the send, but with connecting where that is what it is about.
    pub fn in_step(&self, step: DiagnosisStep, quantile: Quantile) -> Option<Duration> {
        match step {
            DiagnosisStep::NewConnections => self.at(quantile, LatencyOrigin::Start),
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
    pub(super) fn failed(&self, endpoint: &str) -> Option<FailedRequests> {
        // What was never sent says nothing of the service.
        let unsent = self.recording.counts.unsent;
        let (bad, n) = (
            self.recording.counts.not_ok() - unsent,
            self.requests() - unsent,
        );
        (bad * FAILED > n).then(|| FailedRequests {
            bad,
            of: n,
            endpoint: endpoint.to_owned(),
        })
    }

    /// How many modes the service time has, in ms.
    pub fn modes(&self) -> Modes {
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
            ratio: (change.ratio.low.value, change.ratio.high.value),
            difference_ns: (change.difference.low.value, change.difference.high.value),
        })
    }

    /// `P50 166.1 ms, P95 320.4 ms (P95/P50 1.9, one mode)`.
    pub(super) fn shape(&self) -> String {
        let shown = |latency: Option<Duration>| {
            latency.map_or("no answer".to_owned(), |latency| {
                Pretty(latency).to_string()
            })
        };
        let (p50, p95) = (self.service(Quantile::P50), self.service(Quantile::P95));
        let modes = match self.modes() {
            Modes::Unknown => "too few for modes".to_owned(),
            Modes::One => "one mode".to_owned(),
            Modes::Two {
                lower,
                upper,
                upper_share,
            } => format!(
                "two modes, near {} ms and {} ms, {} % in the upper",
                trimmed(lower, 1),
                trimmed(upper, 0),
                trimmed(upper_share * 100.0, 0)
            ),
        };
        let ratio = match self.tail_ratio() {
            Some(ratio) => format!("P95/P50 {}, ", trimmed(ratio, 1)),
            None => String::new(),
        };
        format!("P50 {}, P95 {} ({ratio}{modes})", shown(p50), shown(p95))
    }

    /// P95/P50 of the service time.
    pub fn tail_ratio(&self) -> Option<f64> {
        let (p50, p95) = (self.service(Quantile::P50)?, self.service(Quantile::P95)?);
        (!p50.is_zero()).then(|| p95.as_secs_f64() / p50.as_secs_f64())
    }
}

impl PercentileShift {
    /// `157.2 ms – 171 ms more`.
    pub(super) fn difference_in_words(&self) -> String {
        let (low, high) = self.difference_ns;
        format!("{} – {}", signed(low), signed(high))
    }

    /// `40× – 110×`.
    pub(super) fn ratio_in_words(&self) -> String {
        let (low, high) = self.ratio;
        let digits = |ratio: f64| if ratio >= 10.0 { 0 } else { 2 };
        let end = |ratio: f64| match ratio.is_finite() {
            true => format!("{}×", trimmed(ratio, digits(ratio))),
            false => "∞".to_owned(),
        };
        format!("{} – {}", end(low), end(high))
    }

    pub(super) fn middle(&self) -> Option<Duration> {
        let (low, high) = self.difference_ns;
        let middle = (low + high) / 2.0;
        (middle.is_finite() && middle > 0.0).then(|| Duration::from_nanos(middle as u64))
    }
}

fn signed(ns: f64) -> String {
    match ns {
        ns if ns.is_infinite() => "∞".to_owned(),
        ns if ns < 0.0 => format!("−{}", Pretty(Duration::from_nanos(-ns as u64))),
        ns => Pretty(Duration::from_nanos(ns as u64)).to_string(),
    }
}
