//! What stands at a rank: a latency, or one of the ends that have none.

use std::fmt;
use std::time::Duration;

use crate::units::Pretty;

/// The observation at a rank. Ascending: latencies, then timeouts, failures and unsent requests, which are slower than
/// everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observed {
    /// A latency.
    Value(Duration),
    /// No complete answer within this timeout.
    BeyondTimeout(Duration),
    /// A failure.
    Failed,
    /// A request that was never sent.
    Unsent,
    /// There is no such rank.
    NoData,
    /// A percentile of requests at different rates, which is one of no load.
    AcrossRamp,
}

impl Observed {
    /// The latency, if it is one.
    pub fn value(self) -> Option<Duration> {
        match self {
            Observed::Value(latency) => Some(latency),
            _ => None,
        }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Observed::Value(latency) => Pretty(*latency).fmt(f),
            Observed::BeyondTimeout(timeout) => f.pad(&format!("> {}", Pretty(*timeout))),
            Observed::Failed => f.pad("failed"),
            Observed::Unsent => f.pad("unsent"),
            Observed::NoData => f.pad("no data"),
            Observed::AcrossRamp => f.pad("ramp"),
        }
    }
}

/// A two-sided confidence interval of a percentile; an end is `None` where the data do not bound it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedInterval {
    /// Lower end.
    pub lower: Option<Observed>,
    /// Upper end.
    pub upper: Option<Observed>,
}

impl ObservedInterval {
    /// No bound on either side.
    pub const UNBOUNDED: ObservedInterval = ObservedInterval {
        lower: None,
        upper: None,
    };
}

impl fmt::Display for ObservedInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.lower, self.upper) {
            (None, None) => f.pad("unbounded"),
            (Some(lower @ Observed::Value(_)), None) => f.pad(&format!("≥ {lower}")),
            (Some(lower), None) => lower.fmt(f),
            (None, Some(upper)) => f.pad(&format!("≤ {upper}")),
            (Some(lower), Some(upper)) => f.pad(&format!("{lower} – {upper}")),
        }
    }
}
