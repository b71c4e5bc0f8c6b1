//! What a run says of its own change: a slow start, latency that grows, halves or tenths that differ.

use std::time::Duration;

use super::Warning;
use crate::judge::summary::{
    Drift, Growth, GrowthKind, LevelChange, Parts, RunPosition, SlowStart, Stretch,
};
use crate::run::recording::{Exceedances, Recording};
use crate::run::run_file::{EndpointRun, Run};
use crate::stats::cluster::Clusters;
use crate::stats::rank::Quantile;
use crate::stats::stationarity::same_share;
use crate::units::{Pretty, grouped, trimmed};

/// Level at which halves are said to differ, over all targets of an endpoint.
const DIFFERENCE: f64 = 0.01;

/// Of an endpoint of a run.
pub(super) fn of_endpoint(run: &Run, endpoint: &EndpointRun) -> Vec<Warning> {
    let mut planned = run.plan.endpoints.iter();
    let planned = planned.find(|planned| planned.name == endpoint.name);
    let offered = planned.and_then(|planned| planned.rate_per_s);
    let (name, recording) = (&endpoint.name, &endpoint.recording);
    let drift = Drift::of(recording, offered.map(|rate| rate.as_per_second()));
    let told = [
        drift.growth.map(|growth| grows(name, &growth)),
        drift
            .slow_start
            .map(|start| slow_start(name, &start, run.plan.warmup)),
    ];
    let told: Vec<Warning> = told.into_iter().flatten().collect();
    match told.is_empty() {
        // Parts differ too where one of the others is the reason.
        true => {
            let differs = drift.change.map(|change| changed(name, &change));
            differs
                .or_else(|| halves(name, recording))
                .into_iter()
                .collect()
        }
        false => told,
    }
}

/// Of latencies that another tool measured, in the order of their file.
pub(in crate::report) fn of_list(name: &str, recording: &Recording) -> Vec<Warning> {
    let drift = Drift::of(recording, None);
    let grows = drift.growth.map(|growth| grows(name, &growth));
    let starts = drift
        .slow_start
        .map(|start| slow_start(name, &start, Duration::ZERO));
    let told: Vec<Warning> = grows.into_iter().chain(starts).collect();
    match (told.is_empty(), drift.change) {
        (true, Some(change)) => vec![changed(name, &change)],
        _ => told,
    }
}

fn changed(name: &str, change: &LevelChange) -> Warning {
    let metric = match change.quantile == Quantile::P95 {
        true => "P95",
        false => "P50",
    };
    let (earlier, later) = (&change.earlier, &change.later);
    let shown = [earlier, later].map(|part| latency(part.at(change.quantile)));
    let first_is_slower =
        earlier.median.unwrap_or(Duration::MAX) > later.median.unwrap_or(Duration::MAX);
    let parts = match (change.parts, first_is_slower) {
        (Parts::Halves, _) => ["the first half".to_owned(), "the second".to_owned()],
        (Parts::Tenths, true) => [tenth("slowest", earlier), tenth("fastest", later)],
        (Parts::Tenths, false) => [tenth("fastest", earlier), tenth("slowest", later)],
    };
    Warning::new(
        format!(
            "{name}: the service changed during the run: {metric} was {} in {} and {} in {} ({} and {} requests); the \
             largest change is near {}",
            shown[0],
            parts[0],
            shown[1],
            parts[1],
            grouped(earlier.requests),
            grouped(later.requests),
            place(change.at),
        ),
        "look at what changed at that time, and judge the parts apart",
    )
}

fn tenth(which: &str, part: &Stretch) -> String {
    format!("the {which} tenth, from {} on,", place(part.from))
}

fn place(place: RunPosition) -> String {
    match place {
        RunPosition::Second(second) => format!("second {second}"),
        RunPosition::Value(value) => format!("value {}", grouped(value + 1)),
    }
}

fn latency(median: Option<Duration>) -> String {
    median.map_or("no answer".to_owned(), |median| Pretty(median).to_string())
}

fn grows(name: &str, growth: &Growth) -> Warning {
    let (first, last) = (Pretty(growth.first), latency(growth.last));
    let slope = match growth.slope {
        Some(slope) => format!(
            ", {} for every second",
            Pretty(Duration::from_secs_f64(slope.max(0.0)))
        ),
        None => String::new(),
    };
    let in_flight = match growth.in_flight {
        Some((first, last)) => format!(
            "; {} requests were in flight at a time at the beginning, {} at the end",
            trimmed(first, 1),
            trimmed(last, 1)
        ),
        None => String::new(),
    };
    match growth.kind {
        GrowthKind::Queueing => Warning::new(
            format!(
                "{name}: queueing over capacity: latency grows at constant load, P50 from {first} to {last}{slope}{in_flight}"
            ),
            "the service gets more than it can serve: lower the rate to find what it can, or add capacity",
        ),
        GrowthKind::Unknown => Warning::new(
            format!("{name}: latency grows during the run, P50 from {first} to {last}{slope}"),
            "measure longer: if it goes on growing, the percentiles say how long the run was, not how fast the service is",
        ),
    }
}

fn slow_start(name: &str, start: &SlowStart, warmup: Duration) -> Warning {
    let (median, rest) = (latency(start.median), latency(start.rest));
    match start.until {
        RunPosition::Second(seconds) => Warning::new(
            format!("{name}: the first {seconds} s look like warm-up: P50 {median}, then {rest}"),
            format!(
                "if the service was still warming up, measure again with --warmup {}s",
                trimmed((warmup + Duration::from_secs(seconds)).as_secs_f64(), 3)
            ),
        ),
        RunPosition::Value(values) => Warning::new(
            format!(
                "{name}: the first {} samples look like warm-up: P50 {median}, then {rest}",
                grouped(values)
            ),
            "if the service was still warming up, leave them out of the file",
        ),
    }
}

/// Of the counted target by which the halves differ most surely.
fn halves(name: &str, recording: &Recording) -> Option<Warning> {
    let targets = recording.exceedances.len() as f64;
    let compared = recording.exceedances.iter().map(compare);
    let (p, text) = compared.min_by(|a, b| a.0.total_cmp(&b.0))?;
    (p * targets <= DIFFERENCE).then(|| {
        Warning::new(
            format!("{name}: the halves of the run differ: {text}"),
            "find out what changed during the run, or measure longer; a verdict that one half contradicts is INCONCLUSIVE",
        )
    })
}

fn compare(exceedances: &Exceedances) -> (f64, String) {
    let bits = &exceedances.bits;
    let middle = bits.len() / 2;
    let half = |range: std::ops::Range<u64>| Clusters::of(range.map(|index| bits.get(index)));
    let (first, second) = (half(0..middle), half(middle..bits.len()));
    let share = |half: &Clusters| (half.samples(), half.slow.total);
    let effect = first.design_effect.max(second.design_effect);
    let text = format!(
        "{} of {} requests were above {} in the first, {} of {} in the second",
        grouped(first.slow.total),
        grouped(first.samples()),
        Pretty(exceedances.target),
        grouped(second.slow.total),
        grouped(second.samples()),
    );
    (same_share(share(&first), share(&second), effect), text)
}
