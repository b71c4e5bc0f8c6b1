//! Queueing over capacity: does latency grow while the load stays the same?

use std::time::Duration;

use super::cause::{CauseFinding, CauseNextStep, RootCause, Support};
use super::evidence::{
    CauseEvidence, EndpointRole, LatencyGrowth, MissedStep, SampleKind, ServedRequests,
};
use super::ladder;
use super::observation::{LatencyOrigin, Observation};
use super::observations::Observations;
use crate::judge::summary::CONFIDENCE;
use crate::stats::profile::{self, CUT_95};
use crate::stats::rank::{Quantile, interval_ranks, min_samples_for_interval};
use crate::stats::{binomial, trend};

/// Parts of the step whose medians are compared.
const PARTS: usize = 10;

/// Fewest requests of a part.
const MIN_REQUESTS: usize = 5;

/// Fewest parts: 1 of 120 orders of five rises throughout.
const MIN_PARTS: usize = 5;

/// Level of the test of the trend.
const ALPHA: f64 = 0.01;

/// From the middle of the first third to that of the last is two thirds of the step.
const WHOLE_STEP: f64 = 1.5;

/// A queue has at least this many more requests in flight at the end,
const MORE_IN_FLIGHT: f64 = 2.0;

/// and at least this many times as many.
const TIMES_IN_FLIGHT: f64 = 2.0;

pub(super) fn test(observed: &Observations) -> CauseFinding {
    // At a rate at which requests do not meet, one step answers both questions.
    let at_rate = |step: &&Observation| step.rate_per_s.is_some_and(|r| r >= observed.asked_per_s);
    let alone = observed.one_at_a_time.as_ref();
    let Some(offered) = observed.offered.as_ref().or(alone.filter(at_rate)) else {
        let missed = MissedStep::AtRate {
            per_s: observed.asked_per_s,
        };
        return CauseFinding::without(RootCause::Queueing, missed);
    };
    let latencies = ladder::series(&offered.recording);
    let parts = PARTS.min(latencies.len() / MIN_REQUESTS);
    if parts < MIN_PARTS {
        return CauseFinding::too_few(
            RootCause::Queueing,
            SampleKind::RequestsForTrend,
            latencies.len() as u64,
            (MIN_PARTS * MIN_REQUESTS) as u64,
        );
    }
    let growth = growth(offered, &latencies, parts, observed.material_ns());
    // Alone it is answered; at this rate most requests are not, in time.
    let alone_ok = alone.is_some_and(|alone| alone.failed(EndpointRole::Load).is_none());
    let at_once = alone_ok && timed_out(offered);
    let failed = offered.failed(EndpointRole::Load).is_some();
    let counts = &offered.recording.counts;
    // Requests that wait too long are what overload looks like; others are for another reason.
    let other_failures = counts.not_ok() > counts.timeout + counts.unsent;
    let support = if growth.p <= ALPHA && is_queue(&growth) || at_once {
        Support::Supported
    } else if !failed && growth.at_most_ns < growth.material_ns {
        Support::NotSupported
    } else {
        Support::NotEnough
    };
    let served = ServedRequests {
        answered: counts.ok,
        requests: counts.total(),
        pool_limited: offered.recording.pool_limited,
        decides: at_once,
    };
    CauseFinding {
        cause: RootCause::Queueing,
        support,
        cost: Some(grown(growth.first_ns, growth.last_ns)),
        evidence: vec![CauseEvidence::Growth(growth), CauseEvidence::Served(served)],
        next: if support == Support::NotEnough && failed && other_failures {
            Some(CauseNextStep::FindFailures)
        } else {
            support.next(CauseNextStep::LowerLoad)
        },
    }
}

/// The latencies of a step in `parts` parts: their trend, and how much they can have grown.
fn growth(
    offered: &Observation,
    latencies: &[f64],
    parts: usize,
    material_ns: f64,
) -> LatencyGrowth {
    let rate = offered.rate_per_s.unwrap_or(0.0);
    let medians = medians(latencies, parts);
    let seconds =
        |part: usize| (part as f64 + 0.5) * latencies.len() as f64 / parts as f64 / rate.max(1e-9);
    let points: Vec<(f64, f64)> = (0..parts).map(|i| (seconds(i), medians[i] / 1e9)).collect();
    LatencyGrowth {
        rate_per_s: rate,
        parts,
        first_ns: medians[0],
        last_ns: medians[parts - 1],
        slope: trend::slope(&points).unwrap_or(0.0),
        p: trend::p_rising(&medians),
        level: ALPHA,
        at_most_ns: growth_at_most(offered, latencies, offered.design_effect(material_ns)),
        material_ns,
    }
}

/// Whether more requests are in flight at the end than chance and noise make.
fn is_queue(growth: &LatencyGrowth) -> bool {
    let in_flight = |latency_ns| growth.in_flight(latency_ns);
    let (first, last) = (in_flight(growth.first_ns), in_flight(growth.last_ns));
    last >= first + MORE_IN_FLIGHT
        && last >= first * TIMES_IN_FLIGHT
        && growth.last_ns - growth.first_ns > growth.material_ns
}

/// Whether most requests, shown at the 5 % level, had no answer in time.
fn timed_out(offered: &Observation) -> bool {
    let counts = &offered.recording.counts;
    binomial::lower_bound(counts.total(), counts.timeout, super::bounded_share::ALPHA) > 0.5
}

/// The largest growth from the first request to the last that the data allow, in ns, with `effect` requests per
/// independent one. It is the upper 95 % bound of the change of P50 from the first third to the last, whose middles are
/// two thirds of the step apart. Infinite if there are too few requests for an interval.
fn growth_at_most(offered: &Observation, latencies: &[f64], effect: f64) -> f64 {
    let third = latencies.len() / 3;
    let worth = (third as f64 / effect).floor() as usize;
    if (worth as u64) < min_samples_for_interval(Quantile::P50, CONFIDENCE) {
        return f64::INFINITY;
    }
    let by_order = growth_by_order(latencies, third, worth);
    let by_range = growth_by_range(offered, third as u64, worth as u64);
    WHOLE_STEP * by_order.min(by_range)
}

/// From latencies in order, which are known to a rung. Those of the first third count as the rung below.
fn growth_by_order(latencies: &[f64], third: usize, worth: usize) -> f64 {
    let thinned = |part: &[f64], edge: fn(f64) -> f64| {
        let mut sorted = part.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let place = |rank: usize| ((rank as f64 + 0.5) * third as f64 / worth as f64) as usize;
        let values: Vec<f64> = (0..worth).map(|rank| edge(sorted[place(rank)])).collect();
        values
    };
    let first = thinned(&latencies[..third], ladder::rung_below);
    let last = thinned(&latencies[latencies.len() - third..], |latency| latency);
    let change = profile::change(first.as_slice(), last.as_slice(), Quantile::P50, CUT_95);
    change.map_or(f64::INFINITY, |change| change.difference.high.value)
}

/// From the range of all latencies, which are known precisely but not in order. If half of a third is below a value, at
/// least that many of all latencies are below it.
fn growth_by_range(offered: &Observation, third: u64, worth: u64) -> f64 {
    let levels = offered.ranked_values(LatencyOrigin::Send);
    let (Some(low), Some(high)) = interval_ranks(worth, Quantile::P50, CONFIDENCE) else {
        return f64::INFINITY;
    };
    let scale = third as f64 / worth as f64;
    let low = (low.saturating_sub(1) as f64 * scale) as u64 + 1;
    let high = ((high as f64 * scale).ceil() as u64).min(third);
    let n = offered.requests();
    match (levels.at_rank(low), levels.at_rank(n - third + high)) {
        (Some(low), Some(high)) => high as f64 - low as f64,
        _ => f64::INFINITY,
    }
}

fn medians(latencies: &[f64], parts: usize) -> Vec<f64> {
    (0..parts)
        .map(|part| {
            let from = part * latencies.len() / parts;
            let to = (part + 1) * latencies.len() / parts;
            let mut part = latencies[from..to].to_vec();
            part.sort_unstable_by(f64::total_cmp);
            part[part.len().div_ceil(2) - 1]
        })
        .collect()
}

fn grown(first_ns: f64, last_ns: f64) -> Duration {
    match (first_ns.is_finite(), last_ns.is_finite()) {
        (true, true) => Duration::from_nanos((last_ns - first_ns).max(0.0) as u64),
        (true, false) => Duration::MAX,
        _ => Duration::ZERO,
    }
}
