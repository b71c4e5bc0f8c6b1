//! Queueing over capacity: does latency grow while the load stays the same?

use std::time::Duration;

use super::observation::LatencyOrigin;
use super::{
    CauseEvidence, CauseFinding, FAILING, LARGER, Observation, Observations, RootCause, Support,
    ladder,
};
use crate::judge::summary::CONFIDENCE;
use crate::stats::profile::{self, CUT_95};
use crate::stats::rank::{Quantile, interval_ranks, min_samples_for_interval};
use crate::stats::{binomial, trend};
use crate::units::{Pretty, grouped, percent, trimmed};

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

/// So many more requests in flight at the end, and so many times as many, are a queue.
const QUEUE: (f64, f64) = (2.0, 2.0);

pub(super) fn test(observed: &Observations) -> CauseFinding {
    // At a rate at which requests do not meet, one step answers both questions.
    let at_rate = |step: &&Observation| step.rate_per_s.is_some_and(|r| r >= observed.asked_per_s);
    let alone = observed.one_at_a_time.as_ref();
    let Some(offered) = observed.offered.as_ref().or(alone.filter(at_rate)) else {
        let asked = trimmed(observed.asked_per_s, 1);
        return CauseFinding::without(
            RootCause::Queueing,
            format!("{} at {asked}/s", observed.load),
        );
    };
    let (latencies, rate) = (
        ladder::series(&offered.recording),
        offered.rate_per_s.unwrap_or(0.0),
    );
    let parts = PARTS.min(latencies.len() / MIN_REQUESTS);
    if parts < MIN_PARTS {
        let why = format!(
            "{} requests are too few for a trend: {} are the least",
            latencies.len(),
            MIN_PARTS * MIN_REQUESTS
        );
        let least = (MIN_PARTS * MIN_REQUESTS) as u64;
        return CauseFinding::too_few(RootCause::Queueing, why, latencies.len() as u64, least);
    }
    let medians = medians(&latencies, parts);
    let p = trend::p_rising(&medians);
    let (first, last) = (medians[0], medians[parts - 1]);
    let in_flight = |latency_ns: f64| rate * latency_ns / 1e9;
    let queues = in_flight(last) >= in_flight(first) + QUEUE.0
        && in_flight(last) >= in_flight(first) * QUEUE.1
        && last - first > observed.material_ns();
    // Alone it is answered; at this rate most requests are not, in time.
    let alone_ok = alone.is_some_and(|alone| alone.failed(&observed.load).is_none());
    let at_once = alone_ok && timed_out(offered);
    let at_most = growth_at_most(
        offered,
        &latencies,
        offered.design_effect(observed.material_ns()),
    );
    let failed = offered.failed(&observed.load);
    let support = match p <= ALPHA && queues || at_once {
        true => Support::Supported,
        false if failed.is_none() && at_most < observed.material_ns() => Support::NotSupported,
        false => Support::NotEnough,
    };
    let seconds =
        |part: usize| (part as f64 + 0.5) * latencies.len() as f64 / parts as f64 / rate.max(1e-9);
    let points: Vec<(f64, f64)> = (0..parts).map(|i| (seconds(i), medians[i] / 1e9)).collect();
    let slope = trend::slope(&points).unwrap_or(0.0);
    let counts = &offered.recording.counts;
    let grown = CauseEvidence::new(
        format!(
            "{} at {}/s: P50 {} in the first of {parts} parts, {} in the last{} ({}); in flight {} \
             and {}; growth at most {} (95 %), {} matters",
            observed.load,
            trimmed(rate, 1),
            shown(first),
            shown(last),
            per_second(slope),
            trend_in_words(p),
            in_flight_shown(in_flight(first)),
            in_flight_shown(in_flight(last)),
            match at_most.is_finite() {
                true => Pretty(Duration::from_nanos(at_most.max(0.0) as u64)).to_string(),
                false => "∞".to_owned(),
            },
            Pretty(Duration::from_nanos(observed.material_ns() as u64)),
        ),
        [
            ("p", p),
            ("growth_high_ms", at_most / 1e6),
            ("slope_ms_per_s", slope * 1e3),
            ("rate_per_s", rate),
        ],
    );
    let decided = match at_once {
        true => {
            "; that most are not is shown at the 5 % level, and one at a time they are: this decides"
        }
        false => "",
    };
    let served = CauseEvidence::new(
        format!(
            "{} of {} were answered in time; {} waited for a connection of ours{decided}",
            grouped(counts.ok),
            grouped(counts.total()),
            grouped(offered.recording.pool_limited)
        ),
        [
            ("answered", counts.ok as f64),
            ("requests", counts.total() as f64),
        ],
    );
    CauseFinding {
        cause: RootCause::Queueing,
        support,
        cost: Some(growth(first, last)),
        evidence: vec![grown, served],
        next: match (support, failed) {
            (Support::Supported, _) => Some(format!(
                "{} gets more than it serves: find the rate at which latency stays with -q, and limit or add what is \
                 scarce (workers, connections, threads)",
                observed.load
            )),
            (Support::NotEnough, Some(_)) => Some(FAILING.to_owned()),
            (Support::NotEnough, None) => Some(LARGER.to_owned()),
            (Support::NotSupported, _) => None,
        },
    }
}

/// `trend p = 0.0681, above 1 %`.
fn trend_in_words(p: f64) -> String {
    let side = match p <= ALPHA {
        true => "within",
        false => "above",
    };
    format!("trend p = {}, {side} {}", trimmed(p, 4), percent(ALPHA))
}

/// `, 480 ms more every second`; nothing where it does not grow.
fn per_second(slope: f64) -> String {
    match slope > 0.0 {
        true => format!(
            ", {} more every second",
            Pretty(Duration::from_secs_f64(slope))
        ),
        false => String::new(),
    }
}

/// Whether most requests, shown at the 5 % level, had no answer in time.
fn timed_out(offered: &Observation) -> bool {
    let counts = &offered.recording.counts;
    binomial::lower_bound(counts.total(), counts.timeout, super::ALPHA) > 0.5
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

fn growth(first_ns: f64, last_ns: f64) -> Duration {
    match (first_ns.is_finite(), last_ns.is_finite()) {
        (true, true) => Duration::from_nanos((last_ns - first_ns).max(0.0) as u64),
        (true, false) => Duration::MAX,
        _ => Duration::ZERO,
    }
}

fn shown(latency_ns: f64) -> String {
    match latency_ns.is_finite() {
        true => format!("≤ {}", Pretty(Duration::from_nanos(latency_ns as u64))),
        false => "no answer in time".to_owned(),
    }
}

fn in_flight_shown(in_flight: f64) -> String {
    match in_flight.is_finite() {
        true => trimmed(in_flight, 1),
        false => "more than were waited for".to_owned(),
    }
}
