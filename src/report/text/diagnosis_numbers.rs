//! Latencies of a diagnosis in words: a time, and a range of times.

use std::time::Duration;

use crate::judge::comparison::ChangeRange;
use crate::report::figures::LatencyScale;
use crate::units::Pretty;

pub(super) fn pretty_ns(ns: f64) -> String {
    Pretty(Duration::from_nanos(ns as u64)).to_string()
}

/// `157.2 ms – 171 ms`.
pub(super) fn difference(difference_ns: ChangeRange) -> String {
    let end = |ns: f64| match ns {
        ns if ns.is_infinite() => "∞".to_owned(),
        ns if ns < 0.0 => format!("−{}", pretty_ns(-ns)),
        ns => pretty_ns(ns),
    };
    format!("{} – {}", end(difference_ns.low), end(difference_ns.high))
}

pub(super) fn grown(ns: f64) -> String {
    if ns.is_finite() {
        LatencyScale::Millis.latency(Duration::from_nanos(ns.max(0.0) as u64))
    } else {
        "no answer".to_owned()
    }
}

/// `0.09 to 0.16 ms`, `−0.2 to 0.1 ms`.
pub(super) fn range(ns: ChangeRange) -> String {
    let end = |ns: f64| {
        let sign = if ns < 0.0 { "−" } else { "" };
        format!("{sign}{}", grown(ns.abs()))
    };
    match (ns.low.is_finite(), ns.high.is_finite()) {
        (true, true) => {
            let (low, high) = (end(ns.low), end(ns.high));
            let unit = |text: &str| text.rsplit(' ').next().map(str::to_owned);
            match (low.rsplit_once(' '), unit(&low) == unit(&high)) {
                (Some((number, _)), true) => format!("{number} to {high}"),
                _ => format!("{low} to {high}"),
            }
        }
        (true, false) => format!("{} or more", end(ns.low)),
        (false, true) => format!("{} or less", end(ns.high)),
        (false, false) => "an unknown time".to_owned(),
    }
}
