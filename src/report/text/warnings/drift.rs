//! What a run says of its own change, in words.

use std::time::Duration;

use crate::judge::summary::{
    Growth, GrowthKind, LevelChange, Parts, RequestsInFlight, RunPosition, RunWindow, SlowStart,
};
use crate::judge::warning::{CountAbove, DriftWarning};
use crate::report::text::warning_text::WarningText;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped, trimmed};

pub(super) fn warning(warning: &DriftWarning) -> WarningText {
    match warning {
        DriftWarning::LevelChanged { endpoint, change } => changed(endpoint, change),
        DriftWarning::LatencyGrows { endpoint, growth } => grows(endpoint, growth),
        DriftWarning::SlowStart {
            endpoint,
            start,
            warmup,
        } => slow_start(endpoint, start, *warmup),
        DriftWarning::HalvesDiffer {
            endpoint,
            target,
            first,
            second,
        } => halves(endpoint, *target, *first, *second),
    }
}

fn changed(name: &str, change: &LevelChange) -> WarningText {
    let metric = if change.quantile == Quantile::P95 {
        "P95"
    } else {
        "P50"
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
    WarningText::new(
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
        "find the change at that time, and judge the parts separately",
    )
}

fn tenth(which: &str, part: &RunWindow) -> String {
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

fn grows(name: &str, growth: &Growth) -> WarningText {
    let (first, last) = (Pretty(growth.first), latency(growth.last));
    let slope = match growth.slope {
        Some(slope) => format!(
            ", {} for every second",
            Pretty(Duration::from_secs_f64(slope.max(0.0)))
        ),
        None => String::new(),
    };
    let in_flight = match growth.in_flight {
        Some(RequestsInFlight { first, last }) => format!(
            "; {} requests were in flight at a time at the beginning, {} at the end",
            trimmed(first, 1),
            trimmed(last, 1)
        ),
        None => String::new(),
    };
    match growth.kind {
        GrowthKind::Queueing => WarningText::new(
            format!(
                "{name}: queueing over capacity: latency grows at constant load, P50 from {first} to {last}{slope}{in_flight}"
            ),
            "the service gets more requests than it can serve: lower the rate, or add capacity",
        ),
        GrowthKind::Unknown => WarningText::new(
            format!("{name}: latency grows during the run, P50 from {first} to {last}{slope}"),
            "measure longer: if latency continues to grow, the percentiles depend on the length of the run",
        ),
    }
}

fn slow_start(name: &str, start: &SlowStart, warmup: Duration) -> WarningText {
    let (median, rest) = (latency(start.median), latency(start.rest));
    match start.until {
        RunPosition::Second(seconds) => WarningText::new(
            format!("{name}: the first {seconds} s look like warm-up: P50 {median}, then {rest}"),
            format!(
                "if the service was still warming up, measure again with --warmup {}s",
                trimmed((warmup + Duration::from_secs(seconds)).as_secs_f64(), 3)
            ),
        ),
        RunPosition::Value(values) => WarningText::new(
            format!(
                "{name}: the first {} samples look like warm-up: P50 {median}, then {rest}",
                grouped(values)
            ),
            "if the service was still warming up, leave them out of the file",
        ),
    }
}

fn halves(name: &str, target: Duration, first: CountAbove, second: CountAbove) -> WarningText {
    WarningText::new(
        format!(
            "{name}: the halves of the run differ: {} of {} requests were slower than {} in the first, {} of {} in the second",
            grouped(first.above),
            grouped(first.requests),
            Pretty(target),
            grouped(second.above),
            grouped(second.requests),
        ),
        "find out what changed during the run, or measure longer; a verdict that one half contradicts is INCONCLUSIVE",
    )
}
