//! How far a side's requests stand for themselves: φ at a percentile, from whatever of their order was kept.

use super::order::Edge;
use super::pair::Side;
use crate::run::plan::Guard;
use crate::run::recording::{Latency, Recording};
use crate::stats::cluster::Clusters;
use crate::stats::dependence;
use crate::stats::rank::Quantile;

/// A recorded target tells of a percentile if the share of requests above it is within this factor of the percentile's.
const NEAR: f64 = 3.0;

/// From this design effect on, requests clearly come in spells.
const CLEARLY_IN_BURSTS: f64 = 2.0;

/// What is known of bursts on one side, at one percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dependence {
    /// φ: the number of requests that count as one independent request; at least 1.
    Effect(f64),
    /// Neither the order nor the time of the requests was kept, so they are taken as independent.
    Unknown,
    /// The interval over pairs of blocks allows for it, and the wider of the two counts; φ would treat a drift that
    /// interleaving cancels as spells.
    InPairs,
    /// `--iid`: they are taken as independent.
    Ignored,
}

impl Dependence {
    pub(super) fn of(side: Side<'_>, levels: &Edge<'_>, quantile: Quantile) -> Dependence {
        if side.guard == Guard::Iid {
            return Dependence::Ignored;
        }
        let found = match in_order(side.recording) {
            Some(values) => Some(dependence::at(levels, quantile, |limit| {
                let above = values.iter().map(|&value| value > limit);
                Clusters::with_seams(above, &side.recording.seams).excess_effect()
            })),
            None => of_run(side.recording, levels, quantile),
        };
        found.map_or(Dependence::Unknown, Dependence::Effect)
    }

    /// φ, 1 where it is not known or not asked for.
    pub fn design_effect(self) -> f64 {
        match self {
            Dependence::Effect(effect) => effect,
            Dependence::Unknown | Dependence::InPairs | Dependence::Ignored => 1.0,
        }
    }

    /// Whether the requests clearly come in spells.
    pub(crate) fn shows_bursts(self) -> bool {
        self.design_effect() >= CLEARLY_IN_BURSTS
    }

    /// How many independent requests `planned` ones are worth.
    pub fn worth(self, planned: u64) -> u64 {
        dependence::worth(planned, self.design_effect())
    }

    /// How many requests are worth `independent` ones.
    pub(super) fn needed(self, independent: u64) -> u64 {
        dependence::needed(independent, self.design_effect())
    }
}

/// Every request's latency in ns, in order, failures infinite; `None` if values or order were not kept.
fn in_order(recording: &Recording) -> Option<Vec<f64>> {
    let (Latency::Exact(values_ns) | Latency::Rounded { values_ns, .. }) = &recording.latency
    else {
        return None;
    };
    if !recording.has_order() {
        return None;
    }
    let mut values = values_ns.iter();
    let of = |ok: bool| {
        let value = ok.then(|| values.next()).flatten();
        value.map_or(f64::INFINITY, |&ns| ns as f64)
    };
    Some(recording.ok.iter().map(of).collect())
}

/// Of a run that kept histograms: from its intervals, and from the order of the exceedances of a target near by.
fn of_run(recording: &Recording, levels: &Edge<'_>, quantile: Quantile) -> Option<f64> {
    let seconds = by_interval(recording, 0.0).and_then(|windows| {
        dependence::of_windows(&windows)?;
        Some(dependence::at(levels, quantile, |limit| {
            let windows = by_interval(recording, limit).unwrap_or_default();
            dependence::of_windows(&windows).unwrap_or(1.0)
        }))
    });
    let rows = near_by(recording, quantile);
    match (seconds, rows) {
        (Some(seconds), Some(rows)) => Some(seconds.max(rows)),
        (seconds, rows) => seconds.or(rows),
    }
}

/// Requests above a limit and all requests, interval by interval; those without requests are empty windows.
fn by_interval(recording: &Recording, limit_ns: f64) -> Option<Vec<(u64, u64)>> {
    let intervals = &recording.intervals;
    let (first, last) = (intervals.first_s()?, intervals.last_s()?);
    let window = |start_s: u64| {
        intervals.get(start_s).map_or((0, 0), |interval| {
            (
                interval.count_above(limit_ns),
                interval.ok + interval.not_ok,
            )
        })
    };
    let starts = (first..=last).step_by(intervals.width_s() as usize);
    Some(starts.map(window).collect())
}

/// φ of the recorded target whose share of exceedances is nearest to the percentile's.
fn near_by(recording: &Recording, quantile: Quantile) -> Option<f64> {
    let expected = recording.planned() as f64 * quantile.exceedance();
    let distance = |k: u64| (k as f64 / expected).ln().abs();
    let rows = recording.exceedances.iter().map(|counted| &counted.bits);
    rows.filter(|bits| bits.len() == recording.planned())
        .map(|bits| (distance(bits.count_ones()), bits))
        .filter(|(distance, _)| *distance <= NEAR.ln())
        .min_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, bits)| Clusters::with_seams(bits.iter(), &recording.seams).excess_effect())
}
